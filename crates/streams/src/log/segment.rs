//! A segment: one file of a shard's log, that readers share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::{Error, IngestionTime, Result, Sequence, ShardId};

use super::chunk::ChunkReader;
use super::file::replace_file;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader, Place};
use super::index::SparseIndex;

/// Bytes before a segment's first frame.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 32;
const SEGMENT_MAGIC: [u8; 8] = *b"TMseg\0\0\x01";

/// One file of a shard's log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) shard: ShardId,
    /// Its first sequence number, also when it holds no record yet.
    pub(crate) first: Sequence,
    /// Every stamp in it is later than this, and every stamp in the segments before it is not.
    pub(crate) floor: IngestionTime,
    /// How much of it is on disk for sure: readers see no byte after this.
    durable_bytes: AtomicU64,
    /// `None` until a reader first seeks in a segment that was sealed before the start.
    index: Mutex<Option<SparseIndex>>,
}

impl Segment {
    /// Makes a new segment's file, empty and durable.
    pub(crate) fn create(folder: &Path, shard: ShardId, first: Sequence, floor: IngestionTime) -> Result<Arc<Self>> {
        let path = folder.join(file_name(first));
        replace_file(&path, &encode_header(shard, first, floor))?;
        Ok(Self::new(path, shard, first, floor, SEGMENT_HEADER_BYTES as u64, Some(SparseIndex::default())))
    }

    /// Takes the segment's file as it is.
    pub(super) fn open(path: PathBuf, shard: ShardId, first: Sequence) -> Result<Arc<Self>> {
        let file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
        let bytes = file.metadata().map_err(|e| Error::io("inspect", &path, e))?.len();
        let header = ChunkReader::new(file).get(0, SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES as u64);
        let header = header.map_err(|e| Error::io("read", &path, e))?;
        let floor = decode_floor(&header, shard, first)
            .ok_or_else(|| Error::corrupt(&path, 0, "the segment's header is damaged or of another segment"))?;
        Ok(Self::new(path, shard, first, floor, bytes, None))
    }

    fn new(
        path: PathBuf,
        shard: ShardId,
        first: Sequence,
        floor: IngestionTime,
        bytes: u64,
        index: Option<SparseIndex>,
    ) -> Arc<Self> {
        Arc::new(Self { path, shard, first, floor, durable_bytes: AtomicU64::new(bytes), index: Mutex::new(index) })
    }

    /// How much of the file is on disk for sure.
    pub(crate) fn durable_bytes(&self) -> u64 {
        self.durable_bytes.load(Ordering::Acquire)
    }

    /// Notes that a frame is on disk; or, at recovery, that it is good.
    pub(super) fn extend(&self, header: &FrameHeader, offset: u64) {
        if let Some(index) = self.index.lock().as_mut() {
            index.note(header, offset);
        }
        self.durable_bytes.store(offset + header.frame_bytes(), Ordering::Release);
    }

    /// Forgets all frames, before recovery notes the good ones.
    pub(super) fn reset(&self) {
        *self.index.lock() = Some(SparseIndex::default());
        self.durable_bytes.store(SEGMENT_HEADER_BYTES as u64, Ordering::Release);
    }

    pub(crate) fn place(&self, offset: u64) -> Place {
        Place { shard: self.shard, segment: self.first, offset }
    }

    /// Offset of the frame that holds `sequence`, or of the segment's durable end.
    pub(crate) fn find_sequence(&self, chunks: &mut ChunkReader, sequence: Sequence) -> Result<u64> {
        self.find(chunks, |index| index.before_sequence(sequence), |frame| frame.next() > sequence)
            .map(|(offset, _)| offset)
    }

    /// The first frame stamped `time` or later, if the segment has one.
    pub(crate) fn find_time(&self, chunks: &mut ChunkReader, time: IngestionTime) -> Result<Option<FrameHeader>> {
        self.find(chunks, |index| index.before_time(time), |frame| frame.time >= time).map(|(_, frame)| frame)
    }

    fn find(
        &self,
        chunks: &mut ChunkReader,
        hint: impl Fn(&SparseIndex) -> Option<u64>,
        wanted: impl Fn(&FrameHeader) -> bool,
    ) -> Result<(u64, Option<FrameHeader>)> {
        let mut index = self.index.lock();
        if let Some(built) = index.as_ref() {
            let from = hint(built).unwrap_or(SEGMENT_HEADER_BYTES as u64);
            drop(index);
            return self.scan(chunks, from, wanted);
        }
        // Only sealed segments come here, and their writer is done with them: the lock may be held during the scan.
        let mut built = SparseIndex::default();
        let mut found = None;
        let (end, _) = self.scan_noting(chunks, |frame, offset| {
            built.note(frame, offset);
            if found.is_none() && wanted(frame) {
                found = Some((offset, Some(*frame)));
            }
        })?;
        *index = Some(built);
        Ok(found.unwrap_or((end, None)))
    }

    fn scan_noting(
        &self,
        chunks: &mut ChunkReader,
        mut note: impl FnMut(&FrameHeader, u64),
    ) -> Result<(u64, Option<FrameHeader>)> {
        let mut offset = SEGMENT_HEADER_BYTES as u64;
        self.scan(chunks, offset, |frame| {
            note(frame, offset);
            offset += frame.frame_bytes();
            false
        })
    }

    /// Hops from header to header, from the frame at `offset`, until one is wanted or the durable end is there.
    fn scan(
        &self,
        chunks: &mut ChunkReader,
        mut offset: u64,
        mut wanted: impl FnMut(&FrameHeader) -> bool,
    ) -> Result<(u64, Option<FrameHeader>)> {
        let end = self.durable_bytes();
        while offset < end {
            let header = self.header_at(chunks, offset, end)?;
            if wanted(&header) {
                return Ok((offset, Some(header)));
            }
            offset += header.frame_bytes();
        }
        Ok((offset, None))
    }

    /// The header of the frame at `offset`, which must end before `end`.
    pub(crate) fn header_at(&self, chunks: &mut ChunkReader, offset: u64, end: u64) -> Result<FrameHeader> {
        let bytes = chunks.get(offset, FRAME_HEADER_BYTES, end).map_err(|e| Error::io("read", &self.path, e))?;
        let header = FrameHeader::decode(&bytes)
            .ok_or_else(|| Error::corrupt(&self.path, offset, "a frame should begin here, and doesn't"))?;
        if offset + header.frame_bytes() > end {
            return Err(Error::corrupt(&self.path, offset, "the frame would be longer than the rest of the file"));
        }
        Ok(header)
    }
}

/// A segment's file is named by its first sequence number, so that names sort as numbers.
fn file_name(first: Sequence) -> String {
    format!("{:020}.log", first.0)
}

/// The first sequence number of the segment in the file `name`; `None` if it is not a segment's.
pub(super) fn parse_file_name(name: &str) -> Option<Sequence> {
    let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 20)?;
    digits.parse().ok().map(Sequence)
}

fn encode_header(shard: ShardId, first: Sequence, floor: IngestionTime) -> Vec<u8> {
    let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    header.extend_from_slice(&SEGMENT_MAGIC);
    header.extend_from_slice(&first.0.to_le_bytes());
    header.extend_from_slice(&floor.as_micros().to_le_bytes());
    header.extend_from_slice(&shard.0.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header
}

fn decode_floor(header: &[u8], shard: ShardId, first: Sequence) -> Option<IngestionTime> {
    let floor = header.get(16..24)?.try_into().ok().map(i64::from_le_bytes)?;
    let floor = IngestionTime::from_micros(floor);
    (header == encode_header(shard, first, floor)).then_some(floor)
}
