//! Write a function once, differentiate it with any engine.
//!
//! ```
//! use ad::prelude::*;
//!
//! #[differentiable]
//! fn rosenbrock<S: Scalar>(x: S, y: S) -> S {
//!     (x - 1.0).powi(2) + (y - x * x).powi(2) * 100.0
//! }
//!
//! let gradient = rosenbrock::at(2.0, 3.0).gradient(&NativeReverse::default())?;
//! assert_eq!((gradient.x, gradient.y), (802.0, -200.0));
//! # Ok::<(), AdError>(())
//! ```
//!
//! | what | where |
//! |---|---|
//! | how to write models, solvers and adapters | [`guide`] |
//! | the traits and the table of operations | [`api`], whose items are those of this crate |
//! | backends | [`Dual`], [`NumDual`], [`NativeReverse`], [`Fd`], [`FiniteDiff`], `Burn`, `Candle` (by feature), and any two by [`HigherOrder`] |
//! | tensors, on any library and device | [`mod@array`] |
//! | a backend chosen at run time | [`AnyBackend`], [`BackendConfig`] |
//! | which there are, and what they can do | [`backends`], [`pairs`], [`kinds`], [`capability_row`] |
//! | solvers | [`algorithms`] |
//!
//! # Features
//!
//! On by default: `dual`, `num-dual`, `native-reverse` and `fd` (with `finitediff`) compile in backends, `derive` the macros,
//! `algorithms` the solvers. Not by default, since they take minutes to compile: `burn` and `candle` (tensors on the CPU),
//! `wgpu` (burn on GPUs) and `cuda` (both on NVIDIA GPUs; unverified). At least one backend is needed.

#[cfg(not(any(
    feature = "dual",
    feature = "native-reverse",
    feature = "fd",
    feature = "burn",
    feature = "candle"
)))]
compile_error!(
    "`ad` needs a backend: enable one of the features `dual`, `native-reverse`, `fd`, `burn`, `candle`"
);

mod any;
mod auto;
mod config;
pub mod guide;
pub mod prelude;
mod registry;

#[cfg(feature = "algorithms")]
pub use ad_algorithms as algorithms;
pub use ad_api::{self as api, *};
#[cfg(feature = "derive")]
pub use ad_derive::{Params, differentiable};
pub use any::{AnyBackend, AnyLinearization, AnyPrepared};
pub use auto::{Choice, Measurement, Outcome};
pub use config::{BackendConfig, Device, Mode, Precision, Scheme};
pub use registry::{CapabilityRow, Kind, backends, capability_row, kinds, pairs};

#[cfg(feature = "burn")]
pub use ad_burn::{self as burn, Burn};
#[cfg(feature = "candle")]
pub use ad_candle::{self as candle, Candle};
#[cfg(feature = "num-dual")]
pub use ad_dual::NumDual;
#[cfg(feature = "dual")]
pub use ad_dual::{self as dual, Dual};
#[cfg(feature = "fd")]
pub use ad_fd::{self as fd, Fd, FiniteDiff};
#[cfg(feature = "native-reverse")]
pub use ad_native_reverse::{self as native_reverse, NativeReverse};

/// The code of the README runs with the other doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
