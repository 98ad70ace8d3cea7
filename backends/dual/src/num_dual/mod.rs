//! num-dual behind the `ad-api` traits.

mod backend;
mod bridge;
mod function;
mod hyper;
mod number;
mod prepared;

pub use backend::NumDual;
pub use bridge::Bridge;
pub use function::{DualNumFunction, FromDualNum};
pub use hyper::HyperNumber;
pub use number::NumDualNumber;
pub use prepared::NumDualPrepared;
