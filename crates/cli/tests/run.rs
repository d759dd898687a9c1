//! `tidemill run`, as its user runs it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure to run the program fails the test"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemill")).current_dir(folder).args(arguments).output().expect("it runs")
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

const ORDERS: &str =
    "CREATE TABLE orders (item STRING, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'orders.jsonl', 'format' = 'json');\n";

fn with_orders(sql: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = [("shoe", 5, "01"), ("hat", 7, "30"), ("shoe", 3, "59"), ("hat", 1, "59")];
    let lines: Vec<String> = rows
        .iter()
        .map(|(item, price, second)| format!(r#"{{"item":"{item}","price":{price},"ts":"2026-01-01 00:00:{second}"}}"#))
        .collect();
    fs::write(folder.path().join("orders.jsonl"), lines.join("\n")).unwrap();
    fs::write(folder.path().join("app.sql"), format!("{ORDERS}{sql}")).unwrap();
    folder
}

#[test]
fn rows_of_a_select_go_to_the_terminal() {
    let folder = with_orders("SELECT item, SUM(price) AS total FROM orders GROUP BY item;");
    let output = run(folder.path(), &["run", "app.sql", "--output", "json"]);
    assert!(output.status.success(), "{}", said(&output.stderr));
    let mut totals = std::collections::BTreeMap::new();
    for line in said(&output.stdout).lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        if row["op"] != "-U" {
            totals.insert(row["item"].as_str().unwrap().to_owned(), row["total"].as_i64().unwrap());
        }
    }
    assert_eq!(totals.into_iter().collect::<Vec<_>>(), [("hat".to_owned(), 8), ("shoe".to_owned(), 8)]);
    assert!(!folder.path().join("tidemill-data").exists(), "a query that only shows rows leaves nothing behind");

    let output = run(folder.path(), &["run", "app.sql"]);
    assert!(said(&output.stdout).starts_with("op  item    total"), "{}", said(&output.stdout));
}

#[test]
fn inserts_write_files_and_a_second_run_adds_nothing() {
    let folder = with_orders(
        "CREATE TABLE totals (at TIMESTAMP(3), item STRING, total INT) WITH ('connector' = 'filesystem', 'path' = 'totals', 'format' = 'csv');
         INSERT INTO totals SELECT window_start, item, SUM(price) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, item;",
    );
    for _ in 0..2 {
        let output = run(folder.path(), &["run", "app.sql", "--parallelism", "2"]);
        assert!(output.status.success(), "{}", said(&output.stderr));
        let mut lines: Vec<String> = Vec::new();
        for file in fs::read_dir(folder.path().join("totals")).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                lines.extend(fs::read_to_string(path).unwrap().lines().map(str::to_owned));
            }
        }
        lines.sort();
        assert_eq!(lines, ["2026-01-01 00:00:00,hat,8", "2026-01-01 00:00:00,shoe,8"]);
    }
}

#[test]
fn an_hour_between_checkpoints_holds_no_rows_up() {
    let folder = tempfile::tempdir().unwrap();
    let sql = "SET 'execution.checkpointing.interval' = '1 h';
        SET 'pipeline.in-flight-bytes' = '64 kb';
        CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '200000');
        CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
        INSERT INTO nowhere SELECT n FROM numbers;";
    fs::write(folder.path().join("app.sql"), sql).unwrap();
    let program = env!("CARGO_BIN_EXE_tidemill");
    let mut child = Command::new(program).current_dir(folder.path()).args(["run", "app.sql"]).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(100) {
            child.kill().unwrap();
            panic!("the input has ended, the job has not");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
}

#[test]
fn a_mistake_is_shown_with_its_line_before_anything_runs() {
    let folder = with_orders("SELECT itme FROM orders;");
    let output = run(folder.path(), &["run", "app.sql"]);
    assert_eq!(output.status.code(), Some(2));
    let error = said(&output.stderr);
    assert!(error.contains("app.sql:3:8: TM-SQL-0002: there is no column 'itme'; did you mean 'item'?"), "{error}");
    assert!(error.contains(" 3 | SELECT itme FROM orders;\n   |        ^"), "{error}");
    let missing = run(folder.path(), &["run", "none.sql"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn checking_and_explaining_run_nothing() {
    let folder = with_orders("EXPLAIN SELECT item, COUNT(*) FROM orders GROUP BY item;");
    let output = run(folder.path(), &["run", "app.sql"]);
    let plan = said(&output.stdout);
    assert!(
        plan.contains("group aggregate") && plan.contains("by orders.item") && plan.contains("filesystem"),
        "{plan}"
    );
    let output = run(folder.path(), &["run", "app.sql", "--check"]);
    assert!(said(&output.stdout).contains("it can run"), "{}", said(&output.stdout));
}

#[test]
fn analyzing_says_where_rows_stop() {
    let folder = with_orders("EXPLAIN ANALYZE SELECT item FROM orders WHERE price > 100;");
    let output = run(folder.path(), &["run", "app.sql"]);
    let told = said(&output.stdout);
    assert!(
        output.status.success() && told.contains("in 4, out 0") && told.contains("none of 4 rows passed"),
        "{told}"
    );
}

#[test]
fn a_running_application_says_where_rows_stop() {
    let folder = tempfile::tempdir().unwrap();
    let sql = "CREATE TABLE ticks (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.n.min' = '1', 'fields.n.max' = '9');
         CREATE TABLE large (n INT PRIMARY KEY NOT ENFORCED) WITH ('connector' = 'table');
         INSERT INTO large SELECT n FROM ticks WHERE n > 9;";
    fs::write(folder.path().join("large.sql"), sql).unwrap();
    let nobody = run(folder.path(), &["app", "describe", "large"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        said(&nobody.stderr).contains("no application large runs with the data folder"),
        "{}",
        said(&nobody.stderr)
    );
    let mut application = Command::new(env!("CARGO_BIN_EXE_tidemill"))
        .current_dir(folder.path())
        .args(["run", "large.sql"])
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    let told = loop {
        let told = said(&run(folder.path(), &["app", "describe", "large"]).stdout);
        if told.contains("rows passed") || begun.elapsed().as_secs() > 30 {
            break told;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let json = run(folder.path(), &["app", "describe", "large", "--output", "json"]);
    application.kill().unwrap();
    application.wait().unwrap();
    assert!(told.contains("! ") && told.contains("rows passed") && told.contains("ticks"), "{told}");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let reads = |operator: &&serde_json::Value| operator["rows_out"].as_u64().unwrap() > 0;
    assert!(json["operators"].as_array().unwrap().iter().any(|operator| reads(&operator)), "{json}");
    assert_eq!(json["reasons"].as_array().unwrap().len(), 1, "{json}");
}

#[test]
fn a_flag_says_the_dialect() {
    let folder = with_orders("SELECT STREAM item FROM orders;");
    let kinesis = run(folder.path(), &["run", "app.sql", "--check", "--dialect", "streaming"]);
    assert_eq!(kinesis.status.code(), Some(2), "STREAM is a word of the other dialect");
    let folder = with_orders("SELECT item FROM orders;");
    let kinesis = run(folder.path(), &["run", "app.sql", "--check", "--dialect", "kinesis"]);
    assert_eq!(kinesis.status.code(), Some(2), "tables WITH options are of the other dialect");
    let streaming = run(folder.path(), &["run", "app.sql", "--check", "--dialect", "streaming"]);
    assert!(streaming.status.success(), "{}", said(&streaming.stderr));
}

#[test]
fn connectors_tell_their_options() {
    let folder = tempfile::tempdir().unwrap();
    assert!(said(&run(folder.path(), &["connectors"]).stdout).contains("datagen"));
    assert!(said(&run(folder.path(), &["connectors", "datagen"]).stdout).contains("rows-per-second"));
    let unknown = run(folder.path(), &["connectors", "datgen"]);
    assert!(unknown.status.code() == Some(2) && said(&unknown.stderr).contains("datagen"), "{}", said(&unknown.stderr));
}

#[test]
fn samples_become_the_input_of_an_application_that_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let lines = ["AMZN,100.5,2026-01-01 00:00:01", "TBV,20,2026-01-01 00:00:02", "AMZN,101,2026-01-01 00:01:03"];
    fs::write(folder.path().join("ticks.csv"), lines.join("\n")).unwrap();
    let discovered = run(folder.path(), &["app", "discover", "ticks.csv", "--prefix", "TICKS"]);
    assert!(discovered.status.success(), "{}", said(&discovered.stderr));
    let inputs = said(&discovered.stdout);
    fs::write(folder.path().join("app.toml"), format!("sql = \"app.sql\"\n{inputs}")).unwrap();
    let sql = "SELECT STREAM \"COL_1\", SUM(\"COL_2\") AS \"total\" FROM \"TICKS_001\" AS t GROUP BY \"COL_1\", FLOOR(t.ROWTIME TO MINUTE);";
    fs::write(folder.path().join("app.sql"), sql).unwrap();
    let output = run(folder.path(), &["run", "app.toml", "--output", "json"]);
    assert!(output.status.success(), "{}\n{inputs}", said(&output.stderr));
    let mut rows: Vec<String> = said(&output.stdout).lines().map(str::to_owned).collect();
    rows.sort();
    let row = |name: &str, total: &str| format!("{{\"COL_1\":\"{name}\",\"total\":{total}}}");
    assert_eq!(rows, [row("AMZN", "100.5"), row("AMZN", "101.0"), row("TBV", "20.0")]);

    let refused = run(folder.path(), &["app", "discover"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused.stderr));
}
