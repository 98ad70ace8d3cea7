//! Solvers that know a Jacobian by its products alone, over vectors that may live on a device.
//!
//! A [`Vector`] is whatever has inner products and sums; a [`Differentiable`] gives `F(x)` with its
//! Jacobian as a [`LinearMap`]. On the host, [`OnHost`] makes both from any
//! [`Backend`](ad_api::Backend) and [`Function`](ad_api::Function).
//!
//! | problem | solver | asks for |
//! |---|---|---|
//! | `F(x) = 0` | [`NewtonKrylov`] | `J v` |
//!
//! Below them, for linear problems:
//!
//! | problem | solver | asks for |
//! |---|---|---|
//! | `A x = b` | [`Gmres`], [`BiCgStab`] | `A v`, a [`Preconditioner`] |
//! | `A x = b`, `A` positive definite | [`ConjugateGradient`] | the same |

mod bicgstab;
mod conjugate_gradient;
mod differentiable;
mod forcing;
mod gmres;
mod krylov;
mod linear_map;
mod linear_outcome;
mod linear_stop;
mod newton_krylov;
mod outcome;
mod preconditioner;
mod vector;

pub use bicgstab::BiCgStab;
pub use conjugate_gradient::ConjugateGradient;
pub use differentiable::{Differentiable, Objective, OnHost};
pub use forcing::Forcing;
pub use gmres::Gmres;
pub use krylov::Krylov;
pub use linear_map::{HostMap, LinearMap};
pub use linear_outcome::{LeastSquaresOutcome, LinearOutcome, LinearStatus};
pub use linear_stop::LinearStop;
pub use newton_krylov::{Globalization, NewtonKrylov};
pub use outcome::{Counts, Outcome, Progress, Status, Step};
pub use preconditioner::{Identity, Preconditioner};
pub use vector::{Elementwise, Vector};
