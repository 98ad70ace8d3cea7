//! candle's tensors as ours.

use std::sync::Arc;

use ad_api::Result;
use ad_api::array::{Array, ArrayOp, Dims, Tensor, apply_rule_on_host};
use candle_core::DType;

use crate::error::engine;
use crate::graph::Graph;
use crate::known::Collector;
use crate::value::{shape, value};
use crate::{CandleDevice, Precision};

/// An array of candle: what a model computes with when candle runs it.
#[derive(Debug, Clone)]
pub struct CandleTensor {
    pub(crate) tensor: candle_core::Tensor,
    pub(crate) collector: Collector,
    /// Where operations on it are recorded, unless it is constant.
    pub(crate) graph: Option<Arc<Graph>>,
}

impl CandleTensor {
    /// The values of a tensor of candle, without a copy and without its own derivatives.
    ///
    /// Do not write to it afterwards ([`Var::set`](candle_core::Var::set) does): arrays that share
    /// its memory would change.
    ///
    /// # Errors
    ///
    /// [`AdError::Unsupported`](ad_api::AdError::Unsupported) unless it holds 32-bit or 64-bit numbers,
    /// [`AdError::Array`](ad_api::AdError::Array) for more axes than an [`Array`] may have.
    ///
    /// ```
    /// use ad_api::array::Array;
    /// use ad_candle::CandleTensor;
    /// use candle_core::{Device, Tensor};
    ///
    /// let x = Array::new(CandleTensor::new(&Tensor::new(&[1.0, 4.0], &Device::Cpu)?)?);
    /// let y: Tensor = x.sqrt().tensor()?.to_candle();
    /// assert_eq!(y.to_vec1::<f64>()?, [1.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(tensor: &candle_core::Tensor) -> Result<Self> {
        Precision::of(tensor.dtype())?;
        Dims::new(tensor.dims())?;
        Ok(CandleTensor::constant(tensor.detach()))
    }

    /// What has no derivatives.
    pub(crate) fn constant(tensor: candle_core::Tensor) -> Self {
        CandleTensor { tensor, collector: Collector::Nobody, graph: None }
    }

    /// The tensor of candle, without derivatives.
    pub fn to_candle(&self) -> candle_core::Tensor {
        self.tensor.detach()
    }

    /// The array with the values of a tensor of candle, as [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn array(tensor: &candle_core::Tensor) -> Result<Array<Self>> {
        Self::new(tensor).map(Array::new)
    }
}

impl Tensor for CandleTensor {
    type Device = CandleDevice;

    fn device(&self) -> CandleDevice {
        let precision = match self.tensor.dtype() {
            DType::F32 => Precision::F32,
            _ => Precision::F64,
        };
        CandleDevice::new(self.tensor.device().clone(), precision)
    }

    fn dims(&self) -> Dims {
        self.tensor.dims().iter().copied().collect()
    }

    fn precision(device: &CandleDevice) -> f64 {
        device.precision.unit()
    }

    #[allow(clippy::cast_possible_truncation, reason = "the device states its precision")]
    fn from_host(device: &CandleDevice, dims: Dims, entries: &[f64]) -> Result<Self> {
        let CandleDevice { device, precision } = device;
        let tensor = match precision {
            Precision::F64 => candle_core::Tensor::from_slice(entries, shape(dims), device),
            Precision::F32 => {
                let entries = entries.iter().map(|&entry| entry as f32).collect();
                candle_core::Tensor::from_vec(entries, shape(dims), device)
            }
        };
        tensor.map(CandleTensor::constant).map_err(engine("from_host"))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the device states its precision")]
    fn full(device: &CandleDevice, dims: Dims, value: f64) -> Result<Self> {
        let CandleDevice { device, precision } = device;
        let tensor = match precision {
            Precision::F64 => candle_core::Tensor::full(value, shape(dims), device),
            Precision::F32 => candle_core::Tensor::full(value as f32, shape(dims), device),
        };
        tensor.map(CandleTensor::constant).map_err(engine("full"))
    }

    fn is_constant(&self) -> bool {
        self.graph.is_none()
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        let entries = || match self.tensor.dtype() {
            DType::F32 => {
                let entries = self.tensor.flatten_all()?.to_vec1::<f32>()?;
                Ok(entries.into_iter().map(f64::from).collect())
            }
            _ => self.tensor.flatten_all()?.to_vec1(),
        };
        entries().map_err(engine("to_vec"))
    }

    fn apply(op: &ArrayOp, operands: &[&Self], dims: Dims) -> Result<Self> {
        // candle has views of nothing that begin behind their memory.
        if dims.count() == 0 {
            return CandleTensor::full(&operands[0].device(), dims, 0.0);
        }
        if let Some(graph) = operands.iter().find_map(|operand| operand.graph.as_ref()) {
            return graph.apply(op, operands, dims);
        }
        if let ArrayOp::Rule(rule) = op {
            return apply_rule_on_host(rule, operands[0], dims);
        }
        let result = with_tensors(operands, |x| value(op, x, dims));
        result.map(CandleTensor::constant).map_err(engine(op.name()))
    }
}

/// Calls `f` with the tensors of the operands, in no memory of its own for one or two.
pub(crate) fn with_tensors<R>(
    operands: &[&CandleTensor],
    f: impl FnOnce(&[&candle_core::Tensor]) -> R,
) -> R {
    match operands {
        [x] => f(&[&x.tensor]),
        [a, b] => f(&[&a.tensor, &b.tensor]),
        _ => f(&operands.iter().map(|x| &x.tensor).collect::<Vec<_>>()),
    }
}
