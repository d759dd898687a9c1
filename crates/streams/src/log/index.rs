//! A sparse index of a segment: which frame begins where, one entry for every 128 KiB.

use crate::{IngestionTime, Sequence};

use super::frame::FrameHeader;

/// At least so many bytes lie between two entries.
const STRIDE_BYTES: u64 = 128 << 10;

#[derive(Clone, Copy, Debug)]
struct Entry {
    first: Sequence,
    time: IngestionTime,
    offset: u64,
}

/// Where to begin to look for a sequence number or a time.
#[derive(Clone, Debug, Default)]
pub(super) struct SparseIndex {
    entries: Vec<Entry>,
}

impl SparseIndex {
    /// Notes a frame; frames come in the order of the file.
    pub(super) fn note(&mut self, header: &FrameHeader, offset: u64) {
        if self.entries.last().is_none_or(|last| offset >= last.offset + STRIDE_BYTES) {
            self.entries.push(Entry { first: header.first, time: header.time, offset });
        }
    }

    /// Offset of a frame at or before the one that holds `sequence`.
    pub(super) fn before_sequence(&self, sequence: Sequence) -> Option<u64> {
        self.last_where(|entry| entry.first <= sequence)
    }

    /// Offset of a frame at or before the first one stamped `time` or later.
    pub(super) fn before_time(&self, time: IngestionTime) -> Option<u64> {
        self.last_where(|entry| entry.time <= time)
    }

    fn last_where(&self, holds: impl Fn(&Entry) -> bool) -> Option<u64> {
        let after = self.entries.partition_point(holds);
        self.entries.get(after.checked_sub(1)?).map(|entry| entry.offset)
    }
}
