//! Solvers over any differentiation backend, in two halves.
//!
//! | half | knows the Jacobian as | vectors | problems |
//! |---|---|---|---|
//! | here | a dense matrix | on the host | nonlinear least squares of few parameters |
//! | [`matrix_free`] | products with it | anywhere | roots, least squares, minimization; many unknowns |
//!
//! [`problems`] has systems with known answers to try them on.
//!
//! # On a device
//!
//! An [`ArrayFunction`](ad_api::array::ArrayFunction) is solved where its arrays live: the same lines
//! for arrays in memory, for burn and for candle, on a CPU or a GPU. No vector is copied to the host
//! on the way.
//!
//! ```
//! use ad_algorithms::matrix_free::{NewtonKrylov, OnDevice};
//! use ad_algorithms::problems::{Bratu2d, Poisson, Problem};
//! use ad_api::array::ArrayBackend;
//! use ad_native_reverse::NativeReverse;
//!
//! /// The largest `u` with `-Δu = 6 exp(u)` on the unit square.
//! fn hottest<E: ArrayBackend>(engine: E) -> Result<f64, ad_algorithms::SolveError> {
//!     let fuel = Bratu2d::new(15, 6.0)?;
//!     let start = fuel.start();
//!     let mut problem = OnDevice::new(engine, fuel);
//!     let start = problem.vector(&start)?;
//!     let mut poisson = Poisson::scaled(15)?;
//!     let root = NewtonKrylov::default().solve_preconditioned(&mut problem, &start, &mut poisson)?;
//!     Ok(root.x[0].max(&[0, 1]).item()?)
//! }
//! assert!((hottest(NativeReverse::default())? - 0.797).abs() < 1e-3); // or `Burn::wgpu()?`
//! # Ok::<(), ad_algorithms::SolveError>(())
//! ```
//!
//! # Nonlinear least squares
//!
//! Residuals are a [`Function`](ad_api::Function) `r: ℝⁿ → ℝᵐ` with `m ≥ n`; a [`Method`] finds a
//! local minimum of the cost `½|r(x)|²`. Everything it knows about derivatives comes from
//! [`Prepared::value_and_jacobian_into`](ad_api::Prepared::value_and_jacobian_into), so that any
//! [`Backend`](ad_api::Backend) will do.
//!
//! | method | step | globalized by |
//! |---|---|---|
//! | [`LevenbergMarquardt`] | `min |r + J p|` within `|D p| ≤ Δ` | trust region |
//! | [`GaussNewton`] | `min |r + J p|` | line search |
//!
//! Both factor `J` by QR with column pivoting, since `JᵀJ` would square the condition number; both
//! end in an [`Outcome`], whose [`covariance`](Outcome::covariance) gives standard errors.
//!
//! ```
//! use ad_algorithms::{LevenbergMarquardt, Method};
//! use ad_api::{Failure, Function, Scalar};
//! use ad_dual::Dual;
//!
//! /// `y = b₁ exp(-b₂ t)` observed at `t = 0, 1, 2, 3`.
//! #[derive(Clone)]
//! struct Decay;
//!
//! impl Function for Decay {
//!     fn inputs(&self) -> usize { 2 }
//!     fn outputs(&self) -> usize { 4 }
//!     fn eval<S: Scalar>(&self, b: &[S], r: &mut [S]) -> Result<(), Failure> {
//!         for (t, (r, y)) in r.iter_mut().zip([2.1, 1.2, 0.75, 0.4]).enumerate() {
//!             *r = b[0] * (-b[1] * t as f64).exp() - y;
//!         }
//!         Ok(())
//!     }
//! }
//! let fit = LevenbergMarquardt::default().minimize(&Dual::default(), &Decay, &[1.0, 1.0])?;
//! assert!(fit.status.is_converged());
//! assert!((fit.x[1] - 0.54).abs() < 0.01);
//! let errors = fit.covariance().expect("more observations than parameters").standard_errors();
//! assert!(errors[1].is_some_and(|error| error < 0.05));
//! # Ok::<(), ad_algorithms::SolveError>(())
//! ```

mod covariance;
mod error;
mod gauss_newton;
mod levenberg_marquardt;
pub mod matrix_free;
mod method;
mod model;
mod options;
mod outcome;
mod pivoted_qr;
pub mod problems;
mod progress;
mod trust_region;

pub use covariance::Covariance;
pub use error::{Result, SolveError};
pub use gauss_newton::{Deficiency, GaussNewton, LineSearch};
pub use levenberg_marquardt::{LevenbergMarquardt, TrustState};
pub use method::{Method, Proposal};
pub use model::Model;
pub use options::Options;
pub use outcome::{Counts, Outcome, Status};
pub use progress::Progress;
