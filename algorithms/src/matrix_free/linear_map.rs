//! Linear maps between vectors.

use std::cell::Cell;

use ad_api::{AdError, LinearOperator, Result};
use nalgebra::{DMatrix, DVector};

use super::Vector;

/// A linear map, known by its products with vectors.
///
/// # Laws
///
/// Both products are linear, and adjoint to each other: `⟨w, A v⟩ = ⟨Aᵀ w, v⟩`.
pub trait LinearMap<V: Vector> {
    /// `A v`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for a vector of wrong length; what the engine or the device reports.
    fn apply(&self, v: &V) -> Result<V>;

    /// `Aᵀ w`.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply), and [`AdError::Unsupported`] where there is no transpose.
    fn apply_transpose(&self, w: &V) -> Result<V>;
}

/// A [`LinearOperator`] of `ad-api` as a [`LinearMap`] between vectors on the host.
#[derive(Debug, Clone)]
pub struct HostMap<A>(pub A);

impl<A: LinearOperator> LinearMap<DVector<f64>> for HostMap<A> {
    fn apply(&self, v: &DVector<f64>) -> Result<DVector<f64>> {
        self.0.apply(v.as_slice())
    }

    fn apply_transpose(&self, w: &DVector<f64>) -> Result<DVector<f64>> {
        self.0.apply_transpose(w.as_slice())
    }
}

impl LinearMap<DVector<f64>> for DMatrix<f64> {
    fn apply(&self, v: &DVector<f64>) -> Result<DVector<f64>> {
        AdError::check_len("v", v.nrows(), self.ncols(), "the columns of the matrix")?;
        Ok(self * v)
    }

    fn apply_transpose(&self, w: &DVector<f64>) -> Result<DVector<f64>> {
        AdError::check_len("w", w.nrows(), self.nrows(), "the rows of the matrix")?;
        Ok(self.tr_mul(w))
    }
}

/// A map whose products are counted.
pub(crate) struct Counted<'a, A> {
    map: &'a A,
    pub(crate) products: Cell<usize>,
    pub(crate) transposed: Cell<usize>,
}

impl<'a, A> Counted<'a, A> {
    pub(crate) fn new(map: &'a A) -> Self {
        Counted { map, products: Cell::new(0), transposed: Cell::new(0) }
    }
}

impl<V: Vector, A: LinearMap<V>> LinearMap<V> for Counted<'_, A> {
    fn apply(&self, v: &V) -> Result<V> {
        self.products.set(self.products.get() + 1);
        self.map.apply(v)
    }

    fn apply_transpose(&self, w: &V) -> Result<V> {
        self.transposed.set(self.transposed.get() + 1);
        self.map.apply_transpose(w)
    }
}
