//! Derivatives as functions, and backends composed of two.

use nalgebra::{DMatrix, DVector};

use crate::{
    Accuracy, AdError, Backend, Capability, Engine, Evaluations, Failure, Function, Jacobian,
    Prepared, Pullback, Pushforward, Result, Scalar, SecondOrder, Shape, check_matrix, scratch,
};

/// The gradient of `w·f` by a backend, as a function that another backend can differentiate:
/// `x ↦ J(x)ᵀ w`, of `n` inputs and `n` outputs.
///
/// The value `w·f(x)` may follow as one more output, so that an outer derivative brings it along.
#[derive(Clone)]
pub struct Gradient<B: Pullback, F: Function> {
    backend: B,
    f: F,
    weights: Vec<f64>,
    with_value: bool,
}

impl<B: Pullback, F: Function> Gradient<B, F> {
    /// `x ↦ J(x)ᵀ w`; for a scalar function `w` is `[1.0]`.
    pub fn new(backend: &B, f: &F, weights: Vec<f64>) -> Self {
        Gradient { backend: backend.clone(), f: f.clone(), weights, with_value: false }
    }

    /// `x ↦ (J(x)ᵀ w, w·f(x))`.
    pub fn with_value(backend: &B, f: &F, weights: Vec<f64>) -> Self {
        Gradient { with_value: true, ..Self::new(backend, f, weights) }
    }

    /// The function whose gradient this is.
    pub fn function(&self) -> &F {
        &self.f
    }

    /// Changes the weights.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless there is one for each output of the function.
    pub fn set_weights(&mut self, weights: &[f64]) -> Result<()> {
        AdError::check_len("w", weights.len(), self.f.outputs(), "one for each output")?;
        self.weights.copy_from_slice(weights);
        Ok(())
    }
}

impl<B: Pullback, F: Function> Function for Gradient<B, F> {
    fn inputs(&self) -> usize {
        self.f.inputs()
    }

    fn outputs(&self) -> usize {
        self.f.inputs() + usize::from(self.with_value)
    }

    fn eval<S: Scalar>(&self, x: &[S], gradient: &mut [S]) -> Result<(), Failure> {
        let (n, m) = (self.f.inputs(), self.f.outputs());
        scratch::with(2 * m, |buffer: &mut [S]| {
            let (y, w) = buffer.split_at_mut(m);
            w.iter_mut().zip(&self.weights).for_each(|(w, &weight)| *w = S::from(weight));
            self.backend.pullback_sweep(&self.f, x, w, y, &mut gradient[..n])?;
            if self.with_value {
                gradient[n] = y.iter().zip(&self.weights).map(|(&y, &w)| y * w).sum();
            }
            Ok(())
        })
    }

    fn precision(&self) -> f64 {
        self.f.precision().max(self.backend.accuracy().relative())
    }
}

/// The derivative along a fixed tangent by a backend, as a function that another backend can
/// differentiate: `x ↦ J(x) v`, of `n` inputs and `m` outputs. The value `f(x)` may follow.
#[derive(Clone)]
pub struct Tangent<B: Pushforward, F: Function> {
    backend: B,
    f: F,
    tangent: Vec<f64>,
    with_value: bool,
}

impl<B: Pushforward, F: Function> Tangent<B, F> {
    /// `x ↦ J(x) v`.
    pub fn new(backend: &B, f: &F, tangent: Vec<f64>) -> Self {
        Tangent { backend: backend.clone(), f: f.clone(), tangent, with_value: false }
    }

    /// `x ↦ (J(x) v, f(x))`.
    pub fn with_value(backend: &B, f: &F, tangent: Vec<f64>) -> Self {
        Tangent { with_value: true, ..Self::new(backend, f, tangent) }
    }

    /// The function whose derivative this is.
    pub fn function(&self) -> &F {
        &self.f
    }
}

impl<B: Pushforward, F: Function> Function for Tangent<B, F> {
    fn inputs(&self) -> usize {
        self.f.inputs()
    }

    fn outputs(&self) -> usize {
        self.f.outputs() * (1 + usize::from(self.with_value))
    }

    fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]) -> Result<(), Failure> {
        let (n, m) = (self.f.inputs(), self.f.outputs());
        scratch::with(n + m, |buffer: &mut [S]| {
            let (v, y) = buffer.split_at_mut(n);
            v.iter_mut().zip(&self.tangent).for_each(|(v, &tangent)| *v = S::from(tangent));
            let (y_dot, value) = out.split_at_mut(m);
            self.backend.pushforward_sweep(&self.f, x, v, y, y_dot)?;
            if self.with_value {
                value.copy_from_slice(y);
            }
            Ok(())
        })
    }

    fn precision(&self) -> f64 {
        self.f.precision().max(self.backend.accuracy().relative())
    }
}

/// The second derivative of a function of one variable, as a function: `x ↦ f''(x)`, for third and
/// higher derivatives by composition.
#[derive(Clone)]
pub struct SecondDerivative<B: Backend, F: Function> {
    outer: B::Outer,
    first: Tangent<B::Inner, F>,
}

impl<B: Backend, F: Function> SecondDerivative<B, F> {
    /// `x ↦ f''(x)` by the outer over the inner engine of `backend`.
    pub fn new(backend: &B, f: &F) -> Self {
        SecondDerivative {
            outer: backend.outer().clone(),
            first: Tangent::new(backend.inner(), f, vec![1.0]),
        }
    }
}

impl<B: Backend, F: Function> Function for SecondDerivative<B, F> {
    fn inputs(&self) -> usize {
        self.first.inputs()
    }

    fn outputs(&self) -> usize {
        self.first.outputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]) -> Result<(), Failure> {
        scratch::with(out.len(), |first: &mut [S]| {
            Ok(self.outer.pushforward_sweep(&self.first, x, &[S::one()], first, out)?)
        })
    }

    fn precision(&self) -> f64 {
        self.first.precision().max(self.outer.accuracy().relative())
    }
}

/// The Hessian of `w·f`, as a function of `n` inputs and `n²` outputs (column by column), for third
/// derivatives by composition.
#[derive(Clone)]
pub struct Hessian<B: Backend, F: Function> {
    outer: B::Outer,
    gradient: Gradient<B::Inner, F>,
}

impl<B: Backend, F: Function> Hessian<B, F> {
    /// `x ↦ ∇²(w·f)(x)` by the outer over the inner engine of `backend`.
    pub fn new(backend: &B, f: &F, weights: Vec<f64>) -> Self {
        Hessian {
            outer: backend.outer().clone(),
            gradient: Gradient::new(backend.inner(), f, weights),
        }
    }
}

impl<B: Backend, F: Function> Function for Hessian<B, F> {
    fn inputs(&self) -> usize {
        self.gradient.inputs()
    }

    fn outputs(&self) -> usize {
        self.gradient.inputs() * self.gradient.inputs()
    }

    fn eval<S: Scalar>(&self, x: &[S], out: &mut [S]) -> Result<(), Failure> {
        scratch::with(x.len(), |gradient: &mut [S]| {
            Ok(self.outer.jacobian_sweep(&self.gradient, x, gradient, out)?)
        })
    }

    fn precision(&self) -> f64 {
        self.gradient.precision().max(self.outer.accuracy().relative())
    }
}

/// Two backends as one: `inner` computes first derivatives, `outer` differentiates them.
///
/// First-order operations are those of `inner`; `hessian`, `hvp` and `second_derivative` run
/// `outer` over the first derivative by `inner`; third derivatives run `outer` over the second
/// derivatives of `inner`. So `HigherOrder::new(a, HigherOrder::new(b, c))` uses `a` over `b` over
/// `c`, and any depth may be built.
///
/// Perturbation confusion cannot be written: each engine's numbers are a type of their own around
/// the type of the engine below.
///
/// ```
/// use ad_api::{Differentiate, HigherOrder};
/// # use ad_api::{Failure, Function, Scalar};
/// use ad_dual::Dual;
/// use ad_native_reverse::NativeReverse;
/// # #[derive(Clone)] struct Cubic;
/// # impl Function for Cubic {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 1 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[0] * x[1]; Ok(())
/// #     }
/// # }
/// let forward_over_reverse = HigherOrder::new(Dual::default(), NativeReverse::default());
/// // f(x, y) = x² y
/// assert_eq!(forward_over_reverse.hvp(&Cubic, &[1.0, 2.0], &[1.0, 0.0])?.as_slice(), [4.0, 2.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HigherOrder<O, I> {
    outer: O,
    inner: I,
}

impl<O: Backend, I: Backend> HigherOrder<O, I> {
    /// `outer` over `inner`.
    pub fn new(outer: O, inner: I) -> Self {
        HigherOrder { outer, inner }
    }
}

impl<O: Backend, I: Backend> Engine for HigherOrder<O, I> {
    fn name(&self) -> String {
        format!("{} over {}", self.outer.name(), self.inner.name())
    }

    fn accuracy(&self) -> Accuracy {
        self.inner.accuracy()
    }

    fn lanes(&self, shape: Shape) -> usize {
        self.inner.lanes(shape)
    }

    fn sweeps(&self, shape: Shape, seeds: usize) -> Evaluations {
        self.inner.sweeps(shape, seeds)
    }

    fn nested(&self) -> Self {
        HigherOrder { outer: self.outer.nested(), inner: self.inner.nested() }
    }

    fn lifts(&self) -> bool {
        self.inner.lifts()
    }
}

impl<O: Backend, I: Backend> Pushforward for HigherOrder<O, I> {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        self.inner.pushforward_sweep(f, x, x_dot, y, y_dot)
    }

    fn pushforward_capability(&self, shape: Shape, tangents: usize) -> Capability {
        self.inner.pushforward_capability(shape, tangents)
    }
}

impl<O: Backend, I: Backend> Pullback for HigherOrder<O, I> {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        self.inner.pullback_sweep(f, x, y_bar, y, x_bar)
    }

    fn pullback_capability(&self, shape: Shape, cotangents: usize) -> Capability {
        self.inner.pullback_capability(shape, cotangents)
    }
}

impl<O: Backend, I: Backend> Jacobian for HigherOrder<O, I> {
    fn jacobian_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y: &mut [S],
        jacobian: &mut [S],
    ) -> Result<()> {
        self.inner.jacobian_sweep(f, x, y, jacobian)
    }

    fn jacobian_capability(&self, shape: Shape) -> Capability {
        self.inner.jacobian_capability(shape)
    }
}

impl<O: Backend, I: Backend> Backend for HigherOrder<O, I> {
    type Outer = O;
    type Inner = I;
    type Prepared<F: Function> = HigherOrderPrepared<O, I, F>;
    type Linearization<F: Function> = I::Linearization<F>;

    fn outer(&self) -> &O {
        &self.outer
    }

    fn inner(&self) -> &I {
        &self.inner
    }

    fn prepare<F: Function>(&self, f: &F, x: &[f64]) -> Result<Self::Prepared<F>> {
        Ok(HigherOrderPrepared {
            first: self.inner.prepare(f, x)?,
            second: SecondOrder::new(&self.outer, &self.inner, f),
        })
    }

    fn linearize<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<(DVector<f64>, Self::Linearization<F>)> {
        self.inner.linearize(f, x)
    }
}

/// The preparation of [`HigherOrder`]: the inner backend's for first derivatives, both for second.
#[derive(Clone)]
pub struct HigherOrderPrepared<O: Backend, I: Backend, F: Function> {
    first: I::Prepared<F>,
    second: SecondOrder<O, I, F>,
}

impl<O: Backend, I: Backend, F: Function> Prepared for HigherOrderPrepared<O, I, F> {
    fn shape(&self) -> Shape {
        self.first.shape()
    }

    fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()> {
        self.first.value_into(x, y)
    }

    fn value_and_pushforward_into(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()> {
        self.first.value_and_pushforward_into(x, x_dot, y, y_dot)
    }

    fn value_and_pullback_into(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()> {
        self.first.value_and_pullback_into(x, y_bar, y, x_bar)
    }

    fn value_and_jacobian_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()> {
        check_matrix("jacobian", jacobian, (self.shape().outputs, self.shape().inputs))?;
        self.first.value_and_jacobian_into(x, y, jacobian)
    }

    crate::forward_second_order!(second);
}
