//! Backends of a few lines each, right ones.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses some of them")]
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

pub mod arrays;
pub mod dual;
pub mod reverse;
pub mod stencil;
