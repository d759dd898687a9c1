//! Verdicts on pairs of random schemas, beside those of others' checkers: Apache Avro's own, and Everit's validator of JSON Schema.
//!
//! `tests/services/java.sh` fetches what they need at first use. `JUDGED=n` sets how many pairs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod avro;
mod json;
mod random;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a judge says of each pair, line by line.
fn judged(folder: &str, class: &str, pairs: &[String]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = Command::new(root.join("tests/services/java.sh")).arg(folder).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let run = String::from_utf8(found.stdout).unwrap();
    let mut judge = Command::new(run.trim()).arg(class).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, lines) = (judge.stdin.take().unwrap(), pairs.join("\n") + "\n");
    let writes = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let said = judge.wait_with_output().unwrap();
    writes.join().unwrap().unwrap();
    assert!(said.status.success());
    let said: Vec<String> = String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(said.len(), pairs.len());
    said
}

fn pairs() -> usize {
    std::env::var("JUDGED").map_or(5_000, |count| count.parse().unwrap())
}
