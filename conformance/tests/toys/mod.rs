//! Backends of a few lines each, right ones.

#![allow(dead_code, reason = "each test binary uses some of them")]

pub mod dual;
pub mod reverse;
pub mod stencil;
