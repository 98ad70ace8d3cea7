//! Machine code for graphs, made by [Cranelift](https://cranelift.dev) while the program runs.
//!
//! Values are rounded as in the plain evaluation, operation by operation; the elementary functions are
//! calls of those of `f64`.

mod code;
mod emit;

pub(crate) use code::{Area, Code, Order, Reach};
pub(crate) use emit::{Emitter, Pointer};
