//! Runs the suite of every backend, in both precisions.
use ad_candle::{Candle, Precision};
ad_conformance::suite!(Candle::cpu());
ad_conformance::suite!(mod single: Candle::cpu().precision(Precision::F32));
