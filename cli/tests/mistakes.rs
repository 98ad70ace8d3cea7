//! Wrong input: exit code 2 and one clear line on standard error.

#![allow(clippy::unwrap_used, reason = "a failure of a helper is a failure of its test")]

mod common;

use std::fs;
#[cfg(target_os = "linux")]
use std::process::Command;

use common::{MODEL, START, ad, folder};
use tempfile::TempDir;

fn csv(file: &str) -> Vec<&str> {
    vec!["fit", file, "--model", MODEL, "--start", START]
}

fn with<'a>(mut arguments: Vec<&'a str>, more: &[&'a str]) -> Vec<&'a str> {
    arguments.extend(more);
    arguments
}

/// Checks exit code and message of every case; of a long message its beginning.
fn check(folder: &TempDir, cases: &[(Vec<&str>, &str)]) {
    for (arguments, message) in cases {
        let ended = ad(folder.path(), arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        let line = ended.stderr.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "{arguments:?}: more than one line: {line}");
        let found = line.strip_prefix("error: ").unwrap();
        assert!(found.starts_with(message), "{arguments:?}\n found: {found}\n expected: {message}");
    }
}

/// A folder with spoiled versions of a NIST file too.
fn with_spoiled() -> TempDir {
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
    folder
}

#[test]
fn files() {
    let cases = [
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
    ];
    check(&with_spoiled(), &cases);
}

#[test]
fn formulas() {
    let cases = [
        (
            vec!["fit", "model.dat"],
            "bad formula `b1*(1-exp[-b2*x)`: at column 16, expected an operator, a closing bracket \
             or the end, found `)`",
        ),
        (
            vec!["fit", "name.dat"],
            "formula `b1*(1-exp[-b3*x])`: at column 12, `b3` is neither a column (`x`) \
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
            "formula `b1*tiem`: at column 4, `tiem` is neither a column (`time`, `bod`) \
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
    ];
    check(&with_spoiled(), &cases);
}

#[test]
fn starts() {
    let cases = [
        (
            vec!["fit", "bod.csv", "--model", MODEL, "--start", "b1=200"],
            "formula `b1*(1-exp(-b2*time))`: at column 12, `b2` is neither a column \
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
    ];
    check(&folder(), &cases);
}

#[test]
fn options() {
    let cases = [
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
            vec!["fit", "Misra1a.dat", "--backend", "dual/auto"],
            "setting `inner` is \"auto\", expected a definite backend; `auto` cannot be part of a pair",
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
        (vec![], "'ad' requires a subcommand but one was not provided"),
        (vec!["fit"], "the following required arguments were not provided: <FILE>"),
        (vec!["compare", "missing.dat"], "cannot read missing.dat"),
        (vec!["backends", "--inputs", "0"], "invalid value '0' for '--inputs <N>'"),
    ];
    check(&folder(), &cases);
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written() {
    let folder = folder();
    for arguments in [
        ["fit", "Misra1a.dat"].as_slice(),
        &["fit", "Misra1a.dat", "--json"],
        &["compare", "Misra1a.dat"],
        &["backends"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_ad"))
            .current_dir(folder.path())
            .args(arguments)
            .stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let line = String::from_utf8(output.stderr).unwrap();
        let expected = "error: cannot write standard output: No space left on device";
        assert!(line.starts_with(expected) && line.lines().count() == 1, "{arguments:?}: {line}");
    }
}

#[test]
fn a_fit_that_cannot_start_leaves_no_plot() {
    let folder = folder();
    let picture = folder.path().join("fit.svg");
    let start = ["fit", "bod.csv", "--model", "b1*log(b2*time)", "--start", "b1=1,b2=-1"];
    let arguments = [start.as_slice(), &["--plot", "fit.svg"]].concat();
    let cases = [(arguments, "the fit cannot start: residual 0 is NaN at the start")];
    check(&folder, &cases);
    assert!(!picture.exists());
    fs::write(&picture, "an older picture").unwrap();
    check(&folder, &cases);
    assert_eq!(fs::read_to_string(&picture).unwrap(), "an older picture");
}
