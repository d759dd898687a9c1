//! The first row of each key in a period.

use arrow::datatypes::SchemaRef;
use tidemill_engine::{
    Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable, timers::Timer,
};

use super::{
    columns::{keys_to_warm, rows_of, without_key},
    rows::key_column,
};

/// What a [`Distinct`] does.
#[derive(Clone, Debug)]
pub struct DistinctConfig {
    /// The columns of the input, without its key; they are also the output.
    pub schema: SchemaRef,
    /// Periods begin at its multiples since 1970: microseconds.
    pub period: i64,
}

/// Puts out the first row of each key in each period, at once. A key is forgotten when the watermark has reached the period's end; rows
/// of a period that is over are late: counted, and sent to port 1 as they came.
#[derive(Debug)]
pub struct Distinct {
    config: DistinctConfig,
    /// By key: the end of the last period in which it came.
    seen: StateTable<i64>,
}

impl Distinct {
    /// With no key seen.
    pub fn new(config: DistinctConfig) -> Self {
        Distinct { config, seen: StateTable::new("keys") }
    }
}

impl Operator for Distinct {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let keys = key_column(batch.rows())?;
        let (mut new, mut late): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        for ((row, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            keys_to_warm(keys, row).into_iter().for_each(|keys| self.seen.warm(keys, |_| 0));
            let end = time.saturating_sub(time.rem_euclid(self.config.period)).saturating_add(self.config.period);
            if end <= out.watermark().0 {
                late.push(row as u32);
            } else if self.seen.get(key).is_none_or(|seen| *seen < end) {
                self.seen.insert(key, end);
                out.set_timer(EventTime(end), key);
                new.push(row as u32);
            }
        }
        if !late.is_empty() {
            out.count_late(late.len() as u64);
            out.emit_to(1, batch.take(&late.into())?);
        }
        if !new.is_empty() {
            let columns = without_key(batch.rows()).to_vec();
            let rows = batch.with_rows(rows_of(&self.config.schema, columns, batch.num_rows())?)?;
            out.emit(if new.len() == rows.num_rows() { rows } else { rows.take(&new.into())? });
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, _out: &mut Output<'_>) -> Result<()> {
        // A key that came again since has a later timer.
        if self.seen.get(&timer.key).is_some_and(|end| *end <= timer.time.0) {
            self.seen.remove(&timer.key);
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.seen.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.seen.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.seen.len()
    }
}
