//! A table's source: the connector's rows, with what the table computes of them, their event time and its watermark.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{is_not_null, max};
use arrow::datatypes::SchemaRef;
use datafusion::physical_expr::PhysicalExpr;
use tidemill_connectors::rejected;
use tidemill_engine::source::{Replay, Source, SourceOutput, SourceStatus, Waker};
use tidemill_engine::time::Mark;
use tidemill_engine::{Batch, Epoch, EventTime, OperatorContext, Result, SnapshotReader, SnapshotWriter};

use super::calc::{failed, project};
use super::progress::Progress;
use super::rejects::{rows_of, set_apart};
use super::results::{MILLISECOND, micros};

/// What a table makes of its connector's rows.
#[derive(Clone)]
pub struct ScanConfig {
    /// The table's columns, each over the connector's.
    pub columns: Vec<Arc<dyn PhysicalExpr>>,
    /// The columns that come out.
    pub schema: SchemaRef,
    /// The source's own watermark is one of the event time.
    pub arrival: bool,
    /// The event time, and up to when rows are complete once a row was seen.
    pub time: Option<(Time, Complete)>,
    /// The furthest event time that any worker has reached.
    pub reached: Arc<AtomicI64>,
    /// How long there may be no rows before other tables' event time is not held back any more.
    pub idle_timeout: Option<Duration>,
    /// Rows that fail go out of the port of rejected records under this name; without it they fail the job.
    pub rejects: Option<String>,
}

/// Where a row's event time is found.
#[derive(Clone)]
pub enum Time {
    /// This column of those that come out holds it.
    Column(usize),
    /// Over the connector's columns.
    Expression(Arc<dyn PhysicalExpr>),
}

/// Up to when rows are complete once a row was seen.
#[derive(Clone)]
pub enum Complete {
    /// So many microseconds before its event time.
    Behind(i64),
    /// Over the connector's columns.
    Expression(Arc<dyn PhysicalExpr>),
}

/// A connector's source with a table around it.
pub struct Scan {
    source: Box<dyn Source>,
    config: ScanConfig,
    progress: Progress,
}

impl Scan {
    /// Puts a table around a source.
    pub fn new(source: Box<dyn Source>, config: ScanConfig) -> Self {
        let progress = Progress::new(config.reached.clone(), config.idle_timeout);
        Scan { source, config, progress }
    }

    /// The table's rows, with their event time.
    fn rows(&mut self, batch: Batch, split: Option<u64>, out: &SourceOutput<'_>) -> Result<Batch> {
        let rows = project(batch.rows(), &self.config.columns, &self.config.schema)?;
        let Some((time, complete)) = &self.config.time else { return batch.with_rows(rows) };
        let evaluate = |expression: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> {
            let value = expression.evaluate(batch.rows()).and_then(|value| value.into_array(batch.num_rows()));
            value.map_err(failed)
        };
        let times = match time {
            Time::Column(column) => micros(rows.column(*column))?,
            Time::Expression(expression) => micros(&evaluate(expression)?)?,
        };
        let latest = match complete {
            Complete::Behind(behind) => max(&times).map(|time| time.saturating_sub(*behind)),
            Complete::Expression(expression) => max(&micros(&evaluate(expression)?)?),
        };
        // Of arrivals the source knows more than its rows say.
        self.progress.rows(split, latest.filter(|_| !self.config.arrival));
        let batch = batch.with_rows(rows)?;
        if times.null_count() == 0 {
            return batch.with_times(times.values().clone());
        }
        // A row without a time is in no window and before no other: it can't be placed.
        out.count_errors(times.null_count() as u64);
        let kept = batch.filter(&is_not_null(&times)?)?;
        kept.with_times(times.iter().flatten().collect::<Vec<_>>())
    }
}

impl Source for Scan {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        self.source.open(context, waker)
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let (status, found) = out.nested(|out| self.source.poll(budget, out))?;
        for (place, (port, batch)) in found.batches.into_iter().enumerate() {
            let split = found.splits.of(place);
            match (port, self.config.rejects.clone()) {
                (0, None) => out.emit(self.rows(batch, split, out)?),
                (0, Some(origin)) => {
                    let mut apart = Vec::new();
                    let done = set_apart(batch, &mut |batch| self.rows(batch, split, out), &mut apart)?;
                    done.into_iter().for_each(|batch| out.emit(batch));
                    if !apart.is_empty() {
                        out.count_errors(apart.len() as u64);
                        out.emit_to(rejected::PORT, rows_of(&origin, &apart)?);
                    }
                }
                _ => out.emit_to(port, batch),
            }
        }
        match (found.mark, &self.config.time) {
            (Some(Mark::Idle), _) => out.idle(),
            (Some(Mark::Time(time)), None) => out.watermark(time),
            (mark, Some(_)) => {
                if let Some(Mark::Time(time)) = mark.filter(|_| self.config.arrival) {
                    // The event time may be cut to milliseconds.
                    self.progress.complete_to(time.0.saturating_sub(MILLISECOND));
                }
                let splits = found.splits.read.as_deref().filter(|_| !self.config.arrival);
                match self.progress.reached(splits) {
                    _ if self.progress.is_silent() => out.idle(),
                    Some(time) => out.watermark(EventTime(time)),
                    None => {}
                }
            }
            (None, None) => {}
        }
        Ok(status)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.source.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.source.restore(reader)
    }

    fn on_commit(&mut self, epoch: Epoch) -> Result<()> {
        self.source.on_commit(epoch)
    }

    fn replay(&self) -> Replay {
        self.source.replay()
    }
}

/// Rows that are written in the statement itself.
pub struct Values {
    rows: RecordBatch,
    /// This worker has nothing to say, or has said it.
    done: bool,
    emitted: bool,
}

impl Values {
    /// A source of these rows on the first worker.
    pub fn new(rows: RecordBatch) -> Self {
        Values { rows, done: false, emitted: false }
    }
}

const EMITTED: &[u8] = b"emitted";

impl Source for Values {
    fn open(&mut self, context: &OperatorContext, _waker: Waker) -> Result<()> {
        self.done = context.worker != 0;
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        if !std::mem::replace(&mut self.done, true) {
            out.emit(Batch::at(self.rows.clone(), EventTime::now()));
            self.emitted = true;
        }
        Ok(SourceStatus::Finished)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        if self.emitted {
            writer.union("values", EMITTED, Some(&[]));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        if reader.table("values").next().is_some() {
            self.done = true;
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}
