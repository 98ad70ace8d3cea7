//! burn's arrays pass the suite of array libraries.

use ad_burn::{BurnDevice, BurnTensor, Precision};

ad_conformance::tensor_suite!(mod in_64_bits: BurnTensor, BurnDevice::cpu(Precision::F64));
ad_conformance::tensor_suite!(mod in_32_bits: BurnTensor, BurnDevice::cpu(Precision::F32));
