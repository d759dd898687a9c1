//! Drives a generator: which rows, when, from where after a restore.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tidemill_engine::{
    Batch, EngineError, EventTime, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source,
    SourceOutput, SourceStatus, Waker,
};

use super::pace::{Clock, Pace};
use super::splits::Splits;
use crate::alarm::wake_in;

const TABLE: &str = "start";

/// Makes rows of numbers.
pub(crate) trait Generate: Send {
    /// The rows of these numbers, in one batch or several; all of one block. `start` is when the job was first started, and is the
    /// same after a restore.
    fn rows(&mut self, numbers: Range<u64>, start: EventTime) -> Result<Vec<Batch>>;

    /// No row from this number on is earlier.
    fn complete_to(&self, next: u64, start: EventTime, now: EventTime) -> EventTime;
}

/// When the source was first started: the same for all workers.
pub(crate) type Start = Arc<OnceLock<EventTime>>;

/// A source of one worker.
pub(crate) struct GeneratedSource<G> {
    generator: G,
    /// Rows of a block.
    pub(crate) block: u64,
    /// The number behind the last row.
    pub(crate) end: Option<u64>,
    pub(crate) rows_per_second: Option<u64>,
    pub(crate) clock: Clock,
    shared_start: Start,
    start: Option<EventTime>,
    start_written: bool,
    opened: Option<(Splits, Waker)>,
    /// The first row that any worker had still to make at the start.
    first: u64,
    pace: Option<Pace>,
    /// When the alarm rings that was set last.
    wakes_at: Option<EventTime>,
    is_first_worker: bool,
}

impl<G> GeneratedSource<G> {
    pub(crate) fn new(generator: G, block: u64, start: &Start) -> Self {
        GeneratedSource {
            generator,
            block,
            end: None,
            rows_per_second: None,
            clock: Clock::system(),
            shared_start: Arc::clone(start),
            start: None,
            start_written: false,
            opened: None,
            first: 0,
            pace: None,
            wakes_at: None,
            is_first_worker: false,
        }
    }
}

impl<G: Generate> Source for GeneratedSource<G> {
    fn open(&mut self, context: &OperatorContext, waker: Waker) -> Result<()> {
        let splits = Splits::new(self.block, self.end, context.worker, context.workers);
        self.is_first_worker = context.worker == 0;
        self.opened = Some((splits, waker));
        Ok(())
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let Some((splits, waker)) = &mut self.opened else {
            return Err(EngineError::Plan("the source is not open".into()));
        };
        let now = self.clock.now();
        let start = *self.start.get_or_insert_with(|| *self.shared_start.get_or_init(|| now));
        let limit = self.rows_per_second.map(|rows_per_second| {
            let pace = self.pace.get_or_insert_with(|| Pace::new(rows_per_second, self.first, now));
            (*pace, pace.due(now))
        });
        let mut bytes = 0;
        while bytes < budget
            && let Some(numbers) = splits.take(limit.map_or(u64::MAX, |(_, due)| due))
        {
            let batches = self.generator.rows(numbers, start)?;
            // Rows that nobody wants columns of, or few, still took their time.
            bytes += batches.iter().map(Batch::bytes).sum::<usize>().max(budget / 16);
            batches.into_iter().for_each(|batch| out.emit(batch));
        }
        let Some(next) = splits.next() else { return Ok(SourceStatus::Finished) };
        out.watermark(self.generator.complete_to(next, start, now));
        match limit {
            Some((pace, due)) if next >= due => {
                // One alarm at a time: epochs poll, too, and each poll would set one more.
                if self.wakes_at.is_none_or(|at| at <= now) {
                    let wait = pace.until(next, now);
                    self.wakes_at = Some(now.plus(wait));
                    wake_in(wait, waker);
                }
                Ok(SourceStatus::Waiting)
            }
            _ => Ok(SourceStatus::More),
        }
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        if let Some((splits, _)) = &mut self.opened {
            splits.snapshot(writer);
        }
        if self.is_first_worker
            && let Some(start) = self.start.or_else(|| self.shared_start.get().copied())
            && !std::mem::replace(&mut self.start_written, true)
        {
            writer.union(TABLE, b"", Some(&start.0.to_be_bytes()));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        if let Some((splits, _)) = &mut self.opened {
            self.first = splits.restore(reader)?.unwrap_or(0);
        }
        if let Some(start) = reader.union(TABLE, b"") {
            let bad = |_| EngineError::State("a generator's stored start can't be read; start without it".into());
            self.start = Some(EventTime(i64::from_be_bytes(start.try_into().map_err(bad)?)));
            self.start_written = true;
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}
