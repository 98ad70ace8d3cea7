//! Data of a model that stay on the device.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Array, Dims, Tensor};
use crate::Result;

/// An array among the fields of an [`ArrayFunction`](super::ArrayFunction): copied to each device that
/// it is used on once, and kept there.
///
/// ```
/// use ad_api::array::{Array, Constant, HostTensor};
///
/// let observed = Constant::new([3], vec![1.0, 2.0, 4.0])?;
/// let x: Array<HostTensor<f64>> = Array::host([3], &[1.0, 1.0, 1.0])?;
/// assert_eq!((observed.beside(&x) - &x).to_vec()?, [0.0, 1.0, 3.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct Constant(Arc<Shared>);

struct Shared {
    dims: Dims,
    entries: Vec<f64>,
    /// One `T: Tensor` for each library and device.
    copies: Mutex<Vec<Box<dyn Any + Send + Sync>>>,
}

impl Constant {
    /// These entries, row by row.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`](crate::AdError::Shape) unless there are as many as the shape has.
    pub fn new(dims: impl Into<Dims>, entries: Vec<f64>) -> Result<Self> {
        let dims = dims.into();
        let reason = "the product of the sizes";
        crate::AdError::check_len("entries", entries.len(), dims.count(), reason)?;
        Ok(Constant(Arc::new(Shared { dims, entries, copies: Mutex::default() })))
    }

    /// The shape.
    pub fn dims(&self) -> Dims {
        self.0.dims
    }

    /// The entries on the host, row by row.
    pub fn entries(&self) -> &[f64] {
        &self.0.entries
    }

    /// The array on the device where `other` lives.
    pub fn beside<T: Tensor>(&self, other: &Array<T>) -> Array<T> {
        self.on(&other.device())
    }

    /// The array on a device.
    pub fn on<T: Tensor>(&self, device: &T::Device) -> Array<T> {
        Array::from_result(T::from_constant(device, self), device, self.dims())
    }

    /// The copy on a device, made when it is first asked for: see [`Tensor::from_constant`].
    pub(super) fn kept_on<T: Tensor>(&self, device: &T::Device) -> Result<T> {
        let shared = &self.0;
        let mut copies = shared.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let of_this_library = copies.iter().filter_map(|copy| copy.downcast_ref::<T>());
        for copy in of_this_library {
            if copy.device() == *device {
                return Ok(copy.clone());
            }
        }
        let copy = T::from_host(device, shared.dims, &shared.entries)?;
        copies.push(Box::new(copy.clone()));
        Ok(copy)
    }
}

impl fmt::Debug for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Constant{}", self.0.dims)
    }
}
