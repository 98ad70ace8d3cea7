//! Runs the suite of every backend, in both precisions.
use ad_burn::{Burn, Precision};
ad_conformance::suite!(Burn::cpu());
ad_conformance::suite!(mod single: Burn::cpu().precision(Precision::F32));
