//! Problems with known answers.

#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod differences;
pub(crate) mod nist;
pub(crate) mod problems;
