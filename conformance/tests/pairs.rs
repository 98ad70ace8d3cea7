//! Every engine over every other, to second and third order; and random programs through all.

use ad_api::HigherOrder;
use ad_conformance::{Program, Subject, random};
use ad_dual::{Dual, NumDual};
use ad_fd::Fd;
use ad_native_reverse::NativeReverse;
use proptest::prelude::*;

ad_conformance::pair_suite!(mod dual_over_dual: Dual::default(), Dual::default());
ad_conformance::pair_suite!(mod dual_over_reverse: Dual::default(), NativeReverse::default());
ad_conformance::pair_suite!(mod dual_over_fd: Dual::default(), Fd::default());
ad_conformance::pair_suite!(mod reverse_over_dual: NativeReverse::default(), Dual::default());
ad_conformance::pair_suite!(mod reverse_over_reverse: NativeReverse::default(), NativeReverse::default());
ad_conformance::pair_suite!(mod reverse_over_fd: NativeReverse::default(), Fd::default());
ad_conformance::pair_suite!(mod fd_over_dual: Fd::default(), Dual::default());
ad_conformance::pair_suite!(mod fd_over_reverse: Fd::default(), NativeReverse::default());
ad_conformance::pair_suite!(mod fd_over_fd: Fd::default(), Fd::default());

/// What the random programs run through, beside the first.
fn engines() -> Vec<Subject> {
    vec![
        Subject::new(Dual::default()),
        Subject::new(NumDual::default()),
        Subject::new(NativeReverse::default()),
        Subject::new(HigherOrder::new(Dual::default(), NativeReverse::default())),
        Subject::new(HigherOrder::new(NativeReverse::default(), Dual::default())),
        // Programs that compose eight functions vary on scales far below that of `x`.
        Subject::new(Fd::default()).tol(1e-7).second(1e-4),
    ]
}

fn all_agree(program: &Program, x: &[f64]) -> Result<(), String> {
    let engines = engines();
    let (first, others) = engines.split_first().expect("several engines");
    others.iter().try_for_each(|other| first.agrees_with(other, program, x))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_agree((program, x) in random::program()) {
        prop_assert_eq!(all_agree(&program, &x), Ok(()));
    }
}

#[test]
fn programs_that_once_differed_agree() {
    assert!(!random::regressions().is_empty());
    for (program, x) in random::regressions() {
        assert_eq!(all_agree(&program, &x), Ok(()));
    }
}

/// `a` over `b` over `c`: the third derivative of a composed backend, for different engines.
#[test]
fn triple_nesting_gives_third_derivatives() {
    use ad_conformance::Law;
    let (d, r) = (Dual::default(), NativeReverse::default());
    Subject::new(HigherOrder::new(d, HigherOrder::new(r, d))).assert(Law::ThirdDerivative);
    Subject::new(HigherOrder::new(r, HigherOrder::new(d, r))).assert(Law::ThirdDerivative);
    Subject::new(HigherOrder::new(r, HigherOrder::new(d, d))).assert(Law::ThirdDerivative);
    Subject::new(HigherOrder::new(Fd::default(), HigherOrder::new(d, r)))
        .assert(Law::ThirdDerivative);
}

/// The container of AbstractDifferentiation.jl: outermost first, taken apart from the inside.
#[test]
fn composed_backends_come_apart() {
    use ad_api::Backend;
    let (d, r, f) = (Dual::default(), NativeReverse::default(), Fd::default());
    let composed = HigherOrder::new(d, HigherOrder::new(r, HigherOrder::new(f.clone(), d)));
    assert_eq!(*composed.outer(), d);
    assert_eq!(*composed.inner().outer(), r);
    assert_eq!(*composed.inner().inner().outer(), f);
    assert_eq!(*composed.inner().inner().inner(), d);
    assert_eq!(ad_api::Engine::name(&composed), "dual over native-reverse over fd over dual");
}
