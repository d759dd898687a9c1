//! Giving back the disk of blocks that were replaced or dropped.
//!
//! The key-value store rewrites a file only when many new ones come after it. Blocks are written once and dropped months later, so
//! what is dropped would stay for months more.

use parking_lot::Mutex;

use super::SummaryStore;
use crate::error::Result;

/// Bytes that a keyspace may waste whatever it holds.
const WASTE_BYTES_MAX: u64 = 8 << 20;

/// Bytes of each keyspace when it was rewritten last: fresh, minute, hour, day.
#[derive(Default)]
pub(super) struct Reclaimed(Mutex<[u64; 4]>);

impl SummaryStore {
    /// Rewrites the keyspaces that have doubled since they were rewritten last: what is kept then fills half of the disk that is used,
    /// and each byte is rewritten about once.
    pub(super) fn reclaim(&self) -> Result<()> {
        let mut last = self.reclaimed.0.lock();
        for (keyspace, last) in [&self.fresh].into_iter().chain(&self.folded).zip(last.iter_mut()) {
            if keyspace.disk_space() > 2 * *last + WASTE_BYTES_MAX {
                keyspace.major_compact()?;
                *last = keyspace.disk_space();
            }
        }
        Ok(())
    }

    /// Rewrites everything, so that disk is used for nothing but what is kept. For benchmarks and tools.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`].
    pub fn shrink(&self) -> Result<()> {
        let mut last = self.reclaimed.0.lock();
        for (keyspace, last) in [&self.fresh].into_iter().chain(&self.folded).zip(last.iter_mut()) {
            keyspace.rotate_memtable_and_wait()?;
            keyspace.major_compact()?;
            *last = keyspace.disk_space();
        }
        Ok(())
    }
}
