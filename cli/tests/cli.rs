//! The command as a user meets it: output and exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::unreadable_literal,
    reason = "a failure of a helper is a failure of its test"
)]

mod common;

use std::fs;
use std::path::Path;

use ad::AnyBackend;
use ad_api::{Accuracy, Backend, Engine};
use common::{Ended, MODEL, START, ad, folder};
use serde_json::Value;

#[test]
fn a_fit_shows_iterations_estimates_status_and_work() {
    let folder = folder();
    let ended = ad(folder.path(), &["fit", "Misra1a.dat", "--start", "2"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for part in [
        "Misra1a: y = b1*(1-exp[-b2*x])",
        "14 rows, 2 parameters; levenberg-marquardt with backend dual from start 2",
        "iteration  residual sum of squares",
        "\n          0         ",
        "b1         2.3894212918e+02  2.7070075241e+00  2.3894212918e+02    11.0\n",
        "residual sum of squares      1.2455138894e-01   certified 1.2455138894e-01, 10.5 digits",
        "residual standard deviation  1.0187876330e-01",
        "status                       converged: ",
        " of the model, ",
    ] {
        assert!(ended.stdout.contains(part), "no `{part}` in\n{}", ended.stdout);
    }
}

/// The promised keys, in the promised order.
const KEYS: [&str; 11] = [
    "problem",
    "backend",
    "method",
    "start",
    "status",
    "converged",
    "rss",
    "parameters",
    "iterations",
    "counts",
    "seconds",
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

#[test]
fn json_has_the_promised_form() {
    let folder = folder();
    let value = json(&ad(folder.path(), &["fit", "BoxBOD.dat", "--json", "--start", "2"]));
    assert_eq!(value["problem"], "BoxBOD");
    assert_eq!(value["backend"], "dual");
    assert_eq!(value["method"], "levenberg-marquardt");
    assert_eq!(value["start"], 2);
    assert_eq!(value["converged"], true);
    assert!((value["rss"].as_f64().unwrap() - 1.1680088766E+03).abs() < 1e-6);
    assert!(value["iterations"].as_u64().unwrap() > 0);
    assert!(value["counts"]["jacobians"].as_u64().unwrap() > 0);
    assert!(value["seconds"].as_f64().unwrap() > 0.0);
    let b1 = &value["parameters"][0];
    assert_eq!(b1["name"], "b1");
    assert_eq!(b1["certified"], 2.1380940889E+02);
    assert!(b1["digits"].as_f64().unwrap() > 8.0);
    assert!((b1["standard_error"].as_f64().unwrap() / 1.2354515176E+01 - 1.0).abs() < 1e-8);
}

#[test]
fn csv_gives_the_same_fit_with_nothing_certified() {
    let folder = folder();
    let model = format!("bod = {MODEL}");
    for arguments in [
        ["fit", "bod.csv", "--model", MODEL, "--start", START, "--json"].as_slice(),
        &["fit", "bod.tsv", "--model", &model, "--start", START, "--json"],
        &["fit", "bod.tsv", "--model", MODEL, "--response", "bod", "--start", START, "--json"],
    ] {
        let ended = ad(folder.path(), arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let value = json(&ended);
        assert_eq!(value["problem"], "bod");
        assert_eq!(value["start"]["b1"], 200.0);
        let b1 = &value["parameters"][0];
        assert!((b1["estimate"].as_f64().unwrap() / 2.1380940889E+02 - 1.0).abs() < 1e-8);
        assert!(b1["certified"].is_null() && b1["digits"].is_null());
    }
}

#[test]
fn as_many_rows_as_parameters_leave_no_standard_errors() {
    let folder = folder();
    fs::write(folder.path().join("two.csv"), "x,y\n1,3\n2,5\n").unwrap();
    let arguments = ["fit", "two.csv", "--model", "a+b*x", "--start", "a=0,b=0", "--json"];
    let ended = ad(folder.path(), &arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let value = json(&ended);
    assert!((value["parameters"][0]["estimate"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(value["parameters"][0]["standard_error"].is_null());
    assert_eq!(ad(folder.path(), &arguments[..6]).code, 0);
}

#[test]
fn parameters_that_the_data_do_not_determine_are_named() {
    let folder = folder();
    for (model, start, note) in [
        ("b1+0*b2*time", "b1=1,b2=1", "note                         b2 is not determined"),
        ("b0+b1*b2*time", "b0=1,b1=1,b2=1", "note                         b1 and b2 are not"),
    ] {
        let arguments = ["fit", "bod.csv", "--model", model, "--start", start];
        let ended = ad(folder.path(), &arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert!(ended.stdout.contains(note), "{}", ended.stdout);
        let value = json(&ad(folder.path(), &[arguments.as_slice(), &["--json"]].concat()));
        assert!(
            value["parameters"].as_array().unwrap().last().unwrap()["standard_error"].is_null()
        );
    }
    let determined = ad(folder.path(), &["fit", "Misra1a.dat"]).stdout;
    assert!(!determined.contains("not determined"), "{determined}");
}

#[test]
fn a_fit_that_does_not_converge_ends_with_code_1_and_its_best_point() {
    let folder = folder();
    let arguments = ["fit", "Misra1a.dat", "--max-iterations", "3"];
    let ended = ad(folder.path(), &arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    assert!(ended.stdout.contains("status                       not converged: iteration limit"));
    assert!(ended.stdout.contains("  b1  "));

    let ended = ad(folder.path(), &[arguments.as_slice(), &["--json"]].concat());
    assert_eq!(ended.code, 1);
    let value = json(&ended);
    assert_eq!((&value["converged"], &value["status"]), (&false.into(), &"IterationLimit".into()));
    assert_eq!(value["iterations"], 3);
    assert!(value["parameters"][1]["estimate"].is_number());
    // The best point is better than the start.
    let start =
        json(&ad(folder.path(), &["fit", "Misra1a.dat", "--max-iterations", "0", "--json"]));
    assert!(value["rss"].as_f64() < start["rss"].as_f64());
}

#[test]
fn both_methods_and_every_way_to_name_a_backend() {
    let folder = folder();
    for (arguments, method, backend) in [
        (["--method", "gauss-newton"], "gauss-newton", "dual"),
        (["--method", "gn"], "gauss-newton", "dual"),
        (["--method", "lm"], "levenberg-marquardt", "dual"),
        (["--backend", "native-reverse"], "levenberg-marquardt", "native-reverse"),
        (["--config", "config.toml"], "levenberg-marquardt", "native-reverse"),
        (["--config", "compiled.toml"], "levenberg-marquardt", "native-reverse"),
        (["--backend", "dual/native-reverse"], "levenberg-marquardt", "dual over native-reverse"),
    ] {
        let arguments = [&["fit", "BoxBOD.dat", "--start", "2", "--json"], &arguments[..]].concat();
        let ended = ad(folder.path(), &arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        let value = json(&ended);
        assert_eq!((&value["method"], &value["backend"]), (&method.into(), &backend.into()));
        assert!(value["parameters"][1]["digits"].as_f64().unwrap() > 8.0);
    }
    let ended = ad(folder.path(), &["fit", "BoxBOD.dat", "--backend", "auto"]);
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.starts_with("auto picked "), "{}", ended.stdout);
}

#[test]
fn a_plot_has_the_data_the_curve_and_the_residuals() {
    let folder = folder();
    for (name, rows, labels) in [
        ("Misra1a", 14, [">y<", ">x<", ">fitted model<"]),
        ("Nelson", 128, [">observed log[y]<", ">predicted log[y]<", ">observed = predicted<"]),
    ] {
        let file = format!("{name}.dat");
        let ended = ad(folder.path(), &["fit", &file, "--plot", "fit.svg"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert!(ended.stdout.contains("plot                         fit.svg"));
        // The text of an element stands on a line of its own.
        let svg = fs::read_to_string(folder.path().join("fit.svg")).unwrap().replace('\n', "");
        assert!(svg.starts_with(r#"<svg width="900" height="720" viewBox="#));
        for label in labels.into_iter().chain([">residual<", ">data<"]) {
            assert!(svg.contains(label), "{name}: no {label}");
        }
        // Each row in both panels, and one in the legend.
        assert_eq!(svg.matches("<circle").count(), 2 * rows + 1, "{name}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn compare_shows_all_backends_and_pairs() {
    let folder = folder();
    let ended = ad(folder.path(), &["compare", "Misra1a.dat", "--start", "2"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let (jacobian, hessian) = ended.stdout.split_once("Hessian of half").unwrap();
    let engines = ad::backends();
    let different = |pair: &AnyBackend| pair.outer().name() != pair.inner().name();
    let pairs: Vec<_> = ad::pairs().into_iter().filter(different).collect();
    assert_eq!(pairs.len(), engines.len() * (engines.len() - 1));
    for (part, backends) in [(jacobian, engines.clone()), (hessian, [engines, pairs].concat())] {
        let mut references = 0;
        for backend in backends {
            let start = format!("  {}  ", backend.name());
            let mut rows = part.lines().filter(|line| line.starts_with(&start));
            let row = rows.next().unwrap_or_else(|| panic!("no row {start} in\n{part}"));
            assert!(rows.next().is_none(), "{row}");
            let difference = row[start.len()..].split_whitespace().next().unwrap();
            references += usize::from(difference == "reference");
            let exact = [backend.outer(), backend.inner()].map(Engine::accuracy);
            if exact == [Accuracy::Exact; 2] && difference != "reference" {
                assert!(difference.parse::<f64>().unwrap() < 1e-12, "{row}");
            }
        }
        assert_eq!(references, 1, "{part}");
        assert_eq!(part.matches("auto would pick ").count(), 1, "{part}");
    }
}

#[test]
fn backends_lists_the_capability_table() {
    let ended = ad(Path::new("."), &["backends", "--inputs", "3", "--outputs", "5"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for kind in ad::kinds() {
        assert!(ended.stdout.contains(kind.summary), "{}", kind.name);
    }
    let row = |name: &str| ended.stdout.lines().find(|l| l.trim_start().starts_with(name)).unwrap();
    for operation in ad_api::Operation::ALL {
        assert!(
            row(operation.name()).contains("native (")
                || row(operation.name()).contains("derived (")
        );
    }
    assert!(row("jacobian").contains("R^3 -> R^5"));
    assert!(row("accuracy").contains("exact"));
}

#[test]
fn help_is_on_standard_output() {
    for arguments in [&["--help"][..], &["fit", "--help"], &["compare", "--help"], &["--version"]] {
        let ended = ad(Path::new("."), arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert!(!ended.stdout.is_empty());
    }
    let help = ad(Path::new("."), &["fit", "--help"]).stdout;
    for function in ad_cli::formula::FUNCTIONS.split_whitespace() {
        assert!(help.contains(function.trim_start_matches("arc")), "{function}");
    }
}
