//! Cases on Apache Flink, which `tests/services/flink.sh` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::Case;
use super::run::consolidated;

/// What each case gives on Flink: its rows, consolidated and sorted, or an error.
pub(crate) fn run(cases: &[Case]) -> Vec<Result<Vec<String>, String>> {
    let folder = tempfile::tempdir().unwrap();
    let place = |number: usize| folder.path().join("cases").join(format!("{number:04}"));
    for (number, case) in cases.iter().enumerate() {
        lay_out(case, &place(number));
    }
    let install = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/services/flink.sh");
    let installed = Command::new(install).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let flink = String::from_utf8(installed.stdout).unwrap();
    let status = Command::new(flink.trim())
        .arg("judge")
        .arg(folder.path().join("cases"))
        .env("TMPDIR", folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "Flink ended with {status}");
    (0..cases.len()).map(|number| rows(&place(number))).collect()
}

/// The script and its files; Flink finds files by absolute paths only.
fn lay_out(case: &Case, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, content) in &case.files {
        fs::write(folder.join(name), content).unwrap();
    }
    let sql = format!("{}{}", case.setup, case.sql);
    let sql = sql.replace("'path' = '", &format!("'path' = '{}/", folder.display()));
    fs::write(folder.join("script.sql"), sql).unwrap();
}

/// What Flink left in a case's folder.
fn rows(folder: &Path) -> Result<Vec<String>, String> {
    if let Ok(error) = fs::read_to_string(folder.join("error.txt")) {
        return Err(error);
    }
    let text = fs::read_to_string(folder.join("rows.jsonl")).map_err(|error| error.to_string())?;
    consolidated(text.lines().map(|line| {
        let change: serde_json::Value = serde_json::from_str(line).unwrap();
        let cells = change["row"].as_array().unwrap().iter().map(|cell| cell.as_str().unwrap_or("NULL"));
        (cells.collect::<Vec<_>>().join(" | "), matches!(change["op"].as_str(), Some("+I" | "+U")))
    }))
}
