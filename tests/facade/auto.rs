//! `auto` picks a backend that is right, says why, and excludes those that are not.

use ad::prelude::*;
use ad::{Operation, Outcome};

use crate::function::Sample::{
    BadlyScaled, Failing, FailingOnDual, Long, Mixing, Potential, WrongOnDual,
};

fn auto(candidates: &[&str]) -> BackendConfig {
    let candidates = candidates.iter().map(|name| name.parse().unwrap()).collect();
    BackendConfig::Auto { candidates }
}

#[test]
fn every_candidate_is_accounted_for() {
    let x = [0.4, -1.3, 0.8];
    let choice = auto(&[]).choose(&Mixing, &x, &[Operation::Jacobian]).unwrap();
    let names: Vec<_> = choice.measurements.iter().map(|m| m.config.to_string()).collect();
    let compiled: Vec<_> = ad::backends().iter().map(Engine::name).collect();
    assert_eq!(names, compiled);
    for measurement in &choice.measurements {
        let fine = matches!(measurement.outcome, Outcome::Agrees { .. } | Outcome::Skipped { .. });
        assert!(fine, "{measurement}");
    }
    assert_eq!(choice.config.build().unwrap().name(), choice.backend.name());
    assert!(choice.reason.contains("jacobian"), "{}", choice.reason);
}

#[test]
fn second_order_tries_pairs() {
    let choice = auto(&[]).choose(&Potential, &[0.4, -1.3, 0.8], &[Operation::Hessian]).unwrap();
    assert_eq!(choice.measurements.len(), ad::backends().len().pow(2));
    let hessian = choice.backend.hessian(&Potential, &[0.4, -1.3, 0.8]).unwrap();
    let reference = NativeReverse::default().hessian(&Potential, &[0.4, -1.3, 0.8]).unwrap();
    assert!((hessian - reference).amax() < 1e-12, "{}", choice.reason);
}

#[test]
fn a_candidate_that_disagrees_with_the_others_is_excluded() {
    let candidates = auto(&["dual", "native-reverse", "fd"]);
    let choice = candidates.choose(&WrongOnDual, &[1.0, 2.0], &[Operation::Gradient]).unwrap();
    assert_eq!(choice.backend.name(), "native-reverse");
    let dual = &choice.measurements[0].outcome;
    assert!(
        matches!(dual, Outcome::Disagrees { difference, .. } if *difference > 0.009),
        "{dual:?}"
    );
    assert!(choice.reason.contains("excluded: `dual` (disagrees)"), "{}", choice.reason);
}

#[test]
fn inputs_of_very_different_size_count_alike() {
    let candidates = auto(&["dual", "num-dual", "native-reverse", "fd"]);
    for operation in [Operation::Jacobian, Operation::Hessian] {
        let choice = candidates.choose(&BadlyScaled, &[1e8, 1e-5], &[operation]).unwrap();
        for measurement in &choice.measurements {
            let disagrees = matches!(measurement.outcome, Outcome::Disagrees { .. });
            let wrong = measurement.config.kind() == "dual";
            assert_eq!(disagrees, wrong, "{operation:?}: {measurement}");
        }
    }
}

#[test]
fn a_candidate_that_fails_is_excluded() {
    let choice = auto(&["dual", "native-reverse"])
        .choose(&FailingOnDual, &[1.0, 2.0], &[Operation::Gradient])
        .unwrap();
    assert_eq!(choice.backend.name(), "native-reverse");
    assert!(choice.reason.contains("excluded: `dual` (failed)"), "{}", choice.reason);
    assert!(choice.reason.contains("no other result to compare with"), "{}", choice.reason);
}

#[test]
fn an_approximation_is_taken_only_where_nothing_exact_is_left() {
    let choice =
        auto(&["fd", "dual"]).choose(&FailingOnDual, &[1.0, 2.0], &[Operation::Gradient]).unwrap();
    assert_eq!(choice.backend.name(), "fd");
    assert!(choice.reason.contains("approximate"), "{}", choice.reason);
}

#[test]
fn forward_mode_is_not_run_where_its_evaluations_alone_take_longer() {
    let choice = auto(&["dual", "native-reverse"])
        .choose(&Long, &vec![0.5; 4000], &[Operation::Gradient])
        .unwrap();
    assert_eq!(choice.backend.name(), "native-reverse");
    let outcome = &choice.measurements[0].outcome;
    assert!(
        matches!(outcome, Outcome::Skipped { evaluations } if *evaluations >= 100),
        "{outcome:?}"
    );
    assert!(choice.reason.contains("; not run: `dual` (at least "), "{}", choice.reason);
}

#[test]
fn errors_of_the_problem_are_reported() {
    let fails = auto(&[]).choose(&Failing, &[1.0], &[Operation::Gradient]);
    assert!(matches!(fails, Err(AdError::Function(_))), "{fails:?}");
    let arity = auto(&[]).choose(&Mixing, &[1.0; 3], &[Operation::Gradient]);
    assert!(matches!(arity, Err(AdError::Arity { .. })), "{arity:?}");
    let length = auto(&[]).choose(&Mixing, &[1.0], &[Operation::Jacobian]);
    assert!(matches!(length, Err(AdError::Shape { .. })), "{length:?}");
    let nothing = auto(&[]).choose(&Mixing, &[1.0; 3], &[]);
    assert!(matches!(nothing, Err(AdError::Setting { setting: "operations", .. })), "{nothing:?}");
}

#[test]
fn a_definite_backend_is_taken_as_configured() {
    let config: BackendConfig = "native-reverse".parse().unwrap();
    let choice = config.choose(&Mixing, &[1.0; 3], &[Operation::Jacobian]).unwrap();
    assert_eq!(
        (choice.backend.name().as_str(), choice.reason.as_str()),
        ("native-reverse", "as configured")
    );
}
