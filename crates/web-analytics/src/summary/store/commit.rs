//! Applying a checkpoint's deltas, once.

use std::collections::BTreeMap;

use fjall::PersistMode;

use super::deltas::DeltaRows;
use super::key::BlockKey;
use super::stream::Effort;
use super::{HOUR_MINUTES, NUMBER_KEY, SummaryStore, block, marker_key, read_u64};
use crate::error::Result;
use crate::summary::cell::{CellDelta, CellKey, Measures, SiteId};
use crate::summary::codec;

impl SummaryStore {
    /// Applies the deltas of one checkpoint of one subtask, as encoded by [`codec::encode`], atomically and on disk
    /// when this returns. True if they were applied, false if this epoch or a later one of the subtask was before.
    ///
    /// # Errors
    /// [`crate::error::Error::Damaged`] if a chunk doesn't decode (then nothing is applied), or
    /// [`crate::error::Error::Storage`].
    pub fn commit<B: AsRef<[u8]>>(&self, epoch: u64, subtask: &str, chunks: &[B]) -> Result<bool> {
        if self.committed(subtask)?.is_some_and(|marker| epoch <= marker) {
            return Ok(false);
        }
        let mut hours = Hours::default();
        for chunk in chunks {
            codec::for_each(chunk.as_ref(), |key, measures| hours.add(&key, measures))?;
        }
        self.commit_hours(epoch, subtask, hours)
    }

    /// The newest epoch that was applied for a subtask.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`].
    pub fn committed(&self, subtask: &str) -> Result<Option<u64>> {
        read_u64(&self.meta, &marker_key(subtask))
    }

    /// As [`SummaryStore::commit`], for deltas that aren't encoded.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`].
    pub fn commit_deltas(&self, epoch: u64, subtask: &str, deltas: &[CellDelta]) -> Result<bool> {
        let mut hours = Hours::default();
        deltas.iter().for_each(|delta| hours.add(&delta.key, &delta.measures));
        self.commit_hours(epoch, subtask, hours)
    }

    fn commit_hours(&self, epoch: u64, subtask: &str, hours: Hours) -> Result<bool> {
        let chunks = hours.encode();
        let mut writer = self.writer.lock();
        if self.committed(subtask)?.is_some_and(|marker| epoch <= marker) {
            return Ok(false);
        }
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        let mut number = writer.number;
        let mut added = Vec::with_capacity(chunks.len());
        for ((site, start), bytes) in chunks {
            added.push(((site, start), (number, bytes.len())));
            batch.insert(&self.fresh, BlockKey { site, cube: 0, start, number }.to_bytes(), bytes);
            number += 1;
        }
        batch.insert(&self.meta, NUMBER_KEY, number.to_be_bytes());
        batch.insert(&self.meta, marker_key(subtask), epoch.to_be_bytes());
        self.write(batch)?;
        writer.number = number;
        for (hour, chunk) in added {
            writer.fresh.entry(hour).or_default().push(chunk);
        }
        drop(writer);
        self.changed();
        Ok(true)
    }
}

/// Deltas summed up by site and hour.
#[derive(Default)]
struct Hours(BTreeMap<(SiteId, u32), DeltaRows>);

impl Hours {
    fn add(&mut self, key: &CellKey, measures: &Measures) {
        let slot = key.minute.0 % HOUR_MINUTES;
        let rows = self.0.entry((key.site, key.minute.0 - slot)).or_default();
        rows.add(slot as u16, &key.dimensions, measures);
    }

    /// One block for each hour in which something changed.
    fn encode(self) -> Vec<((SiteId, u32), Vec<u8>)> {
        let block = |((site, start), rows): ((SiteId, u32), DeltaRows)| {
            Some(((site, start), block::encode(&rows.finish(), start, HOUR_MINUTES, Effort::Quick)?))
        };
        self.0.into_iter().filter_map(block).collect()
    }
}
