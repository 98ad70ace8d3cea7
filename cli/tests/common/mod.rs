//! Runs the command in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/nist");
pub(crate) const MODEL: &str = "b1*(1-exp(-b2*time))";
pub(crate) const START: &str = "b1=200,b2=0.5";

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn ad(folder: &Path, arguments: &[&str]) -> Ended {
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

/// A folder with the data of NIST's `BoxBOD` as CSV, and some files with mistakes in them.
pub(crate) fn folder() -> TempDir {
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
        ("compiled.toml", "[backend]\nkind = \"native-reverse\"\nmode = \"compiled\"\n"),
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
