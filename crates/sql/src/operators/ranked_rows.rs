//! All rows of each key in their order.
//!
//! A checkpoint writes the rows that came or went, not all rows of their keys: each has an entry of its own, under
//! key ‖ order ‖ number ‖ length of order and number.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

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
    /// Places of rows that came or went since the last snapshot; some may be here twice.
    changed: Vec<Box<[u8]>>,
}

impl Key {
    fn new(written: i64) -> Self {
        Key { written, rows: Rows::new(), changed: Vec::new() }
    }

    /// Notes that a row came or went; true where it is the first since the last snapshot.
    fn note(&mut self, place: Box<[u8]>) -> bool {
        self.changed.push(place);
        // Rows that come and go at the same place, and no snapshot for long.
        if self.changed.len() > 1_024.max(4 * self.rows.len()) {
            self.changed.sort_unstable();
            self.changed.dedup();
        }
        self.changed.len() == 1
    }
}

/// All rows of all keys.
#[derive(Debug)]
pub(crate) struct RankedByKey {
    table: &'static str,
    /// A key without rows stays until a snapshot has told that they are gone.
    keys: HashMap<Box<[u8]>, Key, RandomState>,
    /// Keys of which rows came or went since the last snapshot; some may be here twice.
    dirty: Vec<Box<[u8]>>,
}

impl RankedByKey {
    pub(crate) fn new(table: &'static str) -> Self {
        RankedByKey { table, keys: HashMap::default(), dirty: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Forgets a key that was not written after `expired`.
    pub(crate) fn forget(&mut self, key: &[u8], expired: i64) {
        if let Some(found) = self.keys.get_mut(key).filter(|found| found.written <= expired) {
            found.changed.extend(std::mem::take(&mut found.rows).into_keys());
            self.dirty.push(key.into());
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
            self.keys.insert(key.into(), Key::new(now));
        }
        let Some(found) = self.keys.get_mut(key) else { return end };
        found.written = now;
        let place = next_place(&found.rows, order);
        found.rows.insert(place.clone(), row.into());
        let at = rank(&found.rows, &place, end);
        if found.note(place) {
            self.dirty.push(key.into());
        }
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
        if found.note(place) {
            self.dirty.push(key.into());
        }
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
            if found.note(place) {
                self.dirty.push(key.into());
            }
        }
    }

    /// Takes the rows of a key whose order is before `order`, with their orders.
    pub(crate) fn take_before(&mut self, key: &[u8], order: &[u8]) -> Vec<(Box<[u8]>, Box<[u8]>)> {
        let Some(found) = self.keys.get_mut(key) else { return Vec::new() };
        let rest = found.rows.split_off(order);
        let taken: Vec<(Box<[u8]>, Box<[u8]>)> = std::mem::replace(&mut found.rows, rest).into_iter().collect();
        found.changed.extend(taken.iter().map(|(place, _)| place.clone()));
        self.dirty.push(key.into());
        taken
    }

    pub(crate) fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for key in std::mem::take(&mut self.dirty) {
            let Some(found) = self.keys.get_mut(&key) else { continue };
            for place in std::mem::take(&mut found.changed) {
                let value = found.rows.get(&place).map(|row| [&found.written.to_le_bytes()[..], row].concat());
                let length = (place.len() as u32).to_le_bytes();
                let entry = [&key[..], &place, &length].concat();
                writer.keyed_by(self.table, &key, &entry, value.as_deref());
            }
            if found.rows.is_empty() {
                self.keys.remove(&key);
            }
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
            let found = self.keys.entry(key.into()).or_insert_with(|| Key::new(written));
            found.written = found.written.max(written);
            found.rows.insert(place.into(), value.into());
            Ok(())
        })
    }
}

/// A place behind all rows of an order.
fn next_place(rows: &Rows, order: &[u8]) -> Box<[u8]> {
    let mut place = Vec::with_capacity(order.len() + NUMBER);
    place.extend_from_slice(order);
    place.extend_from_slice(&[u8::MAX; NUMBER]);
    let last = rows.range::<[u8], _>((Bound::Unbounded, Bound::Included(&place[..]))).next_back();
    let last = last.filter(|(last, _)| last.starts_with(order)).and_then(|(last, _)| last.last_chunk::<NUMBER>());
    let number = last.map_or(0, |last| u64::from_be_bytes(*last) + 1);
    place.truncate(order.len());
    place.extend_from_slice(&number.to_be_bytes());
    place.into()
}

/// Rows of exactly this order. (No order is the beginning of another: the row encoding is prefix-free.)
fn of_order<'a>(rows: &'a Rows, order: &'a [u8]) -> impl Iterator<Item = (&'a Box<[u8]>, &'a Box<[u8]>)> {
    let from = rows.range::<[u8], _>((Bound::Included(order), Bound::Unbounded));
    from.take_while(move |(place, _)| place.starts_with(order))
}

/// The rank of a place, or `end` where it is at least that.
fn rank(rows: &Rows, place: &[u8], end: usize) -> usize {
    rows.keys().take(end).take_while(|other| ***other < *place).count()
}
