//! candle's arrays pass the suite of array libraries, in either mode of ours too, and its reverse mode
//! that of derivatives of array programs.

use ad_api::array::{DualTensor, TapedTensor};
use ad_candle::{Candle, CandleDevice, CandleTensor, Precision};

ad_conformance::tensor_suite!(mod in_64_bits: CandleTensor, CandleDevice::cpu(Precision::F64));
ad_conformance::tensor_suite!(mod in_32_bits: CandleTensor, CandleDevice::cpu(Precision::F32));
ad_conformance::tensor_suite!(mod dual: DualTensor<CandleTensor>, CandleDevice::cpu(Precision::F64));
ad_conformance::tensor_suite!(mod taped: TapedTensor<CandleTensor>, CandleDevice::cpu(Precision::F64));

ad_conformance::array_suite!(mod derivatives_in_64_bits: Candle::cpu());
ad_conformance::array_suite!(mod derivatives_in_32_bits: Candle::cpu().precision(Precision::F32));
