//! Objects of segments: written as they are made, read in ranges.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::executor::block_on;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStoreExt, path::Path};
use parking_lot::Mutex;

use super::{CheckpointStore, manifest::SegmentRef, store::storage};
use crate::{
    error::{EngineError, Result},
    state::segment::Stored,
};

/// Object stores want parts of no less than 5 MiB.
const REMOTE_PART_BYTES: usize = 8 << 20;
const LOCAL_PART_BYTES: usize = 1 << 20;
/// Segments up to this many bytes in all share one object.
const SHARED_BYTES: usize = 8 << 20;

/// Buffers of blocks that were written, to be filled again.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    const KEPT: usize = 16;

    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }

    fn give_back(&self, blocks: impl IntoIterator<Item = Bytes>) {
        let mut kept = self.0.lock();
        for block in blocks.into_iter().filter(Bytes::is_unique) {
            if kept.len() < Self::KEPT {
                let mut buffer = Vec::from(block);
                buffer.clear();
                kept.push(buffer);
            }
        }
    }
}

/// Writes one object; holds no more than a part of it.
pub(super) struct ObjectWriter {
    store: CheckpointStore,
    name: String,
    buffers: Buffers,
    part: Vec<Bytes>,
    part_bytes: usize,
    length: u64,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl ObjectWriter {
    pub(super) fn new(store: CheckpointStore, name: String, buffers: Buffers) -> Self {
        ObjectWriter { store, name, buffers, part: Vec::new(), part_bytes: 0, length: 0, upload: None }
    }

    pub(super) fn push(&mut self, block: Vec<u8>) -> Result<()> {
        self.length += block.len() as u64;
        self.part_bytes += block.len();
        self.part.push(block.into());
        let full = if self.store.is_local() { LOCAL_PART_BYTES } else { REMOTE_PART_BYTES };
        if self.part_bytes >= full { self.write_part() } else { Ok(()) }
    }

    fn path(&self) -> Path {
        self.store.path(&self.name)
    }

    fn write_part(&mut self) -> Result<()> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => {
                let begun = block_on(self.store.objects().put_multipart(&self.store.path(&self.name)));
                none.insert(begun.map_err(storage)?)
            }
        };
        let part = std::mem::take(&mut self.part);
        self.part_bytes = 0;
        block_on(upload.put_part(part.iter().cloned().collect())).map_err(storage)?;
        self.buffers.give_back(part);
        Ok(())
    }

    /// Ends the object; it is durable when this returns. Its length.
    pub(super) fn finish(mut self) -> Result<u64> {
        if self.upload.is_some() && !self.part.is_empty() {
            self.write_part()?;
        }
        match self.upload.take() {
            Some(mut upload) => {
                block_on(upload.complete()).map_err(storage)?;
            }
            None => {
                let payload = self.part.iter().cloned().collect();
                block_on(self.store.objects().put(&self.path(), payload)).map_err(storage)?;
                self.buffers.give_back(std::mem::take(&mut self.part));
            }
        }
        self.store.sync(&self.path())?;
        Ok(self.length)
    }
}

/// Small segments that share one object.
pub(super) struct SharedObject {
    object: ObjectWriter,
    name: String,
}

impl SharedObject {
    pub(super) fn new(store: CheckpointStore, name: String, buffers: Buffers) -> Self {
        SharedObject { object: ObjectWriter::new(store, name.clone(), buffers), name }
    }

    pub(super) fn push(&mut self, segment: Vec<u8>) -> Result<SegmentRef> {
        let at = SegmentRef { object: self.name.clone(), offset: self.object.length, length: segment.len() as u64 };
        self.object.push(segment)?;
        Ok(at)
    }

    pub(super) fn is_full(&self) -> bool {
        self.object.length >= SHARED_BYTES as u64
    }

    /// Durable when this returns. An object with nothing in it is not written.
    pub(super) fn finish(self) -> Result<()> {
        if self.object.length == 0 { Ok(()) } else { self.object.finish().map(drop) }
    }
}

/// A segment where it is stored.
#[derive(Debug)]
pub(super) struct StoredSegment {
    pub(super) store: CheckpointStore,
    pub(super) at: SegmentRef,
}

impl Stored for StoredSegment {
    fn name(&self) -> &str {
        &self.at.object
    }

    fn length(&self) -> u64 {
        self.at.length
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let range = self.at.offset + range.start..self.at.offset + range.end;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..Default::default() };
        let path = self.store.path(&self.at.object);
        let read = block_on(async { self.store.objects().get_opts(&path, options).await?.bytes().await });
        read.map_err(|error| match error {
            object_store::Error::NotFound { .. } => EngineError::corrupt(&self.at.object, "it is missing"),
            other => storage(other),
        })
    }
}
