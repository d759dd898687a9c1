//! Applying a checkpoint's deltas, once.

use fjall::PersistMode;

use super::cube::CELLS;
use super::key::BlockKey;
use super::rows::Rows;
use super::stream::Effort;
use super::{HOUR_MINUTES, NUMBER_KEY, SummaryStore, block, marker_key, read_u64};
use crate::error::Result;
use crate::summary::buffer::DeltaBuffer;
use crate::summary::cell::{CellDelta, SiteId};
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
        let mut buffer = DeltaBuffer::default();
        for chunk in chunks {
            codec::decode(chunk.as_ref())?.into_iter().for_each(|delta| buffer.add(delta));
        }
        self.commit_deltas(epoch, subtask, &buffer.drain())
    }

    /// The newest epoch that was applied for a subtask.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`].
    pub fn committed(&self, subtask: &str) -> Result<Option<u64>> {
        read_u64(&self.meta, &marker_key(subtask))
    }

    /// As [`SummaryStore::commit`], for deltas sorted by cell as [`DeltaBuffer::drain`] gives them.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`].
    pub fn commit_deltas(&self, epoch: u64, subtask: &str, deltas: &[CellDelta]) -> Result<bool> {
        let chunks: Vec<_> = deltas.chunk_by(|a, b| hour_of(a) == hour_of(b)).filter_map(chunk).collect();
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

fn hour_of(delta: &CellDelta) -> (SiteId, u32) {
    let minute = delta.key.minute.0;
    (delta.key.site, minute - minute % HOUR_MINUTES)
}

/// One block of deltas of the same site and hour.
fn chunk(deltas: &[CellDelta]) -> Option<((SiteId, u32), Vec<u8>)> {
    let (site, start) = hour_of(deltas.first()?);
    let mut rows = Rows::new(CELLS);
    for delta in deltas {
        rows.add_delta((delta.key.minute.0 - start) as u16, &delta.key.dimensions, &delta.measures);
    }
    Some(((site, start), block::encode(&rows.finish(), start, HOUR_MINUTES, Effort::Quick)?))
}
