//! burn's arrays pass the suite of array libraries, and its reverse mode that of their derivatives.

use ad_burn::{Burn, BurnDevice, BurnTensor, Precision};

ad_conformance::tensor_suite!(mod in_64_bits: BurnTensor, BurnDevice::cpu(Precision::F64));
ad_conformance::tensor_suite!(mod in_32_bits: BurnTensor, BurnDevice::cpu(Precision::F32));

ad_conformance::array_suite!(mod derivatives_in_64_bits: Burn::cpu());
ad_conformance::array_suite!(mod derivatives_in_32_bits: Burn::cpu().precision(Precision::F32));
