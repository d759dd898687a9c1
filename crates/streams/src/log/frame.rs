//! The frame: the records that one commit wrote to one shard, under one checksum.

use crate::{IngestionTime, Sequence, ShardId};

/// Bytes before a frame's records.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;
/// Bytes before a record's key.
const RECORD_HEADER_BYTES: usize = 6;
/// How each frame begins.
pub(super) const FRAME_MAGIC: [u8; 4] = *b"TMfr";

/// Where a frame stands: a part of what its checksum covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) shard: ShardId,
    /// First sequence number of the segment.
    pub(crate) segment: Sequence,
    /// Of the frame in the segment's file.
    pub(crate) offset: u64,
}

impl Place {
    fn checksum(self, frame: &[u8]) -> u32 {
        let seed = crc32c::crc32c(&self.shard.0.to_le_bytes());
        let seed = crc32c::crc32c_append(seed, &self.segment.0.to_le_bytes());
        let seed = crc32c::crc32c_append(seed, &self.offset.to_le_bytes());
        crc32c::crc32c_append(seed, frame.get(8..).unwrap_or_default())
    }
}

/// A frame's header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    crc: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) records: u32,
    pub(crate) first: Sequence,
    pub(crate) time: IngestionTime,
}

impl FrameHeader {
    /// Reads the header at the front of `bytes`; `None` unless it is one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk()?;
        let (payload_bytes, rest) = rest.split_first_chunk()?;
        let (records, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (time, _) = rest.split_first_chunk()?;
        (*magic == FRAME_MAGIC).then_some(Self {
            crc: u32::from_le_bytes(*crc),
            payload_bytes: u32::from_le_bytes(*payload_bytes),
            records: u32::from_le_bytes(*records),
            first: Sequence(u64::from_le_bytes(*first)),
            time: IngestionTime::from_micros(i64::from_le_bytes(*time)),
        })
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }

    /// Whether `frame`, the bytes of the whole frame, are those that were written at `place`.
    pub(crate) fn verify(&self, frame: &[u8], place: Place) -> bool {
        frame.len() as u64 == self.frame_bytes() && place.checksum(frame) == self.crc
    }

    /// The sequence number after the frame's last.
    pub(crate) fn next(&self) -> Sequence {
        self.first.plus(u64::from(self.records))
    }
}

/// Fills in the header of a frame whose records stand after `FRAME_HEADER_BYTES` of room.
pub(super) fn seal(frame: &mut [u8], place: Place, records: u32, first: Sequence, time: IngestionTime) {
    let payload_bytes = u32::try_from(frame.len().saturating_sub(FRAME_HEADER_BYTES)).unwrap_or(u32::MAX);
    let mut header = [0; FRAME_HEADER_BYTES];
    header[..4].copy_from_slice(&FRAME_MAGIC);
    header[8..12].copy_from_slice(&payload_bytes.to_le_bytes());
    header[12..16].copy_from_slice(&records.to_le_bytes());
    header[16..24].copy_from_slice(&first.0.to_le_bytes());
    header[24..32].copy_from_slice(&time.as_micros().to_le_bytes());
    if let Some(room) = frame.get_mut(..FRAME_HEADER_BYTES) {
        room.copy_from_slice(&header);
    }
    let crc = place.checksum(frame).to_le_bytes();
    if let Some(room) = frame.get_mut(4..8) {
        room.copy_from_slice(&crc);
    }
}

/// Appends a record to a frame. The lengths were checked against their limits before.
pub(crate) fn encode_record(frame: &mut Vec<u8>, partition_key: &[u8], data: &[u8]) {
    frame.reserve(RECORD_HEADER_BYTES + partition_key.len() + data.len());
    frame.extend_from_slice(&(partition_key.len() as u16).to_le_bytes());
    frame.extend_from_slice(&(data.len() as u32).to_le_bytes());
    frame.extend_from_slice(partition_key);
    frame.extend_from_slice(data);
}

/// Bytes that a record takes in a frame.
pub(crate) fn record_bytes(partition_key: &[u8], data: &[u8]) -> usize {
    RECORD_HEADER_BYTES + partition_key.len() + data.len()
}

/// Splits the first record off `records`: its key, its data, and the rest. `None` when the bytes end too early.
#[inline]
pub(crate) fn next_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key_bytes, rest) = records.split_first_chunk()?;
    let (data_bytes, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_bytes)))?;
    let (data, rest) = rest.split_at_checked(u32::from_le_bytes(*data_bytes) as usize)?;
    Some((key, data, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { shard: ShardId(3), segment: Sequence(70), offset: 32 };

    fn frame() -> Vec<u8> {
        let mut frame = vec![0; FRAME_HEADER_BYTES];
        encode_record(&mut frame, b"k", b"hello");
        encode_record(&mut frame, b"", b"");
        seal(&mut frame, PLACE, 2, Sequence(77), IngestionTime::from_micros(5));
        frame
    }

    #[test]
    fn a_frame_gives_its_records_back() {
        let frame = frame();
        let header = FrameHeader::decode(&frame).unwrap();
        assert_eq!((header.first, header.next(), header.time.as_micros()), (Sequence(77), Sequence(79), 5));
        assert!(header.verify(&frame, PLACE));
        let (key, data, rest) = next_record(&frame[FRAME_HEADER_BYTES..]).unwrap();
        assert_eq!((key, data), (&b"k"[..], &b"hello"[..]));
        assert_eq!(next_record(rest), Some((&b""[..], &b""[..], &b""[..])));
        assert_eq!(next_record(&rest[..5]), None);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..frame().len() * 8 {
            let mut damaged = frame();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let whole = FrameHeader::decode(&damaged).is_some_and(|header| header.verify(&damaged, PLACE));
            assert!(!whole, "bit {bit}");
        }
    }

    #[test]
    fn a_frame_copied_to_another_place_is_noticed() {
        let frame = frame();
        let header = FrameHeader::decode(&frame).unwrap();
        for elsewhere in [
            Place { shard: ShardId(4), ..PLACE },
            Place { segment: Sequence(71), ..PLACE },
            Place { offset: 64, ..PLACE },
        ] {
            assert!(!header.verify(&frame, elsewhere));
        }
    }
}
