//! Sources: where rows come from.

use std::sync::Arc;

use crate::{
    batch::Batch,
    error::Result,
    operator::OperatorContext,
    state::{SnapshotReader, SnapshotWriter},
    time::{Epoch, EventTime, Mark},
};

/// Wakes the worker that a source runs on: to be called, from any thread, when `poll` would find something new.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What a source can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It can start again from any position that it snapshotted.
    FromPosition,
    /// What was read and not yet checkpointed is lost with a crash.
    None,
}

/// What `poll` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceStatus {
    /// There is, or may be, more: call again.
    More,
    /// Nothing for now: the waker will be called. Each epoch asks again, so that the watermark of an idle source can
    /// follow the clock.
    Waiting,
    /// Nothing will ever follow.
    Finished,
}

/// A source, one instance a worker. An instance reads the splits (shards, files, partitions) that fall to its worker;
/// positions are union state, so that every instance sees them all at a restore and takes its own.
pub trait Source: Send {
    /// Called once, before `restore` and the first `poll`.
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()>;

    /// Emits about `budget` bytes at the most and never blocks.
    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus>;

    /// Writes its positions: where the next `poll` would start.
    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()>;

    /// Goes on from stored positions.
    fn restore(&mut self, reader: &SnapshotReader) -> Result<()>;

    /// What was read up to this checkpoint is never read again, so it may be acknowledged to the outside.
    fn on_commit(&mut self, _epoch: Epoch) -> Result<()> {
        Ok(())
    }

    /// Whether it can replay.
    fn replay(&self) -> Replay;
}

/// Where a source puts what it read.
#[derive(Debug)]
pub struct SourceOutput<'a> {
    pub(crate) found: &'a mut Found,
    pub(crate) metrics: &'a crate::metrics::OperatorMetrics,
}

/// What a source put out in one `poll`.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows by output port.
    pub batches: Vec<(usize, Batch)>,
    /// The last that was said of event time.
    pub mark: Option<Mark>,
    /// What was said of the splits that are read.
    pub splits: Splits,
}

/// What a source said of its splits (shards, partitions), each of which has an event time of its own while it is behind.
#[derive(Debug, Default)]
pub struct Splits {
    /// The batches from this place on are of this split.
    pub rows: Vec<(usize, u64)>,
    /// All splits that are read, and whether there is more of each; none where nothing was said.
    pub read: Option<Vec<(u64, bool)>>,
}

impl Splits {
    /// The split of a batch by its place.
    pub fn of(&self, batch: usize) -> Option<u64> {
        self.rows.iter().rev().find(|(from, _)| *from <= batch).map(|(_, split)| *split)
    }
}

impl SourceOutput<'_> {
    /// Emits rows. About 4,096 rows a batch serve the operators best.
    pub fn emit(&mut self, batch: Batch) {
        self.emit_to(0, batch);
    }

    /// Emits rows to an output port: 0 is the main output, the others are side outputs, such as one of records that could
    /// not be read.
    pub fn emit_to(&mut self, port: usize, batch: Batch) {
        if batch.num_rows() > 0 {
            self.found.batches.push((port, batch));
        }
    }

    /// Polls another source, whose output this one wants to change before it is its own.
    pub fn nested<T>(&mut self, poll: impl FnOnce(&mut SourceOutput<'_>) -> Result<T>) -> Result<(T, Found)> {
        let mut found = Found::default();
        let status = poll(&mut SourceOutput { found: &mut found, metrics: self.metrics })?;
        Ok((status, found))
    }

    /// Counts records that could not be read.
    pub fn count_errors(&self, records: u64) {
        self.metrics.errors.fetch_add(records, std::sync::atomic::Ordering::Relaxed);
    }

    /// Says that no row earlier than `time` follows: of all rows emitted before and in this `poll`.
    pub fn watermark(&mut self, time: EventTime) {
        self.found.mark = Some(Mark::Time(time));
    }

    /// Says that this source has nothing for now and must not hold the others' event time back.
    pub fn idle(&mut self) {
        self.found.mark = Some(Mark::Idle);
    }

    /// Says that what is emitted from here on, in this `poll`, is of one split.
    pub fn of_split(&mut self, split: u64) {
        self.found.splits.rows.push((self.found.batches.len(), split));
    }

    /// Says which splits this instance reads, and of each whether there is more to read.
    pub fn splits(&mut self, read: impl IntoIterator<Item = (u64, bool)>) {
        self.found.splits.read = Some(read.into_iter().collect());
    }

    /// Reports how many records it is behind the newest.
    pub fn lag(&self, records: u64) {
        self.metrics.lag_records.store(records, std::sync::atomic::Ordering::Relaxed);
    }
}

impl<T: Source + ?Sized> Source for Box<T> {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        (**self).open(context, waker)
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        (**self).poll(budget, out)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        (**self).snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        (**self).restore(reader)
    }

    fn on_commit(&mut self, epoch: Epoch) -> Result<()> {
        (**self).on_commit(epoch)
    }

    fn replay(&self) -> Replay {
        (**self).replay()
    }
}
