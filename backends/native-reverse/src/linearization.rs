//! The Jacobian at a point, kept as the record of one evaluation.

use std::sync::Arc;

use ad_api::{AdError, Function, LinearOperator, Result};
use nalgebra::{DMatrix, DVector};

use crate::pool;
use crate::record::{Lanes, Record};

/// The Jacobian of a function at a point, as the tape of its one evaluation there.
///
/// Products in both directions sweep the tape; the function is not evaluated again. Clones share the
/// tape, and any thread may use them.
///
/// ```
/// use ad_api::{Backend, LinearOperator};
/// use ad_native_reverse::NativeReverse;
/// # use ad_api::{Failure, Function, Scalar};
/// # #[derive(Clone)] struct Square;
/// # impl Function for Square {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 2 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[0]; y[1] = x[0] * x[1]; Ok(())
/// #     }
/// # }
/// // f(x) = (x₀², x₀ x₁), J = [2x₀ 0; x₁ x₀]
/// let (y, jacobian) = NativeReverse::default().linearize(&Square, &[3.0, 5.0])?;
/// assert_eq!(y.as_slice(), [9.0, 15.0]);
/// assert_eq!(jacobian.apply(&[1.0, 1.0])?.as_slice(), [6.0, 8.0]);
/// assert_eq!(jacobian.apply_transpose(&[1.0, 1.0])?.as_slice(), [11.0, 3.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TapeLinearization {
    record: Arc<Record<f64>>,
}

impl TapeLinearization {
    /// Evaluates `f` at `x`; see [`Backend::linearize`](ad_api::Backend::linearize).
    pub(crate) fn new<F: Function>(f: &F, x: &[f64]) -> Result<(DVector<f64>, Self)> {
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        let mut y = DVector::zeros(f.outputs());
        let mut record = Record::default();
        record.evaluate(f, x, y.as_mut_slice(), &mut Vec::new())?;
        record.shrink();
        Ok((y, TapeLinearization { record: Arc::new(record) }))
    }

    /// The number of statements on the tape: sums of up to four variables, each times a partial
    /// derivative.
    pub fn statements(&self) -> usize {
        self.record.statements()
    }

    /// The bytes that they take.
    pub fn bytes(&self) -> usize {
        self.record.bytes()
    }
}

impl LinearOperator for TapeLinearization {
    fn rows(&self) -> usize {
        self.record.outputs()
    }

    fn columns(&self) -> usize {
        self.record.inputs()
    }

    fn apply_into(&self, v: &[f64], out: &mut [f64]) -> Result<()> {
        AdError::check_len("v", v.len(), self.columns(), "the columns of the operator")?;
        AdError::check_len("out", out.len(), self.rows(), "the rows of the operator")?;
        pool::with(|lanes: &mut Lanes<f64>| lanes.pushforward(&self.record, 1, v, out))
    }

    fn apply_transpose_into(&self, w: &[f64], out: &mut [f64]) -> Result<()> {
        AdError::check_len("w", w.len(), self.rows(), "the rows of the operator")?;
        AdError::check_len("out", out.len(), self.columns(), "the columns of the operator")?;
        pool::with(|lanes: &mut Lanes<f64>| lanes.pullback(&self.record, 1, w, out))
    }

    fn materialize(&self) -> Result<DMatrix<f64>> {
        let mut matrix = DMatrix::zeros(self.rows(), self.columns());
        pool::with(|lanes: &mut Lanes<f64>| lanes.jacobian(&self.record, matrix.as_mut_slice()))?;
        Ok(matrix)
    }
}
