//! One ascending run of entries out of many segments: of equal keys the newest wins.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::segment::{Entry, SegmentReader};
use crate::error::{EngineError, Result};

/// Merges segments of one table, given oldest first. Tombstones are kept unless `drop_gone` (right only when no older
/// segment exists). Holds a block or two of each segment.
pub(crate) fn merge(segments: Vec<SegmentReader>, drop_gone: bool) -> Merge {
    let mut merge = Merge { heap: BinaryHeap::with_capacity(segments.len()), segments, drop_gone, failed: None };
    for age in 0..merge.segments.len() {
        merge.advance(age);
    }
    merge
}

/// The iterator of [`merge`].
#[derive(Debug)]
pub(crate) struct Merge {
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
                self.segments.clear();
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
    use crate::state::segment::tests::{InMemory, segment};

    type Changes = BTreeMap<(u16, Vec<u8>), Option<Vec<u8>>>;

    fn reader(changes: &Changes) -> SegmentReader {
        InMemory::new(segment(changes.iter().map(|((scope, key), value)| (*scope, &key[..], value.as_deref()))))
            .reader()
    }

    proptest! {
        /// Merging is the same as applying all changes to a map in order.
        #[test]
        fn merge_is_last_writer_wins(
            runs in prop::collection::vec(
                prop::collection::btree_map(
                    (0u16..3, prop::collection::vec(0u8..3, 0..3)),
                    prop::option::of(prop::collection::vec(any::<u8>(), 0..4)), 0..12), 0..6))
        {
            let mut model = BTreeMap::new();
            runs.iter().for_each(|r| model.extend(r.clone()));
            model.retain(|_, v| v.is_some());
            let merged: Vec<_> = merge(runs.iter().map(reader).collect(), true)
                .map(|e| e.unwrap())
                .map(|e| ((e.scope, e.key.to_vec()), e.value.map(|v| v.to_vec())))
                .collect();
            prop_assert_eq!(merged, model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_damaged_segment_ends_the_merge_with_an_error() {
        let mut damaged = segment([(0, &b"b"[..], Some(&b"1"[..]))]);
        damaged[0][20] ^= 1;
        let whole = InMemory::new(segment([(0, &b"a"[..], None), (0, b"c", None)]));
        let mut merged = merge(vec![whole.reader(), InMemory::new(damaged).reader()], false);
        assert!(merged.any(|e| e.is_err()));
        assert!(merged.next().is_none());
    }
}
