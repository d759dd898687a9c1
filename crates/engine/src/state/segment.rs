//! Segments: sorted, checksummed runs of changes of one state table, written and read a block at a time.
//!
//! A segment is one block after the other, up to the length that its manifest tells. A block (little-endian): magic
//! `TMS2`, its number in the segment `u32`, length of its entries `u32`, CRC-32C of number, length and entries, entries.
//! An entry: scope `u16` (key group, or [`UNION`]), key length `u32`, key, value length `u32` ([`GONE`] for a
//! tombstone), value. Entries are strictly ascending by (scope, key). A block ends once it holds [`BLOCK_BYTES`], so only
//! one entry larger than that makes a larger block.

use std::{fmt::Debug, ops::Range, sync::Arc};

use bytes::Bytes;

use crate::error::{EngineError, Result};

/// Scope of an entry that every worker reads at a restore, whichever key groups it owns.
pub(crate) const UNION: u16 = 256;
/// A block is written once it holds so much.
pub(crate) const BLOCK_BYTES: usize = 256 << 10;

const MAGIC: &[u8; 4] = b"TMS2";
const GONE: u32 = u32::MAX;
const HEADER: usize = 16;

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Key group, or [`UNION`].
    pub(crate) scope: u16,
    pub(crate) key: Bytes,
    /// The new value, or none where the key was removed.
    pub(crate) value: Option<Bytes>,
}

impl Entry {
    pub(crate) fn order(&self) -> (u16, &[u8]) {
        (self.scope, &self.key)
    }
}

/// Encodes entries that come in order, and gives each block away once it is full.
#[derive(Debug, Default)]
pub(crate) struct SegmentBuilder {
    /// Header and entries of the block at work; empty before its first entry.
    block: Vec<u8>,
    number: u32,
}

impl SegmentBuilder {
    /// Appends an entry, whose value is encoded in place; `encode` says whether there is one.
    pub(crate) fn push(
        &mut self,
        scope: u16,
        key: &[u8],
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool>,
    ) -> Result<()> {
        if self.block.is_empty() {
            self.block.resize(HEADER, 0);
        }
        self.block.extend_from_slice(&scope.to_le_bytes());
        self.block.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.block.extend_from_slice(key);
        let length_at = self.block.len();
        self.block.extend_from_slice(&GONE.to_le_bytes());
        let value_at = self.block.len();
        if encode(&mut self.block)? {
            let length = (self.block.len() - value_at) as u32;
            self.block[length_at..value_at].copy_from_slice(&length.to_le_bytes());
        } else {
            self.block.truncate(value_at);
        }
        Ok(())
    }

    /// The block at work if it is full; the next one is built in `buffer`.
    pub(crate) fn full_block(&mut self, buffer: impl FnOnce() -> Vec<u8>) -> Option<Vec<u8>> {
        if self.block.len() < BLOCK_BYTES {
            return None;
        }
        let next = SegmentBuilder { block: buffer(), number: self.number + 1 };
        std::mem::replace(self, next).finish()
    }

    /// The last block; none where nothing was pushed since the one before it.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        let length = u32::try_from(self.block.len().checked_sub(HEADER)?).ok()?;
        self.block[..4].copy_from_slice(MAGIC);
        self.block[4..8].copy_from_slice(&self.number.to_le_bytes());
        self.block[8..12].copy_from_slice(&length.to_le_bytes());
        let sum = checksum(&self.block[4..12], &self.block[HEADER..]);
        self.block[12..HEADER].copy_from_slice(&sum.to_le_bytes());
        Some(self.block)
    }
}

fn checksum(numbers: &[u8], entries: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(numbers), entries)
}

/// Bytes that a segment is read from, piece by piece.
pub(crate) trait Stored: Debug + Send + Sync {
    /// Told in errors.
    fn name(&self) -> &str;
    fn length(&self) -> u64;
    /// Reads exactly this range.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;
}

/// Iterates over the entries of one segment; holds one block at a time, and the entries that it gave refer to it.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    from: Arc<dyn Stored>,
    /// What was read and is not yet a block, and where it ends in the segment.
    ahead: Bytes,
    read_to: u64,
    block: Bytes,
    number: u32,
    last: Option<Entry>,
    failed: bool,
}

impl SegmentReader {
    pub(crate) fn new(from: Arc<dyn Stored>) -> Self {
        SegmentReader {
            from,
            ahead: Bytes::new(),
            read_to: 0,
            block: Bytes::new(),
            number: 0,
            last: None,
            failed: false,
        }
    }

    fn bad(&self, reason: &str) -> EngineError {
        EngineError::corrupt(self.from.name(), reason)
    }

    /// Sees to it that `ahead` holds `need` bytes, and `wish` where there are as many.
    fn fill(&mut self, need: usize, wish: usize) -> Result<()> {
        if self.ahead.len() >= need {
            return Ok(());
        }
        let left = usize::try_from(self.from.length() - self.read_to).unwrap_or(usize::MAX);
        let missing = need - self.ahead.len();
        if missing > left {
            return Err(self.bad("a block reaches past its end"));
        }
        let range = self.read_to..self.read_to + wish.max(missing).min(left) as u64;
        let piece = self.from.read(range.clone())?;
        if piece.len() as u64 != range.end - range.start {
            return Err(self.bad("it is shorter than its manifest says"));
        }
        self.read_to = range.end;
        self.ahead = if self.ahead.is_empty() { piece } else { [&self.ahead[..], &piece[..]].concat().into() };
        Ok(())
    }

    /// Reads and checks the next block; false at the end.
    fn next_block(&mut self) -> Result<bool> {
        if self.ahead.is_empty() && self.read_to >= self.from.length() {
            return Ok(false);
        }
        // With each block the header of the next one is read; only the first read has to guess.
        self.fill(HEADER, BLOCK_BYTES)?;
        let header = self.ahead.split_to(HEADER);
        let number = |at: usize| header[at..at + 4].iter().rev().fold(0, |n, &b| n << 8 | u32::from(b));
        if &header[..4] != MAGIC {
            return Err(self.bad("it is not a state segment of this version"));
        }
        let length = number(8) as usize;
        self.fill(length, length + HEADER)?;
        self.block = self.ahead.split_to(length);
        if number(12) != checksum(&header[4..12], &self.block) {
            return Err(self.bad("the checksum of a block does not match"));
        }
        if number(4) != self.number {
            return Err(self.bad("its blocks are out of order"));
        }
        self.number += 1;
        Ok(true)
    }

    fn take(&mut self, length: usize) -> Result<Bytes> {
        if length > self.block.len() {
            return Err(self.bad("an entry reaches past its block"));
        }
        Ok(self.block.split_to(length))
    }

    fn take_number(&mut self, length: usize) -> Result<u32> {
        Ok(self.take(length)?.iter().rev().fold(0, |n, &b| n << 8 | u32::from(b)))
    }

    fn entry(&mut self) -> Result<Option<Entry>> {
        while self.block.is_empty() {
            if !self.next_block()? {
                return Ok(None);
            }
        }
        let scope = self.take_number(2)? as u16;
        let key_length = self.take_number(4)? as usize;
        let key = self.take(key_length)?;
        let value = match self.take_number(4)? {
            GONE => None,
            length => Some(self.take(length as usize)?),
        };
        let entry = Entry { scope, key, value };
        if self.last.as_ref().is_some_and(|last| last.order() >= entry.order()) {
            return Err(self.bad("its entries are out of order"));
        }
        self.last = Some(Entry { value: None, ..entry.clone() });
        Ok(Some(entry))
    }
}

impl Iterator for SegmentReader {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let entry = self.entry();
        self.failed = entry.is_err();
        entry.transpose()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A segment in memory that counts what is read of it at once.
    #[derive(Debug, Default)]
    pub(crate) struct InMemory {
        pub(crate) bytes: Bytes,
        pub(crate) largest_read: std::sync::atomic::AtomicUsize,
    }

    impl InMemory {
        pub(crate) fn new(blocks: impl IntoIterator<Item = Vec<u8>>) -> Arc<Self> {
            let bytes = blocks.into_iter().flatten().collect::<Vec<u8>>().into();
            Arc::new(InMemory { bytes, largest_read: Default::default() })
        }

        pub(crate) fn reader(self: &Arc<Self>) -> SegmentReader {
            SegmentReader::new(self.clone())
        }
    }

    impl Stored for InMemory {
        fn name(&self) -> &str {
            "a segment in memory"
        }
        fn length(&self) -> u64 {
            self.bytes.len() as u64
        }
        fn read(&self, range: Range<u64>) -> Result<Bytes> {
            let range = range.start as usize..range.end as usize;
            self.largest_read.fetch_max(range.len(), std::sync::atomic::Ordering::SeqCst);
            Ok(self.bytes.slice(range))
        }
    }

    pub(crate) fn segment<'a>(entries: impl IntoIterator<Item = (u16, &'a [u8], Option<&'a [u8]>)>) -> Vec<Vec<u8>> {
        let mut builder = SegmentBuilder::default();
        let mut blocks = Vec::new();
        for (scope, key, value) in entries {
            let encode = |out: &mut Vec<u8>| {
                out.extend_from_slice(value.unwrap_or_default());
                Ok(value.is_some())
            };
            builder.push(scope, key, encode).unwrap();
            blocks.extend(builder.full_block(Vec::new));
        }
        blocks.extend(builder.finish());
        blocks
    }

    fn numbered(entries: u32, value: &[u8]) -> Vec<Vec<u8>> {
        let keys: Vec<[u8; 4]> = (0..entries).map(u32::to_be_bytes).collect();
        segment(keys.iter().map(|key| (3, &key[..], Some(value))))
    }

    fn error(blocks: Vec<Vec<u8>>) -> String {
        let failed = InMemory::new(blocks).reader().find_map(Result::err);
        failed.map(|e| e.to_string()).expect("the damage is noticed")
    }

    #[test]
    fn a_segment_of_many_blocks_is_read_a_block_at_a_time() {
        let value = vec![7; 1_000];
        let stored = InMemory::new(numbered(5_000, &value));
        let read: Vec<Entry> = stored.reader().map(Result::unwrap).collect();
        assert_eq!(read.len(), 5_000);
        assert!(
            read.iter()
                .enumerate()
                .all(|(i, e)| e.key[..] == (i as u32).to_be_bytes() && e.value.as_ref().unwrap() == &value)
        );
        let largest = stored.largest_read.load(std::sync::atomic::Ordering::SeqCst);
        assert!(largest < BLOCK_BYTES + 2_000, "{largest} bytes of {} were read at once", stored.bytes.len());
    }

    #[test]
    fn an_entry_larger_than_a_block_has_one_of_its_own() {
        let value = vec![1; 3 * BLOCK_BYTES];
        let blocks = numbered(3, &value);
        assert_eq!(blocks.len(), 3);
        assert_eq!(
            InMemory::new(blocks).reader().map(|e| e.unwrap().value.unwrap().len()).sum::<usize>(),
            3 * value.len()
        );
    }

    #[test]
    fn torn_missing_swapped_and_foreign_blocks_are_refused() {
        let blocks = numbered(3_000, &[7; 1_000]);
        let mut torn = blocks.clone();
        torn.last_mut().unwrap().pop();
        assert!(error(torn).contains("past its end"));
        let mut missing = blocks.clone();
        missing.remove(1);
        assert!(error(missing).contains("out of order"));
        let mut swapped = blocks.clone();
        swapped.swap(0, 1);
        assert!(error(swapped).contains("out of order"));
        let mut foreign = blocks;
        foreign[2][..4].copy_from_slice(b"TMS9");
        assert!(error(foreign).contains("of this version"));
        assert!(error(segment([(1, &b"b"[..], None), (1, b"a", None)])).contains("out of order"));
    }

    proptest! {
        /// No damage goes unnoticed, and none panics.
        #[test]
        fn a_flipped_bit_is_noticed(at in 0usize..200, bit in 0u8..8) {
            let mut bytes = segment([(7, &b"key"[..], Some(&b"value"[..])), (7, b"key2", None)]).concat();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(InMemory::new([bytes]).reader().any(|e| e.is_err()));
        }
    }
}
