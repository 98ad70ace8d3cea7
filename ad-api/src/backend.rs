//! What a solver asks for: a backend, and preparations that own the hot path.

use nalgebra::{DMatrix, DVector};

use crate::{
    AdError, Function, Jacobian, LinearOperator, Pullback, Pushforward, Result, Shape, scratch,
};

/// A differentiation backend: all primitives, preparation and linearization.
///
/// Algorithms are generic over `B: Backend`. Every derived operation is a method of
/// [`Differentiate`](crate::Differentiate), which every backend has; loops prepare once and call the
/// methods of [`Prepared`].
///
/// An adapter writes one primitive and lets [`backend!`](crate::backend!) do the rest.
pub trait Backend: Pushforward + Pullback + Jacobian {
    /// What differentiates the first derivatives; `Self` unless two engines are composed.
    type Outer: Backend;

    /// What computes the first derivatives; `Self` unless two engines are composed.
    type Inner: Backend;

    /// Derivatives of one function, with all the memory they need.
    type Prepared<F: Function>: Prepared;

    /// The Jacobian at a point as an operator.
    type Linearization<F: Function>: LinearOperator;

    /// The engine of the second derivative.
    fn outer(&self) -> &Self::Outer;

    /// The engine of the first derivative.
    fn inner(&self) -> &Self::Inner;

    /// Binds to `f` and to the sizes of `x`. `x` should be typical: an engine may record `f` there,
    /// but no result depends on it.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `x` has `f.inputs()` entries; what the engine adds.
    fn prepare<F: Function>(&self, f: &F, x: &[f64]) -> Result<Self::Prepared<F>>;

    /// The value at `x`, and the Jacobian there as an operator that keeps the work at `x`.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare), and the failure of `f`.
    fn linearize<F: Function>(
        &self,
        f: &F,
        x: &[f64],
    ) -> Result<(DVector<f64>, Self::Linearization<F>)>;
}

/// Derivatives of one function, ready to be computed again and again.
///
/// Made by [`Backend::prepare`]. It owns its scratch memory: after the first call of an operation has
/// sized its buffers, calls of the in-place forms allocate nothing. It takes `&mut self`, so sharing
/// one between threads does not compile; `clone` makes one for another thread. A failed call leaves
/// it as it was.
///
/// Every operation has four forms. `gradient` returns a new vector, `gradient_into` fills the
/// caller's; `value_and_gradient` and `value_and_gradient_into` return the primal too. In the
/// in-place forms of pushforward, pullback and Hessian-vector product, `k` seeds one after another
/// may be given where the result has room for `k`.
///
/// All numbers are in the units of the function: the derivative of `yᵢ` with respect to `xⱼ` has the
/// units of `yᵢ/xⱼ`.
///
/// # Errors
///
/// Every method returns [`AdError::Shape`] or [`AdError::MatrixShape`] for arguments of wrong size,
/// [`AdError::Arity`] where the operation needs one input or one output, the failure of the function,
/// and what the engine adds.
///
/// # Example
///
/// ```
/// use ad_api::{Backend, Function, Prepared, Scalar, Failure};
/// # use ad_dual::Dual;
/// # #[derive(Clone)] struct Product;
/// # impl Function for Product {
/// #     fn inputs(&self) -> usize { 2 }
/// #     fn outputs(&self) -> usize { 1 }
/// #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
/// #         y[0] = x[0] * x[1]; Ok(())
/// #     }
/// # }
/// let mut prepared = Dual::default().prepare(&Product, &[0.0, 0.0])?;
/// let mut gradient = [0.0; 2];
/// for x in [[1.0, 2.0], [3.0, 4.0]] {
///     let value = prepared.value_and_gradient_into(&x, &mut gradient)?;
///     assert_eq!((value, gradient), (x[0] * x[1], [x[1], x[0]]));
/// }
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[allow(clippy::missing_errors_doc, reason = "the errors of all methods are those of the trait")]
pub trait Prepared: Clone + Send {
    /// The numbers of inputs and outputs.
    fn shape(&self) -> Shape;

    /// Writes `f(x)` into `y: m`.
    fn value_into(&mut self, x: &[f64], y: &mut [f64]) -> Result<()>;

    /// Writes `f(x)` into `y: m` and `J v` into `y_dot: k·m` for each tangent in `x_dot: k·n`.
    fn value_and_pushforward_into(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<()>;

    /// Writes `f(x)` into `y: m` and `Jᵀ w` into `x_bar: k·n` for each cotangent in `y_bar: k·m`.
    fn value_and_pullback_into(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<()>;

    /// Writes `f(x)` into `y: m` and the Jacobian into `jacobian: m × n`.
    fn value_and_jacobian_into(
        &mut self,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut DMatrix<f64>,
    ) -> Result<()>;

    /// For one input, writes value, first and second derivative, each of length `m`.
    fn value_derivative_and_second_derivative_into(
        &mut self,
        x: f64,
        y: &mut [f64],
        derivative: &mut [f64],
        second: &mut [f64],
    ) -> Result<()>;

    /// Writes the gradient of `w·f` into `gradient: n` and its Hessian times each vector in `v: k·n`
    /// into `hv: k·n`; returns `w·f(x)`. `w: m`.
    fn value_gradient_and_weighted_hvp_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64>;

    /// Writes the gradient of `w·f` into `gradient: n` and its Hessian into `hessian: n × n`; returns
    /// `w·f(x)`. `w: m`.
    fn value_gradient_and_weighted_hessian_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        gradient: &mut [f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64>;

    // What follows is assembled from the methods above.

    /// `f(x)`.
    fn value(&mut self, x: &[f64]) -> Result<DVector<f64>> {
        let mut y = DVector::zeros(self.shape().outputs);
        self.value_into(x, y.as_mut_slice())?;
        Ok(y)
    }

    /// `J(x) v` for one tangent.
    fn pushforward(&mut self, x: &[f64], x_dot: &[f64]) -> Result<DVector<f64>> {
        Ok(self.value_and_pushforward(x, x_dot)?.1)
    }

    /// Writes `J(x) v` into `y_dot: k·m` for each tangent in `x_dot: k·n`.
    fn pushforward_into(&mut self, x: &[f64], x_dot: &[f64], y_dot: &mut [f64]) -> Result<()> {
        scratch::with(self.shape().outputs, |y| self.value_and_pushforward_into(x, x_dot, y, y_dot))
    }

    /// `(f(x), J(x) v)` for one tangent.
    fn value_and_pushforward(
        &mut self,
        x: &[f64],
        x_dot: &[f64],
    ) -> Result<(DVector<f64>, DVector<f64>)> {
        let m = self.shape().outputs;
        let (mut y, mut y_dot) = (DVector::zeros(m), DVector::zeros(m));
        self.value_and_pushforward_into(x, x_dot, y.as_mut_slice(), y_dot.as_mut_slice())?;
        Ok((y, y_dot))
    }

    /// `J(x)ᵀ w` for one cotangent.
    fn pullback(&mut self, x: &[f64], y_bar: &[f64]) -> Result<DVector<f64>> {
        Ok(self.value_and_pullback(x, y_bar)?.1)
    }

    /// Writes `J(x)ᵀ w` into `x_bar: k·n` for each cotangent in `y_bar: k·m`.
    fn pullback_into(&mut self, x: &[f64], y_bar: &[f64], x_bar: &mut [f64]) -> Result<()> {
        scratch::with(self.shape().outputs, |y| self.value_and_pullback_into(x, y_bar, y, x_bar))
    }

    /// `(f(x), J(x)ᵀ w)` for one cotangent.
    fn value_and_pullback(
        &mut self,
        x: &[f64],
        y_bar: &[f64],
    ) -> Result<(DVector<f64>, DVector<f64>)> {
        let Shape { inputs, outputs } = self.shape();
        let (mut y, mut x_bar) = (DVector::zeros(outputs), DVector::zeros(inputs));
        self.value_and_pullback_into(x, y_bar, y.as_mut_slice(), x_bar.as_mut_slice())?;
        Ok((y, x_bar))
    }

    /// The Jacobian, `m × n`.
    fn jacobian(&mut self, x: &[f64]) -> Result<DMatrix<f64>> {
        Ok(self.value_and_jacobian(x)?.1)
    }

    /// Writes the Jacobian into `jacobian: m × n`.
    fn jacobian_into(&mut self, x: &[f64], jacobian: &mut DMatrix<f64>) -> Result<()> {
        scratch::with(self.shape().outputs, |y| self.value_and_jacobian_into(x, y, jacobian))
    }

    /// `f(x)` and the Jacobian, `m × n`.
    fn value_and_jacobian(&mut self, x: &[f64]) -> Result<(DVector<f64>, DMatrix<f64>)> {
        let Shape { inputs, outputs } = self.shape();
        let (mut y, mut jacobian) = (DVector::zeros(outputs), DMatrix::zeros(outputs, inputs));
        self.value_and_jacobian_into(x, y.as_mut_slice(), &mut jacobian)?;
        Ok((y, jacobian))
    }

    /// `f'(x)` of a function with one input and one output.
    fn derivative(&mut self, x: f64) -> Result<f64> {
        Ok(self.value_and_derivative(x)?.1)
    }

    /// For one input, writes `f'(x)` into `derivative: m`.
    fn derivative_into(&mut self, x: f64, derivative: &mut [f64]) -> Result<()> {
        scratch::with(self.shape().outputs, |y| self.value_and_derivative_into(x, y, derivative))
    }

    /// `(f(x), f'(x))` of a function with one input and one output.
    fn value_and_derivative(&mut self, x: f64) -> Result<(f64, f64)> {
        self.shape().one_output("derivative", "use `derivative_into` or `jacobian`")?;
        let (mut y, mut derivative) = ([0.0], [0.0]);
        self.value_and_derivative_into(x, &mut y, &mut derivative)?;
        Ok((y[0], derivative[0]))
    }

    /// For one input, writes `f(x)` and `f'(x)`, each of length `m`.
    fn value_and_derivative_into(
        &mut self,
        x: f64,
        y: &mut [f64],
        derivative: &mut [f64],
    ) -> Result<()> {
        self.shape().one_input("derivative", "use `jacobian` or `gradient`")?;
        self.value_and_pushforward_into(&[x], &[1.0], y, derivative)
    }

    /// The gradient of a scalar function, of length `n`.
    fn gradient(&mut self, x: &[f64]) -> Result<DVector<f64>> {
        Ok(self.value_and_gradient(x)?.1)
    }

    /// Writes the gradient of a scalar function into `gradient: n`.
    fn gradient_into(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<()> {
        self.value_and_gradient_into(x, gradient).map(drop)
    }

    /// `(f(x), ∇f(x))` of a scalar function.
    fn value_and_gradient(&mut self, x: &[f64]) -> Result<(f64, DVector<f64>)> {
        let mut gradient = DVector::zeros(self.shape().inputs);
        let value = self.value_and_gradient_into(x, gradient.as_mut_slice())?;
        Ok((value, gradient))
    }

    /// Writes the gradient of a scalar function into `gradient: n` and returns the value.
    fn value_and_gradient_into(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.shape().one_output("gradient", "use `jacobian` or `pullback`")?;
        AdError::check_len("gradient", gradient.len(), self.shape().inputs, "one for each input")?;
        let mut y = [0.0];
        self.value_and_pullback_into(x, &[1.0], &mut y, gradient)?;
        Ok(y[0])
    }

    /// `f''(x)` of a function with one input and one output.
    fn second_derivative(&mut self, x: f64) -> Result<f64> {
        Ok(self.value_derivative_and_second_derivative(x)?.2)
    }

    /// For one input, writes `f''(x)` into `second: m`.
    fn second_derivative_into(&mut self, x: f64, second: &mut [f64]) -> Result<()> {
        scratch::with(self.shape().outputs, |y| self.value_and_second_derivative_into(x, y, second))
    }

    /// `(f(x), f''(x))` of a function with one input and one output.
    fn value_and_second_derivative(&mut self, x: f64) -> Result<(f64, f64)> {
        let (value, _, second) = self.value_derivative_and_second_derivative(x)?;
        Ok((value, second))
    }

    /// For one input, writes `f(x)` and `f''(x)`, each of length `m`.
    fn value_and_second_derivative_into(
        &mut self,
        x: f64,
        y: &mut [f64],
        second: &mut [f64],
    ) -> Result<()> {
        scratch::with(self.shape().outputs, |derivative| {
            self.value_derivative_and_second_derivative_into(x, y, derivative, second)
        })
    }

    /// `(f(x), f'(x), f''(x))` of a function with one input and one output.
    fn value_derivative_and_second_derivative(&mut self, x: f64) -> Result<(f64, f64, f64)> {
        self.shape().one_output("second_derivative", "use `second_derivative_into`")?;
        let (mut y, mut first, mut second) = ([0.0], [0.0], [0.0]);
        self.value_derivative_and_second_derivative_into(x, &mut y, &mut first, &mut second)?;
        Ok((y[0], first[0], second[0]))
    }

    /// The Hessian of a scalar function, `n × n`.
    fn hessian(&mut self, x: &[f64]) -> Result<DMatrix<f64>> {
        Ok(self.value_gradient_and_hessian(x)?.2)
    }

    /// Writes the Hessian of a scalar function into `hessian: n × n`.
    fn hessian_into(&mut self, x: &[f64], hessian: &mut DMatrix<f64>) -> Result<()> {
        self.value_and_hessian_into(x, hessian).map(drop)
    }

    /// The value and the Hessian of a scalar function.
    fn value_and_hessian(&mut self, x: &[f64]) -> Result<(f64, DMatrix<f64>)> {
        let (value, _, hessian) = self.value_gradient_and_hessian(x)?;
        Ok((value, hessian))
    }

    /// Writes the Hessian of a scalar function into `hessian: n × n` and returns the value.
    fn value_and_hessian_into(&mut self, x: &[f64], hessian: &mut DMatrix<f64>) -> Result<f64> {
        scratch::with(self.shape().inputs, |gradient| {
            self.value_gradient_and_hessian_into(x, gradient, hessian)
        })
    }

    /// Value, gradient and Hessian of a scalar function, from one computation.
    fn value_gradient_and_hessian(
        &mut self,
        x: &[f64],
    ) -> Result<(f64, DVector<f64>, DMatrix<f64>)> {
        let n = self.shape().inputs;
        let (mut gradient, mut hessian) = (DVector::zeros(n), DMatrix::zeros(n, n));
        let value =
            self.value_gradient_and_hessian_into(x, gradient.as_mut_slice(), &mut hessian)?;
        Ok((value, gradient, hessian))
    }

    /// Writes gradient and Hessian of a scalar function and returns the value.
    fn value_gradient_and_hessian_into(
        &mut self,
        x: &[f64],
        gradient: &mut [f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        self.shape().one_output("hessian", "use `weighted_hessian`")?;
        self.value_gradient_and_weighted_hessian_into(x, &[1.0], gradient, hessian)
    }

    /// The Hessian of a scalar function times one vector.
    fn hvp(&mut self, x: &[f64], v: &[f64]) -> Result<DVector<f64>> {
        Ok(self.value_gradient_and_hvp(x, v)?.2)
    }

    /// Writes the Hessian of a scalar function times each vector in `v: k·n` into `hv: k·n`.
    fn hvp_into(&mut self, x: &[f64], v: &[f64], hv: &mut [f64]) -> Result<()> {
        self.value_and_hvp_into(x, v, hv).map(drop)
    }

    /// The value of a scalar function, and its Hessian times one vector.
    fn value_and_hvp(&mut self, x: &[f64], v: &[f64]) -> Result<(f64, DVector<f64>)> {
        let (value, _, hv) = self.value_gradient_and_hvp(x, v)?;
        Ok((value, hv))
    }

    /// As [`hvp_into`](Self::hvp_into), and returns the value.
    fn value_and_hvp_into(&mut self, x: &[f64], v: &[f64], hv: &mut [f64]) -> Result<f64> {
        scratch::with(self.shape().inputs, |gradient| {
            self.value_gradient_and_hvp_into(x, v, gradient, hv)
        })
    }

    /// Value and gradient of a scalar function, and its Hessian times one vector.
    fn value_gradient_and_hvp(
        &mut self,
        x: &[f64],
        v: &[f64],
    ) -> Result<(f64, DVector<f64>, DVector<f64>)> {
        let n = self.shape().inputs;
        let (mut gradient, mut hv) = (DVector::zeros(n), DVector::zeros(n));
        let value =
            self.value_gradient_and_hvp_into(x, v, gradient.as_mut_slice(), hv.as_mut_slice())?;
        Ok((value, gradient, hv))
    }

    /// As [`hvp_into`](Self::hvp_into), writes the gradient too and returns the value.
    fn value_gradient_and_hvp_into(
        &mut self,
        x: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<f64> {
        self.shape().one_output("hvp", "use `value_gradient_and_weighted_hvp_into`")?;
        self.value_gradient_and_weighted_hvp_into(x, &[1.0], v, gradient, hv)
    }

    /// The Hessian of `w·f`, `n × n`: the curvature of a Lagrangian with multipliers `w: m`.
    fn weighted_hessian(&mut self, x: &[f64], w: &[f64]) -> Result<DMatrix<f64>> {
        Ok(self.value_and_weighted_hessian(x, w)?.1)
    }

    /// Writes the Hessian of `w·f` into `hessian: n × n`.
    fn weighted_hessian_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<()> {
        self.value_and_weighted_hessian_into(x, w, hessian).map(drop)
    }

    /// `w·f(x)` and its Hessian.
    fn value_and_weighted_hessian(&mut self, x: &[f64], w: &[f64]) -> Result<(f64, DMatrix<f64>)> {
        let n = self.shape().inputs;
        let mut hessian = DMatrix::zeros(n, n);
        let value = self.value_and_weighted_hessian_into(x, w, &mut hessian)?;
        Ok((value, hessian))
    }

    /// Writes the Hessian of `w·f` into `hessian: n × n` and returns `w·f(x)`.
    fn value_and_weighted_hessian_into(
        &mut self,
        x: &[f64],
        w: &[f64],
        hessian: &mut DMatrix<f64>,
    ) -> Result<f64> {
        scratch::with(self.shape().inputs, |gradient| {
            self.value_gradient_and_weighted_hessian_into(x, w, gradient, hessian)
        })
    }
}

impl Shape {
    /// Checks that there is one input; `instead` says what serves a function of several.
    ///
    /// # Errors
    ///
    /// [`AdError::Arity`] if there are more or none.
    pub fn one_input(self, operation: &'static str, instead: &'static str) -> Result<()> {
        self.arity(self.inputs == 1, operation, "one input", instead)
    }

    pub(crate) fn one_output(self, operation: &'static str, instead: &'static str) -> Result<()> {
        self.arity(self.outputs == 1, operation, "one output", instead)
    }

    fn arity(
        self,
        fits: bool,
        operation: &'static str,
        needs: &'static str,
        instead: &'static str,
    ) -> Result<()> {
        if fits {
            return Ok(());
        }
        let Shape { inputs, outputs } = self;
        Err(AdError::Arity { operation, needs, inputs, outputs, instead })
    }
}

/// Makes an engine with one native primitive a whole [`Backend`](crate::Backend).
///
/// `backend!(MyEngine: pushforward)` is [`primitive!`](crate::primitive!) plus a `Backend` that
/// prepares with [`Sweeps`](crate::Sweeps) and linearizes with [`Resweep`](crate::Resweep).
/// Generic parameters go in brackets in front. An engine with all three primitives names all three.
#[macro_export]
macro_rules! backend {
    ([$($generics:tt)*] $B:ty: pushforward, pullback, jacobian) => {
        $crate::backend!(@backend [$($generics)*] $B);
    };
    ([$($generics:tt)*] $B:ty: $($native:ident),+) => {
        $crate::primitive!([$($generics)*] $B: $($native),+);
        $crate::backend!(@backend [$($generics)*] $B);
    };
    (@backend [$($generics:tt)*] $B:ty) => {
        impl<$($generics)*> $crate::Backend for $B {
            type Outer = Self;
            type Inner = Self;
            type Prepared<FunctionType: $crate::Function> = $crate::Sweeps<Self, FunctionType>;
            type Linearization<FunctionType: $crate::Function> =
                $crate::Resweep<Self, FunctionType>;
            fn outer(&self) -> &Self { self }
            fn inner(&self) -> &Self { self }
            fn prepare<FunctionType: $crate::Function>(
                &self, f: &FunctionType, x: &[f64],
            ) -> $crate::Result<Self::Prepared<FunctionType>> {
                $crate::Sweeps::new(self, f, x)
            }
            fn linearize<FunctionType: $crate::Function>(
                &self, f: &FunctionType, x: &[f64],
            ) -> $crate::Result<($crate::__private::nalgebra::DVector<f64>, Self::Linearization<FunctionType>)> {
                $crate::Resweep::new(self, f, x)
            }
        }
    };
    ($B:ty: $($native:ident),+) => { $crate::backend!([] $B: $($native),+); };
}
