//! For those who bring an engine: one primitive, and everything runs on it.
//!
//! # An adapter in 40 lines
//!
//! An engine implements **one** of [`Pushforward`](crate::Pushforward), [`Pullback`](crate::Pullback) and
//! [`Jacobian`](crate::Jacobian), and [`backend!`](crate::backend!) derives the other two, the
//! preparation and the linearization; the derived operations come with those. Here are central
//! differences with a fixed step, complete:
//!
//! ```
//! use ad::prelude::*;
//! use ad::{Accuracy, Evaluations, Pushforward, Shape, check_pushforward};
//!
//! #[derive(Debug, Clone, Copy, Default)]
//! struct Central;
//!
//! impl Engine for Central {
//!     fn name(&self) -> String { "central".into() }
//!     fn accuracy(&self) -> Accuracy { Accuracy::Approximate { relative: 1e-9 } }
//!     fn sweeps(&self, _: Shape, seeds: usize) -> Evaluations { Evaluations::Exactly(3 * seeds) }
//!     fn lifts(&self) -> bool { false } // evaluates in the numbers that it is called with
//! }
//!
//! impl Pushforward for Central {
//!     fn pushforward_sweep<S: Scalar, F: Function>(
//!         &self, f: &F, x: &[S], x_dot: &[S], y: &mut [S], y_dot: &mut [S],
//!     ) -> ad::Result<()> {
//!         let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
//!         for (v, y_dot) in x_dot.chunks(x.len()).zip(y_dot.chunks_mut(y.len())) {
//!             // A long tangent takes a short step, or the result would not be linear in it.
//!             let length = v.iter().fold(0.0, |length: f64, v| length.max(v.primal().abs()));
//!             let h = if length == 0.0 { 1.0 } else { 1e-5 / length };
//!             let moved = |h: f64| -> Vec<S> { x.iter().zip(v).map(|(&x, &v)| x + v * h).collect() };
//!             let mut minus = vec![S::from(0.0); y.len()];
//!             f.eval(x, y)?;
//!             f.eval(&moved(h), y_dot)?;
//!             f.eval(&moved(-h), &mut minus)?;
//!             y_dot.iter_mut().zip(minus).for_each(|(plus, minus)| *plus = (*plus - minus) / (2.0 * h));
//!         }
//!         Ok(())
//!     }
//! }
//! ad::backend!(Central: pushforward);
//!
//! # #[derive(Clone)] struct Product;
//! # impl Function for Product {
//! #     fn inputs(&self) -> usize { 2 }
//! #     fn outputs(&self) -> usize { 1 }
//! #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
//! #         y[0] = x[0] * x[0] * x[1]; Ok(())
//! #     }
//! # }
//! // f(x, y) = x² y: a gradient, and a Hessian from differences of exact gradients.
//! assert!((Central.gradient(&Product, &[3.0, 5.0])? - nalgebra::dvector![30.0, 9.0]).norm() < 1e-8);
//! let mixed = HigherOrder::new(Central, NativeReverse::default());
//! assert!((mixed.hessian(&Product, &[3.0, 5.0])?[(0, 1)] - 6.0).abs() < 1e-8);
//! # Ok::<(), AdError>(())
//! ```
//!
//! # An engine with numbers of its own
//!
//! Forward mode with one tangent, over any base scalar:
//!
//! ```
//! use std::sync::Arc;
//! use ad::prelude::*;
//! use ad::{Lift, Pushforward, Rule, check_pushforward};
//!
//! /// A number with its derivative along one direction, over any base scalar.
//! #[derive(Debug, Clone, Copy)]
//! struct Number<S> { value: S, tangent: S }
//!
//! impl<S: Scalar> Lift for Number<S> {
//!     type Inner = S;
//!     fn constant(value: S) -> Self { Number { value, tangent: S::from(0.0) } }
//!     fn inner(self) -> S { self.value }
//!     fn is_constant(self) -> bool { self.tangent.vanishes() }
//!     fn lift_unary(self, value: S, d: S) -> Self {
//!         Number { value, tangent: d.strong_mul(self.tangent) }
//!     }
//!     fn lift_binary(self, rhs: Self, value: S, d: S, d_rhs: S) -> Self {
//!         Number { value, tangent: d.strong_mul(self.tangent) + d_rhs.strong_mul(rhs.tangent) }
//!     }
//!     fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
//!         let (primal, x_dot): (Vec<S>, Vec<S>) = x.iter().map(|x| (x.value, x.tangent)).unzip();
//!         let (mut value, mut y_dot) = (vec![S::from(0.0); y.len()], vec![S::from(0.0); y.len()]);
//!         S::apply_rule(rule, &primal, &mut value)?;
//!         rule.tangent(&primal, &x_dot, &mut y_dot)?;
//!         for (i, y) in y.iter_mut().enumerate() {
//!             *y = Number { value: value[i], tangent: y_dot[i] };
//!         }
//!         Ok(())
//!     }
//! }
//! ad::scalar!([S: Scalar] Number<S>); // the operators and nalgebra's traits
//!
//! /// The backend: how to seed a sweep, and where its results are.
//! #[derive(Debug, Clone, Copy, Default)]
//! struct Forward;
//!
//! impl Engine for Forward {
//!     fn name(&self) -> String { "forward".into() }
//! }
//!
//! impl Pushforward for Forward {
//!     fn pushforward_sweep<S: Scalar, F: Function>(
//!         &self, f: &F, x: &[S], x_dot: &[S], y: &mut [S], y_dot: &mut [S],
//!     ) -> ad::Result<()> {
//!         let Some(_) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
//!         for (v, y_dot) in x_dot.chunks(x.len()).zip(y_dot.chunks_mut(y.len())) {
//!             ad::scratch::with(x.len() + y.len(), |numbers: &mut [Number<S>]| {
//!                 let (input, output) = numbers.split_at_mut(x.len());
//!                 for (i, input) in input.iter_mut().enumerate() {
//!                     *input = Number { value: x[i], tangent: v[i] };
//!                 }
//!                 f.eval(input, output)?;
//!                 for (i, output) in output.iter().enumerate() {
//!                     (y[i], y_dot[i]) = (output.value, output.tangent);
//!                 }
//!                 Ok::<_, AdError>(())
//!             })?;
//!         }
//!         Ok(())
//!     }
//! }
//! ad::backend!(Forward: pushforward);
//!
//! # #[derive(Clone)] struct Product;
//! # impl Function for Product {
//! #     fn inputs(&self) -> usize { 2 }
//! #     fn outputs(&self) -> usize { 1 }
//! #     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
//! #         y[0] = x[0] * x[0] * x[1]; Ok(())
//! #     }
//! # }
//! // f(x, y) = x² y: the gradient is derived from two sweeps, the Hessian from `Number<Number<f64>>`,
//! // and the engine composes with every other.
//! assert_eq!(Forward.gradient(&Product, &[3.0, 5.0])?.as_slice(), [30.0, 9.0]);
//! assert_eq!(Forward.hessian(&Product, &[3.0, 5.0])?.as_slice(), [10.0, 6.0, 6.0, 0.0]);
//! let mixed = HigherOrder::new(NativeReverse::default(), Forward);
//! assert_eq!(mixed.hessian(&Product, &[3.0, 5.0])?.as_slice(), [10.0, 6.0, 6.0, 0.0]);
//! # Ok::<(), AdError>(())
//! ```
//!
//! # The parts
//!
//! - **Numbers.** An engine that sees the program through its numbers implements
//!   [`Lift`](crate::Lift): three hooks (a constant, a unary and a binary operation with given partial
//!   derivatives) from which [`scalar!`](crate::scalar!) writes the rest, and `lift_rule`, which applies
//!   a derivative that somebody stated. Partials multiply by
//!   [`strong_mul`](crate::Scalar::strong_mul), for which `0 · ∞ = 0`, so that what does not depend on
//!   an input has no NaN derivative. An engine that only evaluates, as finite differences, needs no
//!   numbers of its own.
//! - **Generic in `S`.** The sweep runs over any base scalar. That is all that nesting takes: an outer
//!   engine passes its own numbers as `x`.
//! - **Checks.** [`check_pushforward`](crate::check_pushforward) and its siblings check the lengths and
//!   settle functions without inputs or outputs. Seeds come `k` at a time, one after another.
//! - **Memory.** A sweep has only `&self`; [`scratch`](crate::scratch) lends it buffers that the thread
//!   keeps, so that a second call allocates nothing.
//! - **What it costs.** [`Engine::lanes`](crate::Engine::lanes) says how many seeds one evaluation
//!   carries. The derived primitives pass that many at a time, and the capability table counts with it.
//! - **How good it is.** [`Engine::accuracy`](crate::Engine::accuracy) is exact unless you say
//!   otherwise; the suite below takes its tolerances from it.
//!
//! An engine that keeps work between calls (a recorded tape) implements
//! [`Backend`](crate::Backend) by hand, with its own [`Prepared`](crate::Prepared) and
//! [`LinearOperator`](crate::LinearOperator); second order comes from
//! [`forward_second_order!`](crate::forward_second_order!). What an engine cannot do is an
//! [`AdError::Unsupported`](crate::AdError::Unsupported) with the reason, never a wrong number.
//!
//! # Is it right?
//!
//! The crate `ad-conformance` asks, in three lines of `tests/conformance.rs`:
//!
//! ```
//! //! Runs the suite of every backend.
//! # use ad::Dual as Forward;
//! ad_conformance::suite!(Forward::default());
//! # fn main() {}
//! ```
//!
//! It makes one test of each law: closed forms of every operation in every form, linearity and
//! adjointness, symmetric Hessians, wrong sizes, failures in mid-sweep, nesting, rules, kinks, and
//! the evaluations that the capability table predicts. The name of a failure says what broke. What
//! an engine cannot pass is listed there, with the reason.
//!
//! # An array library
//!
//! A tensor library has a reverse mode of its own, which differentiates its own arrays and no others. Its
//! adapter writes two things, and `backends/burn` and `backends/candle` are examples of both:
//!
//! - [`Tensor`](crate::array::Tensor): a shape, a device, and one function `apply` that computes every
//!   [`ArrayOp`](crate::array::ArrayOp) with the meaning documented there. Shapes are checked before it is
//!   called. `ad_conformance::tensor_suite!` asks about every operation.
//! - [`ArrayBackend`](crate::array::ArrayBackend): values and pullbacks of an
//!   [`ArrayFunction`](crate::array::ArrayFunction) by the library. Where its derivatives depart from the
//!   documented conventions, [`linearize_op`](crate::array::linearize_op) has the right ones.
//!   `ad_conformance::array_suite!` asks about them.
//!
//! [`array_backend!`](crate::array_backend!) makes that a whole [`Backend`](crate::Backend): scalar
//! functions are recorded and lowered to array operations, forward mode comes from
//! [`DualTensor`](crate::array::DualTensor), and all orders and compositions from rules. The suite of
//! backends above applies to it as it stands.
