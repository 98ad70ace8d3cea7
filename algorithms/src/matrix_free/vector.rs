//! Vectors that live where they like: on the host or on a device.

use std::fmt::Debug;

use ad_api::{AdError, Result};
use nalgebra::DVector;

/// An element of `ℝⁿ`, wherever its numbers are: all that matrix-free solvers know of it.
///
/// The only numbers that reach the host are those of [`dot`](Self::dot) and [`norm`](Self::norm),
/// one each, and the copy that [`to_host`](Self::to_host) makes; no solver calls that. The vector
/// may have any shape, such as a matrix of weights: its dot product is that of all its entries.
///
/// # Failure
///
/// What returns a number returns a [`Result`]. Arithmetic returns none: where a device fails in it,
/// the vector remembers that, and the next number asked of it is the error.
///
/// # Panics
///
/// Arithmetic panics for vectors of different lengths. Solvers check what user code hands them, so
/// that this is an error there.
pub trait Vector: Clone + Debug {
    /// The number of entries.
    fn len(&self) -> usize;

    /// A zero vector of the same shape in the same place.
    fn zeros_like(&self) -> Self;

    /// The relative rounding error of one operation on the entries.
    fn unit(&self) -> f64 {
        f64::EPSILON
    }

    /// `Σ xᵢ yᵢ`.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] for different lengths; the failure of the device.
    fn dot(&self, other: &Self) -> Result<f64>;

    /// `self ← a self`.
    fn scale(&mut self, a: f64);

    /// `self ← a x + b self`. If `b` is 0, the old entries of `self` do not matter, even if they
    /// are not finite.
    fn axpby(&mut self, a: f64, x: &Self, b: f64);

    /// A copy of the entries on the host.
    ///
    /// # Errors
    ///
    /// The failure of the device.
    fn to_host(&self) -> Result<Vec<f64>>;

    /// Whether there are no entries.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `√(Σ xᵢ²)`. Not finite if an entry is not, or if a square overflows.
    ///
    /// # Errors
    ///
    /// The failure of the device.
    fn norm(&self) -> Result<f64> {
        Ok(self.dot(self)?.sqrt())
    }

    /// `self ← self + a x`.
    fn axpy(&mut self, a: f64, x: &Self) {
        self.axpby(a, x, 1.0);
    }

    /// `a self`.
    #[must_use]
    fn scaled(&self, a: f64) -> Self {
        let mut scaled = self.clone();
        scaled.scale(a);
        scaled
    }

    /// `self + a x`.
    #[must_use]
    fn plus(&self, a: f64, x: &Self) -> Self {
        let mut sum = self.clone();
        sum.axpy(a, x);
        sum
    }
}

/// Arithmetic entry by entry, for methods such as [`Adam`](crate::matrix_free::Adam) that scale
/// each unknown by itself. Fails and panics as [`Vector`] does.
pub trait Elementwise: Vector {
    /// `selfᵢ ← selfᵢ otherᵢ`.
    fn multiply(&mut self, other: &Self);

    /// `selfᵢ ← selfᵢ / otherᵢ`.
    fn divide(&mut self, other: &Self);

    /// `selfᵢ ← √selfᵢ`.
    fn square_root(&mut self);

    /// `selfᵢ ← selfᵢ + a`.
    fn shift(&mut self, a: f64);

    /// `selfᵢ ← min(max(selfᵢ, -bound), bound)`.
    fn limit(&mut self, bound: f64);
}

impl Vector for DVector<f64> {
    fn len(&self) -> usize {
        self.nrows()
    }

    fn zeros_like(&self) -> Self {
        DVector::zeros(self.nrows())
    }

    fn dot(&self, other: &Self) -> Result<f64> {
        AdError::check_len("other", other.nrows(), self.nrows(), "the other factor")?;
        Ok(DVector::dot(self, other))
    }

    fn scale(&mut self, a: f64) {
        self.scale_mut(a);
    }

    fn axpby(&mut self, a: f64, x: &Self, b: f64) {
        DVector::axpy(self, a, x, b);
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        Ok(self.as_slice().to_vec())
    }
}

impl Elementwise for DVector<f64> {
    fn multiply(&mut self, other: &Self) {
        self.component_mul_assign(other);
    }

    fn divide(&mut self, other: &Self) {
        self.component_div_assign(other);
    }

    fn square_root(&mut self) {
        self.apply(|entry| *entry = entry.sqrt());
    }

    fn shift(&mut self, a: f64) {
        self.add_scalar_mut(a);
    }

    fn limit(&mut self, bound: f64) {
        self.apply(|entry| *entry = entry.clamp(-bound, bound));
    }
}
