//! Merging fresh chunks, so that an hour of five commits a second is a few chunks and not thousands.

use fjall::{PersistMode, Readable};

use super::block::{self, Block};
use super::cube::CELLS;
use super::key::BlockKey;
use super::merge::{Input, merge};
use super::stream::Effort;
use super::{HOUR_MINUTES, NUMBER_KEY, SummaryStore};
use crate::error::Result;
use crate::summary::cell::SiteId;

/// Fewer chunks than this are left alone.
const MERGE_CHUNKS_MIN: usize = 8;

impl SummaryStore {
    /// Merges fresh chunks of similar size, each hour by itself. A cell is rewritten at most once each time that its hour
    /// triples. Returns how many chunks went into others.
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
        let mut chunks = Vec::with_capacity(numbers.len());
        for number in numbers {
            if let Some(bytes) = snapshot.get(&self.fresh, key(*number).to_bytes())? {
                chunks.push(Block::open(bytes)?.columns()?);
            }
        }
        let inputs: Vec<Input<'_>> = chunks.iter().map(Input::all).collect();
        let merged = block::encode(&merge(CELLS, &inputs), start, HOUR_MINUTES, Effort::Quick);
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

/// The smallest chunks, of which the largest is at most half of the others together: so it at least triples each time that it is
/// rewritten, and what is left alone is a few chunks more than its logarithm.
fn run(chunks: &[(u64, usize)]) -> Vec<u64> {
    let mut by_size: Vec<(usize, u64)> = chunks.iter().map(|(number, bytes)| (*bytes, *number)).collect();
    by_size.sort_unstable();
    let (mut sum, mut merged) = (0, 0);
    for (smaller, (bytes, _)) in by_size.iter().enumerate() {
        if smaller + 1 >= MERGE_CHUNKS_MIN && 2 * bytes <= sum {
            merged = smaller + 1;
        }
        sum += bytes;
    }
    by_size.truncate(merged);
    by_size.into_iter().map(|(_, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_rewritten_seldom_however_many_come() {
        let mut chunks: Vec<(u64, usize)> = Vec::new();
        let (mut rewritten, mut most) = (0, 0);
        let (commits, bytes) = (18_000, 1_000);
        for number in 0..commits {
            // Some are much smaller than others.
            chunks.push((number, bytes / (1 + number as usize % 3)));
            let run = run(&chunks);
            let merged: usize = chunks.iter().filter(|(number, _)| run.contains(number)).map(|(_, bytes)| bytes).sum();
            if merged > 0 {
                chunks.retain(|(number, _)| !run.contains(number));
                chunks.push((commits + number, merged));
            }
            rewritten += merged;
            most = most.max(chunks.len());
        }
        let written: usize = chunks.iter().map(|(_, bytes)| bytes).sum();
        assert!(rewritten < 7 * written, "each byte was rewritten {} times", rewritten as f64 / written as f64);
        assert!(most < 24, "{most} chunks at a time");
    }
}
