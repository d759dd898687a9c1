//! Reads a segment's file in large pieces and hands out slices of them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::{Bytes, BytesMut};

/// A piece is this large, unless a frame is larger.
const CHUNK_BYTES: usize = 256 << 10;

/// A window over a file that moves forward.
#[derive(Debug)]
pub(crate) struct ChunkReader {
    file: File,
    chunk: Bytes,
    /// Offset of the chunk in the file.
    start: u64,
}

impl ChunkReader {
    pub(crate) fn new(file: File) -> Self {
        Self { file, chunk: Bytes::new(), start: 0 }
    }

    /// The `len` bytes at `offset`, which the caller knows to be before `end`; fewer when the file ends earlier.
    /// Nothing at or after `end` is read.
    pub(crate) fn get(&mut self, offset: u64, len: usize, end: u64) -> io::Result<Bytes> {
        if let Some(found) = self.cached(offset, len) {
            return Ok(found);
        }
        let room = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.load(offset, len.max(CHUNK_BYTES).min(room))?;
        Ok(self.chunk.slice(..len.min(self.chunk.len())))
    }

    fn cached(&self, offset: u64, len: usize) -> Option<Bytes> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(len)?;
        (to <= self.chunk.len()).then(|| self.chunk.slice(from..to))
    }

    fn load(&mut self, offset: u64, len: usize) -> io::Result<()> {
        // The old chunk's memory is used again when no reader holds a slice of it.
        let mut buffer = std::mem::take(&mut self.chunk).try_into_mut().unwrap_or_else(|_| BytesMut::new());
        buffer.resize(len, 0);
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.file.read_at(room, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        buffer.truncate(filled);
        self.chunk = buffer.freeze();
        self.start = offset;
        Ok(())
    }
}
