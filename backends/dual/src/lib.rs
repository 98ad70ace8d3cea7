//! Forward mode behind the `ad-api` traits.

mod backend;
mod lanes;
#[cfg(feature = "num-dual")]
mod num_dual;
mod number;
mod sweep;

pub use backend::Dual;
pub use number::DualNumber;
#[cfg(feature = "num-dual")]
pub use num_dual::{
    Bridge, DualNumFunction, FromDualNum, HyperNumber, NumDual, NumDualNumber, NumDualPrepared,
};

/// What the macros of this crate expand to; not part of the interface.
#[cfg(feature = "num-dual")]
#[doc(hidden)]
pub mod __private {
    pub use {ad_api, num_dual};
}
