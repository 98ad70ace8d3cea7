//! burn passes the suite of backends, in both precisions.

use ad_burn::{Burn, Precision};

ad_conformance::suite!(mod in_64_bits: Burn::cpu());
ad_conformance::suite!(mod in_32_bits: Burn::cpu().precision(Precision::F32), except = [
    Nesting: "a derivative inside the function is recorded at a point that arrays round to 32 bits",
    ThirdDerivative: "the second derivative inside is recorded at a point that arrays round to 32 bits",
]);
