//! Where candle computes, and in which precision.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ad_api::{AdError, Result};
use candle_core::{DType, Device};

use crate::error::engine;

/// The precision of the numbers of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32 bits, the one that GPUs are fast in.
    F32,
    /// 64 bits.
    #[default]
    F64,
}

impl Precision {
    /// The relative rounding error of one operation.
    pub fn unit(self) -> f64 {
        match self {
            Precision::F32 => f32::EPSILON.into(),
            Precision::F64 => f64::EPSILON,
        }
    }

    /// # Errors
    ///
    /// [`AdError::Unsupported`] for half precisions and integers.
    pub(crate) fn of(dtype: DType) -> Result<Self> {
        match dtype {
            DType::F32 => Ok(Precision::F32),
            DType::F64 => Ok(Precision::F64),
            other => Err(AdError::Unsupported {
                backend: crate::NAME.into(),
                operation: "from candle",
                reason: format!("numbers of type {other:?}; `to_dtype` makes F32 or F64 of them"),
            }),
        }
    }
}

/// A device of candle and a precision: where a [`CandleTensor`](crate::CandleTensor) lives.
#[derive(Debug, Clone)]
pub struct CandleDevice {
    pub(crate) device: Device,
    pub(crate) precision: Precision,
}

impl CandleDevice {
    /// A device of candle, and the precision of arrays made there.
    pub fn new(device: Device, precision: Precision) -> Self {
        CandleDevice { device, precision }
    }

    /// The CPU.
    pub fn cpu(precision: Precision) -> Self {
        CandleDevice::new(Device::Cpu, precision)
    }

    /// candle's device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The precision.
    pub fn precision(&self) -> Precision {
        self.precision
    }
}

impl PartialEq for CandleDevice {
    fn eq(&self, other: &Self) -> bool {
        self.precision == other.precision && self.device.same_device(&other.device)
    }
}

/// The CUDA device with this number, one and the same at each call: candle takes two handles of the
/// same GPU for different devices.
///
/// # Errors
///
/// [`AdError::Engine`] if the device is not there, or candle was compiled without it.
pub(crate) fn cuda(ordinal: usize) -> Result<Device> {
    static OPEN: Mutex<Option<HashMap<usize, Device>>> = Mutex::new(None);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    if let Some(device) = open.get(&ordinal) {
        return Ok(device.clone());
    }
    let device = Device::new_cuda(ordinal).map_err(engine("device"))?;
    open.insert(ordinal, device.clone());
    Ok(device)
}
