//! The functions of a fit, for any backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::{Failure, Function, Scalar, scratch};

use crate::formula::Rows;

/// The residuals `rᵢ = yᵢ - f(xᵢ; b)` as a function of the parameters `b`.
#[derive(Debug, Clone)]
pub struct Residuals {
    rows: Rows,
    observed: Arc<[f64]>,
}

impl Residuals {
    /// The residuals of the model `rows` against one observation for each row.
    pub fn new(rows: Rows, observed: Vec<f64>) -> Self {
        Residuals { rows, observed: observed.into() }
    }

    /// The model alone.
    pub fn model(&self) -> Model {
        Model { rows: self.rows.clone() }
    }
}

impl Function for Residuals {
    fn inputs(&self) -> usize {
        self.rows.parameters()
    }

    fn outputs(&self) -> usize {
        self.rows.len()
    }

    fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
        self.rows.eval(b, r);
        r.iter_mut().zip(&*self.observed).for_each(|(r, &y)| *r = -(*r - y));
        Ok(())
    }
}

/// The model values `f(xᵢ; b)` as a function of the parameters `b`.
#[derive(Debug, Clone)]
pub struct Model {
    rows: Rows,
}

impl Model {
    /// The model at the rows that `rows` is bound to.
    pub fn new(rows: Rows) -> Self {
        Model { rows }
    }
}

impl Function for Model {
    fn inputs(&self) -> usize {
        self.rows.parameters()
    }

    fn outputs(&self) -> usize {
        self.rows.len()
    }

    fn eval<S: Scalar>(&self, b: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.rows.eval(b, y);
        Ok(())
    }
}

/// What least squares minimizes: `½ Σ rᵢ²`.
#[derive(Debug, Clone)]
pub struct Objective {
    residuals: Residuals,
}

impl Objective {
    /// Half the sum of squares of `residuals`.
    pub fn new(residuals: Residuals) -> Self {
        Objective { residuals }
    }
}

impl Function for Objective {
    fn inputs(&self) -> usize {
        self.residuals.inputs()
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, b: &[S], y: &mut [S]) -> Result<(), Failure> {
        scratch::with(self.residuals.outputs(), |r: &mut [S]| {
            self.residuals.eval(b, r)?;
            y[0] = r.iter().map(|&r| r * r).sum::<S>() * 0.5;
            Ok(())
        })
    }
}

/// A function that counts how often it is evaluated, over all its clones.
#[derive(Debug, Clone)]
pub struct Counted<F> {
    f: F,
    calls: Arc<AtomicUsize>,
}

impl<F: Function> Counted<F> {
    /// `f` with a counter at zero.
    pub fn new(f: F) -> Self {
        Counted { f, calls: Arc::default() }
    }

    /// The number of evaluations since the last call of this method.
    pub fn take(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }
}

impl<F: Function> Function for Counted<F> {
    fn inputs(&self) -> usize {
        self.f.inputs()
    }

    fn outputs(&self) -> usize {
        self.f.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.f.eval(x, y)
    }

    fn precision(&self) -> f64 {
        self.f.precision()
    }
}
