//! Functions with derivatives found by hand.
//!
//! Matrices among inputs and outputs are flattened column by column, as everywhere in the interface.
//! The formulas for the derivatives are plain `f64` code and know nothing of the engines.

mod acceptance;
mod dense;
mod elementary;
mod sparse;

use nalgebra::{DMatrix, DVector};

use crate::{Counted, Program};

pub use acceptance::acceptance;
pub use dense::dense;
pub use elementary::elementary;
pub use sparse::sparse;

/// A function, where to differentiate it, and the derivatives there.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name in messages.
    pub name: &'static str,
    /// The function.
    pub program: Program,
    /// Two points or more.
    pub points: Vec<Vec<f64>>,
    /// A tangent, of length `n`.
    pub tangent: Vec<f64>,
    /// A cotangent, and weights of the outputs, of length `m`.
    pub cotangent: Vec<f64>,
    known: fn(&[f64]) -> Known,
}

/// The value of a function and its derivatives at a point.
#[derive(Debug, Clone)]
pub struct Known {
    /// `f(x)`, of length `m`.
    pub value: Vec<f64>,
    /// The Jacobian, `m × n`.
    pub jacobian: DMatrix<f64>,
    /// The Hessian of each output, `n × n`.
    pub hessians: Vec<DMatrix<f64>>,
}

impl Known {
    /// A function with Jacobian and without curvature.
    fn linear(x: &[f64], jacobian: DMatrix<f64>) -> Self {
        let n = x.len();
        let value = (&jacobian * DVector::from_column_slice(x)).as_slice().to_vec();
        let hessians = vec![DMatrix::zeros(n, n); jacobian.nrows()];
        Known { value, jacobian, hessians }
    }

    /// A scalar function.
    fn scalar(value: f64, gradient: &[f64], hessian: DMatrix<f64>) -> Self {
        Known {
            value: vec![value],
            jacobian: DMatrix::from_row_slice(1, gradient.len(), gradient),
            hessians: vec![hessian],
        }
    }

    /// A function of one variable: value, first and second derivative of each output.
    fn curve(rows: &[(f64, f64, f64)]) -> Self {
        Known {
            value: rows.iter().map(|row| row.0).collect(),
            jacobian: DMatrix::from_iterator(rows.len(), 1, rows.iter().map(|row| row.1)),
            hessians: rows.iter().map(|row| DMatrix::from_element(1, 1, row.2)).collect(),
        }
    }

    /// One Jacobian under another, and so on for the rest.
    fn stacked(mut self, below: &Known) -> Self {
        let (m, more) = (self.value.len(), below.value.len());
        self.value.extend(&below.value);
        self.jacobian = self.jacobian.resize_vertically(m + more, 0.0);
        self.jacobian.rows_mut(m, more).copy_from(&below.jacobian);
        self.hessians.extend_from_slice(&below.hessians);
        self
    }

    /// The Hessian of `w·f`.
    pub fn weighted_hessian(&self, w: &[f64]) -> DMatrix<f64> {
        let n = self.jacobian.ncols();
        self.hessians.iter().zip(w).fold(DMatrix::zeros(n, n), |sum, (h, &w)| sum + h * w)
    }
}

impl Scenario {
    /// A scenario with tangent `-1, 2, -3, ...` scaled by ½ and cotangent `1, -½, ⅓, ...`.
    fn new(
        name: &'static str,
        program: Program,
        points: &[&[f64]],
        known: fn(&[f64]) -> Known,
    ) -> Self {
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let (n, m) = (points[0].len(), known(points[0]).value.len());
        Scenario {
            name,
            program,
            points: points.iter().map(|point| point.to_vec()).collect(),
            tangent: (0..n).map(|i| -sign(i) * (i + 1) as f64 / 2.0).collect(),
            cotangent: (0..m).map(|i| sign(i) / (i + 1) as f64).collect(),
            known,
        }
    }

    fn seeds(mut self, tangent: &[f64], cotangent: &[f64]) -> Self {
        self.tangent = tangent.to_vec();
        self.cotangent = cotangent.to_vec();
        self
    }

    /// The derivatives at `x`.
    pub fn known(&self, x: &[f64]) -> Known {
        (self.known)(x)
    }

    pub(crate) fn probe(&self) -> Counted<Program> {
        Counted::new(self.program.clone())
    }
}

/// All scenarios.
pub fn scenarios() -> Vec<Scenario> {
    [acceptance(), dense(), sparse(), elementary()].concat()
}
