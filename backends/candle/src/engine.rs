//! The engine: candle's reverse mode.

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, check_arrays, evaluate};
use ad_api::{Accuracy, Engine, Result};
use candle_core::Device;

use crate::error::engine;
use crate::graph::Graph;
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
    /// [`AdError::Engine`](ad_api::AdError::Engine) if it is not there, or not compiled in.
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

ad_api::array_backend!(Candle);

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
        let primals = x.iter().map(Array::tensor).collect::<Result<Vec<_>>>()?;
        if y_bars.is_empty() || x.is_empty() {
            return Ok((evaluate(f, x)?, vec![Vec::new(); y_bars.len()]));
        }
        let (graph, inputs) = Graph::new(&primals)?;
        let y = evaluate(f, &inputs.into_iter().map(Array::new).collect::<Vec<_>>())?;
        let outputs = y.iter().map(Array::tensor).collect::<Result<Vec<_>>>()?;

        let pullback = |y_bar: &Arrays<Self>| {
            check_arrays("cotangents", &f.outputs(), y_bar)?;
            let y_bar = y_bar.iter().map(|w| w.tensor().map(|w| &w.tensor));
            let sums = graph.pullback(&outputs, &y_bar.collect::<Result<Vec<_>>>()?)?;
            let cotangents = primals.iter().zip(sums).map(|(x, sum)| {
                let sum = sum.map_or_else(|| x.tensor.zeros_like(), Ok);
                Ok(Array::new(CandleTensor::constant(sum.map_err(engine("pullback"))?.detach())))
            });
            cotangents.collect()
        };
        let pullbacks = y_bars.iter().map(pullback).collect::<Result<Vec<_>>>()?;
        let values = outputs.iter().map(|y| CandleTensor::constant(y.tensor.detach()));
        Ok((values.map(Array::new).collect(), pullbacks))
    }
}
