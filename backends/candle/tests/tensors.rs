//! The suite of array libraries, in both precisions.

use ad_candle::{CandleDevice, CandleTensor, Precision};
use candle_core::Device;

fn device(precision: Precision) -> CandleDevice {
    CandleDevice::new(Device::Cpu, precision)
}

ad_conformance::tensor_suite!(mod double: CandleTensor, device(Precision::F64));
ad_conformance::tensor_suite!(mod single: CandleTensor, device(Precision::F32));
