//! Writes frames to the end of a shard's log: write, then sync, then publish.
//!
//! **Room.** A sync that makes a file longer waits for the file system's journal, and with it for whatever all others
//! wrote to that: several times as long as one that only overwrites. So a log that grows writes zeros ahead of itself,
//! now and then, within a commit, and its next frames overwrite them. Room is never relied upon: each sync covers
//! all that its frame needs, and without room (a full disk) frames are appended. It is cut off before a segment is
//! sealed and at a clean stop; recovery finds zeros behind the last frame, and cuts them off too.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Error, IngestionTime, Result, Sequence, ShardId};

use super::file::LogFile;
use super::frame::{FrameHeader, seal};
use super::segment::Segment;

/// A segment has no room ahead until it holds this much: small streams take no more of the disk than they need.
const ROOM_FROM_BYTES: u64 = 64 << 10;
/// Room is as large as what the segment holds, and at most this: a few milliseconds of the disk's time.
const ROOM_BYTES_MAX: u64 = 1 << 20;

/// The end of a shard's log. Owned by the stream's writer thread, the only one that writes.
#[derive(Debug)]
pub(crate) struct LogWriter {
    folder: PathBuf,
    active: Arc<Segment>,
    file: LogFile,
    /// Bytes may follow the durable end that a failed write left behind; cut them off before anything else.
    dirty: bool,
    /// Where the zeros ahead end; not after the durable end when there are none.
    room_end: u64,
    next: Sequence,
    #[cfg(test)]
    faults: super::Faults,
}

/// A frame that was written, and is not known to be on disk yet.
#[derive(Debug)]
pub(crate) struct Written {
    header: FrameHeader,
    offset: u64,
}

impl LogWriter {
    /// Continues at the durable end of `active`. `dirty` when the file goes on after it.
    pub(crate) fn open(
        folder: PathBuf,
        active: Arc<Segment>,
        next: Sequence,
        dirty: bool,
        #[cfg(test)] faults: super::Faults,
    ) -> Result<Self> {
        let file = LogFile::open(
            &active.path,
            #[cfg(test)]
            faults.clone(),
        )?;
        let mut writer = Self {
            folder,
            active,
            file,
            dirty,
            room_end: 0,
            next,
            #[cfg(test)]
            faults,
        };
        writer.clean()?;
        Ok(writer)
    }

    pub(crate) fn shard(&self) -> ShardId {
        self.active.shard
    }

    pub(crate) fn next(&self) -> Sequence {
        self.next
    }

    pub(crate) fn active(&self) -> &Arc<Segment> {
        &self.active
    }

    /// Whether the active segment holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.active.first
    }

    /// Seals the active segment and begins the next one.
    pub(crate) fn roll(&mut self, floor: IngestionTime) -> Result<Arc<Segment>> {
        self.trim()?;
        let segment = Segment::create(&self.folder, self.shard(), self.next, floor)?;
        self.file = LogFile::open(
            &segment.path,
            #[cfg(test)]
            self.faults.clone(),
        )?;
        self.active = Arc::clone(&segment);
        self.room_end = 0;
        Ok(segment)
    }

    /// Completes `frame` and writes it after the durable end. Follow with [`LogWriter::sync`].
    pub(crate) fn write(&mut self, frame: &mut [u8], records: u32, time: IngestionTime) -> Result<Written> {
        self.clean()?;
        let offset = self.active.durable_bytes();
        seal(frame, self.active.place(offset), records, self.next, time);
        let header = FrameHeader::decode(frame).ok_or_else(|| {
            Error::corrupt(&self.active.path, offset, "the frame to write has no room for its header")
        })?;
        self.dirty = true;
        match self.file.write_all_at(frame, offset) {
            Ok(()) => {
                self.make_room(offset + header.frame_bytes());
                Ok(Written { header, offset })
            }
            Err(e) => Err(self.undo("append to", e)),
        }
    }

    /// Waits until what was written is on disk. Follow with [`LogWriter::publish`].
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// Shows what was synced to readers.
    ///
    /// When the sync failed, what the disk holds is unknown. The frame is then cut off again, so that nothing that
    /// was reported as failed can be found before something that is acknowledged later.
    pub(crate) fn publish(&mut self, written: &Written, synced: io::Result<()>) -> Result<Sequence> {
        if let Err(e) = synced {
            return Err(self.undo("sync", e));
        }
        self.active.extend(&written.header, written.offset);
        self.dirty = false;
        let first = self.next;
        self.next = written.header.next();
        Ok(first)
    }

    /// Cuts off what is not a frame: what a failed write left behind, and the room ahead.
    pub(crate) fn trim(&mut self) -> Result<()> {
        self.dirty |= self.room_end > self.active.durable_bytes();
        self.clean()
    }

    /// When a frame that ends at `end` has used up the room, writes zeros behind it; the frame's sync covers them.
    fn make_room(&mut self, end: u64) {
        let room = end.min(ROOM_BYTES_MAX);
        if end <= self.room_end || room < ROOM_FROM_BYTES {
            return;
        }
        match self.file.write_zeros(end, room) {
            Ok(()) => self.room_end = end + room,
            // No place for room is no reason to refuse the frame. What was written of it are zeros: they may stay.
            Err(_) => {
                let _ = self.file.shorten(end);
            }
        }
    }

    fn undo(&mut self, action: &'static str, cause: io::Error) -> Error {
        // If this fails too, the next write tries again before it does anything.
        let _ = self.clean();
        Error::io(action, &self.active.path, cause)
    }

    fn clean(&mut self) -> Result<()> {
        if self.dirty {
            let path = &self.active.path;
            self.file.truncate(self.active.durable_bytes()).map_err(|e| Error::io("truncate", path, e))?;
            self.dirty = false;
            self.room_end = 0;
        }
        Ok(())
    }
}
