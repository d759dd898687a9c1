//! Tables in small jobs on the local runtime.

use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parking_lot::Mutex;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{
    Batch, CheckpointStore, Delivery, Epoch, Job, Port, Result, Routing, RowKind, Sink, SnapshotWriter,
};
use tidemill_formats::Options;

use crate::connector::{SinkTable, SourceTable, TableColumn, TableDeclaration};
use crate::rejected;

/// A declared table.
pub(crate) fn declare(columns: &[(&str, DataType)], options: &[(&str, &str)]) -> TableDeclaration {
    let columns = columns.iter().map(|(name, data_type)| column(name, data_type.clone()));
    TableDeclaration {
        name: "t".into(),
        columns: columns.collect(),
        primary_key: Vec::new(),
        partitioned_by: Vec::new(),
        options: options.iter().copied().collect::<Options>(),
    }
}

/// A column of the record that may be null.
pub(crate) fn column(name: &str, data_type: DataType) -> TableColumn {
    TableColumn { field: Arc::new(Field::new(name, data_type, true)), metadata: None, read_only: false }
}

/// A column `METADATA FROM key VIRTUAL`.
pub(crate) fn metadata(name: &str, data_type: DataType, key: &str) -> TableColumn {
    TableColumn { metadata: Some(key.into()), read_only: true, ..column(name, data_type) }
}

/// What came out of a source, or rejected records of it.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) batches: Arc<Mutex<Vec<Batch>>>,
}

impl Seen {
    /// Each row with its cells as text, `a | NULL | 1.5`; with the kind before it where it is no insert.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.batches.lock().iter().flat_map(rows).collect()
    }

    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut rows = self.rows();
        rows.sort();
        rows
    }

    pub(crate) fn times(&self) -> Vec<i64> {
        self.batches.lock().iter().flat_map(|batch| batch.times().to_vec()).collect()
    }

    /// The reasons of rejected records.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let batches = self.batches.lock();
        let column = |batch: &Batch| batch.rows().column(2).as_string::<i32>().clone();
        batches.iter().flat_map(|b| column(b).iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

pub(crate) fn rows(batch: &Batch) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let columns: Vec<_> =
        batch.rows().columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let cells = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" | ");
    let kind = |row| match batch.kind(row) {
        RowKind::Insert => "",
        RowKind::UpdateBefore => "-U ",
        RowKind::UpdateAfter => "+U ",
        RowKind::Delete => "-D ",
    };
    (0..batch.num_rows()).map(|row| format!("{}{}", kind(row), cells(row))).collect()
}

impl Sink for Seen {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.batches.lock().push(batch);
        Ok(())
    }

    fn prepare(&mut self, _: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}

/// A job that reads a table into `seen`, and what it rejects into the second.
pub(crate) fn reading(table: &Arc<dyn SourceTable>, projection: &[usize], seen: &Seen, rejects: &Seen) -> Job {
    let mut job = Job::new("test");
    let (made, projection) = (Arc::clone(table), projection.to_vec());
    let source = job.source("source", table.replay(), move |context| made.open(&projection, context));
    let (seen, rejects) = (seen.clone(), rejects.clone());
    job.sink("seen", &[(source, Routing::Forward)], Delivery::Upsert, move |_| Ok(seen.clone()));
    let side = Port { output: rejected::PORT, ..source };
    job.sink("rejects", &[(side, Routing::Forward)], Delivery::Upsert, move |_| Ok(rejects.clone()));
    job
}

/// Reads a bounded table to its end: its rows, and its rejects.
pub(crate) fn read(table: &Arc<dyn SourceTable>, projection: &[usize], workers: usize) -> (Seen, Seen) {
    let (seen, rejects) = (Seen::default(), Seen::default());
    LocalRuntime::start(reading(table, projection, &seen, &rejects), workers).unwrap().run().unwrap();
    (seen, rejects)
}

/// Reads a bounded table with a crash: a checkpoint after some steps of the first workers, steps that are lost, then on with
/// others. What was read until the checkpoint, and after it.
pub(crate) fn read_with_crash(
    table: &Arc<dyn SourceTable>,
    projection: &[usize],
    steps: (usize, usize),
    workers: (usize, usize),
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "test").unwrap();
    let (before, after, none) = (Seen::default(), Seen::default(), Seen::default());
    let mut run = LocalRuntime::restore(reading(table, projection, &before, &none), workers.0, &store, None).unwrap();
    for _ in 0..steps.0 {
        run.step().unwrap();
    }
    run.checkpoint().unwrap();
    let mut rows = before.rows();
    for _ in 0..steps.1 {
        run.step().unwrap();
    }
    drop(run);
    let mut run = LocalRuntime::restore(reading(table, projection, &after, &none), workers.1, &store, None).unwrap();
    run.run().unwrap();
    rows.extend(after.rows());
    rows
}

/// Copies batches into a sink and commits them as jobs do.
pub(crate) fn write(table: &Arc<dyn SinkTable>, batches: Vec<Batch>, checkpoints: &Path) {
    use tidemill_engine::{OperatorContext, Replay, SnapshotReader, Source, SourceOutput, SourceStatus, Waker};
    struct Given(Vec<Batch>);
    impl Source for Given {
        fn open(&mut self, _: &OperatorContext, _: Waker) -> Result<()> {
            Ok(())
        }
        fn poll(&mut self, _: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
            self.0.drain(..).for_each(|batch| out.emit(batch));
            Ok(SourceStatus::Finished)
        }
        fn snapshot(&mut self, _: &mut SnapshotWriter) -> Result<()> {
            Ok(())
        }
        fn restore(&mut self, _: &SnapshotReader) -> Result<()> {
            Ok(())
        }
        fn replay(&self) -> Replay {
            Replay::FromPosition
        }
    }
    let store = CheckpointStore::local(checkpoints, "write").unwrap();
    let mut job = Job::new("write").with_guarantee(tidemill_engine::Guarantee::AtLeastOnce);
    let source = job.source("given", Replay::FromPosition, move |_| Ok(Given(batches.clone())));
    let made = Arc::clone(table);
    job.sink("sink", &[(source, Routing::Forward)], table.delivery(), move |context| made.open(context));
    let mut run = LocalRuntime::restore(job, 1, &store, None).unwrap();
    run.run().unwrap();
    run.checkpoint().unwrap();
    run.checkpoint().unwrap();
}
