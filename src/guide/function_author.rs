//! For those who write models: a function once, for every engine.
//!
//! # A function
//!
//! A model is a struct that holds its data and implements [`Function`](crate::Function). `eval` is
//! generic in its numbers, and otherwise reads like `f64` code:
//!
//! ```
//! use std::sync::Arc;
//! use ad::prelude::*;
//!
//! /// Residuals of a logistic growth curve, `b₀ / (1 + exp(b₁ - b₂ t)) - y`, at given times.
//! #[derive(Clone)]
//! struct Growth {
//!     data: Arc<[(f64, f64)]>, // backends clone the function, so bulk data is shared
//! }
//!
//! impl Function for Growth {
//!     fn inputs(&self) -> usize { 3 }
//!     fn outputs(&self) -> usize { self.data.len() }
//!     fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
//!         if b[0] <= 0.0 {
//!             return Err(Failure::new("the capacity must be positive"));
//!         }
//!         for (r, &(t, y)) in r.iter_mut().zip(&*self.data) {
//!             *r = b[0] / ((b[1] - b[2] * t).exp() + 1.0) - y;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let growth = Growth { data: [(0.0, 0.1), (1.0, 0.3), (2.0, 0.6)].into() };
//! let jacobian = Dual::default().jacobian(&growth, &[1.0, 2.0, 1.0])?;
//! assert_eq!(jacobian.shape(), (3, 3));
//!
//! // The failure reaches whoever asked for the derivative.
//! let failure = Dual::default().jacobian(&growth, &[-1.0, 2.0, 1.0]).unwrap_err();
//! assert_eq!(failure.to_string(), "the function failed: the capacity must be positive");
//! # Ok::<(), AdError>(())
//! ```
//!
//! The laws are two: `eval` writes every entry of the result without reading any, and it is a pure
//! function of its input. How often it runs, and with which numbers, is the engine's affair.
//!
//! # A plain function
//!
//! [`#[differentiable]`](macro@crate::differentiable) takes a generic `fn` as it is, with several arguments,
//! and [`#[derive(Params)]`](macro@crate::Params) a struct; the gradient then has the names of both.
//!
//! ```
//! use ad::{Constant, prelude::*};
//!
//! #[derive(Clone, Params)]
//! struct Spring<S> {
//!     stiffness: S,
//!     damping: S,
//! }
//!
//! /// The acceleration of a mass on a spring.
//! #[differentiable]
//! fn acceleration<S: Scalar>(spring: &Spring<S>, state: &[S; 2], mass: S) -> S {
//!     -(spring.stiffness * state[0] + spring.damping * state[1]) / mass
//! }
//!
//! let spring = Spring { stiffness: 4.0, damping: 0.5 };
//! let at = acceleration::at(&spring, &[3.0, 2.0], Constant(2.0)); // the mass is not varied
//! let (value, gradient) = at.value_and_gradient(&NativeReverse::default())?;
//! assert_eq!(value, -6.5);
//! assert_eq!((gradient.spring.stiffness, gradient.spring.damping), (-1.5, -1.0));
//! assert_eq!(gradient.state, [-2.0, -0.25]);
//! # Ok::<(), AdError>(())
//! ```
//!
//! See [`typed`](crate::typed) for what arguments and results may be.
//!
//! # What numbers can do
//!
//! [`Scalar`](crate::Scalar) is a real number of nalgebra that may also be combined with `f64`.
//!
//! - **Constants** stand on the right: `x * 2.0 + 1.0`. On the left, Rust needs to be told:
//!   `S::from(2.0) * x`.
//! - **Comparisons** look at the value: `if x > 0.0`, `while error > 1e-8`, `x.maximum(0.0)`. The
//!   derivative is that of the path which the value takes; at a kink, that of the branch taken.
//! - **Elementary functions** are methods: `x.sin()`, `x.powi(3)`, `x.powf(a)`, `x.pow(1.5)`,
//!   `x.erf()`, `y.atan2(x)`.
//! - **Linear algebra** is nalgebra's: `Matrix3<S>`, `DMatrix<S>`, `lu`, `qr`, `cholesky`, norms, and
//!   `num_complex::Complex<S>`.
//! - Numbers are `Copy`: there is nothing to clone and no lifetime to name.
//!
//! `x.primal()` gives the bare value, for messages and for choices that no derivative should see.
//! What is computed from it is a constant to the engine.
//!
//! A loop that iterates to a tolerance is differentiated as it runs. Where it stops early the value
//! is only that accurate, and [`Function::precision`](crate::Function::precision) should say so, for
//! finite differences take their steps from it.
//!
//! # Which backend
//!
//! | many inputs, few outputs | few inputs, many outputs | code that cannot be generic |
//! |---|---|---|
//! | `native-reverse` | `dual` | a [rule](#derivatives-of-your-own), or `fd` |
//!
//! [`AnyBackend`](crate::AnyBackend) leaves the choice to a configuration, and `kind = "auto"` measures
//! it. All exact backends give the same derivatives up to rounding; the choice is about time.
//!
//! # Derivatives of your own
//!
//! Code that exists in `f64` only, or whose derivative is known better than an engine would find it,
//! enters as a [`Rule`](crate::Rule): the value by any code, and one derivative, stated over `Scalar`.
//!
//! ```
//! use std::sync::Arc;
//! use ad::prelude::*;
//! use ad::{Rule, RuleTangent, RuleValue};
//!
//! /// `ln(1 + eˣ)` by code that overflows nowhere; its derivative is `1 / (1 + e⁻ˣ)`.
//! struct Softplus;
//!
//! impl RuleValue for Softplus {
//!     fn inputs(&self) -> usize { 1 }
//!     fn outputs(&self) -> usize { 1 }
//!     fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
//!         y[0] = x[0].max(0.0) + (-x[0].abs()).exp().ln_1p();
//!         Ok(())
//!     }
//! }
//!
//! impl RuleTangent for Softplus {
//!     fn tangent<S: Scalar>(
//!         self: &Arc<Self>, x: &[S], x_dot: &[S], y_dot: &mut [S],
//!     ) -> Result<(), Failure> {
//!         y_dot[0] = x_dot[0] / ((-x[0]).exp() + 1.0);
//!         Ok(())
//!     }
//! }
//! ad::rule!(Softplus: tangent);
//!
//! #[derive(Clone)]
//! struct Model(Arc<Softplus>);
//! impl Function for Model {
//!     fn inputs(&self) -> usize { 1 }
//!     fn outputs(&self) -> usize { 1 }
//!     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
//!         self.0.apply(&[x[0] * 3.0], y)
//!     }
//! }
//!
//! let model = Model(Arc::new(Softplus));
//! for backend in ad::pairs() {
//!     assert!((backend.derivative(&model, 0.0)? - 1.5).abs() < 1e-8);
//!     assert!((backend.second_derivative(&model, 0.0)? - 2.25).abs() < 1e-3);
//! }
//! # Ok::<(), AdError>(())
//! ```
//!
//! [`DifferentiateWith`](crate::DifferentiateWith) is the rule that gives a part of a model to an
//! engine of its own.
//!
//! # Arrays
//!
//! A model of tensors is an [`ArrayFunction`](crate::array::ArrayFunction) over
//! [`Array<T>`](crate::array::Array) of any library. Formulas read as in NumPy; shapes that do not fit give
//! an array that carries the error to whoever asked. Bulk data are
//! [`Constant`](crate::array::Constant)s, which are copied to a device once.
//!
//! ```
//! use ad::array::{Array, ArrayFunction, Constant, Dims, Flat, Tensor};
//! use ad::prelude::*;
//!
//! /// Half the mean squared error of `x w` against observations.
//! #[derive(Clone)]
//! struct Regression { x: Constant, observed: Constant }
//!
//! impl ArrayFunction for Regression {
//!     fn inputs(&self) -> Vec<Dims> { vec![[2, 1].into()] }
//!     fn outputs(&self) -> Vec<Dims> { vec![Dims::SCALAR] }
//!     fn eval<T: Tensor>(&self, w: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
//!         let (x, observed) = (self.x.beside(&w[0]), self.observed.beside(&w[0]));
//!         Ok(vec![(x.matmul(&w[0]) - observed).square().mean_all() * 0.5])
//!     }
//! }
//!
//! let x = Constant::new([3, 2], vec![1.0, 0.0, 1.0, 1.0, 1.0, 2.0])?;
//! let model = Flat::new(Regression { x, observed: Constant::new([3, 1], vec![1.0, 3.0, 5.0])? });
//! // Scalar engines run it on host arrays of their numbers, `burn` and `candle` on their own.
//! for backend in ad::backends() {
//!     let gradient = backend.gradient(&model, &[1.0, 2.0])?;
//!     assert!(gradient.norm() < 1e-8, "an exact fit");
//! }
//! # Ok::<(), AdError>(())
//! ```
