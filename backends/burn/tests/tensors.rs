//! burn's arrays pass the suite of array libraries.

use ad_api::array::ArrayBackend;
use ad_burn::{Burn, BurnTensor, Precision};

fn cpu(precision: Precision) -> ad_burn::BurnDevice {
    Burn::cpu().precision(precision).device().expect("the processor is always there")
}

ad_conformance::tensor_suite!(mod in_64_bits: BurnTensor, cpu(Precision::F64));
ad_conformance::tensor_suite!(mod in_32_bits: BurnTensor, cpu(Precision::F32));
