//! Every derived operation, for every backend.

use nalgebra::{DMatrix, DVector};

use crate::{
    AdError, Backend, Capability, Engine, Function, Gradient, Jacobian, Lazy, Operation, Prepared, Pullback,
    Pushforward, Result, SecondDerivative, Shape,
};

/// Writes the one-shot forms: each is a preparation at `x` and one call.
macro_rules! one_shot {
    ($(#[doc = $doc:literal] fn $name:ident($x:ident: $X:ty $(, $arg:ident: $Arg:ty)*) -> $Out:ty;)*) => {$(
        #[doc = $doc]
        #[doc = ""]
        #[doc = concat!("Prepares and calls [`Prepared::", stringify!($name), "`].")]
        #[doc = ""]
        #[doc = "# Errors"]
        #[doc = ""]
        #[doc = "Those of [`Prepared`]."]
        fn $name<F: Function>(&self, f: &F, $x: $X $(, $arg: $Arg)*) -> Result<$Out> {
            self.prepare(f, Point::slice(&$x))?.$name($x $(, $arg)*)
        }
    )*};
}

/// A point of one or several variables, as a slice.
trait Point {
    fn slice(&self) -> &[f64];
}

impl Point for f64 {
    fn slice(&self) -> &[f64] {
        std::slice::from_ref(self)
    }
}

impl Point for &[f64] {
    fn slice(&self) -> &[f64] {
        self
    }
}

/// The derived operations, computed once at one point. Every [`Backend`] has them.
///
/// A loop should call [`Backend::prepare`] once and the same methods of [`Prepared`], which allocate
/// nothing.
///
/// ```
/// use ad_api::{Differentiate, Failure, Function, Scalar};
/// use ad_dual::Dual;
///
/// #[derive(Clone)]
/// struct Cubic;
/// impl Function for Cubic {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = x[0].powi(3);
///         Ok(())
///     }
/// }
/// let backend = Dual::default();
/// assert_eq!(backend.value_and_derivative(&Cubic, 2.0)?, (8.0, 12.0));
/// assert_eq!(backend.second_derivative(&Cubic, 2.0)?, 12.0);
/// assert_eq!(backend.third_derivative(&Cubic, 2.0)?, 6.0);
/// # Ok::<(), ad_api::AdError>(())
/// ```
pub trait Differentiate: Backend {
    one_shot! {
        /// `f(x)`.
        fn value(x: &[f64]) -> DVector<f64>;
        /// `J(x) v` for one tangent.
        fn pushforward(x: &[f64], x_dot: &[f64]) -> DVector<f64>;
        /// Writes `J(x) v` for each tangent.
        fn pushforward_into(x: &[f64], x_dot: &[f64], y_dot: &mut [f64]) -> ();
        /// `(f(x), J(x) v)` for one tangent.
        fn value_and_pushforward(x: &[f64], x_dot: &[f64]) -> (DVector<f64>, DVector<f64>);
        /// Writes `f(x)`, and `J(x) v` for each tangent.
        fn value_and_pushforward_into(x: &[f64], x_dot: &[f64], y: &mut [f64], y_dot: &mut [f64]) -> ();
        /// `J(x)ᵀ w` for one cotangent.
        fn pullback(x: &[f64], y_bar: &[f64]) -> DVector<f64>;
        /// Writes `J(x)ᵀ w` for each cotangent.
        fn pullback_into(x: &[f64], y_bar: &[f64], x_bar: &mut [f64]) -> ();
        /// `(f(x), J(x)ᵀ w)` for one cotangent.
        fn value_and_pullback(x: &[f64], y_bar: &[f64]) -> (DVector<f64>, DVector<f64>);
        /// Writes `f(x)`, and `J(x)ᵀ w` for each cotangent.
        fn value_and_pullback_into(x: &[f64], y_bar: &[f64], y: &mut [f64], x_bar: &mut [f64]) -> ();
        /// The Jacobian, `m × n`.
        fn jacobian(x: &[f64]) -> DMatrix<f64>;
        /// Writes the Jacobian.
        fn jacobian_into(x: &[f64], jacobian: &mut DMatrix<f64>) -> ();
        /// `f(x)` and the Jacobian.
        fn value_and_jacobian(x: &[f64]) -> (DVector<f64>, DMatrix<f64>);
        /// Writes `f(x)` and the Jacobian.
        fn value_and_jacobian_into(x: &[f64], y: &mut [f64], jacobian: &mut DMatrix<f64>) -> ();
        /// `f'(x)` for one input and one output.
        fn derivative(x: f64) -> f64;
        /// Writes `f'(x)` for one input.
        fn derivative_into(x: f64, derivative: &mut [f64]) -> ();
        /// `(f(x), f'(x))` for one input and one output.
        fn value_and_derivative(x: f64) -> (f64, f64);
        /// Writes `f(x)` and `f'(x)` for one input.
        fn value_and_derivative_into(x: f64, y: &mut [f64], derivative: &mut [f64]) -> ();
        /// The gradient of a scalar function.
        fn gradient(x: &[f64]) -> DVector<f64>;
        /// Writes the gradient of a scalar function.
        fn gradient_into(x: &[f64], gradient: &mut [f64]) -> ();
        /// `(f(x), ∇f(x))` of a scalar function.
        fn value_and_gradient(x: &[f64]) -> (f64, DVector<f64>);
        /// Writes the gradient of a scalar function and returns the value.
        fn value_and_gradient_into(x: &[f64], gradient: &mut [f64]) -> f64;
        /// `f''(x)` for one input and one output.
        fn second_derivative(x: f64) -> f64;
        /// Writes `f''(x)` for one input.
        fn second_derivative_into(x: f64, second: &mut [f64]) -> ();
        /// `(f(x), f''(x))` for one input and one output.
        fn value_and_second_derivative(x: f64) -> (f64, f64);
        /// Writes `f(x)` and `f''(x)` for one input.
        fn value_and_second_derivative_into(x: f64, y: &mut [f64], second: &mut [f64]) -> ();
        /// `(f(x), f'(x), f''(x))` for one input and one output.
        fn value_derivative_and_second_derivative(x: f64) -> (f64, f64, f64);
        /// Writes `f(x)`, `f'(x)` and `f''(x)` for one input.
        fn value_derivative_and_second_derivative_into(x: f64, y: &mut [f64], derivative: &mut [f64], second: &mut [f64]) -> ();
        /// The Hessian of a scalar function, `n × n`.
        fn hessian(x: &[f64]) -> DMatrix<f64>;
        /// Writes the Hessian of a scalar function.
        fn hessian_into(x: &[f64], hessian: &mut DMatrix<f64>) -> ();
        /// The value and the Hessian of a scalar function.
        fn value_and_hessian(x: &[f64]) -> (f64, DMatrix<f64>);
        /// Writes the Hessian of a scalar function and returns the value.
        fn value_and_hessian_into(x: &[f64], hessian: &mut DMatrix<f64>) -> f64;
        /// Value, gradient and Hessian of a scalar function.
        fn value_gradient_and_hessian(x: &[f64]) -> (f64, DVector<f64>, DMatrix<f64>);
        /// Writes gradient and Hessian of a scalar function and returns the value.
        fn value_gradient_and_hessian_into(x: &[f64], gradient: &mut [f64], hessian: &mut DMatrix<f64>) -> f64;
        /// The Hessian of a scalar function times one vector.
        fn hvp(x: &[f64], v: &[f64]) -> DVector<f64>;
        /// Writes the Hessian of a scalar function times each vector.
        fn hvp_into(x: &[f64], v: &[f64], hv: &mut [f64]) -> ();
        /// The value of a scalar function, and its Hessian times one vector.
        fn value_and_hvp(x: &[f64], v: &[f64]) -> (f64, DVector<f64>);
        /// Writes the Hessian of a scalar function times each vector and returns the value.
        fn value_and_hvp_into(x: &[f64], v: &[f64], hv: &mut [f64]) -> f64;
        /// Value and gradient of a scalar function, and its Hessian times one vector.
        fn value_gradient_and_hvp(x: &[f64], v: &[f64]) -> (f64, DVector<f64>, DVector<f64>);
        /// Writes gradient and Hessian-vector products and returns the value.
        fn value_gradient_and_hvp_into(x: &[f64], v: &[f64], gradient: &mut [f64], hv: &mut [f64]) -> f64;
        /// The Hessian of `w·f`, `n × n`.
        fn weighted_hessian(x: &[f64], w: &[f64]) -> DMatrix<f64>;
        /// Writes the Hessian of `w·f`.
        fn weighted_hessian_into(x: &[f64], w: &[f64], hessian: &mut DMatrix<f64>) -> ();
        /// `w·f(x)` and its Hessian.
        fn value_and_weighted_hessian(x: &[f64], w: &[f64]) -> (f64, DMatrix<f64>);
        /// Writes the Hessian of `w·f` and returns `w·f(x)`.
        fn value_and_weighted_hessian_into(x: &[f64], w: &[f64], hessian: &mut DMatrix<f64>) -> f64;
    }

    /// `f'''(x)` for one input and one output: the outer engine over the second derivative by the
    /// inner one.
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`].
    fn third_derivative<F: Function>(&self, f: &F, x: f64) -> Result<f64> {
        Shape::of(f).one_input("third_derivative", "use `Hessian` and `jacobian`")?;
        Shape::of(f).one_output("third_derivative", "use `SecondDerivative` and `jacobian`")?;
        let second = SecondDerivative::new(self.inner(), f);
        let (mut y, mut third) = ([0.0], [0.0]);
        self.outer().pushforward_sweep(&second, &[x], &[1.0], &mut y, &mut third)?;
        Ok(third[0])
    }

    /// The Jacobian at `x` as an operator, `m × n`.
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`].
    fn lazy_jacobian<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<Lazy<Self::Linearization<F>>> {
        Ok(Lazy::new(self.linearize(f, x)?.1))
    }

    /// The derivative at `x` of a function of one input as an operator, `m × 1`.
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`]; [`AdError::Arity`] unless `f` has one input.
    fn lazy_derivative<F: Function>(
        &self,
        f: &F,
        x: f64,
    ) -> Result<Lazy<Self::Linearization<F>>> {
        Shape::of(f).one_input("lazy_derivative", "use `lazy_jacobian`")?;
        self.lazy_jacobian(f, &[x])
    }

    /// The gradient at `x` of a scalar function as an operator, `1 × n`.
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`]; [`AdError::Arity`] unless `f` has one output.
    fn lazy_gradient<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<Lazy<Self::Linearization<F>>> {
        Shape::of(f).one_output("lazy_gradient", "use `lazy_jacobian`")?;
        self.lazy_jacobian(f, x)
    }

    /// The Hessian at `x` of a scalar function as an operator, `n × n`: the linearization of the
    /// inner engine's gradient by the outer engine.
    ///
    /// # Errors
    ///
    /// Those of [`Prepared`]; [`AdError::Arity`] unless `f` has one output.
    fn lazy_hessian<F: Function>(&self, f: &F, x: &[f64]) -> Result<LazyHessian<Self, F>> {
        Shape::of(f).one_output("lazy_hessian", "use `Gradient` with weights and `lazy_jacobian`")?;
        AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
        self.outer().lazy_jacobian(&Gradient::new(self.inner(), f, vec![1.0]), x)
    }

    /// How `operation` is computed for functions of this shape, and how many evaluations it costs.
    fn capability(&self, operation: Operation, shape: Shape) -> Capability {
        let Shape { inputs: n, outputs: m } = shape;
        let over = |outer: Capability, first: fn(&Self::Inner, Shape) -> Capability| {
            let inner = self.inner();
            let inner = if self.outer().lifts() { inner.nested() } else { inner.clone() };
            outer.over(&first(&inner, shape))
        };
        match operation {
            Operation::Pushforward | Operation::Derivative => self.pushforward_capability(shape, 1),
            Operation::Pullback | Operation::Gradient => self.pullback_capability(shape, 1),
            Operation::Jacobian => self.jacobian_capability(shape),
            Operation::SecondDerivative => over(
                self.outer().pushforward_capability(Shape { inputs: n, outputs: 2 * m }, 1),
                |inner, shape| inner.pushforward_capability(shape, 1),
            ),
            Operation::Hessian => over(
                self.outer().jacobian_capability(Shape { inputs: n, outputs: n + 1 }),
                |inner, shape| inner.pullback_capability(shape, 1),
            ),
            Operation::Hvp => over(
                self.outer().pushforward_capability(Shape { inputs: n, outputs: n + 1 }, 1),
                |inner, shape| inner.pullback_capability(shape, 1),
            ),
        }
    }
}

/// What [`Differentiate::lazy_hessian`] returns.
pub type LazyHessian<B, F> = Lazy<
    <<B as Backend>::Outer as Backend>::Linearization<Gradient<<B as Backend>::Inner, F>>,
>;

impl<B: Backend> Differentiate for B {}
