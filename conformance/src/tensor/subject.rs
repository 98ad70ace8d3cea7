//! The array library under test, and how close it must come.

use ad_api::array::Tensor;

use super::case::Case;
use super::library::{Found, Library, Of};
use super::plain::Plain;

/// Rounding units of the terms of a result that a library may be off: elementary functions of a few
/// units each, and sums of a few dozen terms.
const ROUNDING_UNITS: f64 = 64.0;

/// An array library on one device, with the tolerance that it is held to: relative to the size of the
/// terms that an entry is a sum of, and by default 64 times the
/// [`precision`](ad_api::array::Tensor::precision) that the library states. What only moves entries
/// must be exact.
pub struct TensorSubject {
    name: String,
    tolerance: f64,
    pub(super) library: Box<dyn Library>,
}

impl TensorSubject {
    /// The arrays `T` on a device.
    pub fn new<T: Tensor>(device: T::Device) -> Self {
        let name = format!("{} on {device:?}", std::any::type_name::<T>());
        let library = Box::new(Of::<T> { device });
        TensorSubject { name, tolerance: ROUNDING_UNITS * library.precision(), library }
    }

    /// Replaces the tolerance.
    #[must_use]
    pub fn tol(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The type of the arrays, and their device.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub(super) fn tolerance(&self) -> f64 {
        self.tolerance
    }

    pub(super) fn precision(&self) -> f64 {
        self.library.precision()
    }

    /// What is wrong with the result of a case, if anything.
    pub(super) fn differs(&self, case: &Case) -> Option<String> {
        match self.library.compute(case) {
            Ok(found) => self.compare(&found, &case.expected()),
            Err(error) => Some(format!("failed: {error}")),
        }
    }

    /// What is wrong with an array, if anything.
    pub(super) fn compare(&self, found: &Found, expected: &Plain) -> Option<String> {
        if found.dims != expected.dims || found.entries.len() != expected.entries.len() {
            let count = found.entries.len();
            let (dims, expected) = (&found.dims, &expected.dims);
            return Some(format!("has shape {dims:?} and {count} entries, expected {expected:?}"));
        }
        let terms = expected.entries.iter().zip(&expected.sizes);
        let wrong =
            found.entries.iter().zip(terms).enumerate().find(|(_, (found, (value, size)))| {
                !close(**found, **value, self.tolerance * **size)
            });
        wrong.map(|(i, (found, (value, size)))| {
            let allowed = self.tolerance * size;
            format!("[{i}] is {found:e}, expected {value:e} (allowed error {allowed:.1e})")
        })
    }
}

/// Whether two numbers are the same up to an error; NaN is the same as NaN.
pub(super) fn close(found: f64, expected: f64, error: f64) -> bool {
    found == expected
        || (found.is_nan() && expected.is_nan())
        || (expected.is_finite() && (found - expected).abs() <= error)
}
