//! Runs the suite of every backend.
ad_conformance::suite!(ad_native_reverse::NativeReverse::default());
