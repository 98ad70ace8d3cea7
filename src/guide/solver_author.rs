//! For those who write algorithms: generic over `B: Backend`, and done.
//!
//! # A solver
//!
//! A solver takes a backend and a function, prepares once, and asks the preparation for what it
//! needs. Newton's method for `f(x) = 0`, whole:
//!
//! ```
//! use ad::prelude::*;
//! use nalgebra::{DMatrix, DVector};
//!
//! fn newton<B: Backend, F: Function>(
//!     backend: &B, f: &F, start: &[f64],
//! ) -> ad::Result<Option<DVector<f64>>> {
//!     let n = start.len();
//!     let mut prepared = backend.prepare(f, start)?; // checks the sizes, sizes the buffers
//!     let (mut x, mut y) = (DVector::from_row_slice(start), DVector::zeros(n));
//!     let mut jacobian = DMatrix::zeros(n, n);
//!     for _ in 0..50 {
//!         prepared.value_and_jacobian_into(x.as_slice(), y.as_mut_slice(), &mut jacobian)?;
//!         if y.norm() < 1e-12 {
//!             return Ok(Some(x));
//!         }
//!         let Some(step) = jacobian.clone().lu().solve(&y) else { return Ok(None) };
//!         x -= step;
//!     }
//!     Ok(None)
//! }
//!
//! /// The intersection of a circle and a parabola.
//! #[derive(Clone)]
//! struct Curves;
//! impl Function for Curves {
//!     fn inputs(&self) -> usize { 2 }
//!     fn outputs(&self) -> usize { 2 }
//!     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
//!         y[0] = x[0] * x[0] + x[1] * x[1] - 2.0;
//!         y[1] = x[1] - x[0] * x[0];
//!         Ok(())
//!     }
//! }
//!
//! // The user picks: a backend as a type, ...
//! let x = newton(&NativeReverse::default(), &Curves, &[2.0, 2.0])?.expect("converges");
//! assert!((x[0] - 1.0).abs() < 1e-12);
//! // ... or one from a file or a flag.
//! let backend: AnyBackend = "dual".parse()?;
//! assert_eq!(newton(&backend, &Curves, &[2.0, 2.0])?, Some(x));
//! # Ok::<(), AdError>(())
//! ```
//!
//! What the types promise: a [`Prepared`](crate::Prepared) owns its scratch memory, so the in-place
//! forms allocate nothing once they have run; it takes `&mut self`, so two threads cannot share one,
//! and `clone` makes another; a failed call leaves it usable, so a line search may step out of the
//! domain of `f`, see [`AdError::Function`](crate::AdError::Function), and step back.
//!
//! # Which operation
//!
//! Ask for what you use, and let the backend find the cheapest way:
//!
//! | you need | ask for | not for |
//! |---|---|---|
//! | `f` and `∇f` | `value_and_gradient_into` | `value` and then `gradient` |
//! | `∇f`, `∇²f` | `value_gradient_and_hessian_into` | three calls |
//! | `∇²f v` for some `v` | `value_gradient_and_hvp_into`, all vectors in one call | `hessian` |
//! | the Hessian of a Lagrangian | `weighted_hessian_into`, multipliers as weights | one Hessian for each constraint |
//! | `J v` and `Jᵀ w` at one point | [`linearize`](crate::Backend::linearize) | `pushforward` again and again |
//!
//! [`capability`](crate::Differentiate::capability) tells beforehand how many evaluations an operation
//! takes, for a function of given [`Shape`](crate::Shape).
//!
//! # Without matrices
//!
//! [`linearize`](crate::Backend::linearize) gives the value and the Jacobian as a
//! [`LinearOperator`](crate::LinearOperator) that keeps the work at the point. Conjugate gradients on
//! the normal equations, for any operator:
//!
//! ```
//! use ad::prelude::*;
//! use nalgebra::DVector;
//!
//! /// Minimizes `|A v - b|` by CGLS.
//! fn least_squares<A: LinearOperator>(a: &A, b: &DVector<f64>) -> ad::Result<DVector<f64>> {
//!     let mut v = DVector::zeros(a.columns());
//!     let mut r = b.clone();
//!     let mut s = a.apply_transpose(r.as_slice())?;
//!     let (mut p, mut gamma) = (s.clone(), s.norm_squared());
//!     let tolerance = 1e-24 * gamma;
//!     for _ in 0..a.columns() {
//!         if gamma <= tolerance {
//!             break;
//!         }
//!         let q = a.apply(p.as_slice())?;
//!         let alpha = gamma / q.norm_squared();
//!         v.axpy(alpha, &p, 1.0);
//!         r.axpy(-alpha, &q, 1.0);
//!         s = a.apply_transpose(r.as_slice())?;
//!         let next = s.norm_squared();
//!         p = &s + &p * (next / gamma);
//!         gamma = next;
//!     }
//!     Ok(v)
//! }
//! # #[derive(Clone)] struct Line;
//! # impl Function for Line {
//! #     fn inputs(&self) -> usize { 2 }
//! #     fn outputs(&self) -> usize { 4 }
//! #     fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
//! #         for (t, r) in r.iter_mut().enumerate() {
//! #             *r = b[0] + b[1] * (t as f64) - (3.0 - 0.5 * t as f64);
//! #         }
//! #         Ok(())
//! #     }
//! # }
//! // The residuals of a straight line are linear: one step from anywhere is the solution, (3, -½).
//! let (r, jacobian) = NativeReverse::default().linearize(&Line, &[0.0, 0.0])?;
//! let step = least_squares(&jacobian, &-r)?;
//! assert!((step[0] - 3.0).abs() < 1e-12 && (step[1] + 0.5).abs() < 1e-12);
//! # Ok::<(), AdError>(())
//! ```
//!
//! [`lazy_jacobian`](crate::Differentiate::lazy_jacobian) and
//! [`lazy_hessian`](crate::Differentiate::lazy_hessian) wrap the same in an algebra: transpose,
//! compose, add, scale, and `*` with vectors and matrices.
//!
//! # Second order
//!
//! Hessians come from the same `B`. A user who wants one engine over another passes
//! [`HigherOrder::new(outer, inner)`](crate::HigherOrder), or `"dual/native-reverse"`; the solver
//! does not notice.
//!
//! # Errors
//!
//! An error means that `f` or a derivative could not be computed. Not to converge is an outcome of
//! the solver, with its best point in it, and no error. NaN and infinite values are handed through:
//! check what you divide by.
