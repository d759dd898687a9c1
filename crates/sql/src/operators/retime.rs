//! Rows get another time: that of a column, which goes back by no more than a bound.

use arrow::array::{Array, BooleanArray};
use tidemill_engine::time::Mark;
use tidemill_engine::{Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter};

use super::calc::REJECTS;
use super::rejects::{Failed, rows_of};
use super::results::{MILLISECOND, micros};

/// Configuration of [`Retime`].
#[derive(Clone, Debug)]
pub struct RetimeConfig {
    /// The column that is the time.
    pub column: usize,
    /// How far a time may be behind the greatest one before it, in microseconds.
    pub bound: i64,
    /// Rows that have no time, or one too far back, come out of port 1 as those of this origin.
    pub origin: String,
}

/// Makes a column the time of rows, and the watermark of it.
///
/// It is fed by [`Routing::Single`](tidemill_engine::Routing): the order is that of all rows, so all are on one worker.
#[derive(Debug)]
pub struct Retime {
    config: RetimeConfig,
    /// The greatest time so far.
    latest: Option<i64>,
    /// Rows came to this worker: to all but one, none ever come.
    has_rows: bool,
    unsaved: bool,
}

const LATEST: &str = "latest";

impl Retime {
    /// Before the first row.
    pub fn new(config: RetimeConfig) -> Self {
        Retime { config, latest: None, has_rows: false, unsaved: false }
    }

    fn mark(&self) -> Mark {
        match self.latest.filter(|_| self.has_rows) {
            Some(latest) => Mark::Time(EventTime(latest.saturating_sub(self.config.bound + MILLISECOND))),
            None => Mark::Idle,
        }
    }
}

impl Operator for Retime {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let times = micros(batch.rows().column(self.config.column))?;
        let before = self.latest;
        let kept: BooleanArray = (0..times.len())
            .map(|row| {
                if times.is_null(row) {
                    return Some(false);
                }
                let time = times.value(row);
                let in_time = self.latest.is_none_or(|latest| time >= latest.saturating_sub(self.config.bound));
                if in_time {
                    self.latest = self.latest.max(Some(time));
                }
                Some(in_time)
            })
            .collect();
        if kept.false_count() > 0 {
            let gone = arrow::compute::not(&kept)?;
            let gone = batch.filter(&gone)?;
            let reason = |row: usize| match micros(gone.rows().column(self.config.column)) {
                Ok(times) if times.is_valid(row) => "its ROWTIME is behind that of rows before it",
                _ => "its ROWTIME is NULL",
            };
            let failed =
                (0..gone.num_rows()).map(|row| Failed::new(&gone, row, reason(row))).collect::<Result<Vec<_>>>()?;
            out.count_errors(failed.len() as u64);
            out.emit_to(REJECTS, rows_of(&self.config.origin, &failed)?);
        }
        let batch = batch.filter(&kept)?;
        let times = micros(batch.rows().column(self.config.column))?;
        out.emit(batch.with_times(times.values().clone())?);
        if !std::mem::replace(&mut self.has_rows, true) || self.latest != before {
            self.unsaved = true;
            out.emit_watermark(self.mark());
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        // The end of the rows is the end of these, too; workers that have none hold nobody back.
        out.emit_watermark(if time == EventTime::MAX { Mark::Time(time) } else { self.mark() });
        Ok(())
    }

    fn on_idle(&mut self, out: &mut Output<'_>) -> Result<()> {
        out.emit_watermark(Mark::Idle);
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        if let Some(latest) = self.latest.filter(|_| std::mem::take(&mut self.unsaved)) {
            writer.union(LATEST, b"", Some(&latest.to_be_bytes()));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        let latest = reader.union(LATEST, b"").and_then(|latest| latest.try_into().ok());
        self.latest = latest.map(i64::from_be_bytes);
        Ok(())
    }

    fn forwards_watermarks(&self) -> bool {
        false
    }
}
