//! The preparation of engines that need none of their own, and second order for all of them.

use nalgebra::DMatrix;

use crate::{
    Accuracy, AdError, Backend, Capability, Engine, Evaluations, Function, Gradient, Prepared,
    Result, Shape, Tangent, scratch,
};

/// A [`Prepared`] that calls the primitives of its backend on `f64`.
#[derive(Clone)]
pub struct Sweeps<B: Backend, F: Function> {
    backend: B,
    f: F,
    second: SecondOrder<B::Outer, B::Inner, F>,
}

impl<B: Backend, F: Function> Sweeps<B, F> {
    /// Binds `backend` to `f`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `x` has `f.inputs()` entries.
    pub fn new(backend: &B, f: &F, x: &[f64]) -> Result<Self> {
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        let second = SecondOrder::new(backend.outer(), backend.inner(), f);
        Ok(Sweeps { backend: backend.clone(), f: f.clone(), second })
    }
}

/// Forwards the second-order methods of [`Prepared`] to a field that is a [`SecondOrder`].
#[macro_export]
macro_rules! forward_second_order {
    ($field:ident) => {
        fn value_derivative_and_second_derivative_into(
            &mut self,
            x: f64,
            y: &mut [f64],
            derivative: &mut [f64],
            second: &mut [f64],
        ) -> $crate::Result<()> {
            self.$field.second_derivative(x, y, derivative, second)
        }
        fn value_gradient_and_weighted_hvp_into(
            &mut self,
            x: &[f64],
            w: &[f64],
            v: &[f64],
            gradient: &mut [f64],
            hv: &mut [f64],
        ) -> $crate::Result<f64> {
            self.$field.weighted_hvp(x, w, v, gradient, hv)
        }
        fn value_gradient_and_weighted_hessian_into(
            &mut self,
            x: &[f64],
            w: &[f64],
            gradient: &mut [f64],
            hessian: &mut $crate::__private::nalgebra::DMatrix<f64>,
        ) -> $crate::Result<f64> {
            self.$field.weighted_hessian(x, w, gradient, hessian)
        }
    };
}

impl<B: Backend, F: Function> Prepared for Sweeps<B, F> {
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

    forward_second_order!(second);
}

/// Writes `f(x)` into `y` after checking the sizes.
///
/// # Errors
///
/// [`AdError::Shape`], and the failure of `f`.
pub fn value<F: Function>(f: &F, x: &[f64], y: &mut [f64]) -> Result<()> {
    AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
    AdError::check_len("y", y.len(), f.outputs(), "the number of outputs")?;
    Ok(f.eval(x, y)?)
}

/// Checks that `matrix` has the `expected` rows and columns.
///
/// # Errors
///
/// [`AdError::MatrixShape`] if it has not.
pub fn check_matrix(
    what: &'static str,
    matrix: &DMatrix<f64>,
    expected: (usize, usize),
) -> Result<()> {
    let found = matrix.shape();
    if found == expected { Ok(()) } else { Err(AdError::MatrixShape { what, found, expected }) }
}

/// Second derivatives by an `outer` backend over the first derivatives of an `inner` one: the part of
/// every [`Prepared`] that [`forward_second_order!`](crate::forward_second_order!) forwards to.
#[derive(Clone)]
pub struct SecondOrder<O: Backend, I: Backend, F: Function> {
    outer: O,
    gradient: Gradient<I, F>,
    tangent: Tangent<I, F>,
    hvp_mode: HvpMode,
}

impl<O: Backend, I: Backend, F: Function> SecondOrder<O, I, F> {
    /// Binds the two backends to `f`.
    pub fn new(outer: &O, inner: &I, f: &F) -> Self {
        SecondOrder {
            outer: outer.clone(),
            gradient: Gradient::with_value(inner, f, vec![1.0; f.outputs()]),
            tangent: Tangent::with_value(inner, f, vec![1.0; f.inputs()]),
            hvp_mode: HvpMode::choose(outer, inner, Shape::of(f)).0,
        }
    }

    /// See [`Prepared::value_derivative_and_second_derivative_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`].
    pub fn second_derivative(
        &mut self,
        x: f64,
        y: &mut [f64],
        derivative: &mut [f64],
        second: &mut [f64],
    ) -> Result<()> {
        let shape = Shape::of(self.tangent.function());
        let m = shape.outputs;
        shape.one_input("second_derivative", "use `hessian` or `weighted_hessian`")?;
        AdError::check_len("y", y.len(), m, "the number of outputs")?;
        AdError::check_len("derivative", derivative.len(), m, "the number of outputs")?;
        AdError::check_len("second", second.len(), m, "the number of outputs")?;
        scratch::with(4 * m, |buffer: &mut [f64]| {
            let (values, tangents) = buffer.split_at_mut(2 * m);
            self.tangent.set_tangent(&[1.0])?;
            self.outer.pushforward_sweep(&self.tangent, &[x], &[1.0], values, tangents)?;
            derivative.copy_from_slice(&values[..m]);
            y.copy_from_slice(&values[m..]);
            second.copy_from_slice(&tangents[..m]);
            Ok(())
        })
    }

    /// See [`Prepared::value_gradient_and_weighted_hvp_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`].
    pub fn weighted_hvp(
        &mut self,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        let n = self.check_weighted(w, gradient)?;
        AdError::check_len("hv", hv.len(), v.len(), "as many as `v`")?;
        let k = v.len().checked_div(n).unwrap_or(0);
        AdError::check_len("v", v.len(), k.max(1) * n, "one for each input, of each vector")?;
        if n == 0 {
            return scratch::with(1, |value: &mut [f64]| {
                self.gradient.eval(x, value)?;
                Ok(value[0])
            });
        }
        match self.hvp_mode {
            HvpMode::OverPullback => self.hvp_over_pullback(x, v, gradient, hv),
            HvpMode::OverPushforward => self.hvp_over_pushforward(x, w, v, gradient, hv),
        }
    }

    /// `J_g v` for the gradient `g` of the inner engine.
    fn hvp_over_pullback(
        &mut self,
        x: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        let n = gradient.len();
        scratch::with((n + 1) * (v.len() / n + 1), |buffer: &mut [f64]| {
            let (values, tangents) = buffer.split_at_mut(n + 1);
            self.outer.pushforward_sweep(&self.gradient, x, v, values, tangents)?;
            gradient.copy_from_slice(&values[..n]);
            for (hv, tangent) in hv.chunks_exact_mut(n).zip(tangents.chunks_exact(n + 1)) {
                hv.copy_from_slice(&tangent[..n]);
            }
            Ok(values[n])
        })
    }

    /// `∇(w·J v)`, which is the same since mixed partial derivatives commute. The gradient `∇(w·f)`
    /// is a second cotangent of the same sweep.
    fn hvp_over_pushforward(
        &mut self,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        let (n, m) = (gradient.len(), w.len());
        scratch::with(6 * m + 2 * n, |buffer: &mut [f64]| {
            let (values, rest) = buffer.split_at_mut(2 * m);
            let (cotangents, results) = rest.split_at_mut(4 * m);
            // Outputs are (J v, f): the first cotangent weighs J v, the second f.
            cotangents[..m].copy_from_slice(w);
            cotangents[3 * m..].copy_from_slice(w);
            for (v, hv) in v.chunks_exact(n).zip(hv.chunks_exact_mut(n)) {
                self.tangent.set_tangent(v)?;
                self.outer.pullback_sweep(&self.tangent, x, cotangents, values, results)?;
                hv.copy_from_slice(&results[..n]);
                gradient.copy_from_slice(&results[n..]);
            }
            Ok(values[m..].iter().zip(w).map(|(y, w)| y * w).sum())
        })
    }

    /// See [`Prepared::value_gradient_and_weighted_hessian_into`].
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`].
    pub fn weighted_hessian(
        &mut self,
        x: &[f64],
        w: &[f64],
        gradient: &mut [f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        let n = self.check_weighted(w, gradient)?;
        check_matrix("hessian", hessian, (n, n))?;
        scratch::with((n + 1) * (n + 1), |buffer: &mut [f64]| {
            let (values, jacobian) = buffer.split_at_mut(n + 1);
            self.outer.jacobian_sweep(&self.gradient, x, values, jacobian)?;
            gradient.copy_from_slice(&values[..n]);
            for (j, column) in jacobian.chunks_exact(n + 1).enumerate() {
                hessian.column_mut(j).copy_from_slice(&column[..n]);
            }
            Ok(values[n])
        })
    }

    /// Sets the weights, checks the gradient's length, and returns `n`.
    fn check_weighted(&mut self, w: &[f64], gradient: &[f64]) -> Result<usize> {
        let Shape { inputs, .. } = Shape::of(self.gradient.function());
        AdError::check_len("gradient", gradient.len(), inputs, "one for each input")?;
        self.gradient.set_weights(w)?;
        Ok(inputs)
    }
}

/// The inner engine as it runs under the outer one.
pub(crate) fn nested_in<O: Engine, I: Engine>(outer: &O, inner: &I) -> I {
    if outer.lifts() { inner.nested() } else { inner.clone() }
}

/// Which first derivative of the inner engine the outer one differentiates for a Hessian-vector
/// product: whichever costs fewer evaluations of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HvpMode {
    /// The outer pushforward of the inner pullback, as forward over reverse.
    OverPullback,
    /// The outer pullback of the inner pushforward, as reverse over forward.
    OverPushforward,
}

impl HvpMode {
    /// The cheaper mode for one vector, and its cost.
    pub(crate) fn choose<O: Backend, I: Backend>(
        outer: &O,
        inner: &I,
        shape: Shape,
    ) -> (Self, Capability) {
        let Shape { inputs, outputs } = shape;
        let inner = nested_in(outer, inner);
        let over_pullback = outer
            .pushforward_capability(Shape { inputs, outputs: inputs + 1 }, 1)
            .over(&inner.pullback_capability(shape, 1));
        let over_pushforward = outer
            .pullback_capability(Shape { inputs, outputs: 2 * outputs }, 2)
            .over(&inner.pushforward_capability(shape, 1));
        let bound = |c: &Capability| c.evaluations().map_or(usize::MAX, Evaluations::bound);
        // Under finite differences the gradient, a by-product here, would be an outer difference too,
        // with steps chosen for the noise of the inner derivative.
        let is_exact = outer.accuracy() == Accuracy::Exact;
        if is_exact && bound(&over_pushforward) < bound(&over_pullback) {
            (HvpMode::OverPushforward, over_pushforward)
        } else {
            (HvpMode::OverPullback, over_pullback)
        }
    }
}
