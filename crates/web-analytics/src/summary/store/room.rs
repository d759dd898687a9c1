//! Room on the disk, asked for before anything is written. When a write fails in the middle, the storage below takes none any
//! more until it is opened again: so a full disk must be met before it, and then all goes on once there is room.

use fjall::OwnedWriteBatch;
use rustix::fs::statvfs;

use super::SummaryStore;
use crate::error::{Error, Result};

/// Room that there must be: the newest writes of all keyspaces reach the disk, and are merged there, in the background.
const ROOM_BYTES_MIN: u64 = 64 << 20;

impl SummaryStore {
    /// Writes a batch if there is room.
    pub(super) fn write(&self, batch: OwnedWriteBatch) -> Result<()> {
        let failed =
            |error: rustix::io::Errno| Error::Folder { path: self.dir.display().to_string(), source: error.into() };
        let disk = statvfs(&self.dir).map_err(failed)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < ROOM_BYTES_MIN {
            return Err(Error::DiskFull { path: self.dir.display().to_string(), free, wanted: ROOM_BYTES_MIN });
        }
        Ok(batch.commit()?)
    }
}
