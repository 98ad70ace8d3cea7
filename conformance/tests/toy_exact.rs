//! A forward and a reverse engine of a few lines, and the two composed.

mod toys;
use toys::{dual::ToyDual, reverse::ToyReverse};

ad_conformance::suite!(mod dual: ToyDual);
ad_conformance::suite!(mod reverse: ToyReverse);
ad_conformance::pair_suite!(mod dual_over_reverse: ToyDual, ToyReverse);
ad_conformance::pair_suite!(mod reverse_over_dual: ToyReverse, ToyDual);
