//! Rows in the making: cells of one block, summed from deltas or from other blocks.

use std::sync::Arc;

use super::block::Columns;
use super::cube::{ANY_BOT, Bots, Cube};
use crate::summary::cell::{Dimensions, Measures, Metric};
use crate::summary::dimension::{DIMENSIONS, Dimension};
use crate::summary::histogram::{BUCKETS, midpoint};
use crate::summary::metric::METRICS;
use crate::summary::sketch;
use crate::summary::varint::unzigzag;

/// Lists grow to this length before they are summed up.
const TIDY_LEN: usize = 32;

/// All measures of one cell, as numbered values.
///
/// Ratings are kept as the difference to what the histogram tells: a bucket lies between two thresholds except for
/// those on a threshold, so nearly all of them are 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sums {
    /// By [`Counter`].
    pub(super) counters: Vec<(u8, i64)>,
    /// By metric and bucket.
    pub(super) samples: Vec<(u16, i32)>,
    /// By metric and rating: counted, less what the samples' midpoints tell.
    pub(super) ratings: Vec<(u16, i32)>,
    /// By issue.
    pub(super) issues: Vec<(u16, i32)>,
    /// Ranks by register.
    pub(super) visitors: Vec<(u16, i32)>,
}

/// Number of a metric's bucket among all metrics' buckets.
pub(super) fn sample_place(metric: Metric, bucket: u16) -> u16 {
    metric as u16 * BUCKETS as u16 + bucket
}

/// Number of a metric's rating among all.
pub(super) fn rating_place(metric: Metric, rating: u8) -> u16 {
    metric as u16 * 3 + u16::from(rating)
}

impl Sums {
    fn add_measures(&mut self, measures: &Measures) {
        for (counter, by) in &measures.counters {
            self.count(*counter as u8, *by);
        }
        for (metric, bucket, count) in &measures.samples {
            push(&mut self.samples, (sample_place(*metric, *bucket), *count), add);
            let told = metric.rating(midpoint(*metric, *bucket));
            push(&mut self.ratings, (rating_place(*metric, told), count.saturating_neg()), add);
        }
        for (metric, rating, count) in &measures.ratings {
            push(&mut self.ratings, (rating_place(*metric, (*rating).min(2)), *count), add);
        }
        for (issue, count) in &measures.issues {
            push(&mut self.issues, (u16::from(*issue), *count), add);
        }
        for visitor in &measures.visitors {
            let (register, rank) = sketch::register(*visitor);
            push(&mut self.visitors, (register, i32::from(rank)), i32::max);
        }
    }

    pub(super) fn count(&mut self, counter: u8, by: i64) {
        match self.counters.iter_mut().find(|(known, _)| *known == counter) {
            Some((_, value)) => *value = value.saturating_add(by),
            None => self.counters.push((counter, by)),
        }
    }

    /// Adds all of another cell.
    pub(super) fn merge(&mut self, other: Sums) {
        other.counters.into_iter().for_each(|(counter, by)| self.count(counter, by));
        let Sums { samples, ratings, issues, visitors, .. } = other;
        samples.into_iter().for_each(|entry| push(&mut self.samples, entry, add));
        ratings.into_iter().for_each(|entry| push(&mut self.ratings, entry, add));
        issues.into_iter().for_each(|entry| push(&mut self.issues, entry, add));
        visitors.into_iter().for_each(|entry| push(&mut self.visitors, entry, i32::max));
    }

    /// Sorted, summed, without zeros.
    fn tidy(&mut self) {
        self.counters.sort_unstable();
        self.counters.retain(|(_, value)| *value != 0);
        tidy(&mut self.samples, add);
        tidy(&mut self.ratings, add);
        tidy(&mut self.issues, add);
        tidy(&mut self.visitors, i32::max);
    }

    fn is_zero(&self) -> bool {
        self.counters.is_empty()
            && self.samples.is_empty()
            && self.ratings.is_empty()
            && self.issues.is_empty()
            && self.visitors.is_empty()
    }
}

fn add(a: i32, b: i32) -> i32 {
    a.saturating_add(b)
}

/// Appends; sums up each time that the list has doubled.
fn push(list: &mut Vec<(u16, i32)>, entry: (u16, i32), join: fn(i32, i32) -> i32) {
    if list.len() >= TIDY_LEN && list.len() == list.capacity() {
        tidy(list, join);
        list.reserve(list.len().max(TIDY_LEN));
    }
    list.push(entry);
}

fn tidy(list: &mut Vec<(u16, i32)>, join: fn(i32, i32) -> i32) {
    if !list.is_sorted_by(|a, b| a.0 < b.0) {
        list.sort_unstable_by_key(|(number, _)| *number);
        list.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = join(earlier.1, later.1);
            }
            same
        });
    }
    list.retain(|(_, value)| *value != 0);
}

/// Texts of a dimension, numbered as they come.
#[derive(Default)]
struct Interner {
    texts: Vec<Arc<str>>,
    numbers: hashbrown::HashMap<Arc<str>, u32, ahash::RandomState>,
}

impl Interner {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text.clone(), number);
        number
    }
}

/// Slot within the block's period, and the texts' numbers.
pub(super) type RowKey = ([u32; DIMENSIONS], u16);

/// Sums cells over the dimensions of a cube.
pub(super) struct Rows {
    pub(super) cube: Cube,
    interners: [Interner; DIMENSIONS],
    /// Numbers of the texts of dimensions that a delta had.
    known: hashbrown::HashMap<Dimensions, [u32; DIMENSIONS], ahash::RandomState>,
    pub(super) cells: hashbrown::HashMap<RowKey, Sums, ahash::RandomState>,
}

impl Rows {
    pub(super) fn new(cube: Cube) -> Self {
        let interners = std::array::from_fn(|_| Interner::default());
        Rows { cube, interners, known: hashbrown::HashMap::default(), cells: hashbrown::HashMap::default() }
    }

    /// Adds a delta; only for the cube that has all dimensions.
    pub(super) fn add_delta(&mut self, slot: u16, dimensions: &Dimensions, measures: &Measures) {
        let numbers = match self.known.get(dimensions) {
            Some(numbers) => *numbers,
            None => {
                let mut numbers = [0; DIMENSIONS];
                let slots = numbers.iter_mut().zip(&mut self.interners).zip(dimensions.texts());
                slots.for_each(|((number, interner), text)| *number = interner.number(text));
                self.known.insert(dimensions.clone(), numbers);
                numbers
            }
        };
        self.cells.entry((numbers, slot)).or_default().add_measures(measures);
    }

    /// Adds all rows of a block for which `slot_of` (given the row's slot) names a slot here. What this cube doesn't keep is left out.
    pub(super) fn add_block(&mut self, block: &Columns, slot_of: impl Fn(u16) -> Option<u16>) {
        let mut places: [Vec<u32>; DIMENSIONS] = Default::default();
        for ((i, dimension), interner) in Dimension::ALL.into_iter().enumerate().zip(&mut self.interners) {
            let (Some(places), Some(texts)) = (places.get_mut(i), block.texts.get(i)) else { continue };
            if self.cube.dimensions.contains(dimension) {
                let any_bot = dimension == Dimension::Bot && self.cube.bots != Bots::Kinds;
                let told = |text: &Arc<str>| if any_bot && !text.is_empty() { ANY_BOT.into() } else { text.clone() };
                *places = texts.iter().map(|text| interner.number(&told(text))).collect();
            }
        }
        let has_bot = |text: &Arc<str>| self.cube.has_bot(text);
        let bots: Vec<bool> = block
            .texts
            .get(Dimension::Bot.index())
            .map(|texts| texts.iter().map(has_bot).collect())
            .unwrap_or_default();
        for row in 0..block.rows {
            let bot = block.index.get(Dimension::Bot.index()).map_or(0, |index| index.get(row));
            if bots.get(bot as usize) != Some(&true) {
                continue;
            }
            let Some(slot) = slot_of(block.slots.get(row) as u16) else { continue };
            let mut key = [0; DIMENSIONS];
            for ((number, places), index) in key.iter_mut().zip(&places).zip(&block.index) {
                if !places.is_empty() {
                    *number = places.get(index.get(row) as usize).copied().unwrap_or_default();
                }
            }
            let sums = self.cells.entry((key, slot)).or_default();
            for (counter, values) in &block.counters {
                match values.get(row) {
                    0 => {}
                    value => sums.count(*counter, unzigzag(value)),
                }
            }
            block.issues.row(row).iter().for_each(|entry| push(&mut sums.issues, *entry, add));
            if self.cube.kept.samples {
                for (metric, column) in Metric::ALL.into_iter().zip(&block.samples) {
                    for (bucket, count) in column.row(row) {
                        push(&mut sums.samples, (sample_place(metric, *bucket), *count), add);
                    }
                }
                block.ratings.row(row).iter().for_each(|entry| push(&mut sums.ratings, *entry, add));
            }
            if self.cube.kept.visitors {
                block.visitors.row(row).iter().for_each(|entry| push(&mut sums.visitors, *entry, i32::max));
            }
        }
    }

    /// The texts of a dimension, by number.
    pub(super) fn texts(&self, dimension: Dimension) -> &[Arc<str>] {
        self.interners.get(dimension.index()).map_or(&[], |interner| &interner.texts)
    }

    /// The number of a text.
    pub(super) fn number(&mut self, dimension: Dimension, text: &Arc<str>) -> u32 {
        self.interners.get_mut(dimension.index()).map_or(0, |interner| interner.number(text))
    }

    /// Whether a dimension had only empty texts so far.
    pub(super) fn is_unused(&self, dimension: Dimension) -> bool {
        self.interners.get(dimension.index()).is_none_or(|interner| interner.texts.iter().all(|text| text.is_empty()))
    }

    /// The rows in their one order, without cells that came to nothing, and each dimension's texts, sorted and within its limit.
    pub(super) fn finish(mut self) -> Finished {
        self.guard();
        let mut texts: [Vec<Arc<str>>; DIMENSIONS] = Default::default();
        let mut cells: Vec<(RowKey, Sums)> = self.cells.into_iter().collect();
        cells.iter_mut().for_each(|(_, sums)| sums.tidy());
        cells.retain(|(_, sums)| !sums.is_zero());
        for (dimension, interner) in self.interners.into_iter().enumerate() {
            let number_of = |key: &RowKey| key.0.get(dimension).map_or(0, |number| *number as usize);
            let mut used = vec![false; interner.texts.len()];
            for (key, _) in &cells {
                if let Some(used) = used.get_mut(number_of(key)) {
                    *used = true;
                }
            }
            let mut sorted: Vec<(&Arc<str>, usize)> = interner
                .texts
                .iter()
                .enumerate()
                .filter(|(i, _)| used.get(*i) == Some(&true))
                .map(|(i, t)| (t, i))
                .collect();
            sorted.sort_unstable();
            let mut rank = vec![0u32; interner.texts.len()];
            for (place, (_, number)) in sorted.iter().enumerate() {
                if let Some(rank) = rank.get_mut(*number) {
                    *rank = place as u32;
                }
            }
            for (key, _) in &mut cells {
                let place = rank.get(number_of(key)).copied().unwrap_or_default();
                if let Some(number) = key.0.get_mut(dimension) {
                    *number = place;
                }
            }
            if let Some(texts) = texts.get_mut(dimension) {
                *texts = sorted.into_iter().map(|(text, _)| text.clone()).collect();
            }
        }
        cells.sort_unstable_by_key(|(key, _)| sort_key(key));
        debug_assert!(METRICS * BUCKETS <= usize::from(u16::MAX));
        Finished { texts, cells }
    }
}

/// Coarse dimensions first: long runs of equal numbers cost nothing, and what is left is short.
fn sort_key((numbers, slot): &RowKey) -> ([u32; DIMENSIONS], u16) {
    let [group, device, browser, os, country, page, referrer, navigation, bot, a, b, c, d] = *numbers;
    ([bot, group, device, os, browser, navigation, a, b, c, d, country, referrer, page], *slot)
}

/// What a block is written from.
pub(super) struct Finished {
    /// Each dimension's texts, sorted.
    pub(super) texts: [Vec<Arc<str>>; DIMENSIONS],
    /// Rows; the numbers are places in `texts`.
    pub(super) cells: Vec<(RowKey, Sums)>,
}

impl Finished {
    /// Whether a dimension has only empty texts.
    pub(super) fn is_unused(&self, dimension: Dimension) -> bool {
        self.texts.get(dimension.index()).is_none_or(|texts| texts.iter().all(|text| text.is_empty()))
    }
}
