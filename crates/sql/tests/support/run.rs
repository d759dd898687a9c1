//! Running a case on the deterministic runtime.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tempfile::TempDir;
use tidemill_connectors::Environment;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{Batch, CheckpointStore, EventTime};
use tidemill_sql::{Outcome, Prepared, Session};
use tidemill_tables::Tables;

use super::case::Case;

/// Sources give so many bytes a step, so that there are many steps.
const BUDGET: usize = 64;
/// From step to step, by the clock.
const STEP: Duration = Duration::from_millis(1);
/// Steps until the crash.
const STEPS: usize = 3;

/// How a case is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    workers: usize,
    /// Crashes after some steps and goes on with so many workers.
    restored: Option<usize>,
}

impl Way {
    pub(crate) fn plain(workers: usize) -> Way {
        Way { workers, restored: None }
    }

    pub(crate) fn all() -> [Way; 5] {
        let crash = |workers, restored| Way { workers, restored: Some(restored) };
        [Way::plain(1), Way::plain(3), crash(1, 1), crash(1, 3), crash(3, 2)]
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.restored {
            None => write!(f, "{} worker(s)", self.workers),
            Some(restored) => write!(f, "{} worker(s), a crash, {restored} worker(s)", self.workers),
        }
    }
}

/// A session over a case's files.
pub(crate) fn open(case: &Case) -> (TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in &case.files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let uses_tables = case.setup.contains("'table'") || case.sql.contains("'table'");
    let tables = uses_tables.then(|| Tables::open(folder.path().join("tables")).unwrap());
    let environment = Environment { folder: Some(folder.path().to_owned()), tables, ..Environment::default() };
    (folder, Session::new(Arc::new(environment)))
}

/// The rows that a case gives, consolidated and sorted; what it shows comes first.
pub(crate) fn run(case: &Case, way: Way) -> Result<Vec<String>, String> {
    let (folder, mut session) = open(case);
    let steps = [(&case.setup, "setup"), (&case.before, "before"), (&case.sql, "case"), (&case.then, "then")];
    let mut shown = Vec::new();
    for (sql, step) in steps {
        let store = CheckpointStore::local(folder.path(), &format!("checkpoints-{step}")).map_err(|e| e.to_string())?;
        let rows = execute(&mut session, sql, if step == "case" { way } else { Way::plain(1) }, &store)?;
        shown.extend(rows.into_iter().filter(|_| step != "before"));
    }
    Ok(shown)
}

/// Does statements, and gives what they show.
fn execute(session: &mut Session, sql: &str, way: Way, store: &CheckpointStore) -> Result<Vec<String>, String> {
    let (mut tasks, mut shown) = (Vec::new(), Vec::new());
    for statement in tidemill_sql::parse::parse(sql).map_err(|error| error.to_string())? {
        match session.execute(statement).map_err(|error| error.to_string())? {
            Outcome::Work(more) | Outcome::Analyze(more) => tasks.extend(more),
            Outcome::Table(_, rows) => shown.extend(rows.iter().map(|row| row.join(" | ").trim_end().to_owned())),
            Outcome::Text(text) => shown.extend(text.lines().map(str::to_owned)),
            Outcome::Done | Outcome::Note(_) => {}
        }
    }
    if !tasks.is_empty() {
        let prepare = || session.prepare("case", &tasks).map_err(|error| error.to_string());
        shown.extend(play(&prepare, way, store)?);
    }
    Ok(shown)
}

/// What a job gives until its end, consolidated and sorted.
pub(crate) fn play(
    prepare: &dyn Fn() -> Result<Prepared, String>,
    way: Way,
    store: &CheckpointStore,
) -> Result<Vec<String>, String> {
    consolidated(changes(&batches(prepare, way, store)?))
}

/// Runs a job to its end.
pub(crate) fn batches(
    prepare: &dyn Fn() -> Result<Prepared, String>,
    way: Way,
    store: &CheckpointStore,
) -> Result<Vec<Batch>, String> {
    let text = |error: tidemill_engine::EngineError| error.to_string();
    let mut batches = Vec::new();
    // The clock goes on with each step.
    let mut now = EventTime(0);
    let mut step = |runtime: &mut LocalRuntime| {
        now = now.plus(STEP);
        runtime.set_time(now).and_then(|()| runtime.step()).map_err(text)
    };
    let mut workers = way.workers;
    if let Some(restored) = way.restored {
        let Prepared { job, rows, .. } = prepare()?;
        let mut runtime = LocalRuntime::restore(job, workers, store, None).map_err(text)?.with_budget(BUDGET);
        for _ in 0..STEPS {
            step(&mut runtime)?;
            batches.extend(rows.iter().flat_map(|rows| rows.batches.try_iter()));
        }
        runtime.checkpoint().map_err(text)?;
        // What comes after the checkpoint is lost with the crash, and comes again.
        step(&mut runtime)?;
        workers = restored;
    }
    let Prepared { job, rows, .. } = prepare()?;
    let mut runtime = LocalRuntime::restore(job, workers, store, None).map_err(text)?.with_budget(BUDGET);
    loop {
        let more = step(&mut runtime)?;
        batches.extend(rows.iter().flat_map(|rows| rows.batches.try_iter()));
        if !more {
            // What sinks hold back becomes visible.
            runtime.checkpoint().map_err(text)?;
            return Ok(batches);
        }
    }
}

/// The rows of batches as text, and whether each adds a row or takes one back.
fn changes(batches: &[Batch]) -> impl Iterator<Item = (String, bool)> {
    let adds = |batch: &Batch| (0..batch.num_rows()).map(|row| batch.kind(row).adds()).collect::<Vec<_>>();
    batches.iter().flat_map(move |batch| texts(batch.rows()).into_iter().zip(adds(batch)))
}

/// Each row as text.
pub(crate) fn texts(rows: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL").with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let formatter = |column| ArrayFormatter::try_new(column, &options).unwrap();
    let formatters: Vec<ArrayFormatter<'_>> = rows.columns().iter().map(|column| formatter(column.as_ref())).collect();
    let row = |row| formatters.iter().map(|formatter| formatter.value(row).to_string()).collect::<Vec<_>>().join(" | ");
    (0..rows.num_rows()).map(row).collect()
}

/// What is left when every row has been taken back that was.
pub(crate) fn consolidated(changes: impl Iterator<Item = (String, bool)>) -> Result<Vec<String>, String> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (row, adds) in changes {
        *counts.entry(row).or_default() += if adds { 1 } else { -1 };
    }
    if let Some((row, _)) = counts.iter().find(|(_, count)| **count < 0) {
        return Err(format!("a row was taken back that was not there: {row}"));
    }
    Ok(counts.into_iter().flat_map(|(row, count)| std::iter::repeat_n(row, count as usize)).collect())
}
