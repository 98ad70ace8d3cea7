//! The preparation of `num-dual`: second derivatives by hyper-dual numbers.

use ad_api::{
    AdError, Function, Jacobian, Lift, Prepared, Pullback, Pushforward, Result, Shape,
    check_matrix, scratch, value,
};
use nalgebra::DMatrix;

use super::{HyperNumber, NumDual, NumDualNumber};
use crate::lanes::LaneNumber;

/// The preparation of [`NumDual`].
#[derive(Debug, Clone)]
pub struct NumDualPrepared<F> {
    backend: NumDual,
    f: F,
}

impl<F: Function> NumDualPrepared<F> {
    /// Binds `backend` to `f`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `x` has `f.inputs()` entries.
    pub(super) fn new(backend: NumDual, f: &F, x: &[f64]) -> Result<Self> {
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        Ok(NumDualPrepared { backend, f: f.clone() })
    }
}

impl<F: Function> Prepared for NumDualPrepared<F> {
    fn shape(&self) -> Shape {
        Shape::of(&self.f)
    }

    fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
        value(&self.f, x, y)
    }

    fn value_and_pushforward_into(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        self.backend.pushforward_sweep(&self.f, x, x_dot, y, y_dot)
    }

    fn value_and_pullback_into(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        self.backend.pullback_sweep(&self.f, x, y_bar, y, x_bar)
    }

    fn value_and_jacobian_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()> {
        let Shape { inputs, outputs } = self.shape();
        check_matrix("jacobian", jacobian, (outputs, inputs))?;
        self.backend.jacobian_sweep(&self.f, x, y, jacobian.as_mut_slice())
    }

    fn value_derivative_and_second_derivative_into(
        &mut self,
        x: f64,
        y: &mut [f64],
        derivative: &mut [f64],
        second: &mut [f64],
    ) -> Result<()> {
        self.shape().one_input("second_derivative", "use `hessian` or `weighted_hessian`")?;
        let outputs = self.shape().outputs;
        AdError::check_len("y", y.len(), outputs, "the number of outputs")?;
        AdError::check_len("derivative", derivative.len(), outputs, "the number of outputs")?;
        AdError::check_len("second", second.len(), outputs, "the number of outputs")?;
        scratch::with(1 + outputs, |buffer: &mut [HyperNumber<f64, 1, 1>]| {
            let (input, output) = buffer.split_at_mut(1);
            let mut x = NumDualNumber::constant(x);
            x.set_tangent(0, 1.0);
            input[0] = HyperNumber::constant(x);
            input[0].set_tangent(0, NumDualNumber::constant(1.0));
            self.f.eval(input, output)?;
            for (i, output) in output.iter().enumerate() {
                y[i] = output.inner().inner();
                derivative[i] = output.inner().tangent(0);
                second[i] = output.tangent(0).tangent(0);
            }
            Ok(())
        })
    }

    fn value_gradient_and_weighted_hvp_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        self.check(x, w, gradient)?;
        AdError::check_len("hv", hv.len(), v.len(), "as many as `v`")?;
        let k = v.len().checked_div(x.len()).unwrap_or(0);
        AdError::check_len("v", v.len(), k.max(1) * x.len(), "one for each input, of each vector")?;
        let columns = Columns::Given(v);
        match (self.backend.chunk_of(x.len()), self.backend.chunk_of(k)) {
            (1, 1) => self.second::<1, 1>(x, w, k, columns, gradient, hv),
            (2, 1) => self.second::<2, 1>(x, w, k, columns, gradient, hv),
            (_, 1) => self.second::<4, 1>(x, w, k, columns, gradient, hv),
            _ => self.second::<4, 4>(x, w, k, columns, gradient, hv),
        }
    }

    fn value_gradient_and_weighted_hessian_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        gradient: &mut [f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        self.check(x, w, gradient)?;
        let n = x.len();
        check_matrix("hessian", hessian, (n, n))?;
        let (columns, out) = (Columns::Units, hessian.as_mut_slice());
        match self.backend.chunk_of(n) {
            1 => self.second::<1, 1>(x, w, n, columns, gradient, out),
            2 => self.second::<2, 2>(x, w, n, columns, gradient, out),
            _ => self.second::<4, 4>(x, w, n, columns, gradient, out),
        }
    }
}

/// What the Hessian is multiplied with.
#[derive(Clone, Copy)]
enum Columns<'a> {
    /// The unit vectors: the product is the Hessian.
    Units,
    /// Vectors of `n` entries, one after another.
    Given(&'a [f64]),
}

impl Columns<'_> {
    /// Entry `i` of vector `column`, of `n` entries.
    fn entry(self, n: usize, column: usize, i: usize) -> f64 {
        match self {
            Columns::Units => f64::from(column == i),
            Columns::Given(v) => v[column * n + i],
        }
    }
}

impl<F: Function> NumDualPrepared<F> {
    fn check(&self, x: &[f64], w: &[f64], gradient: &[f64]) -> Result<()> {
        let Shape { inputs, outputs } = self.shape();
        AdError::check_len("gradient", gradient.len(), inputs, "one for each input")?;
        AdError::check_len("w", w.len(), outputs, "one for each output")?;
        AdError::check_len("x", x.len(), inputs, "the number of inputs")
    }

    /// Writes the gradient of `w·f` into `gradient: n` and its Hessian times `k` columns into
    /// `out: n·k`, by blocks of at most `M` rows and `N` columns; returns `w·f(x)`.
    fn second<const M: usize, const N: usize>(
        &self,
        x: &[f64],
        w: &[f64],
        k: usize,
        columns: Columns<'_>,
        gradient: &mut [f64],
        out: &mut [f64],
    ) -> Result<f64> {
        let (n, m) = (x.len(), w.len());
        let mut value = 0.0;
        gradient.fill(0.0);
        out.fill(0.0);
        let (height, width) = (self.backend.chunk_of(n).min(M), self.backend.chunk_of(k).min(N));
        scratch::with(n + m, |buffer: &mut [HyperNumber<f64, M, N>]| {
            let (input, output) = buffer.split_at_mut(n);
            // Without rows or columns there is still the value, or the failure, of `f`.
            for first_row in (0..n.max(1)).step_by(height) {
                let rows = first_row..n.min(first_row + height);
                for first_column in (0..k.max(1)).step_by(width) {
                    let block = first_column..k.min(first_column + width);
                    for (i, input) in input.iter_mut().enumerate() {
                        let mut primal = NumDualNumber::constant(x[i]);
                        if rows.contains(&i) {
                            primal.set_tangent(i - first_row, 1.0);
                        }
                        *input = HyperNumber::constant(primal);
                        for (lane, column) in block.clone().enumerate() {
                            let entry = columns.entry(n, column, i);
                            input.set_tangent(lane, NumDualNumber::constant(entry));
                        }
                    }
                    self.f.eval(input, output)?;
                    value = weighted(w, output, |output| output.inner().inner());
                    for (row, i) in rows.clone().enumerate() {
                        gradient[i] = weighted(w, output, |output| output.inner().tangent(row));
                        for (lane, column) in block.clone().enumerate() {
                            let second =
                                |output: &HyperNumber<f64, M, N>| output.tangent(lane).tangent(row);
                            out[i + column * n] = weighted(w, output, second);
                        }
                    }
                }
            }
            Ok(value)
        })
    }
}

/// `Σ wᵢ partᵢ`, where a weight of zero leaves its part out, even an infinite one.
fn weighted<T>(w: &[f64], output: &[T], part: impl Fn(&T) -> f64) -> f64 {
    w.iter().zip(output).filter(|(w, _)| **w != 0.0).map(|(w, output)| w * part(output)).sum()
}
