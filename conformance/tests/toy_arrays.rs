//! A closed engine of arrays, and both orders of it with an engine of numbers.

mod toys;

use ad_dual::Dual;
use toys::arrays::ToyArrays;

ad_conformance::suite!(mod alone: ToyArrays);
ad_conformance::pair_suite!(mod over_dual: ToyArrays, Dual::default());
ad_conformance::pair_suite!(mod under_dual: Dual::default(), ToyArrays);
