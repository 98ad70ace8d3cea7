//! A chain of valleys.

use ad_api::{Failure, Function, Map, Result, Scalar, Sum};

use crate::Generator;

/// `Σ 100 (xᵢ₊₁ - xᵢ²)² + (1 - xᵢ)²` over `i < n - 1`.
#[derive(Debug, Clone)]
pub struct Rosenbrock {
    n: usize,
}

impl Rosenbrock {
    /// In `n` variables.
    pub fn new(n: usize) -> Self {
        Rosenbrock { n }
    }

    /// The point of the benches, uniform in `[-2, 2)`.
    pub fn point(&self) -> Vec<f64> {
        Generator::new(2).vector(self.n, -2.0, 2.0)
    }

    /// The same function as a sum over pairs of neighbours.
    ///
    /// # Errors
    ///
    /// If there are fewer than two variables.
    pub fn structured(&self) -> Result<Sum<Valley>> {
        Ok(Sum::new(Map::windows(Valley, self.n, 1)?))
    }
}

/// One term of [`Rosenbrock`], on two neighbours.
#[derive(Debug, Clone)]
pub struct Valley;

impl Function for Valley {
    fn inputs(&self) -> usize {
        2
    }

    fn outputs(&self) -> usize {
        1
    }

    #[inline]
    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let valley = x[1] - x[0] * x[0];
        let slope = S::from(1.0) - x[0];
        y[0] = valley * valley * 100.0 + slope * slope;
        Ok(())
    }
}

impl Function for Rosenbrock {
    fn inputs(&self) -> usize {
        self.n
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x.windows(2).fold(S::from(0.0), |sum, pair| {
            let valley = pair[1] - pair[0] * pair[0];
            let slope = S::from(1.0) - pair[0];
            sum + valley * valley * 100.0 + slope * slope
        });
        Ok(())
    }
}
