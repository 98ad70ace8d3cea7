//! Nonlinear systems with known answers, to try solvers and backends on.
//!
//! Each is an [`ArrayFunction`] from `ℝⁿ` to `ℝⁿ` with its customary start, for the arrays of any
//! library ([`OnDevice`](crate::matrix_free::OnDevice)) and, [flattened](ad_api::array::Flat), for the
//! numbers of any backend:
//!
//! | problem | unknowns | Jacobian |
//! |---|---|---|
//! | [`Bratu1d`], [`Bratu2d`] | `u` at the points of a grid | sparse, symmetric |
//! | [`ConvectionDiffusion`] | the same | sparse, not symmetric |
//! | [`ChandrasekharH`] | `H` at the nodes of a quadrature | dense, identity plus compact |
//! | [`BroydenTridiagonal`] | a sequence | tridiagonal |
//! | [`DiscreteBoundaryValue`] | the same | tridiagonal |
//! | [`Rosenbrock`] | pairs | block diagonal |
//! | [`PowellSingular`] | quadruples | singular at the root |
//!
//! [`Poisson`] inverts the discrete Laplacian of the two problems on the unit square: a
//! preconditioner under which the number of linear iterations does not grow with the grid.

use ad_api::array::ArrayFunction;
use ad_api::{AdError, Result};

mod bratu;
mod broyden_tridiagonal;
mod chandrasekhar;
mod convection_diffusion;
mod discrete_boundary_value;
mod grid;
mod poisson;
mod powell_singular;
mod rosenbrock;

pub use bratu::{Bratu1d, Bratu2d};
pub use broyden_tridiagonal::BroydenTridiagonal;
pub use chandrasekhar::ChandrasekharH;
pub use convection_diffusion::ConvectionDiffusion;
pub use discrete_boundary_value::DiscreteBoundaryValue;
pub use poisson::Poisson;
pub use powell_singular::PowellSingular;
pub use rosenbrock::Rosenbrock;

/// A system with a customary start.
pub trait Problem: ArrayFunction {
    /// The entries of the start, row by row.
    fn start(&self) -> Vec<f64>;
}

fn check_size(n: usize, divisor: usize, expected: &'static str) -> Result<()> {
    if n > 0 && n.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(AdError::Setting { setting: "n", found: n.to_string(), expected })
}

fn check_finite(setting: &'static str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(AdError::Setting { setting, found: value.to_string(), expected: "a finite number" })
}
