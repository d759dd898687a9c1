//! Keeps rows that were looked up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use hashbrown::HashMap;
use tidemill_engine::Result;

use super::{CacheSettings, assemble, with_values};
use crate::connector::{LookedUp, Lookup};

/// A cache before a lookup: the rows that were found longest ago make room.
pub(crate) struct CachedLookup {
    lookup: Box<dyn Lookup>,
    settings: CacheSettings,
    converter: Option<RowConverter>,
    entries: HashMap<OwnedRow, Entry>,
    /// Keys in the order in which they were kept, with the number of their entry.
    order: VecDeque<(OwnedRow, u64)>,
    rows: usize,
    next: u64,
}

struct Entry {
    number: u64,
    rows: RecordBatch,
    kept: Instant,
}

impl Entry {
    fn size(&self) -> usize {
        self.rows.num_rows().max(1)
    }
}

impl CachedLookup {
    pub(crate) fn new(lookup: Box<dyn Lookup>, settings: CacheSettings) -> Self {
        CachedLookup {
            lookup,
            settings,
            converter: None,
            entries: HashMap::new(),
            order: VecDeque::new(),
            rows: 0,
            next: 0,
        }
    }

    fn keep(&mut self, key: &OwnedRow, rows: RecordBatch, now: Instant) {
        if rows.num_rows() > self.settings.rows_max || (rows.num_rows() == 0 && !self.settings.missing) {
            return;
        }
        let entry = Entry { number: self.next, rows, kept: now };
        self.next += 1;
        self.rows += entry.size();
        self.order.push_back((key.clone(), entry.number));
        if let Some(old) = self.entries.insert(key.clone(), entry) {
            self.rows -= old.size();
        }
        while self.rows > self.settings.rows_max
            && let Some((oldest, number)) = self.order.pop_front()
        {
            // An entry that was renewed has a later place, too.
            if self.entries.get(&oldest).is_some_and(|entry| entry.number == number)
                && let Some(gone) = self.entries.remove(&oldest)
            {
                self.rows -= gone.size();
            }
        }
        // Renewed entries leave places behind.
        if self.order.len() > 2 * self.entries.len() + 16 {
            let entries = &self.entries;
            self.order.retain(|(key, number)| entries.get(key).is_some_and(|entry| entry.number == *number));
        }
    }

    fn is_fresh(&self, entry: &Entry, now: Instant) -> bool {
        let age = now.saturating_duration_since(entry.kept);
        age < self.settings.expire.unwrap_or(Duration::MAX)
    }
}

impl Lookup for CachedLookup {
    fn lookup(&mut self, keys: &RecordBatch) -> Result<LookedUp> {
        let now = Instant::now();
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => {
                let fields = keys.columns().iter().map(|column| SortField::new(column.data_type().clone()));
                none.insert(RowConverter::new(fields.collect())?)
            }
        };
        let encoded = converter.convert_columns(keys.columns())?;
        let asked = with_values(keys);
        let encoded: Vec<OwnedRow> = asked.iter().map(|key| encoded.row(*key as usize).owned()).collect();
        let mut missing: HashMap<&OwnedRow, u32> = HashMap::new();
        let mut ask = Vec::new();
        for (row, key) in asked.iter().zip(&encoded) {
            let known = self.entries.get(key).is_some_and(|entry| self.is_fresh(entry, now));
            if !known && !missing.contains_key(key) {
                missing.insert(key, ask.len() as u32);
                ask.push(*row);
            }
        }
        // Asked even for no keys: the answer says which columns rows have.
        let answer = self.lookup.lookup(&take_record_batch(keys, &UInt32Array::from(ask))?)?;
        let new: Vec<RecordBatch> = (0..missing.len() as u32).map(|key| rows_of(&answer, key)).collect();
        let none = RecordBatch::new_empty(answer.rows.schema());
        let found = asked.iter().zip(&encoded).map(|(row, key)| {
            let rows = match missing.get(key) {
                Some(place) => new.get(*place as usize),
                None => self.entries.get(key).map(|entry| &entry.rows),
            };
            (*row, rows.unwrap_or(&none).clone())
        });
        let found = assemble(&answer.rows.schema(), found)?;
        let new: Vec<(OwnedRow, RecordBatch)> = missing
            .into_iter()
            .filter_map(|(key, place)| Some((key.clone(), new.get(place as usize)?.clone())))
            .collect();
        new.into_iter().for_each(|(key, rows)| self.keep(&key, rows, now));
        Ok(found)
    }
}

/// The rows of one key: origins ascend.
fn rows_of(answer: &LookedUp, key: u32) -> RecordBatch {
    let origins = answer.origins.values();
    let from = origins.partition_point(|origin| *origin < key);
    let to = origins.partition_point(|origin| *origin <= key);
    answer.rows.slice(from, to - from)
}

#[cfg(test)]
impl CachedLookup {
    pub(super) fn kept_rows(&self) -> usize {
        self.rows
    }
}
