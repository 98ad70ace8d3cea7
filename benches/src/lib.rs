//! The problems that the benches differentiate.
//!
//! | problem | function | inputs → outputs |
//! |---|---|---|
//! | [`Rosenbrock`] | chained Rosenbrock function | n → 1 |
//! | [`LotkaVolterra`] | predator and prey through 1000 steps of classical Runge-Kutta | 6 → 1 |
//! | [`Gauss1`] | residuals of the NIST `StRD` set Gauss1 | 8 → 250 |
//!
//! Points come from a linear congruential generator, so that other programs can evaluate the same
//! functions at the same points.

mod generator;
mod problems;

pub use generator::Generator;
pub use problems::{Gauss1, LotkaVolterra, Rosenbrock};
