//! Counting copies between host and device.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ad_api::Result;
use ad_api::array::{ArrayOp, Dims, Tensor};

/// The device of [`Watched`] tensors: another device, on which every copy to the host and from it is
/// counted. Clones share the counts; devices made by [`new`](Watching::new) are different devices.
///
/// A test that a solver makes no copy of its state bounds the entries that it may copy:
///
/// ```
/// use ad_api::array::{Array, Host, HostTensor};
/// use ad_conformance::{Transfers, Watched, Watching};
///
/// let device = Watching::new(Host);
/// let x: Array<Watched<HostTensor<f64>>> = Array::from_host(&device, [3], &[1.0, 2.0, 2.0]);
/// assert_eq!(device.take(), Transfers { to_host: 0, from_host: 3 });
/// let norm = (&x * 2.0).norm().item()?;
/// assert_eq!((norm, device.take()), (6.0, Transfers { to_host: 1, from_host: 0 }));
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct Watching<D> {
    device: D,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    to_host: AtomicUsize,
    from_host: AtomicUsize,
}

/// Entries copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfers {
    /// From the device to the host.
    pub to_host: usize,
    /// From the host to the device. Filling an array with one value counts as none.
    pub from_host: usize,
}

impl<D> Watching<D> {
    /// `device`, with counts of zero.
    pub fn new(device: D) -> Self {
        Watching { device, counts: Arc::default() }
    }

    /// The entries copied since the last call, or since the beginning.
    pub fn take(&self) -> Transfers {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        Transfers { to_host: take(&self.counts.to_host), from_host: take(&self.counts.from_host) }
    }

    /// The device itself.
    pub fn device(&self) -> &D {
        &self.device
    }
}

impl<D: PartialEq> PartialEq for Watching<D> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.counts, &other.counts) && self.device == other.device
    }
}

impl<D: fmt::Debug> fmt::Debug for Watching<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watching").field(&self.device).finish()
    }
}

/// The arrays of any library, on a [`Watching`] device.
#[derive(Debug, Clone)]
pub struct Watched<T: Tensor> {
    tensor: T,
    device: Watching<T::Device>,
}

impl<T: Tensor> Watched<T> {
    /// The array of a library, as one on a watching device.
    pub fn new(tensor: T, device: &Watching<T::Device>) -> Self {
        Watched { tensor, device: device.clone() }
    }

    /// The array of the library.
    pub fn tensor(&self) -> &T {
        &self.tensor
    }
}

impl<T: Tensor> Tensor for Watched<T> {
    type Device = Watching<T::Device>;

    fn device(&self) -> Watching<T::Device> {
        self.device.clone()
    }

    fn dims(&self) -> Dims {
        self.tensor.dims()
    }

    fn precision(device: &Watching<T::Device>) -> f64 {
        T::precision(&device.device)
    }

    fn from_host(device: &Watching<T::Device>, dims: Dims, entries: &[f64]) -> Result<Self> {
        device.counts.from_host.fetch_add(entries.len(), Ordering::Relaxed);
        let tensor = T::from_host(&device.device, dims, entries)?;
        Ok(Watched { tensor, device: device.clone() })
    }

    fn full(device: &Watching<T::Device>, dims: Dims, value: f64) -> Result<Self> {
        let tensor = T::full(&device.device, dims, value)?;
        Ok(Watched { tensor, device: device.clone() })
    }

    fn is_constant(&self) -> bool {
        self.tensor.is_constant()
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        self.device.counts.to_host.fetch_add(self.dims().count(), Ordering::Relaxed);
        self.tensor.to_host()
    }

    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self> {
        let device = operands[0].device.clone();
        let operands: Vec<_> = operands.iter().map(|operand| &operand.tensor).collect();
        Ok(Watched { tensor: T::apply(op, &operands, dims)?, device })
    }
}
