//! Opens a shard's log as a crash may have left it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Error, IngestionTime, Result, Sequence, ShardId};

use super::chunk::ChunkReader;
use super::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader};
use super::segment::{SEGMENT_HEADER_BYTES, Segment, parse_file_name};

/// How much is looked through at a time.
const WINDOW_BYTES: u64 = 64 << 10;

/// What is on disk of a shard.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Oldest first; the last one is active if the shard is open.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The next sequence number.
    pub(crate) next: Sequence,
    /// No record is stamped later than this.
    pub(crate) newest: IngestionTime,
    /// What was promised to readers: no record to come is stamped this or earlier.
    pub(crate) floor: IngestionTime,
    /// Bytes of a torn tail, still in the file after the last segment's durable end.
    pub(crate) torn_bytes: u64,
    /// Zeros in the same place: room that the writer had made, and nothing is lost with it.
    pub(crate) room_bytes: u64,
}

/// How a clean stop left a shard's last segment: with it, no tail can pass for torn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CleanTail {
    pub(crate) segment: Sequence,
    pub(crate) bytes: u64,
    pub(crate) floor: IngestionTime,
}

/// Reads the folder of `shard`, and every frame of its last segment. `None` when it has no segment at all.
pub(crate) fn recover(folder: &Path, shard: ShardId, clean: Option<CleanTail>) -> Result<Option<Recovered>> {
    let mut segments = Vec::new();
    for (first, path) in segment_files(folder)? {
        segments.push(Segment::open(path, shard, first)?);
    }
    let Some(last) = segments.last() else { return Ok(None) };
    let on_disk_bytes = last.durable_bytes();
    let (next, newest) = scan_last(last, on_disk_bytes)?;
    let tail_bytes = on_disk_bytes - last.durable_bytes();
    let room = tail_bytes > 0 && only_zeros(last, on_disk_bytes)?;
    let (torn_bytes, room_bytes) = if room { (0, tail_bytes) } else { (tail_bytes, 0) };
    let mut floor = newest;
    if let Some(clean) = clean {
        if (clean.segment, clean.bytes) != (last.first, last.durable_bytes()) {
            let reason = format!(
                "the last clean stop left segment {} of {} bytes behind, but frames end here in segment {}",
                clean.segment, clean.bytes, last.first
            );
            return Err(Error::corrupt(&last.path, last.durable_bytes(), reason));
        }
        floor = floor.max(clean.floor);
    }
    Ok(Some(Recovered { segments, next, newest, floor, torn_bytes, room_bytes }))
}

/// Whether all that follows the last good frame is zeros.
fn only_zeros(segment: &Segment, end: u64) -> Result<bool> {
    let failed = |e| Error::io("read", &segment.path, e);
    let mut chunks = ChunkReader::new(fs::File::open(&segment.path).map_err(failed)?);
    let mut at = segment.durable_bytes();
    while at < end {
        let window = chunks.get(at, (end - at).min(WINDOW_BYTES) as usize, end).map_err(failed)?;
        if window.is_empty() || window.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += window.len() as u64;
    }
    Ok(true)
}

fn segment_files(folder: &Path) -> Result<Vec<(Sequence, PathBuf)>> {
    let listed = |e| Error::io("list", folder, e);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(listed)? {
        let path = entry.map_err(listed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match parse_file_name(name) {
            Some(first) => files.push((first, path)),
            // A segment whose creation was cut short: nothing was ever written to it.
            None if name.ends_with(".tmp") => fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?,
            None => tracing::warn!(path = %path.display(), "not a file of a stream; left alone"),
        }
    }
    files.sort();
    Ok(files)
}

/// Walks the frames of the last segment up to its end, a torn tail, or corruption.
fn scan_last(segment: &Segment, end: u64) -> Result<(Sequence, IngestionTime)> {
    let file = fs::File::open(&segment.path).map_err(|e| Error::io("open", &segment.path, e))?;
    let mut chunks = ChunkReader::new(file);
    segment.reset();
    let (mut next, mut floor) = (segment.first, segment.floor);
    let mut offset = SEGMENT_HEADER_BYTES as u64;
    while offset < end {
        let Some(header) = good_frame(segment, &mut chunks, offset, end)? else {
            refuse_if_frames_follow(segment, &mut chunks, offset, end, next)?;
            break;
        };
        if header.first != next || header.time <= floor {
            let reason = format!("the frame's first sequence number is {}, not {next}", header.first);
            return Err(Error::corrupt(&segment.path, offset, reason));
        }
        segment.extend(&header, offset);
        (next, floor) = (header.next(), header.time);
        offset += header.frame_bytes();
    }
    Ok((next, floor))
}

/// The header of the frame at `offset` if the whole frame is there and its checksum right.
fn good_frame(segment: &Segment, chunks: &mut ChunkReader, offset: u64, end: u64) -> Result<Option<FrameHeader>> {
    let mut get = |len| chunks.get(offset, len, end).map_err(|e| Error::io("read", &segment.path, e));
    let Some(header) = FrameHeader::decode(&get(FRAME_HEADER_BYTES)?) else { return Ok(None) };
    if offset + header.frame_bytes() > end {
        return Ok(None);
    }
    let frame = get(header.frame_bytes() as usize)?;
    Ok(header.verify(&frame, segment.place(offset)).then_some(header))
}

/// The frame at `bad` is damaged. If a good one follows, it was acknowledged: that is corruption, not a torn tail.
fn refuse_if_frames_follow(
    segment: &Segment,
    chunks: &mut ChunkReader,
    bad: u64,
    end: u64,
    next: Sequence,
) -> Result<()> {
    let mut from = bad + 1;
    while let Some(offset) = find_magic(segment, chunks, from, end)? {
        if good_frame(segment, chunks, offset, end)?.is_some_and(|header| header.first >= next) {
            let reason = format!("the frame's checksum is wrong, though a good frame follows at byte {offset}");
            return Err(Error::corrupt(&segment.path, bad, reason));
        }
        from = offset + 1;
    }
    Ok(())
}

/// Offset of the next place at or after `from` where a frame may begin.
fn find_magic(segment: &Segment, chunks: &mut ChunkReader, mut from: u64, end: u64) -> Result<Option<u64>> {
    while from + FRAME_HEADER_BYTES as u64 <= end {
        let len = (end - from).min(WINDOW_BYTES) as usize;
        let window: Bytes = chunks.get(from, len, end).map_err(|e| Error::io("read", &segment.path, e))?;
        if let Some(at) = window.windows(FRAME_MAGIC.len()).position(|bytes| bytes == FRAME_MAGIC) {
            return Ok(Some(from + at as u64));
        }
        if window.len() < FRAME_HEADER_BYTES {
            break;
        }
        // The magic may lie across the border of two windows.
        from += (window.len() - (FRAME_MAGIC.len() - 1)) as u64;
    }
    Ok(None)
}
