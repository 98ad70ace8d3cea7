//! Backends chosen at run time: equal to the direct ones, described by data, picked by measurement.
//!
//! One binary and one function type, since every function type is compiled for all engines and
//! pairs of them.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod allocations;
mod any_backend;
mod auto;
mod config;
mod function;
