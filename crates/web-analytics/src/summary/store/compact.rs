//! Merging fresh chunks, so that an hour of five commits a second is a few chunks and not thousands.

use fjall::{PersistMode, Readable};

use super::block::{self, Block};
use super::cube::CELLS;
use super::key::BlockKey;
use super::rows::Rows;
use super::stream::Effort;
use super::{HOUR_MINUTES, NUMBER_KEY, SummaryStore};
use crate::error::Result;
use crate::summary::cell::SiteId;

/// Fewer chunks than this are left alone.
const MERGE_CHUNKS_MIN: usize = 8;

impl SummaryStore {
    /// Merges fresh chunks of similar size, each hour by itself. A cell is rewritten about once each time that its hour
    /// doubles. Returns how many chunks went into others.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] or [`crate::error::Error::Damaged`].
    pub fn compact(&self) -> Result<usize> {
        let _moving = self.maintenance.lock();
        let runs: Vec<((SiteId, u32), Vec<u64>)> = {
            let writer = self.writer.lock();
            writer.fresh.iter().map(|(hour, chunks)| (*hour, run(chunks))).filter(|(_, run)| !run.is_empty()).collect()
        };
        let mut merged = 0;
        for ((site, start), numbers) in runs {
            self.merge_fresh(site, start, &numbers)?;
            merged += numbers.len();
        }
        Ok(merged)
    }

    /// The caller holds `maintenance`.
    fn merge_fresh(&self, site: SiteId, start: u32, numbers: &[u64]) -> Result<()> {
        let key = |number: u64| BlockKey { site, cube: 0, start, number };
        let snapshot = self.db.snapshot();
        let mut rows = Rows::new(CELLS);
        for number in numbers {
            if let Some(bytes) = snapshot.get(&self.fresh, key(*number).to_bytes())? {
                rows.add_block(&Block::open(bytes)?.columns()?, Some);
            }
        }
        let merged = block::encode(&rows.finish(), start, HOUR_MINUTES, Effort::Quick);
        let mut writer = self.writer.lock();
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        for number in numbers {
            batch.remove(&self.fresh, key(*number).to_bytes());
        }
        let number = writer.number;
        let added = merged.as_ref().map(|bytes| (number, bytes.len()));
        if let Some(bytes) = merged {
            batch.insert(&self.fresh, key(number).to_bytes(), bytes);
        }
        batch.insert(&self.meta, NUMBER_KEY, (number + 1).to_be_bytes());
        self.write(batch)?;
        writer.number = number + 1;
        if let Some(chunks) = writer.fresh.get_mut(&(site, start)) {
            chunks.retain(|(number, _)| !numbers.contains(number));
            chunks.extend(added);
        }
        Ok(())
    }
}

/// The smallest chunks, as far as each is at most twice of all smaller ones together.
fn run(chunks: &[(u64, usize)]) -> Vec<u64> {
    let mut by_size: Vec<(usize, u64)> = chunks.iter().map(|(number, bytes)| (*bytes, *number)).collect();
    by_size.sort_unstable();
    let mut sum = 0;
    let mut run = Vec::new();
    for (bytes, number) in by_size {
        if run.len() >= MERGE_CHUNKS_MIN && bytes > 2 * sum {
            break;
        }
        sum += bytes;
        run.push(number);
    }
    if run.len() < MERGE_CHUNKS_MIN { Vec::new() } else { run }
}
