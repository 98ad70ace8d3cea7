//! The NIST files, as they are.

#![allow(
    clippy::unwrap_used,
    clippy::unreadable_literal,
    reason = "a failure of a helper is a failure of its test"
)]

use std::fs;

use ad_api::Function;
use ad_cli::model::Output;
use ad_cli::problem::{Problem, Request, Start};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/nist");

fn read(name: &str) -> Problem {
    Problem::read(&format!("{FOLDER}/{name}.dat"), &Request::default()).unwrap().0
}

/// Name, rows, parameters and predictors of every file.
const FILES: [(&str, usize, usize, usize); 15] = [
    ("Bennett5", 154, 3, 1),
    ("BoxBOD", 6, 2, 1),
    ("Chwirut2", 54, 3, 1),
    ("DanWood", 6, 2, 1),
    ("ENSO", 168, 9, 1),
    ("Gauss1", 250, 8, 1),
    ("Gauss3", 250, 8, 1),
    ("Kirby2", 151, 5, 1),
    ("Lanczos1", 24, 6, 1),
    ("Lanczos3", 24, 6, 1),
    ("MGH09", 11, 4, 1),
    ("Misra1a", 14, 2, 1),
    ("Misra1c", 14, 2, 1),
    ("Nelson", 128, 3, 2),
    ("Rat42", 9, 3, 1),
];

#[test]
fn every_file_is_in_the_table() {
    let mut found: Vec<_> = fs::read_dir(FOLDER)
        .unwrap()
        .filter_map(|entry| {
            Some(entry.unwrap().file_name().to_str()?.strip_suffix(".dat")?.to_owned())
        })
        .collect();
    found.sort();
    assert_eq!(found, FILES.map(|(name, ..)| name));
}

#[test]
fn the_certified_point_has_the_certified_residual_sum_of_squares() {
    for (name, rows, parameters, predictors) in FILES {
        let problem = read(name);
        assert_eq!(problem.name, name);
        assert_eq!(problem.observed.len(), rows, "{name}");
        assert_eq!(problem.parameters.len(), parameters, "{name}");
        assert_eq!(problem.predictors.len(), predictors, "{name}");
        let certified = problem.certified.as_ref().unwrap();
        let mut r = vec![0.0; rows];
        problem.function(Output::Residuals).unwrap().eval(&certified.estimates, &mut r).unwrap();
        let rss: f64 = r.iter().map(|r| r * r).sum();
        let error = ((rss - certified.rss) / certified.rss).abs();
        // Lanczos1: rounding the certified parameters to 11 digits alone moves each residual by
        // about 1e-11, a hundred times the certified residual of 1e-13: its square is noise.
        if name == "Lanczos1" {
            assert!(rss < 1e-20, "{name}: {rss:e}");
        } else {
            assert!(error < 1e-10, "{name}: {rss:e} instead of {:e}", certified.rss);
        }
    }
}

#[test]
fn starts_are_those_of_the_file() {
    let problem = read("Misra1a");
    assert_eq!(problem.parameters, ["b1", "b2"]);
    assert_eq!(problem.starts, [[500.0, 0.0001], [250.0, 0.0005]]);
    assert_eq!(problem.start(&Start::Prescribed(2)).unwrap(), [250.0, 0.0005]);
    let certified = problem.certified.unwrap();
    assert_eq!(certified.estimates, [2.3894212918E+02, 5.5015643181E-04]);
    assert_eq!(certified.standard_errors, [2.7070075241E+00, 7.2668688436E-06]);
    assert_eq!(certified.rss, 1.2455138894E-01);
}

#[test]
fn models_are_read_over_several_lines_and_without_the_error_term() {
    let enso = read("ENSO");
    assert_eq!(enso.response.text(), "y");
    assert!(enso.model.text().starts_with("b1 + b2*cos( 2*pi*x/12 ) + b3*sin( 2*pi*x/12 )"));
    assert!(enso.model.text().ends_with("b8*cos( 2*pi*x/b7 ) + b9*sin( 2*pi*x/b7 )"));
    let kirby = read("Kirby2");
    assert_eq!(kirby.model.text(), "(b1 + b2*x + b3*x**2) / (1 + b4*x + b5*x**2)");
}

#[test]
fn a_transformed_response_is_observed_transformed() {
    let nelson = read("Nelson");
    assert_eq!(nelson.response.text(), "log[y]");
    assert_eq!(nelson.observed[0], 15.0_f64.ln());
    let names: Vec<_> = nelson.predictors.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["x1", "x2"]);
}

#[test]
fn constants_defined_before_the_model_are_no_part_of_it() {
    // The form of NIST's Roszman1.
    let text = fs::read_to_string(format!("{FOLDER}/DanWood.dat")).unwrap().replace(
        "y  = b1*x**b2  +  e",
        "pi = 3.141592653589793238462643383279E0\n               y = b1 - arctan[b2/x]/pi  +  e",
    );
    let problem = ad_cli::nist::read("Roszman.dat", &text).unwrap();
    assert_eq!(problem.model.text(), "b1 - arctan[b2/x]/pi");
}

#[test]
fn windows_line_ends_make_no_difference() {
    let text = fs::read_to_string(format!("{FOLDER}/Nelson.dat")).unwrap();
    let unix = ad_cli::nist::read("Nelson.dat", &text).unwrap();
    let windows = ad_cli::nist::read("Nelson.dat", &text.replace('\n', "\r\n")).unwrap();
    assert_eq!(windows.observed, unix.observed);
    assert_eq!(windows.model, unix.model);
    assert_eq!(windows.starts, unix.starts);
}
