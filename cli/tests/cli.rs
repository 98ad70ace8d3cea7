//! The command as a user meets it: output, exit codes, one clear line for every mistake.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/nist");
const MODEL: &str = "b1*(1-exp(-b2*time))";
const START: &str = "b1=200,b2=0.5";

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn ad(folder: &Path, arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_ad"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with the data of NIST's BoxBOD as CSV, and some files with mistakes in them.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("bod.csv", "time,bod\n1,109\n2,149\n3,149\n5,191\n7,213\n10,224\n"),
        (
            "bod.tsv",
            "# measured in mg/l\nbod\tnote\ttime\n109\tcold\t1\n149\t\t2\n149\t\t3\n191\t\t5\n213\t\t7\n224\t\t10\n",
        ),
        ("word.csv", "time,bod\n1,109\n2,149\n\n3,a lot\n"),
        ("windows.csv", "time,bod\r\n1,109\r\n# lost\r\n\r\n2,149\r\n3,?\r\n"),
        ("gap.csv", "time,bod\n1,109\n,149\n3,149\n"),
        ("nan.csv", "time,bod\n1,NaN\n2,149\n3,149\n"),
        ("ragged.csv", "time,bod\n1,109\n2,149,7\n3,149\n"),
        ("twice.csv", "time,time\n1,109\n2,149\n"),
        ("short.csv", "time,bod\n1,109\n"),
        ("headonly.csv", "time,bod\n"),
        ("empty.csv", ""),
        ("zero.csv", "time,bod\n1,109\n2,0\n3,149\n"),
        ("config.toml", "[backend]\nkind = \"native-reverse\"\n"),
        ("unknown.toml", "[backend]\nkind = \"magic\"\n"),
        ("broken.toml", "[backend]\nkind = \n"),
        ("surplus.toml", "[backend]\nkind = \"dual\"\nspeed = 9\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    for name in ["BoxBOD", "Misra1a", "Nelson"] {
        let name = format!("{name}.dat");
        fs::copy(format!("{FOLDER}/{name}"), folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn every_mistake_ends_with_code_2_and_one_clear_line() {
    let folder = folder();
    let dat = fs::read_to_string(folder.path().join("BoxBOD.dat")).unwrap();
    for (name, from, to) in [
        ("cell.dat", "      149             3", "      l49             3"),
        ("row.dat", "      149             3", "      149"),
        ("count.dat", "      149             3\n", ""),
        ("model.dat", "b1*(1-exp[-b2*x])", "b1*(1-exp[-b2*x)"),
        ("name.dat", "b1*(1-exp[-b2*x])", "b1*(1-exp[-b3*x])"),
        ("start.dat", "b1 =   1           100", "b1 =               100"),
        ("headless.dat", "Residual Sum of Squares:", "RSS:"),
    ] {
        assert!(dat.contains(from), "{name}");
        fs::write(folder.path().join(name), dat.replace(from, to)).unwrap();
    }
    let csv = |file: &'static str| vec!["fit", file, "--model", MODEL, "--start", START];
    let with = |mut arguments: Vec<&'static str>, more: &[&'static str]| {
        arguments.extend(more);
        arguments
    };
    let cases: Vec<(Vec<&str>, &str)> = vec![
        // Files
        (csv("missing.csv"), "cannot read missing.csv: No such file or directory (os error 2)"),
        (vec!["fit", "."], "cannot read .: Is a directory (os error 21)"),
        (
            csv("word.csv"),
            "word.csv, line 5, column `bod`: expected a finite number, found `a lot`",
        ),
        (
            csv("windows.csv"),
            "windows.csv, line 6, column `bod`: expected a finite number, found `?`",
        ),
        (csv("gap.csv"), "gap.csv, line 3, column `time`: expected a finite number, found nothing"),
        (csv("nan.csv"), "nan.csv, line 2, column `bod`: expected a finite number, found `NaN`"),
        (csv("ragged.csv"), "ragged.csv, line 3: expected 2 cells as in the header, found 3"),
        (csv("twice.csv"), "twice.csv, line 1: two columns have the name `time`"),
        (csv("short.csv"), "short.csv has 1 row, fewer than the 2 parameters of the model"),
        (csv("headonly.csv"), "headonly.csv has 0 rows, fewer than the 2 parameters of the model"),
        (
            csv("empty.csv"),
            "empty.csv, line 1: expected a header line with the names of the columns",
        ),
        (
            vec!["fit", "cell.dat"],
            "cell.dat, line 63, column `y`: expected a finite number, found `l49`",
        ),
        (
            vec!["fit", "row.dat"],
            "row.dat, line 63: expected 2 numbers, one for each column, found 1",
        ),
        (
            vec!["fit", "count.dat"],
            "count.dat, line 60: the data have 5 rows, but the header says 6 observations",
        ),
        (
            vec!["fit", "start.dat"],
            "start.dat, line 41: expected two starts, certified value and deviation, found 3 numbers",
        ),
        (
            vec!["fit", "headless.dat"],
            "headless.dat, line 66: the file ends without `Residual Sum of Squares:`",
        ),
        // Formulas
        (
            vec!["fit", "model.dat"],
            "bad formula `b1*(1-exp[-b2*x)`: at column 16, expected an operator, a closing bracket \
             or the end, found `)`",
        ),
        (
            vec!["fit", "name.dat"],
            "formula `b1*(1-exp[-b3*x])`: at column 12, `b3` is neither a column of name.dat (`x`) \
             nor a parameter with a start (`b1`, `b2`)",
        ),
        (
            vec!["fit", "bod.csv", "--model", "b1*(1-exp(-b2*time)", "--start", START],
            "bad formula `b1*(1-exp(-b2*time)`: at column 20, expected an operator, a closing \
             bracket or the end, found the end",
        ),
        (
            vec!["fit", "bod.csv", "--model", "b1*sni(time)", "--start", "b1=1"],
            "bad formula `b1*sni(time)`: at column 4, `sni` is no function; there are exp expm1",
        ),
        (
            vec!["fit", "bod.csv", "--model", "b1*tiem", "--start", "b1=1"],
            "formula `b1*tiem`: at column 4, `tiem` is neither a column of bod.csv (`time`, `bod`) \
             nor a parameter with a start (`b1`)",
        ),
        (
            vec!["fit", "bod.csv", "--model", "b1*bod", "--start", "b1=1"],
            "the response column `bod` is also in the model; name the response with --response",
        ),
        (
            with(csv("bod.csv"), &["--response", "doc"]),
            "bod.csv has no column `doc`; its columns are `time`, `bod`",
        ),
        (
            with(csv("zero.csv"), &["--response", "log(bod)"]),
            "zero.csv: the response log(bod) is -inf at row 2 of the data",
        ),
        // Starts
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "b1=200"],
            "formula `b1*(1-exp(-b2*time))`: at column 12, `b2` is neither a column of bod.csv \
             (`time`, `bod`) nor a parameter with a start (`b1`)",
        ),
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "b1=200,b2=.5,b3=1"],
            "--start names `b3`, which is no parameter of the model; its parameters are `b1`, `b2`",
        ),
        (vec!["fit", "Misra1a.dat", "--start", "b1=200"], "--start gives no value for `b2`"),
        (
            vec!["fit", "Misra1a.dat", "--start", "b1=200,b2=.5,c=1"],
            "--start names `c`, which is no parameter of the model; its parameters are `b1`, `b2`",
        ),
        (
            vec!["fit", "Misra1a.dat", "--start", "3"],
            "--start 3: expected 1 to 2, the starts in Misra1a.dat",
        ),
        (
            vec!["fit", "Misra1a.dat", "--start", "0"],
            "--start 0: expected 1 to 2, the starts in Misra1a.dat",
        ),
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "1"],
            "--start 1: expected values such as b1=500,b2=1e-4, since bod.csv has no starts",
        ),
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "b1"],
            "--start b1: expected 1, 2, or values such as b1=500,b2=1e-4",
        ),
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "b1=2OO,b2=1"],
            "--start b1=2OO,b2=1: expected name=number, found `b1=2OO`",
        ),
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "b1=2,b1=1"],
            "--start b1=2,b1=1: expected one value for each parameter, found two for `b1`",
        ),
        (
            vec!["fit", "bod.csv", "--model", "b1*log(b2*time)", "--start", "b1=1,b2=-1"],
            "the fit cannot start: residual 0 is NaN at the start",
        ),
        // Options
        (
            vec!["fit", "bod.csv", "--start", START],
            "bod.csv is read as CSV, since its first line is not that of a NIST StRD file: it needs \
             --model",
        ),
        (
            vec!["fit", "bod.csv", "--model", MODEL],
            "bod.csv is read as CSV, since its first line is not that of a NIST StRD file: it needs \
             --start",
        ),
        (
            vec!["fit", "Misra1a.dat", "--model", MODEL],
            "--model does not go with Misra1a.dat: a NIST StRD file states its own model and response",
        ),
        (
            vec!["fit", "Misra1a.dat", "--backend", "magic"],
            "unknown backend `magic`; available: dual, ",
        ),
        (
            vec!["fit", "Misra1a.dat", "--backend", "dual/magic"],
            "unknown backend `magic`; available: dual, ",
        ),
        (
            vec!["fit", "Misra1a.dat", "--config", "unknown.toml"],
            "unknown.toml, line 1: unknown backend `magic`; available: dual, ",
        ),
        (vec!["fit", "Misra1a.dat", "--config", "broken.toml"], "broken.toml, line 2: "),
        (vec!["fit", "Misra1a.dat", "--config", "surplus.toml"], "surplus.toml, line 1: "),
        (
            vec!["fit", "Misra1a.dat", "--config", "none.toml"],
            "cannot read none.toml: No such file or directory",
        ),
        (
            vec!["fit", "Misra1a.dat", "--plot", "no/such/folder.svg"],
            "cannot write no/such/folder.svg: No such file or directory",
        ),
        (
            vec!["fit", "Misra1a.dat", "--method", "simplex"],
            "invalid value 'simplex' for '--method",
        ),
        (vec!["fit", "Misra1a.dat", "--fast"], "unexpected argument '--fast' found"),
        (vec!["fit"], "the following required arguments were not provided: <FILE>"),
        (vec!["compare", "missing.dat"], "cannot read missing.dat"),
        (vec!["backends", "--inputs", "0"], "invalid value '0' for '--inputs <N>'"),
    ];
    for (arguments, message) in cases {
        let ended = ad(folder.path(), &arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        let line = ended.stderr.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{arguments:?}: more than one line: {line}");
        let found = line.strip_prefix("error: ").unwrap();
        assert!(
            found.starts_with(message),
            "{arguments:?}\n  found:    {found}\n  expected: {message}"
        );
    }
}

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
    for backend in ad::backends() {
        let name = ad_api::Engine::name(&backend);
        for part in [jacobian, hessian] {
            assert!(
                part.lines().any(|line| line.split_whitespace().next() == Some(&name)),
                "{name}"
            );
        }
    }
    assert!(hessian.contains("  dual over native-reverse  "), "{hessian}");
    assert!(hessian.contains("  native-reverse over dual  "), "{hessian}");
    for part in [jacobian, hessian] {
        assert_eq!(part.matches("reference\n").count() + part.matches("reference ").count(), 1);
        assert_eq!(part.matches("auto would pick ").count(), 1);
        assert!(!part.contains("failed"), "{part}");
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
