//! The problems that the benches differentiate.
//!
//! | problem | function | inputs → outputs |
//! |---|---|---|
//! | [`Rosenbrock`] | chained Rosenbrock function | n → 1 |
//! | [`LotkaVolterra`] | predator and prey through 1000 steps of classical Runge-Kutta | 6 → 1 |
//! | [`Gmm`] | log-posterior of a Gaussian mixture (`ADBench`) | k (1 + d + d(d+1)/2) → 1 |
//! | [`Lstm`] | loss of a recurrent network (`ADBench`) | (8 l + 3) b → 1 |
//! | [`Observation`] | one residual of a [`Bundle`] adjustment | 17 → 2 |
//! | [`Network`] | loss of a network with one hidden layer, over arrays | its weights → 1 |
//! | [`Gauss1`] | residuals of the NIST `StRD` set Gauss1 | 8 → 250 |
//!
//! Points come from a linear congruential generator, so that other programs can evaluate the same
//! functions at the same points.

mod generator;
mod problems;

pub use generator::Generator;
pub use problems::{
    Activation, Bundle, Gauss1, Gmm, LotkaVolterra, Lstm, Network, Observation, Point, Prediction,
    Rosenbrock, RungeKutta, Shared, Started, Valley,
};
