//! Forward mode behind the `ad-api` traits: dual numbers of our own, and num-dual.
//!
//! | backend | numbers | first order | second order by itself | nests |
//! |---|---|---|---|---|
//! | [`Dual`] | [`DualNumber`], up to 8 tangents | native pushforward and Jacobian | dual over dual | with every backend |
//! | [`NumDual`] | num-dual's `DualSVec`, up to 4 tangents | native pushforward and Jacobian | num-dual's `HyperDualVec` | with every backend |
//!
//! Both derive the pullback from the same sweeps, without forming the Jacobian.
//!
//! # Which one
//!
//! [`Dual`], unless you compare with num-dual or already work with its types. Both give the same
//! derivatives to rounding, but `Dual` carries twice as many tangents in an evaluation, at less cost
//! each. Below, the cost of one evaluation that carries several tangents, in evaluations of the
//! plain function: once for a sum of products (Rosenbrock), once for one `tanh` in every five
//! operations; n = 1000 (example `cost`, x86-64 without `target-cpu`, rustc 1.95; `DualSVec64` is
//! num-dual 0.15 called directly).
//!
//! | number | tangents | products | per tangent | tanh | per tangent |
//! |---|---|---|---|---|---|
//! | `DualNumber` | 1 | 2.6 | 2.64 | 1.4 | 1.39 |
//! | `DualNumber` | 4 | 4.7 | 1.17 | 1.5 | 0.39 |
//! | `DualNumber` | 8 | 7.6 | 0.95 | 1.9 | 0.24 |
//! | `DualNumber` | 16 | 31.7 | 1.98 | 3.8 | 0.24 |
//! | `DualSVec64` | 1 | 3.2 | 3.16 | 3.0 | 3.01 |
//! | `DualSVec64` | 4 | 8.2 | 2.06 | 3.2 | 0.79 |
//! | `DualSVec64` | 8 | 19.0 | 2.37 | 6.4 | 0.80 |
//! | `DualSVec64` | 16 | 112.0 | 7.00 | 16.9 | 1.05 |
//!
//! Forward mode pays one evaluation for each chunk of inputs, so for a gradient of more than a few
//! dozen inputs a reverse-mode backend is the better choice.
//!
//! # What num-dual gets wrong, and what happens here
//!
//! The elementary functions and the products with infinite partials are those of `ad-api` in both
//! backends, whatever numbers carry the tangents. Each line is a test in `tests/holes.rs`.
//!
//! | expression | num-dual 0.15 | here |
//! |---|---|---|
//! | `tanh(800)` | NaN | 1, derivative 0 |
//! | `powf(0, 1.5)` | NaN | 0, derivative 0 |
//! | `powi(0, -1)` | NaN | ∞, derivative -∞ |
//! | `powd(-2, 2)` | NaN | 4, derivative -4 |
//! | `sqrt'(0)` | NaN | ∞ |
//! | `∂atan2(y, x)/∂y` at `(1, 0)` | NaN | 0 |
//! | `abs'(0)` | 1 | 0 |
//! | `x % y`, `floor`, `ceil`, `round`, `trunc`, `fract` | panic | values and derivatives |
//!
//! # Functions written against num-dual
//!
//! A function over `D: DualNum` is differentiated by every backend, through [`DualNumFunction`] and
//! [`FromDualNum`], or in one line through [`dual_num_function!`].

mod backend;
mod lanes;
#[cfg(feature = "num-dual")]
mod num_dual;
mod number;
mod sweep;

pub use backend::Dual;
#[cfg(feature = "num-dual")]
pub use num_dual::{
    Bridge, DualNumFunction, FromDualNum, HyperNumber, NumDual, NumDualNumber, NumDualPrepared,
};
pub use number::DualNumber;

/// What the macros of this crate expand to; not part of the interface.
#[cfg(feature = "num-dual")]
#[doc(hidden)]
pub mod __private {
    pub use {ad_api, num_dual};
}
