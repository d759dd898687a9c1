//! Every row is in exactly one visible file, whatever crashes and with however many workers it goes on.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{
    Batch, CheckpointStore, Delivery, Job, OperatorContext, Replay, Result, Routing, RowKind, SnapshotReader,
    SnapshotWriter, Source, SourceOutput, SourceStatus, Waker,
};
use tidemill_tables::Clock;
use tidemill_tables::sql::{SqlContext, SqlLimits};

use super::{FileFormat, FileSink, FileSinkConfig, PartitionBy, lake};

const DAY_US: i64 = 24 * 3600 * 1_000_000;
const ROWS_A_BATCH: i64 = 10;

/// A batch of ten numbered rows of three tenants and two days at each poll, on the first worker.
struct Numbers {
    next: i64,
    end: i64,
    active: bool,
}

impl Source for Numbers {
    fn open(&mut self, context: &OperatorContext, _: Waker) -> Result<()> {
        self.active = context.worker == 0;
        Ok(())
    }

    fn poll(&mut self, _: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        if !self.active || self.next >= self.end {
            return Ok(SourceStatus::Finished);
        }
        out.emit(numbers(self.next..self.next + ROWS_A_BATCH));
        self.next += ROWS_A_BATCH;
        Ok(SourceStatus::More)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        if self.active {
            writer.union("next", b"", Some(&self.next.to_le_bytes()));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        if let Some(next) = reader.union("next", b"") {
            self.next = i64::from_le_bytes(next.try_into().unwrap());
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

fn numbers(range: std::ops::Range<i64>) -> Batch {
    let time = |n: i64| 20_000 * DAY_US + (n % 2) * DAY_US;
    let tenant = |n: i64| ["a", "b/c", "d"].get(n as usize % 3).copied();
    let columns: [(&str, ArrayRef); 4] = [
        ("key", Arc::new(BinaryArray::from_iter_values(range.clone().map(|n| n.to_string())))),
        ("tenant", Arc::new(range.clone().map(tenant).collect::<StringArray>())),
        ("n", Arc::new(Int64Array::from_iter_values(range.clone()))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(range.clone().map(time)))),
    ];
    let times: Vec<i64> = range.map(time).collect();
    Batch::new(RecordBatch::try_from_iter(columns).unwrap(), times).unwrap()
}

fn job(config: &FileSinkConfig, end: i64) -> Job {
    let mut job = Job::new("web");
    let numbers = job.source("numbers", Replay::FromPosition, move |_| Ok(Numbers { next: 0, end, active: false }));
    let config = config.clone();
    job.sink("files", &[(numbers, Routing::Key(0))], Delivery::Transactional, move |_| {
        Ok(FileSink::new(config.clone()))
    });
    job
}

fn config(root: &Path) -> FileSinkConfig {
    FileSinkConfig {
        partition_by: vec![
            PartitionBy::Column("tenant".into()),
            PartitionBy::Date { name: "date".into(), column: "at".into() },
        ],
        ..FileSinkConfig::new(root)
    }
}

/// The files that a reader sees, sorted.
fn visible(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().unwrap().to_str().unwrap().starts_with('.');
            match path.is_dir() {
                true if !hidden => folders.push(path),
                false => files.push(path),
                true => {}
            }
        }
    }
    files.sort();
    files
}

fn staged(root: &Path) -> usize {
    std::fs::read_dir(root.join(".staging")).map_or(0, Iterator::count)
}

fn read(file: &Path) -> Vec<i64> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    batches.iter().flat_map(|b| b.column_by_name("n").unwrap().as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// All visible numbers, sorted, and each in the folder where it belongs.
fn all(root: &Path) -> Vec<i64> {
    let mut rows = Vec::new();
    for file in visible(root) {
        let folder = file.parent().unwrap().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        for n in read(&file) {
            let tenant = ["a", "b%2Fc", "d"][n as usize % 3];
            let date = ["2024-10-04", "2024-10-05"][n as usize % 2];
            assert_eq!(folder, format!("tenant={tenant}/date={date}"));
            rows.push(n);
        }
    }
    rows.sort_unstable();
    rows
}

#[test]
fn a_visible_file_may_be_deleted_and_its_checkpoint_committed_again() {
    let (root, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = CheckpointStore::local(checkpoints.path(), "web").unwrap();
    let config = FileSinkConfig { file_rows_max: 1, ..config(root.path()) };
    let mut run = LocalRuntime::restore(job(&config, 2 * ROWS_A_BATCH), 1, &store, None).unwrap();
    run.step().unwrap();
    run.checkpoint().unwrap();
    drop(run);
    // As retention does between the last checkpoint of a run and the next start.
    std::fs::remove_dir_all(root.path().join("tenant=a")).unwrap();
    let kept = all(root.path());
    assert!(!kept.is_empty());

    let mut run = LocalRuntime::restore(job(&config, 2 * ROWS_A_BATCH), 1, &store, None).unwrap();
    assert_eq!(all(root.path()), kept);
    while run.step().unwrap() {
        run.checkpoint().unwrap();
    }
    run.checkpoint().unwrap();
    let seconds = all(root.path()).into_iter().filter(|n| *n >= ROWS_A_BATCH).count();
    assert_eq!(seconds as i64, ROWS_A_BATCH, "it goes on");
}

#[derive(Clone, Copy, Debug)]
enum Crash {
    BeforeCheckpoint,
    BeforeCommit,
    AfterCommit,
}

/// Runs to the end with a crash after so many steps, then on with another number of workers.
fn crash_and_go_on(step: i64, crash: Crash, rows_max: usize, workers: (usize, usize)) {
    let (root, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = CheckpointStore::local(checkpoints.path(), "web").unwrap();
    let config = FileSinkConfig { file_rows_max: rows_max, ..config(root.path()) };
    let end = 10 * ROWS_A_BATCH;

    let mut run = LocalRuntime::restore(job(&config, end), workers.0, &store, None).unwrap();
    for _ in 0..step {
        run.step().unwrap();
        run.checkpoint().unwrap();
    }
    run.step().unwrap();
    match crash {
        Crash::BeforeCheckpoint => {}
        Crash::BeforeCommit => _ = run.checkpoint_without_commit().unwrap(),
        Crash::AfterCommit => _ = run.checkpoint().unwrap(),
    }
    drop(run);
    let before = all(root.path());

    let mut run = LocalRuntime::restore(job(&config, end), workers.1, &store, None).unwrap();
    while run.step().unwrap() {
        run.checkpoint().unwrap();
    }
    run.step().unwrap();
    run.checkpoint().unwrap();
    run.checkpoint().unwrap();

    let expected: Vec<i64> = (0..end).collect();
    assert_eq!(
        all(root.path()),
        expected,
        "crash at step {step}, {crash:?}, files of {rows_max} rows, workers {workers:?}"
    );
    assert!(before.iter().all(|n| expected.contains(n)), "what was visible stays");
    assert_eq!(staged(root.path()), 0, "nothing is left of the aborted attempt: step {step}, {crash:?}");
}

#[test]
fn rows_are_visible_exactly_once_after_a_crash_at_every_epoch() {
    for step in 0..10 {
        for crash in [Crash::BeforeCheckpoint, Crash::BeforeCommit, Crash::AfterCommit] {
            crash_and_go_on(step, crash, 3, (1, 1));
            crash_and_go_on(step, crash, 1_000, (1, 1));
        }
    }
}

#[test]
fn rows_are_visible_exactly_once_with_another_number_of_workers() {
    for step in [0, 3, 7] {
        for crash in [Crash::BeforeCheckpoint, Crash::BeforeCommit, Crash::AfterCommit] {
            for workers in [(1, 3), (3, 2), (3, 1)] {
                crash_and_go_on(step, crash, 4, workers);
                crash_and_go_on(step, crash, 1_000, workers);
            }
        }
    }
}

#[test]
fn a_file_spans_checkpoints_until_it_is_old_enough() {
    let (root, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = CheckpointStore::local(checkpoints.path(), "web").unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_000));
    let source = now_ms.clone();
    let config = FileSinkConfig {
        partition_by: Vec::new(),
        file_age_max: Duration::from_secs(50),
        clock: Clock::from_fn(move || source.load(Ordering::SeqCst)),
        ..config(root.path())
    };
    let mut run = LocalRuntime::restore(job(&config, 1_000), 1, &store, None).unwrap();
    for _ in 0..5 {
        run.step().unwrap();
        run.checkpoint().unwrap();
        now_ms.fetch_add(200, Ordering::SeqCst);
    }
    assert!(visible(root.path()).is_empty());
    drop(run);

    // The age is kept over a restart.
    let mut run = LocalRuntime::restore(job(&config, 1_000), 1, &store, None).unwrap();
    now_ms.store(50_999, Ordering::SeqCst);
    run.checkpoint().unwrap();
    assert!(visible(root.path()).is_empty());
    now_ms.store(51_000, Ordering::SeqCst);
    run.checkpoint().unwrap();
    let files = visible(root.path());
    assert_eq!(files.len(), 1);
    assert_eq!(read(&files[0]), (0..50).collect::<Vec<_>>());
}

#[test]
fn memory_is_bounded_by_closing_the_largest_file() {
    let root = tempfile::tempdir().unwrap();
    let config = FileSinkConfig { open_bytes_max: 2_000, open_files_max: 4, ..config(root.path()) };
    let checkpoints = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(checkpoints.path(), "web").unwrap();
    let mut run = LocalRuntime::restore(job(&config, 500), 1, &store, None).unwrap();
    run.run().unwrap();
    assert!(visible(root.path()).is_empty(), "nothing is visible before its checkpoint");
    assert!(staged(root.path()) > 10, "rows have left memory");
    run.checkpoint().unwrap();
    let seen = all(root.path()).len();
    assert!(seen > 400, "{seen} rows");
}

#[test]
fn rows_that_revise_others_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut sink = FileSink::new(config(root.path()));
    let batch = numbers(0..2).with_kinds(&[RowKind::Insert, RowKind::Delete]).unwrap();
    let error = tidemill_engine::Sink::write(&mut sink, batch).unwrap_err().to_string();
    assert!(error.contains("table sink"), "{error}");
}

/// A whole lake of this format.
fn lake_of(format: FileFormat, rows: i64) -> tempfile::TempDir {
    let (root, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = CheckpointStore::local(checkpoints.path(), "web").unwrap();
    let config = FileSinkConfig { format, file_rows_max: 40, ..config(root.path()) };
    let mut run = LocalRuntime::restore(job(&config, rows), 2, &store, None).unwrap();
    run.run().unwrap();
    run.checkpoint().unwrap();
    run.checkpoint().unwrap();
    // A file that a crashed attempt may leave must not be read.
    std::fs::write(root.path().join(".staging/web.files-0-0-1.parquet.staged"), b"half").unwrap();
    root
}

#[test]
fn json_lines_hold_the_same_rows() {
    let root = lake_of(FileFormat::JsonLines, 100);
    let mut numbers = Vec::new();
    for file in visible(root.path()) {
        assert_eq!(file.extension().unwrap(), "jsonl");
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(row.get("tenant").is_none() && row["at"].is_string());
            numbers.push(row["n"].as_i64().unwrap());
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

fn schema_in_files() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Binary, true),
        Field::new("n", DataType::Int64, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]))
}

#[tokio::test]
async fn the_lake_answers_sql() {
    let root = lake_of(FileFormat::Parquet, 600);
    let sql = SqlContext::new(SqlLimits::default()).unwrap();
    let partitions = [("tenant", DataType::Utf8), ("date", DataType::Date32)];
    sql.register("numbers", lake::table(root.path(), schema_in_files(), &partitions).unwrap());
    sql.register("found", lake::discover(root.path()).unwrap().unwrap());
    for (query, expected) in [
        ("SELECT count(*), sum(n) FROM numbers", vec![600, (0..600).sum::<i64>()]),
        ("SELECT count(*), min(n) FROM numbers WHERE tenant = 'd' AND date = '2024-10-05'", vec![100, 5]),
        ("SELECT count(*), max(n) FROM found WHERE tenant = 'a' AND date < '2024-10-05'", vec![100, 594]),
    ] {
        let rows = sql.query(query).await.unwrap().collect().await.unwrap();
        let values: Vec<i64> = rows[0].columns().iter().map(|c| c.as_primitive::<Int64Type>().value(0)).collect();
        assert_eq!(values, expected, "{query}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(lake::discover(empty.path()).unwrap().is_none());
    sql.register("empty", lake::table(empty.path(), schema_in_files(), &partitions).unwrap());
    let none = sql.query("SELECT count(*) FROM empty").await.unwrap().collect().await.unwrap();
    assert_eq!(none[0].column(0).as_primitive::<Int64Type>().value(0), 0);
}

#[tokio::test]
async fn columns_that_only_some_files_have_are_null_in_the_others() {
    let root = tempfile::tempdir().unwrap();
    let file = |date: &str, columns: Vec<(&str, ArrayRef)>| {
        let folder = root.path().join(format!("tenant=a/date={date}"));
        std::fs::create_dir_all(&folder).unwrap();
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(folder.join("a.parquet")).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let numbers = |values: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    file("2024-10-03", vec![("n", numbers(&[1, 2])), ("gone", numbers(&[7, 7]))]);
    file("2024-10-04", vec![("n", numbers(&[3])), ("both", numbers(&[10]))]);
    file("2024-10-05", vec![("n", numbers(&[4])), ("both", numbers(&[20])), ("new", numbers(&[5]))]);
    let sql = SqlContext::new(SqlLimits::default()).unwrap();
    sql.register("found", lake::discover(root.path()).unwrap().unwrap());
    let query = "SELECT sum(n), sum(gone), sum(both), sum(new), count(both), count(DISTINCT date) FROM found";
    let rows = sql.query(query).await.unwrap().collect().await.unwrap();
    let values: Vec<i64> = rows[0].columns().iter().map(|c| c.as_primitive::<Int64Type>().value(0)).collect();
    assert_eq!(values, [10, 14, 30, 5, 2, 3]);
}

#[test]
fn duckdb_reads_the_lake() {
    let script = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../tests/services/pypi.sh");
    let installed = Command::new(&script).arg("duckdb").output().unwrap();
    assert!(installed.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&installed.stderr));
    let python = String::from_utf8(installed.stdout).unwrap();
    let root = lake_of(FileFormat::Parquet, 600);
    let program = r#"
import duckdb, sys
rows = duckdb.sql(f"""
    SELECT tenant, date::VARCHAR, count(*), sum(n), count(DISTINCT n), min(strftime("at", '%Y-%m-%d')), max(strftime("at", '%Y-%m-%d'))
    FROM read_parquet('{sys.argv[1]}/**/*.parquet', hive_partitioning = true)
    GROUP BY ALL ORDER BY ALL
""").fetchall()
for row in rows:
    print(*row)
"#;
    let read = Command::new(python.trim()).args(["-c", program]).arg(root.path()).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let mut expected = String::new();
    for (t, tenant) in ["a", "b/c", "d"].iter().enumerate() {
        for (d, date) in ["2024-10-04", "2024-10-05"].iter().enumerate() {
            let numbers: Vec<i64> = (0..600).filter(|n| *n as usize % 3 == t && *n as usize % 2 == d).collect();
            let (count, sum) = (numbers.len(), numbers.iter().sum::<i64>());
            expected += &format!("{tenant} {date} {count} {sum} {count} {date} {date}\n");
        }
    }
    assert_eq!(String::from_utf8_lossy(&read.stdout), expected);
}
