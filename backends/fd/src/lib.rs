//! Finite differences behind the `ad-api` traits.

mod bounds;
mod fd;
mod finitediff;
mod line;
mod search;
mod stencil;
mod track;

pub use bounds::Bounds;
pub use fd::Fd;
pub use finitediff::{FiniteDiff, Scheme};
