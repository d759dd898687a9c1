//! A column of sparse lists: each row holds a few numbered values, as histograms, issues and visitor sketches do.
//!
//! Numbers become gaps, gaps and values go to streams of their own. A short list looks quite different from one of hundreds of
//! entries, and a crowded histogram from a thin one, so lists are sorted into classes by length and density, each with
//! its own streams: an entropy coder then sees one distribution at a time.

use super::numbers::meet;
use super::stream::{Effort, put_stream, read_stream};
use crate::error::Result;
use crate::summary::varint::{Reader, put};

/// One entry: its number and its value, which is never 0.
pub(super) type Entry = (u16, i32);

/// How two values of a number become one.
pub(super) type Join = fn(i32, i32) -> i32;

const CLASSES: usize = 6;

/// The column in memory: the lists of all rows, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sparse {
    /// Rows that have a list, ascending.
    rows: Vec<u32>,
    /// Where their lists end.
    ends: Vec<u32>,
    entries: Vec<Entry>,
}

impl Sparse {
    /// The list of a row.
    pub(crate) fn row(&self, row: usize) -> &[Entry] {
        let row = row as u32;
        // Where each row has a list the place is the row.
        let place = match self.rows.get(row as usize) == Some(&row) {
            true => Some(row as usize),
            false => self.rows.binary_search(&row).ok(),
        };
        place.map_or(&[], |place| self.list(place))
    }

    fn list(&self, place: usize) -> &[Entry] {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let end = self.ends.get(place).map_or(start, |end| *end as usize);
        self.entries.get(start..end).unwrap_or_default()
    }

    /// Rows that have a list, ascending.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The lists of all rows, of which there are so many.
    pub(super) fn all(&self, rows: usize) -> impl Iterator<Item = &[Entry]> + Clone {
        let mut next = 0;
        (0..rows as u32).map(move |row| {
            if self.rows.get(next) != Some(&row) {
                return &[][..];
            }
            next += 1;
            self.list(next - 1)
        })
    }

    /// Appends to the list of a row; no later row may have one.
    pub(super) fn push(&mut self, row: u32, entry: Entry) {
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
            self.ends.push(self.entries.len() as u32);
        }
        self.entries.push(entry);
        if let Some(end) = self.ends.last_mut() {
            *end += 1;
        }
    }

    /// Gives rows that have a list other places, by row. Their order stays.
    pub(super) fn renumber(&mut self, places: &[u32]) {
        self.rows.iter_mut().for_each(|row| *row = places.get(*row as usize).copied().unwrap_or_default());
    }

    /// Joins lists. Each input comes with the row of the sum by row of its own; there are `rows`, other lists are left out. The
    /// sum's lists are sorted and without zeros, whatever the inputs' are.
    pub(super) fn merge(inputs: &[(&Sparse, &[u32])], rows: usize, join: Join) -> Sparse {
        if inputs.iter().all(|(column, _)| column.rows.is_empty()) {
            return Sparse::default();
        }
        // Of each row how long its list is, then where it begins, in the end where it ends.
        let mut places = vec![0usize; rows];
        each_list(inputs, |target, list| {
            if let Some(len) = places.get_mut(target) {
                *len += list.len();
            }
        });
        let mut total = 0;
        for place in &mut places {
            total += std::mem::replace(place, total);
        }
        let mut entries = vec![(0, 0); total];
        each_list(inputs, |target, list| {
            let Some(place) = places.get_mut(target) else { return };
            let start = std::mem::replace(place, *place + list.len());
            if let Some(to) = entries.get_mut(start..*place) {
                to.copy_from_slice(list);
            }
        });
        let mut merged = Sparse { entries: Vec::with_capacity(total), ..Sparse::default() };
        let mut rest = entries.as_mut_slice();
        let mut start = 0;
        for (row, end) in (0..).zip(places) {
            let Some((list, after)) = rest.split_at_mut_checked(end - start) else { break };
            merged.append(row, list, join);
            (rest, start) = (after, end);
        }
        merged
    }

    /// Adds the list of the next row.
    fn append(&mut self, row: u32, list: &mut [Entry], join: Join) {
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            list.sort_unstable_by_key(|(number, _)| *number);
        }
        let before = self.entries.len();
        for of_number in list.chunk_by(|a, b| a.0 == b.0) {
            if let Some(entry) = of_number.iter().copied().reduce(|a, b| (a.0, join(a.1, b.1)))
                && entry.1 != 0
            {
                self.entries.push(entry);
            }
        }
        if self.entries.len() > before {
            self.rows.push(row);
            self.ends.push(self.entries.len() as u32);
        }
    }

    /// Gives the lists of some rows (ascending), each with the place of its row among them.
    pub(crate) fn each<'a>(&'a self, rows: &[u32], mut give: impl FnMut(usize, &'a [Entry])) {
        meet(&self.rows, rows, |list, place| give(place, self.list(list)));
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        (self.rows.len() + self.ends.len()) * 4 + self.entries.len() * size_of::<Entry>()
    }
}

/// Gives all lists of some columns, each with the target of its row.
#[inline]
fn each_list<'a>(inputs: &[(&'a Sparse, &[u32])], mut give: impl FnMut(usize, &'a [Entry])) {
    for (column, targets) in inputs {
        let mut start = 0;
        for (row, end) in column.rows.iter().zip(&column.ends) {
            let list = column.entries.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            if let Some(target) = targets.get(*row as usize) {
                give(*target as usize, list);
            }
        }
    }
}

/// Which streams a list goes to.
fn class(list: &[Entry]) -> u8 {
    let total: u64 = list.iter().map(|(_, value)| u64::from(value.unsigned_abs())).sum();
    match (list.len() as u64, total) {
        (0..=1, _) => 0,
        (2..=31, _) => 1,
        (len, total) if total < 2 * len => 2,
        (len, total) if total < 4 * len => 3,
        (len, total) if total < 12 * len => 4,
        _ => 5,
    }
}

#[derive(Default)]
struct Streams {
    first_low: Vec<u8>,
    first_high: Vec<u8>,
    gaps: Vec<u8>,
    values: Vec<u8>,
}

/// Appends a column; `rows` are ascending by number, without zeros.
pub(super) fn put_sparse<'a>(out: &mut Vec<u8>, rows: impl Iterator<Item = &'a [Entry]>, effort: Effort) {
    let mut streams: [Streams; CLASSES] = Default::default();
    let mut lens = Vec::new();
    let mut classes = Vec::new();
    for list in rows {
        put(&mut lens, list.len() as u64);
        let Some((first, _)) = list.first() else { continue };
        let class = class(list);
        classes.push(class);
        let Some(streams) = streams.get_mut(usize::from(class)) else { continue };
        streams.first_low.push(*first as u8);
        streams.first_high.push((first >> 8) as u8);
        let mut before = *first;
        for (number, _) in list.iter().skip(1) {
            put(&mut streams.gaps, u64::from(number - before - 1));
            before = *number;
        }
        for (_, value) in list {
            put(&mut streams.values, u64::from(value.unsigned_abs() - 1) << 1 | u64::from(*value < 0));
        }
    }
    let used = (0..CLASSES as u8).filter(|class| classes.contains(class)).fold(0u8, |used, class| used | 1 << class);
    out.push(used);
    put_stream(out, &lens, effort);
    if used.count_ones() > 1 {
        put_stream(out, &classes, effort);
    }
    for (_, streams) in streams.iter().enumerate().filter(|(class, _)| used & 1 << class != 0) {
        put_stream(out, &streams.first_low, effort);
        put_stream(out, &streams.first_high, effort);
        put_stream(out, &streams.gaps, effort);
        put_stream(out, &streams.values, effort);
    }
}

/// Reads a column of `rows` rows.
pub(super) fn read_sparse(reader: &mut Reader<'_>, rows: usize) -> Result<Sparse> {
    const WHAT: &str = "sparse column";
    let used = reader.byte()?;
    let lens = read_stream(reader)?;
    let classes = if used.count_ones() > 1 { read_stream(reader)? } else { Vec::new() };
    let only = used.trailing_zeros() as u8;
    let mut bytes: [Streams; CLASSES] = Default::default();
    for (_, streams) in bytes.iter_mut().enumerate().filter(|(class, _)| used & 1 << class != 0) {
        streams.first_low = read_stream(reader)?;
        streams.first_high = read_stream(reader)?;
        streams.gaps = read_stream(reader)?;
        streams.values = read_stream(reader)?;
    }
    let mut streams = bytes.each_ref().map(|streams| {
        let Streams { first_low, first_high, gaps, values } = streams;
        [first_low, first_high, gaps, values].map(|bytes| Reader::new(bytes, WHAT))
    });
    let mut lens = Reader::new(&lens, WHAT);
    let mut classes = classes.iter();
    let (mut filled, mut ends) = (Vec::new(), Vec::new());
    let mut entries = Vec::new();
    for row in 0..rows {
        let len: usize = lens.int()?;
        if len > 0 {
            let class = classes.next().copied().unwrap_or(only);
            let [low, high, gaps, values] =
                streams.get_mut(usize::from(class)).ok_or_else(|| reader.error("an unknown class"))?;
            let mut number = u16::from(low.byte()?) | u16::from(high.byte()?) << 8;
            for place in 0..len {
                if place > 0 {
                    let next = u64::from(number) + gaps.varint()? + 1;
                    number = u16::try_from(next).map_err(|_| reader.error("a number out of range"))?;
                }
                let value = values.varint()?;
                let size = i32::try_from(value >> 1).map_err(|_| reader.error("a value out of range"))?;
                let size = size.saturating_add(1);
                entries.push((number, if value & 1 == 0 { size } else { -size }));
            }
        }
        if len > 0 {
            filled.push(row as u32);
            ends.push(entries.len() as u32);
        }
    }
    Ok(Sparse { rows: filled, ends, entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn columns_come_back(
            rows in prop::collection::vec(
                prop::collection::btree_map(any::<u16>(), prop_oneof![1i32..4, -3i32..0, 1i32..i32::MAX], 0..60), 0..30),
        ) {
            let rows: Vec<Vec<Entry>> = rows.into_iter().map(|row: BTreeMap<_, _>| row.into_iter().collect()).collect();
            let mut out = Vec::new();
            put_sparse(&mut out, rows.iter().map(Vec::as_slice), Effort::Quick);
            let column = read_sparse(&mut Reader::new(&out, "test"), rows.len()).unwrap();
            for (i, row) in rows.iter().enumerate() {
                prop_assert_eq!(column.row(i), row.as_slice());
            }
            for step in [1, 2, 7] {
                let some: Vec<u32> = (0..rows.len() as u32).step_by(step).collect();
                let mut given = Vec::new();
                column.each(&some, |place, list| given.push((some[place], list.to_vec())));
                let expected: Vec<_> = some
                    .iter()
                    .map(|row| (*row, rows[*row as usize].clone()))
                    .filter(|(_, list)| !list.is_empty())
                    .collect();
                prop_assert_eq!(given, expected);
            }
        }
    }
}
