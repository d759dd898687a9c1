//! A source that is silent, and those that it holds back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure to run a case fails it")]

#[allow(dead_code, reason = "a part of what cases need")]
mod support {
    pub(crate) mod case;
    pub(crate) mod run;
}

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::run::texts;
use tempfile::TempDir;
use tidemill_connectors::Environment;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_sql::{Outcome, Prepared, Session, explain};

/// Two tables that are followed; into `a` four rows have come, into `b` none.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    add(folder.path(), "a/1.csv", &["00:01", "00:05", "00:15", "00:35"]);
    folder
}

fn add(folder: &Path, file: &str, times: &[&str]) {
    let rows: String = times.iter().map(|time| format!("1,2026-01-01 00:{time}\n")).collect();
    std::fs::write(folder.join("new"), rows).unwrap();
    std::fs::rename(folder.join("new"), folder.join(file)).unwrap();
}

const UNION: &str = "SELECT window_start, COUNT(*) AS n
  FROM TABLE(TUMBLE((SELECT * FROM a UNION ALL SELECT * FROM b), DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;";

/// A job over both tables: `first` comes before, `b` are more options of the table b.
fn prepare(folder: &Path, first: &str, b: &str, query: &str) -> Prepared {
    let table = |name: &str, more: &str| {
        format!(
            "CREATE TABLE {name} (k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
             WITH ('connector' = 'filesystem', 'path' = '{name}', 'format' = 'csv', 'source.monitor-interval' = '1 ms'{more});"
        )
    };
    let environment = Environment { folder: Some(folder.to_owned()), ..Environment::default() };
    let mut session = Session::new(Arc::new(environment));
    let mut tasks = Vec::new();
    for statement in tidemill_sql::parse::parse(&[first, &table("a", ""), &table("b", b), query].concat()).unwrap() {
        if let Outcome::Work(more) = session.execute(statement).unwrap() {
            tasks.extend(more);
        }
    }
    session.prepare("idle", &tasks).unwrap()
}

/// The rows that come until there are so many, or the time is over.
fn rows_of(runtime: &mut LocalRuntime, prepared: &tidemill_sql::Rows, count: usize, patience: Duration) -> Vec<String> {
    let (begun, mut found) = (Instant::now(), Vec::new());
    while found.len() < count && begun.elapsed() < patience {
        runtime.step().unwrap();
        found.extend(prepared.batches.try_iter().flat_map(|batch| texts(batch.rows())));
        std::thread::sleep(Duration::from_millis(1));
    }
    found.sort();
    found
}

const SOON: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_silent_source_holds_the_others_and_is_named() {
    for workers in [1, 3] {
        let folder = folder();
        let Prepared { job, rows, nodes, .. } = prepare(folder.path(), "", "", UNION);
        let mut runtime = LocalRuntime::start(job, workers).unwrap();
        assert_eq!(rows_of(&mut runtime, &rows.unwrap(), 1, SOON), Vec::<String>::new());
        let reasons = explain::why_nothing(&nodes, &runtime.metrics().read()).join("\n");
        assert!(reasons.contains("source b holds the watermark: no row has come in"), "{reasons}");
        assert!(!reasons.contains("source a holds"), "{reasons}");
    }
}

#[test]
fn after_its_timeout_it_holds_nobody_until_it_speaks_again() {
    let options = ", 'scan.watermark.idle-timeout' = '20 ms'";
    for workers in [1, 3] {
        let folder = folder();
        let Prepared { job, rows, .. } = prepare(folder.path(), "", options, UNION);
        let (mut runtime, rows) = (LocalRuntime::start(job, workers).unwrap(), rows.unwrap());
        let first = ["2026-01-01 00:00:00 | 2", "2026-01-01 00:00:10 | 1"];
        assert_eq!(rows_of(&mut runtime, &rows, 2, LONG), first);
        add(folder.path(), "b/1.csv", &["00:36", "00:50"]);
        assert_eq!(rows_of(&mut runtime, &rows, 1, SOON), Vec::<String>::new(), "now a is the one that waits");
        add(folder.path(), "a/2.csv", &["01:10"]);
        let more = ["2026-01-01 00:00:30 | 2", "2026-01-01 00:00:50 | 1"];
        assert_eq!(rows_of(&mut runtime, &rows, 2, LONG), more);
    }
}

#[test]
fn where_all_are_silent_what_they_have_said_counts() {
    for workers in [1, 3] {
        let folder = folder();
        let set = "SET 'table.exec.source.idle-timeout' = '20 ms';";
        let Prepared { job, rows, .. } = prepare(folder.path(), set, "", UNION);
        let (mut runtime, rows) = (LocalRuntime::start(job, workers).unwrap(), rows.unwrap());
        let first = ["2026-01-01 00:00:00 | 2", "2026-01-01 00:00:10 | 1"];
        assert_eq!(rows_of(&mut runtime, &rows, 2, LONG), first);
    }
}

#[test]
fn an_input_that_has_ended_does_not_end_one_that_is_silent() {
    // The table b ends at once.
    let folder = folder();
    add(folder.path(), "b/1.csv", &["00:02"]);
    let query = "SELECT a.ts FROM a LEFT JOIN c ON a.k = c.k AND a.ts BETWEEN c.ts AND c.ts + INTERVAL '10' SECOND;";
    let ends = "SET 'table.exec.source.idle-timeout' = '20 ms';
      CREATE TABLE c (k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'b', 'format' = 'csv');";
    let Prepared { job, rows, .. } = prepare(folder.path(), ends, "", query);
    let (mut runtime, rows) = (LocalRuntime::start(job, 1).unwrap(), rows.unwrap());
    let found = rows_of(&mut runtime, &rows, 4, Duration::from_secs(1));
    assert_eq!(found.len(), 3, "the last row may still meet one: {found:?}");
    add(folder.path(), "a/2.csv", &["00:40", "00:50"]);
    assert_eq!(rows_of(&mut runtime, &rows, 2, LONG), ["2026-01-01 00:00:35", "2026-01-01 00:00:40"]);
}
