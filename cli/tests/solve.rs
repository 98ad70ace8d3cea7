//! `ad solve`: built-in systems by matrix-free methods.

#![allow(clippy::unwrap_used, reason = "a failure of a helper is a failure of its test")]

#[allow(dead_code, reason = "the folder of data is for fits")]
mod common;

use std::fs;

use common::{Ended, ad};
use serde_json::Value;

fn solve(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    ad(folder.path(), &[&["solve"], arguments].concat())
}

/// The keys of the JSON object, in order: scripts rely on them.
const KEYS: [&str; 18] = [
    "problem",
    "unknowns",
    "backend",
    "device",
    "precision",
    "method",
    "linear",
    "preconditioner",
    "status",
    "converged",
    "residual_norm",
    "minimum",
    "maximum",
    "largest_error",
    "iterations",
    "counts",
    "seconds",
    "history",
];

fn json(ended: &Ended) -> Value {
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut expected = KEYS;
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let places = KEYS.map(|key| ended.stdout.find(&format!("\n  \"{key}\": ")).unwrap());
    assert!(places.is_sorted(), "{}", ended.stdout);
    value
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn bratu_is_solved_as_the_documentation_shows() {
    let ended = solve(&["bratu", "--n", "64", "--lambda", "6", "--tolerance", "1e-12"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    for part in [
        "bratu, n = 64, lambda = 6; 4096 unknowns\n",
        "newton-krylov by gmres, preconditioner poisson; backend native-reverse on cpu in f64\n",
        "  iteration           |F|  forcing  linear iterations  step\n",
        " to 0.79667635\n",
        "  status      converged: the residual is small\n",
        "  work        5 iterations, ",
    ] {
        assert!(ended.stdout.contains(part), "no {part:?} in\n{}", ended.stdout);
    }
}

#[test]
fn json_has_the_promised_form() {
    let ended = solve(&["bratu-1d", "--n", "31", "--json", "--linear", "bicgstab"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let value = json(&ended);
    assert_eq!(value["problem"], "bratu-1d");
    assert_eq!(value["unknowns"], 31);
    assert_eq!((&value["device"], &value["precision"]), (&"cpu".into(), &"f64".into()));
    assert_eq!((&value["method"], &value["linear"]), (&"newton-krylov".into(), &"bicgstab".into()));
    assert_eq!(value["preconditioner"], "none");
    assert_eq!(value["status"], "SmallResidual");
    assert_eq!(value["converged"], true);
    assert!(value["largest_error"].is_null());
    let history = value["history"].as_array().unwrap();
    assert_eq!(history.len() as u64, value["iterations"].as_u64().unwrap() + 1);
    assert_eq!(history.last().unwrap()["residual_norm"], value["residual_norm"]);
    let linear: u64 = history.iter().map(|i| i["linear_iterations"].as_u64().unwrap()).sum();
    assert_eq!(value["counts"]["linear_iterations"].as_u64().unwrap(), linear);
}

#[test]
fn every_system_with_every_method() {
    for problem in ["bratu-1d", "chandrasekhar", "broyden", "rosenbrock"] {
        for linear in ["gmres", "bicgstab", "lsmr", "cgls"] {
            let method =
                if ["gmres", "bicgstab"].contains(&linear) { "nk" } else { "gauss-newton" };
            let ended =
                solve(&[problem, "--n", "20", "--method", method, "--linear", linear, "--json"]);
            assert_eq!(ended.code, 0, "{problem} {linear}: {}{}", ended.stdout, ended.stderr);
            let value = json(&ended);
            assert!(number(&value["residual_norm"]) <= 1e-7, "{problem} {linear}: {value}");
            if problem == "rosenbrock" {
                assert!(number(&value["largest_error"]) < 1e-6, "{linear}: {value}");
            }
        }
    }
    let ended = solve(&["convection-diffusion", "--n", "15", "--json"]);
    assert!(number(&json(&ended)["largest_error"]) < 1e-8, "{}", ended.stdout);
}

#[test]
fn scalar_backends_and_pairs_solve_the_same() {
    let solved = |backend| {
        let ended = solve(&["bratu", "--n", "7", "--json", "--backend", backend]);
        assert_eq!(ended.code, 0, "{backend}: {}{}", ended.stdout, ended.stderr);
        let value = json(&ended);
        (number(&value["maximum"]), value["iterations"].as_u64().unwrap())
    };
    let (expected, iterations) = solved("native-reverse");
    for backend in ["dual", "num-dual", "fd", "finitediff", "fd/dual", "dual over fd"] {
        let (maximum, found) = solved(backend);
        assert!((maximum - expected).abs() < 1e-8, "{backend}");
        assert_eq!(found, iterations, "{backend}");
    }
}

#[test]
fn what_does_not_converge_says_so() {
    let ended = solve(&["rosenbrock", "--n", "2", "--max-iterations", "2"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains("not converged: iteration limit reached"), "{}", ended.stdout);
    // Above the fold there is no solution.
    let ended = solve(&["bratu-1d", "--n", "31", "--lambda", "4", "--json"]);
    assert_eq!(ended.code, 1);
    assert_eq!(json(&ended)["converged"], false);
}

#[test]
fn a_stagnation_says_what_the_derivatives_have_to_do_with_it() {
    // A hair above the fold: |F| has a minimum that is no root.
    let stuck = |backend| {
        let ended = solve(&["bratu-1d", "--n", "31", "--lambda", "3.5138", "--backend", backend]);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stdout.contains("not converged: no step decreases"), "{}", ended.stdout);
        ended.stdout
    };
    let differences = "derivatives of finitediff are accurate to about 1e-10; whether that is why";
    assert!(stuck("finitediff").contains(differences));
    let exact = "derivatives of dual are exact to rounding, so |F| is all but least here";
    assert!(stuck("dual").contains(exact));
}

#[test]
fn a_plot_has_the_solution_and_the_residuals() {
    let folder = tempfile::tempdir().unwrap();
    for (problem, title) in [("bratu", "bratu, n = 20, lambda = 6"), ("broyden", "broyden, n = 20")]
    {
        let ended = ad(folder.path(), &["solve", problem, "--n", "20", "--plot", "solution.svg"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.ends_with("  plot        solution.svg\n"), "{}", ended.stdout);
        let svg = fs::read_to_string(folder.path().join("solution.svg")).unwrap();
        assert!(svg.contains(title) && svg.contains("log10 |F|"), "{problem}");
        assert!(svg.contains("newton-krylov by gmres"), "{problem}");
        let rectangles = svg.matches("<rect").count();
        assert_eq!(rectangles > 200, problem == "bratu", "{rectangles}");
    }
}

/// Exit code 2 and one line on standard error.
fn refused(arguments: &[&str], message: &str) {
    let ended = solve(arguments);
    assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stdout);
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(message), "{arguments:?}: {}", ended.stderr);
}

#[test]
fn wrong_input_is_named() {
    refused(&["heat"], "invalid value 'heat'");
    refused(&["bratu", "--n", "0"], "`n`");
    refused(&["rosenbrock", "--n", "3"], "even");
    refused(&["bratu", "--lambda", "nan"], "lambda");
    refused(
        &["broyden", "--lambda", "1"],
        "--lambda does not go with `broyden`: it is a parameter of `bratu` and `bratu-1d`",
    );
    refused(&["bratu", "--c", "1"], "--c does not go with `bratu`");
    refused(&["bratu", "--linear", "lsmr"], "it solves by `gmres` or `bicgstab`");
    refused(&["bratu", "--method", "gn", "--linear", "gmres"], "it solves by `lsmr` or `cgls`");
    refused(
        &["broyden", "--preconditioner", "poisson"],
        "--preconditioner poisson does not go with `broyden`: it is for `bratu` and",
    );
    refused(
        &["bratu", "--method", "gn", "--preconditioner", "poisson"],
        "`newton-krylov` takes one",
    );
    refused(&["bratu", "--tolerance", "-1"], "residual_tol");
    refused(&["bratu", "--device", "tpu"], "expected cpu, wgpu or cuda");
    refused(&["bratu", "--precision", "f16"], "expected f32 or f64");
    refused(&["bratu", "--backend", "magic"], "`magic`");
    refused(&["bratu", "--backend", "auto"], "name a backend from `ad backends`");
    refused(&["bratu", "--plot", "nowhere/solution.svg"], "cannot write nowhere/solution.svg");
}

#[test]
fn a_device_is_for_tensor_backends() {
    let message = "--device does not go with backend `dual`: it runs on the CPU in f64; ";
    refused(&["bratu", "--backend", "dual", "--device", "wgpu"], message);
    let message = "--precision does not go with backend `native-reverse`";
    refused(&["bratu", "--precision", "f32"], message);
    for backend in ["burn", "candle"] {
        let hint = if cfg!(feature = "burn") && backend == "burn"
            || cfg!(feature = "candle") && backend == "candle"
        {
            format!("`{backend}` has devices")
        } else {
            format!("`{backend}` would have devices: the feature `{backend}` adds it")
        };
        refused(&["bratu", "--device", "cpu"], &hint);
    }
}

#[cfg(not(feature = "burn"))]
#[test]
fn without_burn_the_message_names_what_there_is_and_the_feature() {
    let message = "`burn` is not compiled in: enable the feature `burn`";
    refused(&["bratu", "--backend", "burn"], message);
    refused(&["bratu", "--backend", "burn"], "native-reverse");
    refused(&["bratu", "--backend", "dual/burn"], message);
}

#[cfg(not(feature = "candle"))]
#[test]
fn without_candle_the_message_names_what_there_is_and_the_feature() {
    let message = "`candle` is not compiled in: enable the feature `candle`";
    refused(&["bratu", "--backend", "candle"], message);
    refused(&["bratu", "--backend", "candle"], "native-reverse");
}

#[cfg(any(feature = "burn", feature = "candle"))]
mod tensors {
    use super::*;

    #[cfg(feature = "burn")]
    const BACKEND: &str = "burn";
    #[cfg(not(feature = "burn"))]
    const BACKEND: &str = "candle";

    #[test]
    fn tensors_solve_the_same() {
        let solved = |arguments: &[&str]| {
            let ended = solve(&[&["bratu", "--n", "32", "--json"], arguments].concat());
            assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
            json(&ended)
        };
        let host = solved(&[]);
        let tensors = solved(&["--backend", BACKEND, "--device", "cpu"]);
        assert_eq!(tensors["backend"], BACKEND);
        assert_eq!(tensors["iterations"], host["iterations"]);
        assert!((number(&tensors["maximum"]) - number(&host["maximum"])).abs() < 1e-12);
        let pair = solved(&["--backend", &format!("dual/{BACKEND}")]);
        assert_eq!(pair["iterations"], host["iterations"]);
        // 32 bits: as far as rounding allows.
        let single = solved(&["--backend", BACKEND, "--precision", "f32"]);
        assert_eq!((&single["precision"], &single["converged"]), (&"f32".into(), &true.into()));
        assert!((number(&single["maximum"]) - number(&host["maximum"])).abs() < 1e-4);
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn a_missing_device_is_named_with_its_feature() {
        #[cfg(feature = "burn")]
        refused(
            &["bratu", "--backend", "burn", "--device", "wgpu"],
            "`cpu`; the feature `wgpu` of the crate `ad` adds GPUs",
        );
        #[cfg(feature = "candle")]
        refused(
            &["bratu", "--backend", "candle", "--device", "wgpu"],
            "candle has no `wgpu`, the backend `burn` has",
        );
        #[cfg(not(feature = "cuda"))]
        refused(
            &["bratu", "--backend", BACKEND, "--device", "cuda"],
            "the feature `cuda` of the crate `ad` adds NVIDIA GPUs",
        );
    }
}
