//! Runs the suite of every backend.
ad_conformance::suite!(mod dual: ad_dual::Dual::default());
#[cfg(feature = "num-dual")]
ad_conformance::suite!(mod num_dual: ad_dual::NumDual::default());
