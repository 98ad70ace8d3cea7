//! The functions of a fit, for any backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{Failure, Function, Scalar, scratch};

use crate::formula::Rows;

/// The model of a fit, its residuals or its objective, as a function of the parameters `b`. Counts
/// its evaluations.
///
/// One type for all three, since every type of function is compiled for every backend and every
/// pair of backends.
#[derive(Debug, Clone)]
pub struct FitFunction {
    rows: Rows,
    observed: Arc<[f64]>,
    output: Output,
    calls: Arc<AtomicUsize>,
}

/// What a [`FitFunction`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The model values `f(xᵢ; b)`, one for each row.
    Model,
    /// The residuals `rᵢ = yᵢ - f(xᵢ; b)`, one for each row.
    Residuals,
    /// `½ Σ rᵢ²`, what least squares minimizes.
    Objective,
}

impl FitFunction {
    /// A function of the model `rows` and of one observation for each row, with its counter at zero.
    pub fn new(rows: Rows, observed: Arc<[f64]>, output: Output) -> Self {
        FitFunction { rows, observed, output, calls: Arc::default() }
    }

    /// The same model and observations for another output, with a counter of its own.
    #[must_use]
    pub fn with_output(&self, output: Output) -> Self {
        FitFunction { output, calls: Arc::default(), ..self.clone() }
    }

    /// The evaluations of this function and its clones since the last call of this method.
    pub fn take_evaluations(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }

    fn residuals<S: Scalar>(&self, b: &[S], r: &mut [S]) {
        self.rows.eval(b, r);
        r.iter_mut().zip(&*self.observed).for_each(|(r, &y)| *r = -(*r - y));
    }
}

impl Function for FitFunction {
    fn inputs(&self) -> usize {
        self.rows.parameters()
    }

    fn outputs(&self) -> usize {
        if self.output == Output::Objective { 1 } else { self.rows.len() }
    }

    fn eval<S: Scalar>(&self, b: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.output {
            Output::Model => self.rows.eval(b, y),
            Output::Residuals => self.residuals(b, y),
            Output::Objective => scratch::with(self.rows.len(), |r: &mut [S]| {
                self.residuals(b, r);
                y[0] = r.iter().map(|&r| r * r).sum::<S>() * 0.5;
            }),
        }
        Ok(())
    }
}
