//! Finite differences behind the `ad-api` traits: derivatives from values alone.
//!
//! Two backends:
//!
//! - [`Fd`] (`"fd"`), the default: stencils of order 2 to 8 whose steps follow the function, with an
//!   estimate of their error.
//! - [`FiniteDiff`] (`"finitediff"`): the `finitediff` crate's forward and central schemes with their
//!   fixed steps, for comparison with what uses that crate.
//!
//! Both work in any scalar, so they nest with every engine and with themselves.
//!
//! # What it costs
//!
//! For order `p` (default 6), `n` inputs and any number of outputs:
//!
//! | operation | how | evaluations |
//! |---|---|---|
//! | pushforward | one line along the tangent | 1 + (`p + 2`, seldom up to 4 times that) |
//! | Jacobian, pullback | one line along each axis | 1 + `n` times that |
//! | pushforward, Jacobian with [`adaptive(false)`](Fd::adaptive) | one fixed stencil for each line | 1 + `p`, 1 + `n p` exactly |
//! | [`FiniteDiff`] forward, central | the crate's | 1 + 1 or 2 for each tangent or input |
//!
//! A first window of `p + 2` evaluations serves most functions; `capability` states the bound of the
//! search, which only holes, jumps and noise come near (151 evaluations for `p = 6`). At a bound or a
//! hole a window has `p + 1` evaluations on one side. All outputs share the evaluations, and each
//! has the window that suits it. A gradient of 10⁵ inputs works, at 8 to 16 evaluations for each.
//!
//! # How accurate it is
//!
//! Relative error of the derivative, default [`Fd`] against [`FiniteDiff::central`]; tests print and
//! check the left half, and pin the right one:
//!
//! | `x` | `x³` | `ln x` | `x sin x` | `x³` | `ln x` | `x sin x` |
//! |---|---|---|---|---|---|---|
//! | 1e-6 | 5e-16 | 6e-14 | 2e-14 | 12 (4e-11 absolute) | error | 1e-11 |
//! | 1e-3 | 4e-15 | 1e-13 | 5e-15 | 1e-5 | 1e-5 | 1e-11 |
//! | 1 | 7e-15 | 2e-16 | 1e-14 | 8e-12 | 8e-12 | 1e-11 |
//! | 1e6 | 6e-15 | 1e-14 | 6e-15 | 2e-6 | 2e-5 | 8e-7 |
//! | 1e9 | 1e-14 | 2e-13 | 2e-13 | error | error | error |
//!
//! Stated for [`Fd`]: `32 ε^(p/(p+1))`, which is 1e-9, 1e-11, 1e-12 and 4e-13 for orders 2 to 8, on a
//! function whose values are of the size of its derivative times `x`. Where `f` is larger than that
//! its round-off counts: `10⁶ + sin x` keeps 9 digits. Second derivatives, `fd` over `fd`: 1e-10 or
//! better on functions of unit scale from order 4 on. [`Fd::value_jacobian_and_error`] returns the
//! estimated error of every entry of a call.
//!
//! # When to use which
//!
//! Use an exact engine where there is one. `fd` serves a function that is a black box, checks other
//! engines, and differentiates an engine that cannot be. Where evaluations are dear and inputs
//! well scaled, use order 4, or a fixed stencil. A function with noisy values (an iteration, an
//! integrator) should say so by [`Function::precision`](ad_api::Function::precision): steps grow with
//! it. [`FiniteDiff`] is right for inputs and functions of scale 1 and refuses where it knows that it
//! is wrong; its page lists what and why.
//!
//! ```
//! use ad_api::{Differentiate, Failure, Function, Scalar};
//! use ad_fd::Fd;
//!
//! #[derive(Clone)]
//! struct Area;
//! impl Function for Area {
//!     fn inputs(&self) -> usize { 2 }
//!     fn outputs(&self) -> usize { 1 }
//!     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
//!         if x[0] < 0.0 || x[1] < 0.0 {
//!             return Err(Failure::new("a side is negative"));
//!         }
//!         y[0] = x[0] * x[1];
//!         Ok(())
//!     }
//! }
//! // One-sided at the bounds, and never beyond them.
//! let fd = Fd::default().bounds(vec![0.0, 0.0], vec![f64::INFINITY; 2])?;
//! let gradient = fd.gradient(&Area, &[0.0, 3.0])?;
//! assert!((gradient[0] - 3.0).abs() < 1e-10 && gradient[1].abs() < 1e-10);
//! # Ok::<(), ad_api::AdError>(())
//! ```
//!
//! # The method
//!
//! Slopes at the steps `h, 2h, 4h, ...` and one more are weighed by two stencils, of order `p` and
//! better, whose weights are those of Fornberg. The difference of the two is the truncation error of
//! the first; the precision of `f` times the weights over `h` is the round-off. The first `h` is
//! a part of `|x|` (of 1 at zero): the one that balances the two for a function that is analytic to
//! distance `|x|`. If the error found is good enough, that is all. Otherwise the next window is where
//! the two errors found balance, or, where steps are too long to resolve the function at all, well
//! below; the best window of each output counts. The last step fits no period that the others fit, so
//! a fast function is not mistaken for a slow one: `x sin x` has scale 1 at any `x`. Displacements
//! are those that rounding leaves, `(x + h) - x`.
//!
//! Values may be noisier than their size tells: a residual is a small difference of large numbers.
//! The noise is at least the last digit that all values of a window share (a difference of numbers
//! near 100 is a multiple of *their* rounding unit), and what differences of high order show: those
//! of a smooth function fall from order to order, those of noise do not (Hamming; Moré and Wild).
//! Jacobians of the residuals of the NIST problems Gauss1 and ENSO keep 11 digits of their columns.
//!
//! The balance of an estimated derivative bound with round-off is that of FiniteDifferences.jl, which
//! gets the bound from a second, wider stencil at a step that does not depend on `x`. Taking the best
//! of several steps is Ridders' way.
//!
//! What evaluations show is all it can know: a feature that none of them meets is not in the result,
//! nor in its error.
//!
//! # References
//!
//! - B. Fornberg, *Generation of finite difference formulas on arbitrarily spaced grids*,
//!   Mathematics of Computation 51 (1988) 699-706.
//! - R. W. Hamming, *Introduction to Applied Numerical Analysis* (1971), chapter 6.
//! - J. J. Moré and S. M. Wild, *Estimating computational noise*, SIAM Journal on Scientific Computing
//!   33 (2011) 1292-1314.
//! - C. J. F. Ridders, *Accurate computation of F'(x) and F'(x)F''(x)*, Advances in Engineering
//!   Software 4 (1982) 75-76.
//! - FiniteDifferences.jl, `src/methods.jl`, <https://github.com/JuliaDiff/FiniteDifferences.jl>.

mod bounds;
mod fd;
mod finitediff;
mod line;
mod search;
mod stencil;
mod track;

pub use bounds::Bounds;
pub use fd::Fd;
pub use finitediff::{FiniteDiff, Scheme};
