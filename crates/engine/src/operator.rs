//! Operators: synchronous, single-threaded, and ignorant of the runtime that drives them.
//!
//! What every runtime promises to an operator instance:
//! - calls never overlap, and come in this order: `open`, `restore` (where there is something), then any number of
//!   `on_batch`, `on_watermark`, `on_timer`, `snapshot`, `on_commit`;
//! - frames of one sender arrive in the order in which they were sent;
//! - `on_watermark` is called with strictly growing times; every event-time timer due at a watermark fires before it;
//! - `snapshot` sees exactly the rows of the epochs up to the checkpoint, on every worker;
//! - `on_commit(e)` is called, at least once unless the job dies, after the checkpoint of epoch `e` became durable as a
//!   whole: whatever it does must be idempotent.

use std::{ops::Range, sync::Arc};

use crate::{
    batch::Batch,
    error::Result,
    metrics::OperatorMetrics,
    state::{SnapshotReader, SnapshotWriter},
    time::{Epoch, EventTime},
    timers::{TimeDomain, Timer, Timers},
};

/// One step of a dataflow, one instance a worker.
pub trait Operator: Send {
    /// Rows on an input port.
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()>;

    /// Rows that came behind each other on one port. They are made one batch unless the operator can do without the copy.
    fn on_batches(&mut self, port: usize, batches: &[Batch], out: &mut Output<'_>) -> Result<()> {
        self.on_batch(port, Batch::concat(batches)?, out)
    }

    /// The merged watermark of all inputs has grown. It is sent on afterwards (see [`Operator::forwards_watermarks`]).
    /// [`EventTime::MAX`] says that the input has ended.
    fn on_watermark(&mut self, _time: EventTime, _out: &mut Output<'_>) -> Result<()> {
        Ok(())
    }

    /// All inputs have nothing for now. It is told only to an operator that makes watermarks of its own: it may say so to those
    /// behind it, with [`Mark::Idle`](crate::time::Mark).
    fn on_idle(&mut self, _out: &mut Output<'_>) -> Result<()> {
        Ok(())
    }

    /// A timer that this operator set is due.
    fn on_timer(&mut self, _timer: &Timer, _out: &mut Output<'_>) -> Result<()> {
        Ok(())
    }

    /// Writes what changed in its state since the last snapshot.
    fn snapshot(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<()> {
        Ok(())
    }

    /// Reads its state back: its own key groups and all union entries.
    fn restore(&mut self, _reader: &SnapshotReader) -> Result<()> {
        Ok(())
    }

    /// Called once before anything else.
    fn open(&mut self, _context: &OperatorContext) -> Result<()> {
        Ok(())
    }

    /// The checkpoint of this epoch is durable everywhere.
    fn on_commit(&mut self, _epoch: Epoch) -> Result<()> {
        Ok(())
    }

    /// False for an operator that makes watermarks of its own with [`Output::emit_watermark`].
    fn forwards_watermarks(&self) -> bool {
        true
    }

    /// Keys held in state, for the metrics.
    fn state_keys(&self) -> usize {
        0
    }
}

/// Where an operator instance runs.
#[derive(Clone, Debug)]
pub struct OperatorContext {
    /// The job's name.
    pub job: Arc<str>,
    /// The operator's name in the job.
    pub operator: Arc<str>,
    /// This worker.
    pub worker: usize,
    /// How many workers there are.
    pub workers: usize,
    /// The key groups that this worker owns.
    pub key_groups: Range<u16>,
    /// Grows with each start of the job.
    pub generation: u64,
    /// This instance's figures.
    pub metrics: Arc<OperatorMetrics>,
}

/// What an operator can do while it is called.
#[derive(Debug)]
pub struct Output<'a> {
    pub(crate) emitted: &'a mut Vec<Emitted>,
    pub(crate) timers: &'a mut Timers,
    pub(crate) watermark: EventTime,
    pub(crate) now: EventTime,
    pub(crate) metrics: &'a OperatorMetrics,
}

/// One thing that an operator sent.
#[derive(Debug)]
pub(crate) enum Emitted {
    Rows(usize, Batch),
    Watermark(crate::time::Mark),
}

impl Output<'_> {
    /// Sends rows to the main output.
    pub fn emit(&mut self, batch: Batch) {
        self.emit_to(0, batch);
    }

    /// Sends rows to an output port: 0 is the main output, the others are side outputs.
    pub fn emit_to(&mut self, port: usize, batch: Batch) {
        if batch.num_rows() > 0 {
            self.emitted.push(Emitted::Rows(port, batch));
        }
    }

    /// Sends a watermark; only for operators that do not forward their inputs'.
    pub fn emit_watermark(&mut self, mark: crate::time::Mark) {
        self.emitted.push(Emitted::Watermark(mark));
    }

    /// The merged watermark of all inputs.
    pub fn watermark(&self) -> EventTime {
        self.watermark
    }

    /// Processing time.
    pub fn now(&self) -> EventTime {
        self.now
    }

    /// Sets a timer that fires for `key` when the watermark reaches `time`.
    pub fn set_timer(&mut self, time: EventTime, key: &[u8]) {
        self.timers.set(TimeDomain::Event, time, key);
    }

    /// Sets a timer that fires for `key` when the wall clock reaches `time`.
    pub fn set_processing_timer(&mut self, time: EventTime, key: &[u8]) {
        self.timers.set(TimeDomain::Processing, time, key);
    }

    /// Takes an event-time timer back.
    pub fn cancel_timer(&mut self, time: EventTime, key: &[u8]) {
        self.timers.cancel(TimeDomain::Event, time, key);
    }

    /// Takes a processing-time timer back.
    pub fn cancel_processing_timer(&mut self, time: EventTime, key: &[u8]) {
        self.timers.cancel(TimeDomain::Processing, time, key);
    }

    /// Counts rows that came behind the watermark.
    pub fn count_late(&self, rows: u64) {
        self.metrics.late_rows.fetch_add(rows, std::sync::atomic::Ordering::Relaxed);
    }

    /// Counts rows that could not be processed.
    pub fn count_errors(&self, rows: u64) {
        self.metrics.errors.fetch_add(rows, std::sync::atomic::Ordering::Relaxed);
    }
}
