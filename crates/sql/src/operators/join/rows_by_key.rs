//! Many rows a key, one of which can come or go without writing the others again.
//!
//! The rows of a key lie behind each other in chunks of about 4 KiB ([`chunk`]). The first chunk is the value of the key in one
//! table; a key with more rows has numbered chunks (1, 2, …, without a gap) in a second table, under key ‖ number. So a key of
//! one row costs no more than its row (and a small one no memory of its own), an insert touches (and a checkpoint writes) only
//! the last chunk, and a hot key is no list that has to move.
//!
//! A key here is the key by which rows are routed and, behind it, a suffix of constant length: the window, the piece of time.

use std::collections::{BTreeSet, HashMap};

use ahash::RandomState;
use tidemill_engine::{
    Result, SnapshotReader, SnapshotWriter, StateTable,
    state::{SmallBytes, StateValue},
};

use crate::operators::{
    packed::{Differences, PackedRow},
    stored::{Stored, read_u32},
};

use self::chunk::{Chunk, add, append};
pub(super) use self::chunk::{Layout, Place, StoredRow};

mod chunk;

/// From so many chunks on a row that is to be removed is looked up in an index.
const INDEXED_CHUNKS: u32 = 2;
/// Bytes of a chunk's number behind the key.
const NUMBER: usize = 4;
/// A key's first chunk.
#[derive(Debug)]
enum KeyRows {
    /// Of a key with one row.
    One(SmallBytes),
    Many(Box<ManyRows>),
}

#[derive(Debug)]
struct ManyRows {
    first: Vec<u8>,
    /// In all chunks.
    rows: u32,
    /// Chunks beside the first.
    more: u32,
}

impl KeyRows {
    fn first(&self) -> &[u8] {
        match self {
            KeyRows::One(row) => row,
            KeyRows::Many(many) => &many.first,
        }
    }

    fn first_mut(&mut self) -> &mut [u8] {
        match self {
            KeyRows::One(row) => row,
            KeyRows::Many(many) => &mut many.first,
        }
    }

    fn rows(&self) -> u32 {
        match self {
            KeyRows::One(_) => 1,
            KeyRows::Many(many) => many.rows,
        }
    }

    fn more(&self) -> u32 {
        match self {
            KeyRows::One(_) => 0,
            KeyRows::Many(many) => many.more,
        }
    }

    fn chunk(&self) -> Chunk<'_> {
        match self {
            KeyRows::One(row) => Chunk::of_one(row),
            KeyRows::Many(many) => Chunk::new(0, &many.first),
        }
    }

    /// As rows that can become more.
    fn many(&mut self, layout: Layout, differences: &Differences, told: &mut Vec<u8>) -> &mut ManyRows {
        if let KeyRows::One(_) = self {
            let mut first = Vec::new();
            for row in self.chunk().rows(layout) {
                add(layout, differences, &mut first, (row.bytes.bytes, row.degree, row.time), told);
            }
            *self = KeyRows::Many(Box::new(ManyRows { first, rows: 1, more: 0 }));
        }
        match self {
            KeyRows::Many(many) => many,
            KeyRows::One(_) => unreachable!("it was made many just now"),
        }
    }
}

impl StateValue for KeyRows {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(&self.rows().to_le_bytes());
        out.extend_from_slice(&self.more().to_le_bytes());
        out.extend_from_slice(self.first());
        Ok(())
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, String> {
        match (read_u32(&mut bytes), read_u32(&mut bytes)) {
            (Some(1), Some(0)) => Ok(KeyRows::One(bytes.into())),
            (Some(rows), Some(more)) => Ok(KeyRows::Many(Box::new(ManyRows { first: bytes.to_vec(), rows, more }))),
            _ => Err("it is too short".into()),
        }
    }
}

/// What became of the row that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) degree: u32,
    /// Rows of its key that are left.
    pub(super) left: u32,
}

/// The rows of one input.
#[derive(Debug)]
pub(super) struct RowsByKey {
    keys: StateTable<KeyRows>,
    more: StateTable<Stored>,
    layout: Layout,
    differences: Differences,
    /// Bytes of each key that are no part of the key by which rows are routed.
    suffix: usize,
    /// For keys with many rows: hash of a row, and a chunk that may hold it.
    index: HashMap<Box<[u8]>, BTreeSet<(u64, u32)>, RandomState>,
    hasher: RandomState,
    /// A row in the making.
    told: Vec<u8>,
}

impl RowsByKey {
    /// Empty; the names are those of its two tables in snapshots.
    pub(super) fn new(names: [&'static str; 2], layout: Layout, differences: Differences, suffix: usize) -> Self {
        let [keys, more] = names;
        RowsByKey {
            keys: StateTable::new(keys),
            more: StateTable::new(more),
            layout,
            differences,
            suffix,
            index: HashMap::default(),
            // Fixed seeds: only where a row is looked for depends on them, but that should not vary either.
            hasher: RandomState::with_seeds(1, 2, 3, 4),
            told: Vec::new(),
        }
    }

    /// Number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many rows a key has.
    #[cfg(test)]
    fn count(&self, key: &[u8]) -> u32 {
        self.keys.get(key).map_or(0, KeyRows::rows)
    }

    /// Keys are looked up faster right behind this, some hundred of them at a time.
    pub(super) fn warm<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        self.keys.warm(keys, |found| found.first().first().copied().unwrap_or_default());
    }

    /// The rows of a key that were written after `expired`.
    pub(super) fn rows<'a, 'k>(
        &'a self,
        key: &'k [u8],
        expired: i64,
    ) -> impl Iterator<Item = StoredRow<'a>> + use<'a, 'k> {
        let layout = self.layout;
        let found = self.keys.get(key);
        let first = found.map(KeyRows::chunk);
        let numbered = (1..=found.map_or(0, KeyRows::more)).filter_map(move |number| self.chunk(key, number));
        let rows = first.into_iter().chain(numbered).flat_map(move |chunk| chunk.rows(layout));
        rows.filter(move |row| !layout.times || row.time > expired)
    }

    /// A chunk behind the first.
    fn chunk(&self, key: &[u8], number: u32) -> Option<Chunk<'_>> {
        self.more.get(&numbered(key, number)).map(|chunk| Chunk::new(number, chunk))
    }

    /// Adds a row behind the others of its key, and says how many there were before.
    pub(super) fn insert(&mut self, key: &[u8], row: &[u8], degree: u32, now: i64) -> u32 {
        let RowsByKey { keys, more, layout, differences, told, .. } = self;
        let mut is_new = false;
        let found = keys.entry(key, || {
            is_new = true;
            told.clear();
            append(*layout, told, row, degree, now);
            KeyRows::One(told.as_slice().into())
        });
        if is_new {
            return 0;
        }
        let found = found.many(*layout, differences, told);
        let before = found.rows;
        found.rows += 1;
        let mut add = |chunk: &mut Vec<u8>| add(*layout, differences, chunk, (row, degree, now), told);
        if found.more == 0 && add(&mut found.first) {
            return before;
        }
        let last = if found.more == 0 { None } else { more.get_mut(&numbered(key, found.more)) };
        if !last.is_some_and(|chunk| add(chunk)) {
            found.more += 1;
            add(more.entry(&numbered(key, found.more), Stored::default));
        }
        let last = found.more;
        if let Some(index) = self.index.get_mut(key) {
            index.insert((self.hasher.hash_one(row), last));
        }
        before
    }

    /// Removes one row that is equal to `row`.
    pub(super) fn remove(&mut self, key: &[u8], row: &[u8]) -> Option<Removed> {
        let more = self.keys.get(key)?.more();
        let found = self.find(key, row, more)?;
        let (degree, place, end) = (found.degree, found.place, found.end);
        let KeyRows::Many(many) = self.keys.get_mut(key)? else {
            self.keys.remove(key);
            return Some(Removed { degree, left: 0 });
        };
        many.rows = many.rows.saturating_sub(1);
        let left = many.rows;
        let chunk = match place.chunk {
            0 => &mut many.first,
            number => self.more.get_mut(&numbered(key, number))?,
        };
        chunk.drain(place.at..end);
        if Chunk::new(place.chunk, chunk).is_empty() {
            self.fill_gap(key, place.chunk, more);
        }
        if left == 1 {
            self.alone(key);
        }
        Some(Removed { degree, left })
    }

    /// A key has one row again.
    fn alone(&mut self, key: &[u8]) {
        let Some(found) = self.keys.get_mut(key) else { return };
        let Some(row) = found.chunk().rows(self.layout).next() else { return };
        let mut only = Vec::new();
        append(self.layout, &mut only, &self.differences.whole(row.bytes), row.degree, row.time);
        *found = KeyRows::One(only.as_slice().into());
    }

    /// A chunk became empty: the last one takes its place, and its number.
    fn fill_gap(&mut self, key: &[u8], empty: u32, last: u32) {
        if last == 0 {
            self.keys.remove(key);
            return;
        }
        let Some(moved) = self.more.remove(&numbered(key, last)) else { return };
        let Some(KeyRows::Many(many)) = self.keys.get_mut(key) else { return };
        many.more = last - 1;
        if empty != last {
            if let Some(index) = self.index.get_mut(key) {
                for row in Chunk::new(last, &moved).rows(self.layout) {
                    let hash = self.hasher.hash_one(&*self.differences.whole(row.bytes));
                    index.remove(&(hash, last));
                    index.insert((hash, empty));
                }
            }
            match empty {
                0 => many.first = moved.0,
                number => self.more.insert(&numbered(key, number), moved),
            }
        }
        if last == 1 {
            self.index.remove(key);
        }
    }

    /// The first row of a key that is equal to `row`.
    fn find(&mut self, key: &[u8], row: &[u8], more: u32) -> Option<StoredRow<'_>> {
        let keys = self.keys.get(key)?;
        let (layout, differences) = (self.layout, &self.differences);
        // Where many rows are equal, one is here.
        if let Some(found) = keys.chunk().find(layout, differences, row) {
            return Some(found);
        }
        if more >= INDEXED_CHUNKS {
            let hashed = |row: PackedRow<'_>| self.hasher.hash_one(&*differences.whole(row));
            if !self.index.contains_key(key) {
                let all = self.rows(key, i64::MIN).map(|r| (hashed(r.bytes), r.place.chunk)).collect();
                self.index.insert(key.into(), all);
            }
            let hash = self.hasher.hash_one(row);
            let index = self.index.get_mut(key)?;
            while let Some(&(found, number)) = index.range((hash, 0)..=(hash, u32::MAX)).next() {
                let chunk = self.more.get(&numbered(key, number)).map(|chunk| Chunk::new(number, chunk));
                if let Some(found) = chunk.and_then(|chunk| chunk.find(layout, differences, row)) {
                    return Some(found);
                }
                index.remove(&(found, number));
            }
        }
        // Not indexed, or lost from the index by two rows of one hash.
        (1..=more).find_map(|number| self.chunk(key, number)?.find(layout, differences, row))
    }

    /// Sets degrees of rows of a key, which counts as a write.
    pub(super) fn set_degrees(&mut self, key: &[u8], degrees: impl IntoIterator<Item = (Place, u32)>, now: i64) {
        let layout = self.layout;
        for (place, degree) in degrees {
            let chunk = match place.chunk {
                0 => self.keys.get_mut(key).map(KeyRows::first_mut),
                number => self.more.get_mut(&numbered(key, number)).map(|chunk| chunk.0.as_mut_slice()),
            };
            let Some(header) = chunk.and_then(|chunk| chunk.get_mut(place.at..place.at + layout.header())) else {
                continue;
            };
            let (time, of_degree) = header.split_at_mut(if layout.times { 8 } else { 0 });
            time.copy_from_slice(&now.to_le_bytes()[..time.len()]);
            of_degree.copy_from_slice(&degree.to_le_bytes()[..of_degree.len()]);
        }
    }

    /// Removes all rows of a key.
    pub(super) fn remove_key(&mut self, key: &[u8]) {
        let more = self.keys.remove(key).map_or(0, |found| found.more());
        (1..=more).for_each(|number| drop(self.more.remove(&numbered(key, number))));
        self.index.remove(key);
    }

    /// All keys, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// Forgets rows that were not written after `expired`.
    pub(super) fn expire(&mut self, expired: i64) {
        let layout = self.layout;
        let has_expired = |chunk: Chunk<'_>| chunk.rows(layout).any(|row| row.time <= expired);
        let first = self.keys.iter().filter(|(_, keys)| has_expired(keys.chunk())).map(|(key, _)| Box::from(key));
        let more = self
            .more
            .iter()
            .filter(|(_, chunk)| has_expired(Chunk::new(1, chunk)))
            .map(|(key, _)| Box::from(without(key, NUMBER)));
        let mut keys: Vec<Box<[u8]>> = first.chain(more).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let left: Vec<(Vec<u8>, u32, i64)> =
                self.rows(&key, expired).map(|r| (self.differences.whole(r.bytes).into(), r.degree, r.time)).collect();
            self.remove_key(&key);
            for (row, degree, time) in left {
                self.insert(&key, &row, degree, time);
            }
        }
    }

    pub(super) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        let suffix = self.suffix;
        self.keys.snapshot_by(writer, |key| without(key, suffix))?;
        self.more.snapshot_by(writer, |key| without(key, suffix + NUMBER))
    }

    pub(super) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.keys.restore(reader)?;
        self.more.restore(reader)
    }
}

/// Where a chunk of a key is kept.
fn numbered(key: &[u8], number: u32) -> Vec<u8> {
    let mut at = Vec::with_capacity(key.len() + NUMBER);
    at.extend_from_slice(key);
    at.extend_from_slice(&number.to_be_bytes());
    at
}

/// A key without so many bytes at its end.
fn without(key: &[u8], suffix: usize) -> &[u8] {
    key.get(..key.len().saturating_sub(suffix)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(rows: &RowsByKey, key: &[u8]) -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> =
            rows.rows(key, i64::MIN).map(|row| rows.differences.whole(row.bytes).into()).collect();
        all.sort();
        all
    }

    #[test]
    fn a_key_of_one_row_is_small() {
        assert_eq!(size_of::<KeyRows>(), size_of::<SmallBytes>());
    }

    proptest! {
        /// Inserts and removals in any order: what is left is what a list would hold, in many chunks or in one.
        #[test]
        fn rows_are_a_multiset(
            steps in prop::collection::vec((0u8..2, 0u16..40, prop::bool::weighted(0.6)), 0..400), size in 1usize..600)
        {
            let mut rows = RowsByKey::new(["a", "b"], Layout { times: true, degrees: true }, Differences::of_bytes(), 0);
            let mut model: [Vec<Vec<u8>>; 2] = Default::default();
            for (key, value, insert) in steps {
                let row = [&value.to_be_bytes()[..], &vec![7; size]].concat();
                let model = &mut model[key as usize];
                if insert {
                    prop_assert_eq!(rows.insert(&[key], &row, value.into(), 0) as usize, model.len());
                    model.push(row);
                } else {
                    let at = model.iter().position(|r| *r == row);
                    let expected = at.map(|_| Removed { degree: value.into(), left: model.len() as u32 - 1 });
                    prop_assert_eq!(rows.remove(&[key], &row), expected);
                    at.map(|at| model.remove(at));
                }
                let mut expected = model.clone();
                expected.sort();
                prop_assert_eq!(listed(&rows, &[key]), expected);
                prop_assert_eq!(rows.count(&[key]) as usize, model.len());
            }
            prop_assert_eq!(rows.len(), model.iter().filter(|m| !m.is_empty()).count());
        }
    }

    #[test]
    fn a_hundred_thousand_rows_of_a_key_come_and_go() {
        let mut rows = RowsByKey::new(["a", "b"], Layout::default(), Differences::of_bytes(), 0);
        let row = |i: u32| [i.to_be_bytes(), [0; 4]].concat();
        for i in 0..100_000 {
            rows.insert(b"hot", &row(i), 0, 0);
        }
        for i in (0..100_000).map(|i| i * 7_919 % 100_000) {
            assert!(rows.remove(b"hot", &row(i)).is_some());
        }
        assert_eq!((rows.len(), rows.more.len(), rows.index.len()), (0, 0, 0));
    }

    #[test]
    fn expired_rows_are_neither_seen_nor_kept() {
        let mut rows = RowsByKey::new(["a", "b"], Layout { times: true, degrees: true }, Differences::of_bytes(), 0);
        for i in 0..1_000u32 {
            rows.insert(b"k", &i.to_be_bytes(), 0, i64::from(i));
        }
        rows.insert(b"old", b"row", 0, 5);
        assert_eq!(rows.rows(b"k", 989).count(), 10);
        let second = rows.rows(b"k", i64::MIN).nth(1).unwrap().place;
        rows.set_degrees(b"k", [(second, 3)], 2_000);
        rows.expire(989);
        assert_eq!((rows.count(b"k"), rows.len()), (11, 1));
        assert_eq!(rows.rows(b"k", 0).map(|row| row.degree).sum::<u32>(), 3);
    }
}
