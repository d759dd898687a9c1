//! Merging blocks: the cells of some blocks, summed over the dimensions of a cube.
//!
//! ```text
//!  texts of all blocks ─► one sorted list a dimension ─► a key a row ─► sorted: where each row goes
//!                                                                            │
//!                                           the other columns, one by one ◄──┘
//! ```
//!
//! A block's rows are in the order of the keys already, so what is sorted is a few runs behind each other.

use super::block::Columns;
use super::cube::Cube;
use super::key_order::{Key, WideKey, key_bits};
use super::names::Names;
use super::numbers::Numbers;
use super::sparse::{Join, Sparse};
use crate::summary::cell::Counter;
use crate::summary::dimension::{DIMENSIONS, Dimension};
use crate::summary::varint::{unzigzag, zigzag};

/// A block that is merged.
#[derive(Clone)]
pub(super) struct Input<'a> {
    pub(super) columns: &'a Columns,
    /// By its slot the slot of the merged block; other rows are left out.
    slots: Vec<Option<u16>>,
}

impl<'a> Input<'a> {
    /// All rows of a block, in the slots that they have.
    pub(super) fn all(columns: &'a Columns) -> Self {
        Input::with_slots(columns, Some)
    }

    /// The rows of a block for whose slot `slot_of` names one.
    pub(super) fn with_slots(columns: &'a Columns, slot_of: impl Fn(u16) -> Option<u16>) -> Self {
        let largest = u16::try_from(columns.slots.largest()).unwrap_or(u16::MAX);
        Input { columns, slots: (0..=largest).map(slot_of).collect() }
    }

    /// Rows that the cube takes in, ascending.
    pub(super) fn rows(&self, cube: Cube) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.columns.rows as u32).collect();
        let bots: Vec<bool> = self.columns.texts(Dimension::Bot).iter().map(|text| cube.has_bot(text)).collect();
        let slots: Vec<bool> = self.slots.iter().map(Option::is_some).collect();
        for (column, passing) in [(self.columns.index(Dimension::Bot), bots), (&self.columns.slots, slots)] {
            if passing.contains(&false) {
                column.retain(&mut rows, &passing);
            }
        }
        rows
    }
}

/// The target of rows that are left out.
const NOWHERE: u32 = u32::MAX;

/// Sums the cells of blocks. Cells that come to nothing are left out, and texts that none has.
pub(super) fn merge(cube: Cube, inputs: &[Input<'_>]) -> Columns {
    let rows: Vec<Vec<u32>> = inputs.iter().map(|input| input.rows(cube)).collect();
    let names = Dimension::ALL.map(|dimension| Names::new(cube, dimension, inputs, &rows));
    let largest = inputs.iter().flat_map(|input| &input.slots).flatten().max();
    let slot_bits = key_bits(largest.map_or(1, |slot| u64::from(*slot) + 1));
    let bits = names.iter().map(Names::bits).sum::<u32>() + slot_bits;
    debug_assert!(bits <= WideKey::BITS);
    let merging = Merging { cube, inputs, rows, names, slot_bits };
    if bits <= u64::BITS { merging.columns::<u64>() } else { merging.columns::<WideKey>() }
}

/// Coarse dimensions first: long runs of equal numbers cost nothing, and what is left is short.
const ORDER: [Dimension; DIMENSIONS] = [
    Dimension::Bot,
    Dimension::Group,
    Dimension::Device,
    Dimension::Os,
    Dimension::Browser,
    Dimension::Navigation,
    Dimension::Custom0,
    Dimension::Custom1,
    Dimension::Custom2,
    Dimension::Custom3,
    Dimension::Country,
    Dimension::Referrer,
    Dimension::Page,
];

struct Merging<'a> {
    cube: Cube,
    inputs: &'a [Input<'a>],
    /// Of each input.
    rows: Vec<Vec<u32>>,
    /// By dimension.
    names: [Names; DIMENSIONS],
    slot_bits: u32,
}

impl Merging<'_> {
    fn columns<K: Key>(self) -> Columns {
        let (keys, targets) = self.targets::<K>();
        let mut columns = Columns { rows: keys.len(), ..Columns::default() };
        let targets = self.by_input(&targets);
        for (counter, column) in Counter::ALL.into_iter().zip(&mut columns.counters) {
            if self.cube.kept.varying || !counter.varies() {
                let inputs = targets.iter().map(|(input, targets)| (input.counter(counter), *targets));
                *column = sum_numbers(inputs, keys.len());
            }
        }
        let sparse = |of: &dyn Fn(&Columns) -> Option<&Sparse>, join: Join| {
            let inputs = targets.iter().filter_map(|(input, targets)| Some((of(input)?, *targets)));
            Sparse::merge(&inputs.collect::<Vec<_>>(), keys.len(), join)
        };
        columns.issues = sparse(&|input| Some(&input.issues), i32::saturating_add);
        if self.cube.kept.samples {
            for (metric, column) in columns.samples.iter_mut().enumerate() {
                *column = sparse(&|input| input.samples.get(metric), i32::saturating_add);
            }
            columns.ratings = sparse(&|input| Some(&input.ratings), i32::saturating_add);
        }
        if self.cube.kept.visitors {
            columns.visitors = sparse(&|input| Some(&input.visitors), i32::max);
        }
        let keys = columns.drop_empty(keys);
        self.name(keys, &mut columns);
        columns
    }

    /// The keys in their order, and of each row of all inputs, one after the other, the place of its key.
    fn targets<K: Key>(&self) -> (Vec<K>, Vec<u32>) {
        let mut sorted: Vec<(K, u32)> = Vec::with_capacity(self.rows.iter().map(Vec::len).sum());
        let mut first = 0;
        for (place, (input, rows)) in self.inputs.iter().zip(&self.rows).enumerate() {
            let mut keys = vec![K::default(); rows.len()];
            for (names, dimension) in ORDER.iter().filter_map(|d| Some((self.names.get(d.index())?, *d))) {
                let (bits, index) = (names.bits(), input.columns.index(dimension));
                if bits > 0 {
                    let places = names.of_input(place);
                    for (key, row) in keys.iter_mut().zip(rows) {
                        *key = key.push(bits, places.get(index.get(*row as usize) as usize).copied().unwrap_or(0));
                    }
                }
            }
            for (key, row) in keys.iter_mut().zip(rows) {
                let slot = input.slots.get(input.columns.slots.get(*row as usize) as usize).copied().flatten();
                *key = key.push(self.slot_bits, u32::from(slot.unwrap_or(0)));
            }
            sorted.extend(keys.into_iter().zip(rows.iter().map(|row| first + row)));
            first += input.columns.rows as u32;
        }
        // The stable sort merges runs that it finds.
        sorted.sort_by_key(|(key, _)| *key);
        let mut targets = vec![NOWHERE; first as usize];
        let mut keys: Vec<K> = Vec::with_capacity(sorted.len());
        for (key, row) in sorted {
            if keys.last() != Some(&key) {
                keys.push(key);
            }
            if let Some(target) = targets.get_mut(row as usize) {
                *target = keys.len() as u32 - 1;
            }
        }
        (keys, targets)
    }

    fn by_input<'t>(&self, mut targets: &'t [u32]) -> Vec<(&Columns, &'t [u32])> {
        let mut by_input = Vec::with_capacity(self.inputs.len());
        for input in self.inputs {
            let (of_input, rest) = targets.split_at_checked(input.columns.rows).unwrap_or_default();
            by_input.push((input.columns, of_input));
            targets = rest;
        }
        by_input
    }

    /// Fills in slots and dimensions.
    fn name<K: Key>(self, mut keys: Vec<K>, columns: &mut Columns) {
        let mut pop = |bits: u32| -> Vec<u32> { keys.iter_mut().map(|key| key.pop(bits)).collect() };
        columns.slots = Numbers::of(&pop(self.slot_bits));
        let mut indexes: [Vec<u32>; DIMENSIONS] = Default::default();
        // What was pushed last comes first.
        for dimension in ORDER.into_iter().rev() {
            let bits = self.names.get(dimension.index()).map_or(0, Names::bits);
            if let Some(index) = indexes.get_mut(dimension.index()).filter(|_| bits > 0) {
                *index = pop(bits);
            }
        }
        let to = columns.texts.iter_mut().zip(&mut columns.index);
        for ((names, mut index), (texts, column)) in self.names.into_iter().zip(indexes).zip(to) {
            *texts = names.used(&mut index);
            *column = Numbers::of(&index);
        }
    }
}

impl Columns {
    /// Drops rows that hold nothing; returns the keys of the others.
    fn drop_empty<K: Key>(&mut self, keys: Vec<K>) -> Vec<K> {
        let mut filled = vec![false; self.rows];
        let mut fill = |row: u32| filled.iter_mut().skip(row as usize).take(1).for_each(|filled| *filled = true);
        self.counters.iter().for_each(|column| column.for_each(|row, _| fill(row)));
        let sparse = self.samples.iter_mut().chain([&mut self.ratings, &mut self.issues, &mut self.visitors]);
        let mut sparse: Vec<&mut Sparse> = sparse.collect();
        sparse.iter().for_each(|column| column.rows().iter().for_each(|row| fill(*row)));
        if !filled.contains(&false) {
            return keys;
        }
        let mut left = 0;
        let mut places = Vec::with_capacity(filled.len());
        for filled in &filled {
            places.push(left);
            left += u32::from(*filled);
        }
        sparse.iter_mut().for_each(|column| column.renumber(&places));
        for column in &mut self.counters {
            *column = sum_numbers([(&*column, places.as_slice())].into_iter(), left as usize);
        }
        self.rows = left as usize;
        keys.into_iter().zip(filled).filter(|(_, filled)| *filled).map(|(key, _)| key).collect()
    }
}

/// Adds up counters; each number goes to the target of its row.
fn sum_numbers<'a>(inputs: impl Iterator<Item = (&'a Numbers, &'a [u32])>, rows: usize) -> Numbers {
    let mut sums: Vec<i64> = Vec::new();
    for (column, targets) in inputs.filter(|(column, _)| !matches!(column, Numbers::Zero)) {
        sums.resize(rows, 0);
        column.for_each(|row, number| {
            if let Some(sum) = targets.get(row as usize).and_then(|target| sums.get_mut(*target as usize)) {
                *sum = sum.saturating_add(unzigzag(number));
            }
        });
    }
    Numbers::of(&sums.into_iter().map(zigzag).collect::<Vec<u64>>())
}

#[cfg(test)]
mod tests {
    use super::super::cube::CELLS;
    use super::super::deltas::DeltaRows;
    use super::*;
    use crate::summary::cell::{Dimensions, Measures};

    /// Cells whose keys are short if there are few values.
    fn cells(values: usize) -> Columns {
        let mut rows = DeltaRows::default();
        for delta in 0..400 {
            let texts: [String; DIMENSIONS] = std::array::from_fn(|i| format!("value-{}", delta * (i + 7) % values));
            let mut measures = Measures::default();
            measures.count(Counter::Impressions, 1);
            measures.issue(3, 1);
            rows.add(delta as u16 % 60, &Dimensions::new(texts.each_ref().map(String::as_str)), &measures);
        }
        rows.finish()
    }

    #[test]
    fn keys_of_any_length_find_the_same_cells_again() {
        for values in [1, 7, 101, 390] {
            let once = cells(values);
            let twice = merge(CELLS, &[Input::all(&once), Input::all(&once)]);
            assert_eq!((twice.rows, &twice.texts, &twice.index), (once.rows, &once.texts, &once.index));
            assert!((0..once.rows).all(|row| twice.issues.row(row) == [(3, once.issues.row(row)[0].1 * 2)]));
            let rows: Vec<u32> = (0..once.rows as u32).collect();
            let impressions = |columns: &Columns| columns.counter(Counter::Impressions).sum_zigzag(&rows);
            assert_eq!((impressions(&once), impressions(&twice)), (400, 800));
        }
    }
}
