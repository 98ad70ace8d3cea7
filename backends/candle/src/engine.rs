//! The engine: candle's reverse mode.

use std::sync::Arc;

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, Dims, evaluate};
use ad_api::{Accuracy, AdError, Engine, Result};
use candle_core::{Device, Tensor};

use crate::error::engine;
use crate::graph::Graph;
use crate::partials::seed;
use crate::{CandleDevice, CandleTensor, Precision, device};

/// candle behind the interface: its arrays, on its devices, differentiated by its backward pass.
///
/// ```
/// use ad_candle::{Candle, Precision};
///
/// let exact = Candle::cpu();
/// let quick = Candle::cpu().precision(Precision::F32);
/// # let _ = (exact, quick);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Candle {
    device: CandleDevice,
}

impl Candle {
    /// On the CPU, in 64 bits.
    pub fn cpu() -> Self {
        Candle::on(Device::Cpu)
    }

    /// On an NVIDIA GPU, in 64 bits; `ordinal` counts them from 0. The feature `cuda` adds it.
    ///
    /// # Errors
    ///
    /// [`AdError::Engine`] if it is not there, or not compiled in.
    pub fn cuda(ordinal: usize) -> Result<Self> {
        Ok(Candle::on(device::cuda(ordinal)?))
    }

    /// On a device of candle, in 64 bits.
    pub fn on(device: Device) -> Self {
        Candle { device: CandleDevice::new(device, Precision::F64) }
    }

    /// In another precision.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.device.precision = precision;
        self
    }
}

impl Default for Candle {
    fn default() -> Self {
        Candle::cpu()
    }
}

impl Engine for Candle {
    fn name(&self) -> String {
        crate::NAME.into()
    }

    fn accuracy(&self) -> Accuracy {
        match self.device.precision {
            Precision::F64 => Accuracy::Exact,
            Precision::F32 => Accuracy::Rounded { unit: Precision::F32.unit() },
        }
    }
}

impl ArrayBackend for Candle {
    type Tensor = CandleTensor;

    fn device(&self) -> Result<CandleDevice> {
        Ok(self.device.clone())
    }

    fn value_and_pullbacks<F: ArrayFunction>(
        &self,
        f: &F,
        x: &[Array<CandleTensor>],
        y_bars: &[Arrays<Self>],
    ) -> Result<(Arrays<Self>, Vec<Arrays<Self>>)> {
        if y_bars.is_empty() {
            return Ok((evaluate(f, x)?, Vec::new()));
        }
        let graph = Arc::new(Graph::default());
        let inputs = x.iter().map(|x| graph.input(x.tensor()?));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let y = evaluate(f, &inputs.iter().cloned().map(Array::new).collect::<Vec<_>>())?;
        let outputs = tensors(&y)?;
        let cotangents = y_bars.iter().map(|y_bar| {
            check(&f.outputs(), y_bar)?;
            tensors(y_bar)
        });
        let cotangents = cotangents.collect::<Result<Vec<_>>>()?;

        graph.deepen(outputs.len());
        let pullbacks = graph.walk(|| {
            let pullbacks = cotangents.iter().map(|w| pullback(&inputs, &outputs, w));
            pullbacks.collect::<candle_core::Result<Vec<_>>>()
        })?;
        let pullbacks = pullbacks.map_err(engine("pullback"))?;
        let arrays = |tensors: &Vec<Tensor>| tensors.iter().map(untracked).collect();
        Ok((arrays(&outputs), pullbacks.iter().map(arrays).collect()))
    }
}

/// The cotangents of the inputs that one of the outputs gives.
fn pullback(
    inputs: &[CandleTensor],
    outputs: &[Tensor],
    cotangents: &[Tensor],
) -> candle_core::Result<Vec<Tensor>> {
    let mut start: Option<Tensor> = None;
    for (y, y_bar) in outputs.iter().zip(cotangents) {
        if y.track_op() {
            let number = seed(y, y_bar)?;
            start = Some(start.map_or(Ok(number.clone()), |sum| sum.add(&number))?);
        }
    }
    let gradients = start.map(|start| start.backward()).transpose()?;
    let of = |input: &CandleTensor| {
        let gradient = gradients.as_ref().and_then(|gradients| gradients.get(&input.tensor));
        gradient.map_or_else(|| input.tensor.zeros_like(), |gradient| Ok(gradient.detach()))
    };
    inputs.iter().map(of).collect()
}

fn untracked(tensor: &Tensor) -> Array<CandleTensor> {
    Array::new(CandleTensor { tensor: tensor.detach(), graph: None })
}

fn tensors(arrays: &[Array<CandleTensor>]) -> Result<Vec<Tensor>> {
    arrays.iter().map(|array| Ok(array.tensor()?.tensor.clone())).collect()
}

fn check(expected: &[Dims], found: &[Array<CandleTensor>]) -> Result<()> {
    if found.iter().map(Array::dims).eq(expected.iter().copied()) {
        return Ok(());
    }
    let list = |dims: &mut dyn Iterator<Item = Dims>| {
        dims.map(|dims| dims.to_string()).collect::<Vec<_>>().join(", ")
    };
    Err(AdError::Array {
        operation: "cotangents",
        found: list(&mut found.iter().map(Array::dims)),
        expected: list(&mut expected.iter().copied()),
    })
}
