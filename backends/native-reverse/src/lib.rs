//! Reverse mode behind the `ad-api` traits.

mod backend;
mod linearization;
mod pool;
mod prepared;
mod record;
mod sweep;
mod tape;
mod var;

pub use backend::NativeReverse;
pub use linearization::TapeLinearization;
pub use prepared::TapePrepared;
pub use var::Var;
