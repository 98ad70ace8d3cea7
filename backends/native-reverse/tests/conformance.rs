//! Runs the suite of every backend, in each mode.
use ad_native_reverse::NativeReverse;

ad_conformance::suite!(mod tape: NativeReverse::default());
ad_conformance::suite!(mod compiled: NativeReverse::compiled());
