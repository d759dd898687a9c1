//! All rows of each key in their order.
//!
//! A checkpoint writes the rows that came or went, not all rows of their keys: each has an entry of its own, under
//! key ‖ order ‖ number ‖ length of order and number.

use std::collections::{BTreeMap, HashMap, HashSet};

use ahash::RandomState;
use tidemill_engine::{Result, SnapshotReader, SnapshotWriter};

use super::stored::read_i64;

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
pub(crate) struct RankedByKey {
    table: &'static str,
    keys: HashMap<Box<[u8]>, Key, RandomState>,
    /// Rows that came or went since the last snapshot: key, then order ‖ number.
    changed: HashSet<(Box<[u8]>, Box<[u8]>), RandomState>,
}

impl RankedByKey {
    pub(crate) fn new(table: &'static str) -> Self {
        RankedByKey { table, keys: HashMap::default(), changed: HashSet::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Forgets a key that was not written after `expired`.
    pub(crate) fn forget(&mut self, key: &[u8], expired: i64) {
        if self.keys.get(key).is_some_and(|found| found.written <= expired)
            && let Some((key, found)) = self.keys.remove_entry(key)
        {
            self.changed.extend(found.rows.into_keys().map(|place| (key.clone(), place)));
        }
    }

    pub(crate) fn expire(&mut self, expired: i64) {
        let gone = self.keys.iter().filter(|(_, found)| found.written <= expired).map(|(key, _)| key.clone());
        let gone: Vec<Box<[u8]>> = gone.collect();
        gone.iter().for_each(|key| self.forget(key, expired));
    }

    /// Adds a row behind those of the same order. Gives its rank, from 0, or `end` where it is at least that.
    pub(crate) fn insert(&mut self, key: &[u8], order: &[u8], row: &[u8], now: i64, end: usize) -> usize {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.into(), Key { written: now, rows: Rows::new() });
        }
        let Some(found) = self.keys.get_mut(key) else { return end };
        found.written = now;
        let last = of_order(&found.rows, order).next_back().map(|(place, _)| number_of(place));
        let place = place(order, last.map_or(0, |last| last + 1));
        found.rows.insert(place.clone(), row.into());
        let at = rank(&found.rows, &place, end);
        self.changed.insert((key.into(), place));
        at
    }

    /// Removes a row that is equal to `row`. Gives the rank that it had, or `end` where it was at least that; none where there
    /// is no such row.
    pub(crate) fn remove(&mut self, key: &[u8], order: &[u8], row: &[u8], now: i64, end: usize) -> Option<usize> {
        self.remove_matching(key, order, |other| other == row, now, end)
    }

    /// As [`RankedByKey::remove`], of the first row for which `is` says so.
    pub(crate) fn remove_matching(
        &mut self,
        key: &[u8],
        order: &[u8],
        is: impl Fn(&[u8]) -> bool,
        now: i64,
        end: usize,
    ) -> Option<usize> {
        let found = self.keys.get_mut(key)?;
        let place = of_order(&found.rows, order).find(|(_, other)| is(other)).map(|(place, _)| place.clone())?;
        let at = rank(&found.rows, &place, end);
        found.rows.remove(&place);
        found.written = now;
        if found.rows.is_empty() {
            self.keys.remove(key);
        }
        self.changed.insert((key.into(), place));
        Some(at)
    }

    /// The rows of a key in their order.
    pub(crate) fn rows(&self, key: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.keys.get(key).into_iter().flat_map(|found| found.rows.values().map(|row| &**row))
    }

    /// Removes the last row of a key while it has more than so many.
    pub(crate) fn truncate(&mut self, key: &[u8], rows: usize) {
        while let Some(found) = self.keys.get_mut(key).filter(|found| found.rows.len() > rows)
            && let Some((place, _)) = found.rows.pop_last()
        {
            self.changed.insert((key.into(), place));
        }
    }

    /// Takes the rows of a key whose order is before `order`, with their orders.
    pub(crate) fn take_before(&mut self, key: &[u8], order: &[u8]) -> Vec<(Box<[u8]>, Box<[u8]>)> {
        let Some(found) = self.keys.get_mut(key) else { return Vec::new() };
        let rest = found.rows.split_off(order);
        let taken: Vec<(Box<[u8]>, Box<[u8]>)> = std::mem::replace(&mut found.rows, rest).into_iter().collect();
        if found.rows.is_empty() {
            self.keys.remove(key);
        }
        self.changed.extend(taken.iter().map(|(place, _)| (Box::from(key), place.clone())));
        taken
    }

    pub(crate) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
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

    pub(crate) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
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
