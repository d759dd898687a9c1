//! All rows of each key in their order, for inputs that take rows back.
//!
//! A checkpoint writes the rows that came or went, not all rows of their keys: each has an entry of its own, under
//! key ‖ order ‖ number ‖ length of order and number.

use std::collections::{BTreeMap, HashMap, HashSet};

use ahash::RandomState;
use tidemill_engine::{Result, SnapshotReader, SnapshotWriter};

use super::changes::{Changes, Range};
use crate::operators::stored::read_i64;

/// Bytes of the number that tells rows of the same order apart.
const NUMBER: usize = 8;
/// Bytes of the length behind an entry's order and number.
const LENGTH: usize = 4;

/// Rows by order ‖ number.
type Rows = BTreeMap<Box<[u8]>, Box<[u8]>>;

#[derive(Debug)]
struct Key {
    written: i64,
    rows: Rows,
}

/// All rows of all keys.
#[derive(Debug)]
pub(super) struct RankedByKey {
    table: &'static str,
    keys: HashMap<Box<[u8]>, Key, RandomState>,
    /// Rows that came or went since the last snapshot: key, then order ‖ number.
    changed: HashSet<(Box<[u8]>, Box<[u8]>), RandomState>,
}

impl RankedByKey {
    pub(super) fn new(table: &'static str) -> Self {
        RankedByKey { table, keys: HashMap::default(), changed: HashSet::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Forgets a key that was not written after `expired`.
    pub(super) fn forget(&mut self, key: &[u8], expired: i64) {
        if self.keys.get(key).is_some_and(|found| found.written <= expired)
            && let Some((key, found)) = self.keys.remove_entry(key)
        {
            self.changed.extend(found.rows.into_keys().map(|place| (key.clone(), place)));
        }
    }

    pub(super) fn expire(&mut self, expired: i64) {
        let gone = self.keys.iter().filter(|(_, found)| found.written <= expired).map(|(key, _)| key.clone());
        let gone: Vec<Box<[u8]>> = gone.collect();
        gone.iter().for_each(|key| self.forget(key, expired));
    }

    /// Adds a row behind those of the same order.
    pub(super) fn insert(
        &mut self,
        key: &[u8],
        order: &[u8],
        row: &[u8],
        now: i64,
        range: Range,
        changes: &mut Changes,
    ) {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.into(), Key { written: now, rows: Rows::new() });
        }
        let Some(found) = self.keys.get_mut(key) else { return };
        found.written = now;
        let last = of_order(&found.rows, order).next_back().map(|(place, _)| number_of(place));
        let place = place(order, last.map_or(0, |last| last + 1));
        found.rows.insert(place.clone(), row.into());
        let at = rank(&found.rows, &place, range.end);
        changes.inserted(at, range, found.rows.values().map(|row| &**row), 0);
        self.changed.insert((key.into(), place));
    }

    /// Removes a row that is equal to `row`; false where there is none.
    pub(super) fn remove(
        &mut self,
        key: &[u8],
        order: &[u8],
        row: &[u8],
        now: i64,
        range: Range,
        changes: &mut Changes,
    ) -> bool {
        let Some(found) = self.keys.get_mut(key) else { return false };
        let equal = of_order(&found.rows, order).find(|(_, other)| ***other == *row).map(|(place, _)| place.clone());
        let Some(place) = equal else { return false };
        let at = rank(&found.rows, &place, range.end);
        found.rows.remove(&place);
        found.written = now;
        changes.removed(at, row, range, found.rows.values().map(|row| &**row), 0);
        if found.rows.is_empty() {
            self.keys.remove(key);
        }
        self.changed.insert((key.into(), place));
        true
    }

    pub(super) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for (key, place) in self.changed.drain() {
            let found = self.keys.get(&key);
            let row = found.and_then(|found| Some((found.written, found.rows.get(&place)?)));
            let value = row.map(|(written, row)| [&written.to_le_bytes()[..], row].concat());
            let length = (place.len() as u32).to_le_bytes();
            let entry = [&key[..], &place, &length].concat();
            writer.keyed_by(self.table, &key, &entry, value.as_deref());
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        reader.each(self.table, |entry, mut value| {
            let parts = entry.split_last_chunk::<LENGTH>().and_then(|(entry, length)| {
                let length = u32::from_le_bytes(*length) as usize;
                entry.split_at_checked(entry.len().checked_sub(length)?)
            });
            let (Some((key, place)), Some(written)) = (parts, read_i64(&mut value)) else {
                return Err(tidemill_engine::EngineError::State(format!(
                    "an entry of state table '{}' is too short; start without the snapshot",
                    self.table
                )));
            };
            let found = self.keys.entry(key.into()).or_insert_with(|| Key { written, rows: Rows::new() });
            found.written = found.written.max(written);
            found.rows.insert(place.into(), value.into());
            Ok(())
        })
    }
}

fn place(order: &[u8], number: u64) -> Box<[u8]> {
    [order, &number.to_be_bytes()].concat().into()
}

fn number_of(place: &[u8]) -> u64 {
    place.last_chunk::<NUMBER>().map_or(0, |number| u64::from_be_bytes(*number))
}

/// Rows of exactly this order. (No order is the beginning of another: the row encoding is prefix-free.)
fn of_order<'a>(rows: &'a Rows, order: &[u8]) -> impl DoubleEndedIterator<Item = (&'a Box<[u8]>, &'a Box<[u8]>)> {
    rows.range(place(order, 0)..=place(order, u64::MAX))
}

/// The rank of a place, or `end` where it is at least that.
fn rank(rows: &Rows, place: &[u8], end: usize) -> usize {
    rows.keys().take(end).take_while(|other| ***other < *place).count()
}
