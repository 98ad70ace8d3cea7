//! Approximate inverses that make Krylov methods converge in few iterations.

use std::cell::Cell;

use ad_api::Result;

use super::Vector;

/// An approximate inverse `M⁻¹` of a Jacobian.
///
/// `setup` does the work that depends on the point, `apply` is called in every linear iteration. How
/// long one setup serves is up to the solver
/// ([`NewtonKrylov::preconditioner_lag`](crate::matrix_free::NewtonKrylov::preconditioner_lag)).
///
/// # Laws
///
/// Between two setups, `apply` is one and the same linear map; for
/// [`ConjugateGradient`](crate::matrix_free::ConjugateGradient) it is symmetric and positive
/// definite.
pub trait Preconditioner<V: Vector> {
    /// Adapts to the Jacobian at `x`.
    ///
    /// # Errors
    ///
    /// What makes `x` unusable, such as a singular approximation.
    fn setup(&mut self, x: &V) -> Result<()>;

    /// `M⁻¹ v`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`](ad_api::AdError::Shape) for a vector of wrong length; the failure of the
    /// device.
    fn apply(&self, v: &V) -> Result<V>;
}

/// No preconditioner: `M = I`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity;

impl<V: Vector> Preconditioner<V> for Identity {
    fn setup(&mut self, _x: &V) -> Result<()> {
        Ok(())
    }

    fn apply(&self, v: &V) -> Result<V> {
        Ok(v.clone())
    }
}

/// A preconditioner whose applications are counted.
pub(crate) struct CountedPreconditioner<'a, M> {
    pub(crate) inner: &'a mut M,
    pub(crate) setups: usize,
    pub(crate) applications: Cell<usize>,
}

impl<'a, M> CountedPreconditioner<'a, M> {
    pub(crate) fn new(inner: &'a mut M) -> Self {
        CountedPreconditioner { inner, setups: 0, applications: Cell::new(0) }
    }
}

impl<V: Vector, M: Preconditioner<V>> Preconditioner<V> for CountedPreconditioner<'_, M> {
    fn setup(&mut self, x: &V) -> Result<()> {
        self.setups += 1;
        self.inner.setup(x)
    }

    fn apply(&self, v: &V) -> Result<V> {
        self.applications.set(self.applications.get() + 1);
        self.inner.apply(v)
    }
}
