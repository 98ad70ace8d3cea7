//! Tests of what crosses the tensor adapters, in `tests/`: solvers from one source on every library, and
//! compositions of them. A package of its own, since both libraries are heavy.
//!
//! Here is what they share: an engine whose copies between host and device are counted.

mod watched_engine;

pub use watched_engine::WatchedEngine;
