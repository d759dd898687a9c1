//! Segments: sorted, checksummed runs of state changes, and the merge that makes one of many.
//!
//! Layout (little-endian): magic `TMS1`, entry count `u32`, entries, CRC-32C of all before it. An entry is: table name
//! length `u8`, name, scope `u16` (key group, or [`UNION`]), key length `u32`, key, value length `u32` ([`GONE`] for a
//! tombstone), value. Entries are strictly ascending by (table, scope, key).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use crate::error::{EngineError, Result};

/// Scope of an entry that every worker reads at a restore, whichever key groups it owns.
pub const UNION: u16 = 256;

const MAGIC: &[u8; 4] = b"TMS1";
const GONE: u32 = u32::MAX;
const HEADER: usize = 8;

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which table of the operator.
    pub table: Bytes,
    /// Key group, or [`UNION`].
    pub scope: u16,
    /// The key.
    pub key: Bytes,
    /// The new value, or none where the key was removed.
    pub value: Option<Bytes>,
}

impl Entry {
    fn order(&self) -> (&[u8], u16, &[u8]) {
        (&self.table, self.scope, &self.key)
    }
}

/// Encodes entries that are already in order.
#[derive(Debug)]
pub struct SegmentBuilder {
    bytes: Vec<u8>,
    entries: u32,
}

impl Default for SegmentBuilder {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; 4]);
        SegmentBuilder { bytes, entries: 0 }
    }
}

impl SegmentBuilder {
    /// Appends an entry; it must come after all before it.
    pub fn push(&mut self, table: &[u8], scope: u16, key: &[u8], value: Option<&[u8]>) {
        debug_assert!(table.len() <= 255);
        self.bytes.push(table.len() as u8);
        self.bytes.extend_from_slice(table);
        self.bytes.extend_from_slice(&scope.to_le_bytes());
        self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(key);
        match value {
            Some(value) => {
                self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
                self.bytes.extend_from_slice(value);
            }
            None => self.bytes.extend_from_slice(&GONE.to_le_bytes()),
        }
        self.entries += 1;
    }

    /// The finished segment; none where it holds nothing.
    pub fn finish(mut self) -> Option<Bytes> {
        if self.entries == 0 {
            return None;
        }
        if let Some(count) = self.bytes.get_mut(4..HEADER) {
            count.copy_from_slice(&self.entries.to_le_bytes());
        }
        let crc = crc32c::crc32c(&self.bytes);
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        Some(self.bytes.into())
    }
}

/// Iterates over the entries of one segment without copying.
#[derive(Debug)]
pub struct SegmentReader {
    bytes: Bytes,
    at: usize,
    end: usize,
    name: String,
}

impl SegmentReader {
    /// Checks magic and checksum. `name` is told in errors.
    pub fn new(bytes: Bytes, name: &str) -> Result<Self> {
        let bad = |reason: &str| EngineError::corrupt(name, reason);
        let end = bytes.len().checked_sub(4).filter(|&e| e >= HEADER).ok_or_else(|| bad("it is too short"))?;
        if bytes.get(..4) != Some(MAGIC.as_slice()) {
            return Err(bad("it is not a state segment of this version"));
        }
        let body = bytes.get(..end).unwrap_or_default();
        let sum = bytes.get(end..).and_then(|s| s.try_into().ok()).map(u32::from_le_bytes);
        if sum != Some(crc32c::crc32c(body)) {
            return Err(bad("its checksum does not match"));
        }
        Ok(SegmentReader { bytes, at: HEADER, end, name: name.to_string() })
    }

    fn bytes(&mut self, len: usize) -> Result<Bytes> {
        let stop = self.at.checked_add(len).filter(|&s| s <= self.end);
        let stop = stop.ok_or_else(|| EngineError::corrupt(&self.name, "an entry reaches past its end"))?;
        let piece = self.bytes.slice(self.at..stop);
        self.at = stop;
        Ok(piece)
    }

    fn number(&mut self, len: usize) -> Result<u32> {
        let piece = self.bytes(len)?;
        Ok(piece.iter().rev().fold(0, |n, &b| n << 8 | u32::from(b)))
    }

    fn entry(&mut self) -> Result<Entry> {
        let table_len = self.number(1)? as usize;
        let table = self.bytes(table_len)?;
        let scope = self.number(2)? as u16;
        let key_len = self.number(4)? as usize;
        let key = self.bytes(key_len)?;
        let value = match self.number(4)? {
            GONE => None,
            len => Some(self.bytes(len as usize)?),
        };
        Ok(Entry { table, scope, key, value })
    }
}

impl Iterator for SegmentReader {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.at < self.end).then(|| {
            let entry = self.entry();
            if entry.is_err() {
                self.at = self.end;
            }
            entry
        })
    }
}

/// Merges segments, given oldest first, into ascending entries: of equal keys the newest survives. Tombstones are kept
/// unless `drop_gone` (right only when no older segment exists).
pub fn merge(segments: Vec<SegmentReader>, drop_gone: bool) -> Merge {
    let mut merge = Merge { heap: BinaryHeap::with_capacity(segments.len()), segments, drop_gone, failed: None };
    for age in 0..merge.segments.len() {
        merge.advance(age);
    }
    merge
}

/// The iterator of [`merge`].
#[derive(Debug)]
pub struct Merge {
    segments: Vec<SegmentReader>,
    heap: BinaryHeap<Reverse<Head>>,
    drop_gone: bool,
    failed: Option<EngineError>,
}

/// The next entry of one segment. Ordered by key; of equal keys the newest (highest age index) comes first.
#[derive(Debug)]
struct Head {
    entry: Entry,
    age: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.entry.order().cmp(&other.entry.order()).then(other.age.cmp(&self.age))
    }
}

impl Merge {
    fn advance(&mut self, age: usize) {
        match self.segments.get_mut(age).and_then(Iterator::next) {
            Some(Ok(entry)) => self.heap.push(Reverse(Head { entry, age })),
            Some(Err(error)) => self.failed = Some(error),
            None => {}
        }
    }
}

impl Iterator for Merge {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.failed.take() {
                self.heap.clear();
                return Some(Err(error));
            }
            let Reverse(newest) = self.heap.pop()?;
            self.advance(newest.age);
            while let Some(Reverse(older)) = self.heap.peek()
                && older.entry.order() == newest.entry.order()
            {
                let age = older.age;
                self.heap.pop();
                self.advance(age);
            }
            if newest.entry.value.is_some() || !self.drop_gone {
                return Some(Ok(newest.entry));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Changes = BTreeMap<(u8, u16, Vec<u8>), Option<Vec<u8>>>;
    type Change = ((u8, u16, Vec<u8>), Option<Vec<u8>>);

    fn segment(changes: &Changes) -> SegmentReader {
        let mut builder = SegmentBuilder::default();
        for ((table, scope, key), value) in changes {
            builder.push(&[*table], *scope, key, value.as_deref());
        }
        match builder.finish() {
            Some(bytes) => SegmentReader::new(bytes, "test").unwrap(),
            None => SegmentReader { bytes: Bytes::new(), at: 0, end: 0, name: String::new() },
        }
    }

    proptest! {
        /// Merging is the same as applying all changes to a map in order.
        #[test]
        fn merge_is_last_writer_wins(
            runs in prop::collection::vec(
                prop::collection::btree_map(
                    (0u8..2, 0u16..3, prop::collection::vec(0u8..3, 0..3)),
                    prop::option::of(prop::collection::vec(any::<u8>(), 0..4)), 0..12), 0..6))
        {
            let mut model = BTreeMap::new();
            runs.iter().for_each(|r| model.extend(r.clone()));
            model.retain(|_, v| v.is_some());
            let merged: Vec<Change> = merge(runs.iter().map(segment).collect(), true)
                .map(|e| e.unwrap())
                .map(|e| ((e.table[0], e.scope, e.key.to_vec()), e.value.map(|v| v.to_vec())))
                .collect();
            prop_assert_eq!(merged, model.into_iter().collect::<Vec<_>>());
        }

        /// No damage goes unnoticed, and none panics.
        #[test]
        fn a_flipped_bit_is_noticed(at in 0usize..200, bit in 0u8..8) {
            let mut builder = SegmentBuilder::default();
            builder.push(b"t", 7, b"key", Some(b"value"));
            builder.push(b"t", 7, b"key2", None);
            let mut bytes = builder.finish().unwrap().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(SegmentReader::new(bytes.into(), "test").is_err());
        }
    }
}
