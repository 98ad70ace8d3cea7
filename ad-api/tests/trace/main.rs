//! Scalar functions recorded as data: values, derivatives, validity, rules, and misuse.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod common;
mod misuse;
mod programs;
mod rules;
mod validity;
