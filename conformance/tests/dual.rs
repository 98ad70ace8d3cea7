//! The crate of dual numbers, through everything.
ad_conformance::suite!(ad_dual::Dual::default());
