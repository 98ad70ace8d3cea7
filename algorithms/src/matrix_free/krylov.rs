//! The choice of a Krylov method.

use super::linear_stop::LinearStop;
use super::{BiCgStab, Gmres, LinearMap, LinearOutcome, Preconditioner, Vector};
use crate::Result;

/// A Krylov method for square systems that need not be symmetric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Krylov {
    /// The least residual in every iteration, one product each; memory grows until the restart.
    Gmres(Gmres),
    /// Two products in every iteration, little memory; may break down.
    BiCgStab(BiCgStab),
}

impl Default for Krylov {
    fn default() -> Self {
        Krylov::Gmres(Gmres::default())
    }
}

impl Krylov {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SolveError::Option`](crate::SolveError::Option) for a setting that makes no sense.
    pub fn validate(&self) -> Result<()> {
        match self {
            Krylov::Gmres(gmres) => gmres.validate(),
            Krylov::BiCgStab(bicgstab) => bicgstab.stop.validate(),
        }
    }

    /// The same method, stopping at another relative tolerance.
    #[must_use]
    pub fn with_relative_tol(self, relative_tol: f64) -> Self {
        let with = |stop: LinearStop| LinearStop { relative_tol, ..stop };
        match self {
            Krylov::Gmres(gmres) => Krylov::Gmres(Gmres { stop: with(gmres.stop), ..gmres }),
            Krylov::BiCgStab(BiCgStab { stop }) => Krylov::BiCgStab(BiCgStab { stop: with(stop) }),
        }
    }

    /// Solves `A x = b`.
    ///
    /// # Errors
    ///
    /// As [`Gmres::solve`].
    pub fn solve<V: Vector, A: LinearMap<V>, M: Preconditioner<V>>(
        &self,
        a: &A,
        b: &V,
        m: &M,
    ) -> Result<LinearOutcome<V>> {
        match self {
            Krylov::Gmres(gmres) => gmres.solve(a, b, m),
            Krylov::BiCgStab(bicgstab) => bicgstab.solve(a, b, m),
        }
    }
}
