//! Rows in the making: cells of one block, summed from deltas or from other blocks.

use std::sync::Arc;

use super::block::{Block, Section};
use super::numbers::Numbers;
use super::cube::{DimensionSet, Kept};
use crate::error::Result;
use crate::summary::cell::{Counter, Dimensions, Measures, Metric};
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
    fn number(&mut self, text: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.clone());
        self.numbers.insert(text.clone(), number);
        number
    }
}

/// Slot within the block's period, and the texts' numbers.
pub(super) type RowKey = ([u32; DIMENSIONS], u16);

/// Sums cells over the dimensions of a cube.
pub(super) struct Rows {
    dimensions: DimensionSet,
    kept: Kept,
    interners: [Interner; DIMENSIONS],
    cells: hashbrown::HashMap<RowKey, Sums, ahash::RandomState>,
}

impl Rows {
    pub(super) fn new(dimensions: DimensionSet, kept: Kept) -> Self {
        let interners = std::array::from_fn(|_| Interner::default());
        Rows { dimensions, kept, interners, cells: hashbrown::HashMap::default() }
    }

    /// Adds a delta.
    pub(super) fn add_delta(&mut self, slot: u16, dimensions: &Dimensions, measures: &Measures) {
        let mut numbers = [0; DIMENSIONS];
        let slots = numbers.iter_mut().zip(&mut self.interners).zip(dimensions.texts());
        for (_, ((number, interner), text)) in slots.enumerate().filter(|(i, _)| self.dimensions.0 & 1 << i != 0) {
            *number = interner.number(text);
        }
        self.cells.entry((numbers, slot)).or_default().add_measures(measures);
    }

    /// Adds all rows of a block for which `slot_of` (given the row's slot) names a slot here. What this cube doesn't keep is left out.
    pub(super) fn add_block(&mut self, block: &Block, slot_of: impl Fn(u16) -> Option<u16>) -> Result<()> {
        let rows = block.rows();
        let mut numbers = Vec::with_capacity(DIMENSIONS);
        for (dimension, interner) in Dimension::ALL.into_iter().zip(&mut self.interners) {
            if !self.dimensions.contains(dimension) {
                numbers.push((Vec::new(), Numbers::Zero));
                continue;
            }
            let known: Vec<u32> = block.texts(dimension)?.iter().map(|text| interner.number(text)).collect();
            numbers.push((known, block.numbers(Section::index(dimension))?));
        }
        let slots = block.numbers(Section::SLOTS)?;
        let mut counters = Vec::new();
        for counter in Counter::ALL.into_iter().filter(|counter| block.has(Section::counter(*counter))) {
            counters.push((counter as u8, block.numbers(Section::counter(counter))?));
        }
        let mut samples = Vec::new();
        if self.kept.samples {
            for metric in Metric::ALL {
                samples.push((sample_place(metric, 0), block.sparse(Section::samples(metric))?));
            }
        }
        let ratings = if self.kept.samples { block.sparse(Section::RATINGS)? } else { Default::default() };
        let visitors = if self.kept.visitors { block.sparse(Section::VISITORS)? } else { Default::default() };
        let issues = block.sparse(Section::ISSUES)?;
        for row in 0..rows {
            let Some(slot) = slot_of(slots.get(row) as u16) else { continue };
            let mut key = [0; DIMENSIONS];
            for (number, (known, index)) in key.iter_mut().zip(&numbers) {
                *number = known.get(index.get(row) as usize).copied().unwrap_or_default();
            }
            let sums = self.cells.entry((key, slot)).or_default();
            for (counter, values) in &counters {
                match values.get(row) {
                    0 => {}
                    value => sums.count(*counter, unzigzag(value)),
                }
            }
            for (base, column) in &samples {
                for (bucket, count) in column.row(row) {
                    push(&mut sums.samples, (base + bucket, *count), add);
                }
            }
            ratings.row(row).iter().for_each(|entry| push(&mut sums.ratings, *entry, add));
            issues.row(row).iter().for_each(|entry| push(&mut sums.issues, *entry, add));
            visitors.row(row).iter().for_each(|entry| push(&mut sums.visitors, *entry, i32::max));
        }
        Ok(())
    }

    /// Whether a dimension had only empty texts so far.
    pub(super) fn is_unused(&self, dimension: Dimension) -> bool {
        self.interners.get(dimension.index()).is_none_or(|interner| interner.texts.iter().all(|text| text.is_empty()))
    }

    /// The rows in their one order, without cells that came to nothing, and each dimension's texts, sorted.
    pub(super) fn finish(self) -> Finished {
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
            let mut sorted: Vec<(&Arc<str>, usize)> =
                interner.texts.iter().enumerate().filter(|(i, _)| used.get(*i) == Some(&true)).map(|(i, t)| (t, i)).collect();
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
