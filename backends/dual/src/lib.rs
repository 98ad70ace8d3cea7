//! Forward mode behind the `ad-api` traits.

mod backend;
mod number;

pub use backend::Dual;
pub use number::DualNumber;
