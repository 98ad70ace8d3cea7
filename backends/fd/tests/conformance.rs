//! Runs the suite of every backend.
ad_conformance::suite!(mod adaptive: ad_fd::Fd::default());
ad_conformance::suite!(mod finitediff: ad_fd::FiniteDiff::default());
