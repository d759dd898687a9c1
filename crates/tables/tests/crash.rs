//! `kill -9` in the middle of transactions: each one is there as a whole or not at all, and each one whose commit has
//! returned is there.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tidemill_tables::{Options, Scan, Table, TableDefinition, Tables, Value};

const FOLDER: &str = "TIDEMILL_TEST_CRASH_FOLDER";
const ROWS: i64 = 7;

fn open(folder: &Path) -> (Tables, [Table; 2]) {
    // Small memtables, so that rows are also killed on their way into sorted files.
    let tables = Tables::open_with(folder, Options { memtable_bytes: 64 * 1024, ..Options::default() }).unwrap();
    let schema = Arc::new(Schema::new(vec![
        Field::new("transaction", DataType::Utf8, false),
        Field::new("part", DataType::Int64, false),
        Field::new("filler", DataType::Utf8, true),
    ]));
    let pair = ["left", "right"].map(|name| {
        tables.create_if_absent(TableDefinition::new(name, schema.clone(), ["transaction", "part"])).unwrap()
    });
    (tables, pair)
}

/// Not a test of its own: what the killed process does. Without the variable it does nothing.
#[test]
fn writes_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (tables, [left, right]) = open(Path::new(&folder));
    let process = std::process::id();
    std::thread::scope(|threads| {
        for worker in 0..3 {
            let (tables, left, right) = (&tables, &left, &right);
            threads.spawn(move || {
                for n in 0.. {
                    let name = format!("{process}-{worker}-{n}");
                    let write = tables.transact(|t| {
                        for part in 0..ROWS {
                            t.upsert(left, &[name.as_str().into(), part.into(), "x".repeat(200).into()])?;
                            t.upsert(right, &[name.as_str().into(), part.into(), Value::Null])?;
                        }
                        Ok(())
                    });
                    write.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "committed {name}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

fn parts(table: &Table) -> BTreeMap<String, Vec<i64>> {
    let mut parts = BTreeMap::<String, Vec<i64>>::new();
    for row in table.rows(&Scan::all()).unwrap() {
        let row = row.unwrap();
        parts.entry(row[0].as_str().unwrap().to_owned()).or_default().push(row[1].as_i64().unwrap());
    }
    parts
}

#[test]
fn what_was_committed_survives_kill_9_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let mut committed = BTreeSet::new();
    for _ in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writes_until_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first commit shows that it runs; then any moment will do.
        let name_of = |line: &str| line.strip_prefix("committed ").map(str::to_owned);
        committed.extend(lines.by_ref().map_while(Result::ok).find_map(|line| name_of(&line)));
        let wait = Duration::from_millis(random.random_range(0..150));
        let reader = std::thread::spawn(move || {
            lines.map_while(Result::ok).filter_map(|line| name_of(&line)).collect::<Vec<_>>()
        });
        std::thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        committed.extend(reader.join().unwrap());

        let (_tables, [left, right]) = open(folder.path());
        let (left, right) = (parts(&left), parts(&right));
        assert_eq!(left, right, "both tables have the same transactions");
        let whole: Vec<i64> = (0..ROWS).collect();
        assert!(left.values().all(|parts| *parts == whole), "no transaction is there in part");
        let lost: Vec<_> = committed.iter().filter(|name| !left.contains_key(*name)).collect();
        assert!(lost.is_empty(), "committed and lost: {lost:?}");
    }
    assert!(committed.len() > 50, "only {} transactions were tried", committed.len());
}
