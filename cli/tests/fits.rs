//! Fits of every NIST file, from both starts, against the certified values.

#![allow(clippy::unwrap_used, reason = "a failure of a helper is a failure of its test")]

use std::fs;
use std::path::Path;

use ad::AnyBackend;
use ad_cli::fit::{Fit, MethodName, log_relative_error};
use ad_cli::problem::{Problem, Request, Start};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/nist");

fn problems() -> Vec<Problem> {
    let mut files: Vec<_> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|path| Path::new(path).extension() == Some("dat".as_ref()))
        .collect();
    files.sort();
    assert_eq!(files.len(), 15);
    files.iter().map(|path| Problem::read(path, &Request::default()).unwrap().0).collect()
}

/// Fits everything and lists what falls short of `digits` in the parameters.
fn all_sets(backend: &str, method: MethodName, digits: f64) -> Vec<String> {
    let backend: AnyBackend = backend.parse().unwrap();
    let mut short = Vec::new();
    for problem in problems() {
        for start in [1, 2] {
            let start = Start::Prescribed(start);
            let values = problem.start(&start).unwrap();
            let fit = Fit::run(&problem, (start, &values), &backend, method, 10_000).unwrap();
            let found = fit.digits().unwrap();
            println!(
                "{:9} {:?}: {found:4.1} digits, {}, {} iterations, {} evaluations",
                fit.problem, fit.start, fit.status, fit.iterations, fit.counts.evaluations
            );
            if !fit.converged || found < digits {
                short.push(format!(
                    "{} {:?}: {found:.1} digits, {}",
                    fit.problem, fit.start, fit.reason
                ));
                continue;
            }
            // The sum of squares and the deviations of Lanczos1 are made of rounding errors.
            if fit.problem != "Lanczos1" {
                check_uncertainty(&problem, &fit, digits - 2.0);
            }
        }
    }
    short
}

fn check_uncertainty(problem: &Problem, fit: &Fit, digits: f64) {
    let certified = problem.certified.as_ref().unwrap();
    let rss = log_relative_error(fit.rss, certified.rss);
    assert!(rss >= 9.0, "{}: rss {} has {rss:.1} digits", fit.problem, fit.rss);
    for (parameter, &certified) in fit.parameters.iter().zip(&certified.standard_errors) {
        let found = log_relative_error(parameter.standard_error.unwrap(), certified);
        let name = &parameter.name;
        assert!(found >= digits, "{}: error of {name} has {found:.1} digits", fit.problem);
    }
}

#[test]
fn levenberg_marquardt_with_dual() {
    assert_eq!(all_sets("dual", MethodName::LevenbergMarquardt, 8.0), [""; 0]);
}

#[test]
fn levenberg_marquardt_with_native_reverse() {
    assert_eq!(all_sets("native-reverse", MethodName::LevenbergMarquardt, 8.0), [""; 0]);
}

#[test]
fn levenberg_marquardt_with_fd() {
    assert_eq!(all_sets("fd", MethodName::LevenbergMarquardt, 6.0), [""; 0]);
}

#[test]
fn digits_are_counted_as_nist_does() {
    assert_eq!(log_relative_error(2.0, 2.0), 11.0);
    assert!((log_relative_error(1.001, 1.0) - 3.0).abs() < 1e-9);
    assert!((log_relative_error(-99.9, -100.0) - 3.0).abs() < 1e-9);
    assert!((log_relative_error(1e-4, 0.0) - 4.0).abs() < 1e-9);
    assert_eq!(log_relative_error(5.0, 1.0), 0.0);
    assert_eq!(log_relative_error(f64::NAN, 1.0), 0.0);
    assert_eq!(log_relative_error(f64::INFINITY, 1.0), 0.0);
}
