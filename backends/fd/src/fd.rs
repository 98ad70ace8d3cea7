//! The backend with adaptive stencils.

use std::sync::Arc;

use ad_api::{
    Accuracy, AdError, Capability, Engine, Evaluations, Function, Jacobian, Pullback, Pushforward,
    Result, Scalar, Shape, check_jacobian, check_pullback, check_pushforward, scratch,
};
use nalgebra::{DMatrix, DVector};

use crate::Bounds;
use crate::line::Line;
use crate::search::{Plan, Workspace, along, target};
use crate::stencil::ORDERS;

/// Finite differences with steps that follow the function.
///
/// See the [crate's page](crate) for the method, the costs and the accuracy.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Scalar};
/// use ad_fd::Fd;
///
/// #[derive(Clone)]
/// struct Logarithm;
/// impl Function for Logarithm {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0].ln();
///         Ok(())
///     }
/// }
/// for x in [1e-6, 1.0, 1e9] {
///     let derivative = Fd::default().derivative(&Logarithm, x)?;
///     assert!((derivative * x - 1.0).abs() < 1e-11);
/// }
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fd {
    order: usize,
    adaptive: bool,
    max_step: f64,
    bounds: Option<Arc<Bounds>>,
}

impl Default for Fd {
    /// Adaptive, of order 6, without bounds.
    fn default() -> Self {
        Fd { order: 6, adaptive: true, max_step: f64::INFINITY, bounds: None }
    }
}

impl Fd {
    /// Sets the order of the stencils: 2, 4, 6 or 8. Default 6.
    ///
    /// A window of order `p` has `p + 2` evaluations (`p + 1` at a bound) and the error estimate of
    /// order `p`. Higher orders take longer steps and lose fewer digits to round-off.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`] for another order.
    pub fn order(self, order: usize) -> Result<Self> {
        if ORDERS.contains(&order) {
            return Ok(Fd { order, ..self });
        }
        let found = order.to_string();
        Err(AdError::Setting { setting: "order", found, expected: "2, 4, 6 or 8" })
    }

    /// Whether steps follow the errors that they show. Default `true`.
    ///
    /// Without, there is one stencil of exactly `order` evaluations for each input or tangent, its
    /// step chosen from the size of `x` and the precision of the function: right for functions
    /// that vary on the scale of `x`.
    #[must_use]
    pub fn adaptive(self, adaptive: bool) -> Self {
        Fd { adaptive, ..self }
    }

    /// The largest distance, in any input, at which the function is evaluated. Default: infinite.
    ///
    /// # Errors
    ///
    /// [`AdError::Setting`] unless it is positive.
    pub fn max_step(self, max_step: f64) -> Result<Self> {
        if max_step > 0.0 {
            return Ok(Fd { max_step, ..self });
        }
        let found = max_step.to_string();
        Err(AdError::Setting { setting: "max_step", found, expected: "a positive number" })
    }

    /// Never evaluates outside `lower[i] ≤ xᵢ ≤ upper[i]`: near a bound the stencils shrink or become
    /// one-sided. The numbers of bounds and of inputs are compared when a function is differentiated.
    ///
    /// # Errors
    ///
    /// Those of [`Bounds::new`].
    pub fn bounds(self, lower: Vec<f64>, upper: Vec<f64>) -> Result<Self> {
        Ok(Fd { bounds: Some(Arc::new(Bounds::new(lower, upper)?)), ..self })
    }

    /// `f(x)`, the Jacobian, and the estimated absolute error of each of its entries.
    ///
    /// The error covers truncation (the difference of two orders), the noise of the values (what
    /// [`Function::precision`] says, or what their last digits and differences show if that is more),
    /// and one more rounding of the argument. It is an estimate, on the safe side for smooth
    /// functions; noise that hides may exceed it by a small factor, and it cannot know of a feature that no evaluation met. NaN where `f(x)` is not finite.
    ///
    /// ```
    /// use ad_fd::Fd;
    /// # use ad_api::{Failure, Function, Scalar};
    /// # #[derive(Clone)] struct Sines;
    /// # impl Function for Sines {
    /// #     fn inputs(&self) -> usize { 1 }
    /// #     fn outputs(&self) -> usize { 2 }
    /// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
    /// #         y[0] = x[0].sin(); y[1] = (x[0] * 1e4).sin(); Ok(())
    /// #     }
    /// # }
    /// // f(x) = (sin x, sin 10⁴x): each output has the step that suits it.
    /// let (_, jacobian, error) = Fd::default().value_jacobian_and_error(&Sines, &[1.0])?;
    /// let exact = [1f64.cos(), 1e4 * 1e4f64.cos()];
    /// for i in 0..2 {
    ///     assert!((jacobian[(i, 0)] - exact[i]).abs() <= error[(i, 0)]);
    ///     assert!(error[(i, 0)] < 1e-7 * exact[i].abs());
    /// }
    /// # Ok::<(), ad_api::AdError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Jacobian::jacobian_sweep`].
    pub fn value_jacobian_and_error<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<(DVector<f64>, DMatrix<f64>, DMatrix<f64>)> {
        let (n, m) = (f.inputs(), f.outputs());
        let (mut y, mut jacobian) = (DVector::zeros(m), DMatrix::zeros(m, n));
        let mut errors = DMatrix::zeros(m, n);
        if check_jacobian(f, x, y.as_mut_slice(), jacobian.as_mut_slice())?.is_some() {
            let plan = self.plan(f, true);
            let (columns, errors) = (jacobian.as_mut_slice(), errors.as_mut_slice());
            let value = y.as_mut_slice();
            self.columns(
                plan,
                f,
                x,
                value,
                |_| true,
                |i, column, column_errors| {
                    columns[i * m..(i + 1) * m].copy_from_slice(column);
                    errors[i * m..(i + 1) * m].copy_from_slice(column_errors);
                },
            )?;
        }
        Ok((y, jacobian, errors))
    }

    /// `f(x)`, `J v`, and the estimated absolute error of each entry of `J v`, as in
    /// [`value_jacobian_and_error`](Self::value_jacobian_and_error).
    ///
    /// # Errors
    ///
    /// Those of [`Pushforward::pushforward_sweep`].
    pub fn value_pushforward_and_error<F: Function>(
        &self,
        f: &F,
        x: &[f64],
        x_dot: &[f64],
    ) -> Result<(DVector<f64>, DVector<f64>, DVector<f64>)> {
        let m = f.outputs();
        AdError::check_len("x_dot", x_dot.len(), f.inputs(), "one for each input")?;
        let (mut y, mut y_dot) = (DVector::zeros(m), DVector::zeros(m));
        let mut errors = DVector::zeros(m);
        let tangents = check_pushforward(f, x, x_dot, y.as_mut_slice(), y_dot.as_mut_slice())?;
        if tangents.is_some() {
            let (plan, value) = (self.plan(f, true), y.as_mut_slice());
            let errors = Some(errors.as_mut_slice());
            self.tangents(plan, f, x, x_dot, value, y_dot.as_mut_slice(), errors)?;
        }
        Ok((y, y_dot, errors))
    }

    fn plan<F: Function>(&self, f: &F, errors: bool) -> Plan {
        let precision = f.precision().clamp(f64::EPSILON, 1.0);
        Plan { order: self.order, adaptive: self.adaptive, errors, precision }
    }

    fn limits(&self) -> (Option<&Bounds>, f64) {
        (self.bounds.as_deref(), self.max_step)
    }

    /// Checks the bounds and evaluates `f`.
    fn value<S: Scalar, F: Function>(&self, f: &F, x: &[S], y: &mut [S]) -> Result<()> {
        if let Some(bounds) = &self.bounds {
            bounds.check(x)?;
        }
        Ok(f.eval(x, y)?)
    }

    /// Evaluates `f` and visits the columns of the Jacobian and their errors, both NaN for outputs
    /// that are not `wanted`.
    fn columns<S: Scalar, F: Function>(
        &self,
        plan: Plan,
        f: &F,
        x: &[S],
        y: &mut [S],
        wanted: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize, &[S], &[f64]),
    ) -> Result<()> {
        self.value(f, x, y)?;
        let m = y.len();
        Workspace::with(x, m, |workspace| {
            workspace.want(wanted);
            scratch::with(m, |column: &mut [S]| {
                scratch::with(m, |errors: &mut [f64]| {
                    for i in 0..x.len() {
                        let line = Line::axis(x, i, self.limits())?;
                        along(plan, f, &line, y, column, Some(errors), workspace)?;
                        visit(i, column, errors);
                    }
                    Ok(())
                })
            })
        })
    }

    /// Evaluates `f` and its derivative along each tangent.
    #[allow(clippy::too_many_arguments, reason = "the arguments of a pushforward, and its errors")]
    fn tangents<S: Scalar, F: Function>(
        &self,
        plan: Plan,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
        mut errors: Option<&mut [f64]>,
    ) -> Result<()> {
        self.value(f, x, y)?;
        let (n, m) = (x.len(), y.len());
        Workspace::with(x, m, |workspace| {
            for (v, out) in x_dot.chunks_exact(n).zip(y_dot.chunks_exact_mut(m)) {
                let errors = errors.as_deref_mut();
                match Line::tangent(x, v, self.limits())? {
                    Some(line) if line.is_cornered() => {
                        self.by_axes(plan, f, x, v, y, out, errors, workspace)?;
                    }
                    Some(line) => along(plan, f, &line, y, out, errors, workspace)?,
                    None => out.fill(S::zero()),
                }
            }
            Ok(())
        })
    }

    /// The derivative along `v` from those along the axes: in a corner of the bounds a line may have
    /// no room either way where every axis has.
    #[allow(clippy::too_many_arguments, reason = "the arguments of one tangent, and buffers")]
    fn by_axes<S: Scalar, F: Function>(
        &self,
        plan: Plan,
        f: &F,
        x: &[S],
        v: &[S],
        y: &[S],
        y_dot: &mut [S],
        mut errors: Option<&mut [f64]>,
        workspace: &mut Workspace<S>,
    ) -> Result<()> {
        let m = y.len();
        y_dot.fill(S::zero());
        if let Some(errors) = &mut errors {
            errors.fill(0.0);
        }
        scratch::with(m, |column: &mut [S]| {
            scratch::with(m, |column_errors: &mut [f64]| {
                for (i, &v) in v.iter().enumerate().filter(|(_, v)| !v.vanishes()) {
                    let line = Line::axis(x, i, self.limits())?;
                    along(plan, f, &line, y, column, Some(column_errors), workspace)?;
                    y_dot.iter_mut().zip(&*column).for_each(|(out, &d)| *out += d * v);
                    if let Some(errors) = &mut errors {
                        let sums = errors.iter_mut().zip(&*column_errors);
                        sums.for_each(|(sum, error)| *sum += error * v.primal().abs());
                    }
                }
                Ok(())
            })
        })
    }

    /// The cost of derivatives along `lines` lines, and of `f(x)`.
    fn cost(&self, lines: usize) -> Evaluations {
        let plan =
            Plan { order: self.order, adaptive: self.adaptive, errors: false, precision: 1.0 };
        let count = plan.evaluations().saturating_mul(lines).saturating_add(1);
        if self.adaptive { Evaluations::AtMost(count) } else { Evaluations::Exactly(count) }
    }

    /// The cost of `tangents` tangents.
    fn tangents_cost(&self, shape: Shape, tangents: usize) -> Evaluations {
        if self.bounds.is_none() {
            return self.cost(tangents);
        }
        // In a corner of the bounds each takes a Jacobian.
        Evaluations::AtMost(self.cost(tangents.saturating_mul(shape.inputs.max(1))).bound())
    }
}

impl Engine for Fd {
    fn name(&self) -> String {
        "fd".into()
    }

    fn accuracy(&self) -> Accuracy {
        Accuracy::Approximate { relative: target(self.order, f64::EPSILON) }
    }

    fn sweeps(&self, shape: Shape, seeds: usize) -> Evaluations {
        self.tangents_cost(shape, seeds)
    }

    fn lifts(&self) -> bool {
        false
    }
}

impl Pushforward for Fd {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        self.tangents(self.plan(f, false), f, x, x_dot, y, y_dot, None)
    }
}

impl Pullback for Fd {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        // An output without weight costs nothing, and may be as rough as it likes.
        let wanted = |i: usize| y_bar.chunks_exact(m).any(|w| !w[i].vanishes());
        self.columns(self.plan(f, false), f, x, y, wanted, |j, column, _| {
            for (w, out) in y_bar.chunks_exact(m).zip(x_bar.chunks_exact_mut(n)) {
                out[j] = w.iter().zip(column).map(|(&w, &d)| w.strong_mul(d)).sum();
            }
        })
    }

    /// Derived: the columns of the Jacobian one after another, however many cotangents.
    fn pullback_capability(&self, shape: Shape, _cotangents: usize) -> Capability {
        Capability::Derived { evaluations: self.cost(shape.inputs) }
    }
}

impl Jacobian for Fd {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        let Some(Shape { outputs: m, .. }) = check_jacobian(f, x, y, jacobian)? else {
            return Ok(());
        };
        self.columns(
            self.plan(f, false),
            f,
            x,
            y,
            |_| true,
            |j, column, _| {
                jacobian[j * m..(j + 1) * m].copy_from_slice(column);
            },
        )
    }

    fn jacobian_capability(&self, shape: Shape) -> Capability {
        Capability::Native { evaluations: self.cost(shape.inputs) }
    }
}

ad_api::backend!(Fd: pushforward, pullback, jacobian);
