//! Solvers that know a Jacobian by its products alone, over vectors that may live on a device.
//!
//! A [`Vector`] is whatever has inner products and sums; a [`Differentiable`] gives `F(x)` with its
//! Jacobian as a [`LinearMap`]. Two make both:
//!
//! | | from a function of | differentiated by | vectors |
//! |---|---|---|---|
//! | [`OnHost`] | numbers: [`Function`](ad_api::Function) | any [`Backend`](ad_api::Backend) | on the host |
//! | [`OnDevice`] | arrays: [`ArrayFunction`](ad_api::array::ArrayFunction) | an [`ArrayBackend`](ad_api::array::ArrayBackend) | on its device |
//!
//! | problem | solver | asks for |
//! |---|---|---|
//! | `F(x) = 0` | [`NewtonKrylov`] | `J v` |
//! | `min ½|F(x)|²` | [`GaussNewton`] | `J v`, `Jᵀ w` |
//! | `min f(x)` | [`Adam`] | the gradient of an [`Objective`] |
//!
//! Below them, for linear problems:
//!
//! | problem | solver | asks for |
//! |---|---|---|
//! | `A x = b` | [`Gmres`], [`BiCgStab`] | `A v`, a [`Preconditioner`] |
//! | `A x = b`, `A` positive definite | [`ConjugateGradient`] | the same |
//! | `min |A x - b|² + λ²|x|²` | [`Lsmr`], [`Cgls`] | `A v`, `Aᵀ w` |
//!
//! No solver copies a vector to the host. Each ends in an outcome with a status that says whether
//! the problem is solved, and if not, why not; an error means that it could not start.

mod adam;
mod arrays;
mod bicgstab;
mod cgls;
mod conjugate_gradient;
mod differentiable;
mod forcing;
mod gauss_newton;
mod gmres;
mod krylov;
mod linear_map;
mod linear_outcome;
mod linear_stop;
mod lsmr;
mod newton_krylov;
mod on_device;
mod outcome;
mod preconditioner;
mod schedule;
mod vector;

pub use adam::{Adam, AdamOutcome, AdamProgress, StallWindow};
pub use bicgstab::BiCgStab;
pub use cgls::Cgls;
pub use conjugate_gradient::ConjugateGradient;
pub use differentiable::{Differentiable, Objective, OnHost};
pub use forcing::Forcing;
pub use gauss_newton::{GaussNewton, LeastSquares};
pub use gmres::Gmres;
pub use krylov::Krylov;
pub use linear_map::{HostMap, LinearMap};
pub use linear_outcome::{LeastSquaresOutcome, LinearOutcome, LinearStatus};
pub use linear_stop::LinearStop;
pub use lsmr::Lsmr;
pub use newton_krylov::{Globalization, NewtonKrylov};
pub use on_device::OnDevice;
pub use outcome::{Counts, Outcome, Progress, Status, Step};
pub use preconditioner::{Identity, Preconditioner};
pub use schedule::Schedule;
pub use vector::{Elementwise, Vector};
