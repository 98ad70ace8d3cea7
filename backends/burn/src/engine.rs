//! The engine: burn's reverse mode.

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, check_arrays, evaluate};
use ad_api::{Accuracy, AdError, Engine, Result};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::backend::{Autodiff, AutodiffBackend, Flex, TensorMetadata, ops::FloatTensorOps};

use crate::node::{Inner, Node, Value, caught, failed};
use crate::{BurnDevice, BurnTensor, NAME, Place, Precision, device, step};

/// burn behind the interface: its arrays, on its devices, differentiated by its backward pass.
///
/// ```
/// use ad_burn::{Burn, Precision};
///
/// let exact = Burn::cpu();
/// let quick = Burn::cpu().precision(Precision::F32);
/// # let _ = (exact, quick);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Burn {
    place: Place,
    precision: Precision,
}

impl Burn {
    /// On the processor, in 64 bits.
    pub fn cpu() -> Self {
        Burn::on(Place::default())
    }

    /// On the best GPU that burn finds through Vulkan, Metal or DirectX, in 32 bits, the only ones
    /// that are right there. The feature `wgpu` adds it.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] where there is none, or the feature is not compiled in.
    pub fn wgpu() -> Result<Self> {
        Ok(Burn::on(device::wgpu()?).precision(Precision::F32))
    }

    /// On an NVIDIA GPU, in 64 bits; `ordinal` counts them from 0. The feature `cuda` adds it.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`] where it is not there, or the feature is not compiled in.
    pub fn cuda(ordinal: usize) -> Result<Self> {
        Ok(Burn::on(device::cuda(ordinal)?))
    }

    /// On a device of burn, in 64 bits.
    pub fn on(place: Place) -> Self {
        Burn { place, precision: Precision::F64 }
    }

    /// In another precision. Whether the device has it shows in [`device`](ArrayBackend::device).
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }
}

impl Default for Burn {
    fn default() -> Self {
        Burn::cpu()
    }
}

impl Engine for Burn {
    fn name(&self) -> String {
        NAME.into()
    }

    fn accuracy(&self) -> Accuracy {
        match self.precision {
            Precision::F64 => Accuracy::Exact,
            Precision::F32 => Accuracy::Rounded { unit: Precision::F32.unit() },
        }
    }
}

ad_api::array_backend!(Burn);

impl ArrayBackend for Burn {
    type Tensor = BurnTensor;

    fn device(&self) -> Result<BurnDevice> {
        BurnDevice::new(self.place.clone(), self.precision)
    }

    fn value_and_pullbacks<F: ArrayFunction>(
        &self,
        f: &F,
        x: &[Array<BurnTensor>],
        y_bars: &[Arrays<Self>],
    ) -> Result<(Arrays<Self>, Vec<Arrays<Self>>)> {
        let device = self.device()?;
        for array in x.iter().chain(y_bars.iter().flatten()) {
            let found = array.device();
            if found != device {
                let reason = format!("an array lives on {found}, the engine on {device}");
                return Err(failed("pullback", reason));
            }
            if array.tensor()?.is_tracked() {
                return Err(AdError::Unsupported {
                    backend: self.name(),
                    operation: "pullback",
                    reason: "burn differentiates once, and these arrays are being differentiated; \
                             rules take derivatives of derivatives"
                        .into(),
                });
            }
        }
        y_bars.iter().try_for_each(|y_bar| check_arrays("cotangents", &f.outputs(), y_bar))?;
        match self.place {
            Place::Cpu(_) => value_and_pullbacks::<Flex, F>(f, x, y_bars),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Gpu(_) => value_and_pullbacks::<Cube, F>(f, x, y_bars),
        }
    }
}

fn value_and_pullbacks<B: Inner, F: ArrayFunction>(
    f: &F,
    x: &[Array<BurnTensor>],
    y_bars: &[Arrays<Burn>],
) -> Result<(Arrays<Burn>, Vec<Arrays<Burn>>)> {
    if y_bars.is_empty() {
        return Ok((evaluate(f, x)?, Vec::new()));
    }
    let (mut value, mut pullbacks) = (None, Vec::with_capacity(y_bars.len()));
    // burn's graph is gone after its first use: every cotangent has one of its own.
    for y_bar in y_bars {
        let inputs = nodes::<B>(x)?.into_iter().map(track).collect::<Vec<_>>();
        let arrays: Vec<_> = inputs.iter().map(|x| Array::new(B::wrap(x.clone()))).collect();
        let outputs = evaluate(f, &arrays)?;
        let outputs = nodes::<B>(&outputs)?;
        let y_bar = nodes::<B>(y_bar)?;
        pullbacks.push(caught("pullback", || pullback(&inputs, &outputs, &y_bar))?);
        let untracked = |y: &Node<B>| Array::new(B::wrap(y.detached()));
        value.get_or_insert_with(|| outputs.iter().map(|y| untracked(y)).collect());
    }
    Ok((value.unwrap_or_default(), pullbacks))
}

/// The cotangents of the inputs that those of the outputs give.
fn pullback<B: Inner>(
    inputs: &[Node<B>],
    outputs: &[&Node<B>],
    cotangents: &[&Node<B>],
) -> Arrays<Burn> {
    let seeds = outputs.iter().zip(cotangents).filter_map(|(y, w)| {
        match step::seed(y, w.primitive().clone()).value {
            Value::Tracked(seed) => Some(seed),
            Value::Plain(_) => None,
        }
    });
    let root = seeds.reduce(Autodiff::<B>::float_add);
    let mut gradients = root.map(Autodiff::<B>::backward);
    let mut of = |x: &Node<B>| {
        let Value::Tracked(leaf) = &x.value else { return None };
        Autodiff::<B>::grad_remove(leaf, gradients.as_mut()?)
    };
    let arrays = inputs.iter().map(|x| {
        let gradient = of(x).unwrap_or_else(|| {
            let x = x.primitive();
            B::float_zeros(x.shape(), &x.device(), x.dtype().into())
        });
        Array::new(B::wrap(Node::plain(x.dims, gradient)))
    });
    arrays.collect()
}

/// An input of burn's graph.
fn track<B: Inner>(x: &Node<B>) -> Node<B> {
    if x.dims.count() == 0 {
        return x.clone();
    }
    Node::tracked(x.dims, Autodiff::<B>::float_set_require_grad(x.recorded(), true))
}

fn nodes<B: Inner>(arrays: &[Array<BurnTensor>]) -> Result<Vec<&Node<B>>> {
    let elsewhere = || failed("pullback", "an array lives on another device");
    arrays.iter().map(|array| B::unwrap(array.tensor()?).ok_or_else(elsewhere)).collect()
}
