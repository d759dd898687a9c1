//! Files and folders whose changes survive a power loss.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Error, Result};

/// Makes a folder's entries (files created, renamed, removed) durable.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|e| Error::io("sync", path, e))
}

/// Makes a folder, and its parents, if they are not there.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| Error::io("create", path, e))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes a folder with all that is in it; none there is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Puts `bytes` at `path` so that a crash leaves either the old file or the new one, whole.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let scratch = path.with_extension("tmp");
    let written = File::create(&scratch)
        .and_then(|file| {
            file.write_all_at(bytes, 0)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&scratch, path));
    if let Err(e) = written {
        let _ = fs::remove_file(&scratch);
        return Err(Error::io("write", path, e));
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// The file of the active segment.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    #[cfg(test)]
    faults: Faults,
}

impl LogFile {
    pub(super) fn open(path: &Path, #[cfg(test)] faults: Faults) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|e| Error::io("open", path, e))?;
        Ok(Self {
            file,
            #[cfg(test)]
            faults,
        })
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(room) = self.faults.take(bytes.len()) {
            self.file.write_all_at(bytes.get(..room).unwrap_or(bytes), offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all_at(bytes, offset)
    }

    /// Writes `len` zeros at `offset`.
    pub(super) fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let end = offset + len;
        let mut at = offset;
        while at < end {
            let piece = ZEROS.get(..usize::try_from(end - at).unwrap_or(usize::MAX)).unwrap_or(&ZEROS);
            self.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Cuts everything from `len` on off; the next sync makes that durable.
    pub(super) fn shorten(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync()?;
        self.file.sync_data()
    }

    /// Cuts everything from `len` on off, durably.
    pub(super) fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.sync_all()
    }
}

/// A disk that fills up, or fails to sync, when a test says so.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(std::sync::Arc<parking_lot::Mutex<FaultState>>);

#[cfg(test)]
#[derive(Debug, Default)]
struct FaultState {
    room_bytes: Option<usize>,
    failing_syncs: usize,
}

#[cfg(test)]
impl Faults {
    /// Room for this many more bytes; `None` for a disk that never fills.
    pub(crate) fn set_room(&self, bytes: Option<usize>) {
        self.0.lock().room_bytes = bytes;
    }

    /// The next `syncs` syncs fail.
    pub(crate) fn fail_syncs(&self, syncs: usize) {
        self.0.lock().failing_syncs = syncs;
    }

    /// `None` when there is room for `bytes`, else how many still fit.
    fn take(&self, bytes: usize) -> Option<usize> {
        let mut state = self.0.lock();
        let room = state.room_bytes?;
        state.room_bytes = Some(room.saturating_sub(bytes));
        (room < bytes).then_some(room)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.failing_syncs == 0 {
            return Ok(());
        }
        state.failing_syncs -= 1;
        Err(io::Error::other("the disk failed to sync"))
    }
}
