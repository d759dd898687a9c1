//! Who makes which rows: numbered blocks, dealt to a fixed number of splits, and the splits to workers.
//!
//! Block b belongs to split b mod [`SPLITS`], split s to worker s mod workers. A position is the next row of each split, so that
//! what one number of workers has begun another can finish. A worker takes its blocks in the order of their numbers.

use std::ops::Range;

use tidemill_engine::{EngineError, Result, SnapshotReader, SnapshotWriter};

/// Divides evenly by 1 to 6, 8, 10, 12, 15, 16, 20 workers.
const SPLITS: u64 = 240;

/// Union state: every worker sees all splits at a restore.
const TABLE: &str = "splits";

/// The rows of one worker.
#[derive(Debug)]
pub(super) struct Splits {
    /// Rows of a block.
    block: u64,
    /// The number behind the last row; `None`: there is none.
    end: Option<u64>,
    splits: Vec<Split>,
}

#[derive(Debug)]
struct Split {
    number: u64,
    next: u64,
    written: Option<u64>,
}

impl Splits {
    /// The share of a worker, from the beginning.
    pub(super) fn new(block: u64, end: Option<u64>, worker: usize, workers: usize) -> Self {
        let mine = (0..SPLITS).filter(|split| split % workers.max(1) as u64 == worker as u64);
        let splits = mine.map(|number| Split { number, next: number * block, written: None }).collect();
        Splits { block, end, splits }
    }

    /// The next row; `None` where no row is left.
    pub(super) fn next(&self) -> Option<u64> {
        let next = self.splits.iter().map(|split| split.next).min()?;
        Some(next).filter(|next| self.end.is_none_or(|end| *next < end))
    }

    /// Takes rows that follow each other: of one block, below `limit`.
    pub(super) fn take(&mut self, limit: u64) -> Option<Range<u64>> {
        let limit = self.end.map_or(limit, |end| end.min(limit));
        let split = self.splits.iter_mut().min_by_key(|split| split.next)?;
        let from = split.next;
        let block_end = (from / self.block + 1) * self.block;
        let to = block_end.min(limit);
        if to <= from {
            return None;
        }
        split.next = if to == block_end { to + (SPLITS - 1) * self.block } else { to };
        Some(from..to)
    }

    pub(super) fn snapshot(&mut self, writer: &mut SnapshotWriter) {
        for split in &mut self.splits {
            if split.written.replace(split.next) != Some(split.next) {
                writer.union(TABLE, &split.number.to_be_bytes(), Some(&split.next.to_be_bytes()));
            }
        }
    }

    /// Goes on where the splits were left; the first row that any worker has still to make.
    pub(super) fn restore(&mut self, reader: &SnapshotReader) -> Result<Option<u64>> {
        let mut first = None;
        for (key, value) in reader.table(TABLE) {
            let bad = |_| EngineError::State("a generator's stored position can't be read; start without it".into());
            let number = u64::from_be_bytes(key.try_into().map_err(bad)?);
            let next = u64::from_be_bytes(value.try_into().map_err(bad)?);
            if (next / self.block) % SPLITS != number {
                return Err(EngineError::State("a generator's stored position is not of these options".into()));
            }
            first = Some(first.map_or(next, |first: u64| first.min(next)));
            if let Some(split) = self.splits.iter_mut().find(|split| split.number == number) {
                (split.next, split.written) = (next, Some(next));
            }
        }
        Ok(first)
    }
}
