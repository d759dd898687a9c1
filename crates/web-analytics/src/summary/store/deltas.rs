//! The rows of a block in the making, from deltas.

use std::sync::Arc;

use super::block::Columns;
use super::cube::CELLS;
use super::merge::{Input, merge};
use super::numbers::Numbers;
use super::sparse::Sparse;
use crate::summary::cell::{Dimensions, Measures, Metric};
use crate::summary::dimension::DIMENSIONS;
use crate::summary::histogram::midpoint;
use crate::summary::metric::{COUNTERS, METRICS};
use crate::summary::sketch;
use crate::summary::varint::zigzag;

/// Number of a metric's rating among all.
fn rating_place(metric: Metric, rating: u8) -> usize {
    metric as usize * 3 + usize::from(rating.min(2))
}

/// Deltas of one hour as they come, a row each.
#[derive(Default)]
pub(super) struct DeltaRows {
    interners: [Interner; DIMENSIONS],
    /// Places in `combinations`.
    known: hashbrown::HashMap<Dimensions, u32, ahash::RandomState>,
    /// Numbers of texts.
    combinations: Vec<[u32; DIMENSIONS]>,
    /// Of each row its place in `combinations` and its slot.
    rows: Vec<(u32, u16)>,
    /// Rows and zigzag values of each counter.
    counters: [(Vec<u32>, Vec<u64>); COUNTERS],
    samples: [Sparse; METRICS],
    ratings: Sparse,
    issues: Sparse,
    visitors: Sparse,
}

impl DeltaRows {
    pub(super) fn add(&mut self, slot: u16, dimensions: &Dimensions, measures: &Measures) {
        let combination = match self.known.get(dimensions) {
            Some(known) => *known,
            None => {
                let mut numbers = [0; DIMENSIONS];
                let slots = numbers.iter_mut().zip(&mut self.interners).zip(dimensions.texts());
                slots.for_each(|((number, interner), text)| *number = interner.number(text));
                let combination = self.combinations.len() as u32;
                self.known.insert(dimensions.clone(), combination);
                self.combinations.push(numbers);
                combination
            }
        };
        let row = self.rows.len() as u32;
        self.rows.push((combination, slot));
        for (counter, by) in &measures.counters {
            if let Some((rows, values)) = self.counters.get_mut(*counter as usize) {
                rows.push(row);
                values.push(zigzag(*by));
            }
        }
        // Ratings are kept as the difference to what the samples' buckets tell: a bucket lies between two thresholds
        // except for those on a threshold, so nearly all differences are 0.
        let mut ratings = [0i32; METRICS * 3];
        let mut rate = |place: usize, by: i32| {
            ratings.iter_mut().skip(place).take(1).for_each(|rating| *rating = rating.saturating_add(by));
        };
        for (metric, bucket, count) in &measures.samples {
            if let Some(column) = self.samples.get_mut(*metric as usize) {
                column.push(row, (*bucket, *count));
            }
            rate(rating_place(*metric, metric.rating(midpoint(*metric, *bucket))), count.saturating_neg());
        }
        measures.ratings.iter().for_each(|(metric, rating, count)| rate(rating_place(*metric, *rating), *count));
        for (place, by) in (0..).zip(ratings).filter(|(_, by)| *by != 0) {
            self.ratings.push(row, (place, by));
        }
        measures.issues.iter().for_each(|(issue, count)| self.issues.push(row, (u16::from(*issue), *count)));
        for visitor in &measures.visitors {
            let (register, rank) = sketch::register(*visitor);
            self.visitors.push(row, (register, i32::from(rank)));
        }
    }

    /// The cells to which the deltas add up.
    pub(super) fn finish(self) -> Columns {
        let index = |dimension: usize| {
            let number = |(combination, _): &(u32, u16)| {
                self.combinations.get(*combination as usize).and_then(|c| c.get(dimension)).copied().unwrap_or_default()
            };
            Numbers::Ints(self.rows.iter().map(number).collect())
        };
        let several = |dimension: usize| self.interners.get(dimension).is_some_and(|i| i.texts.len() > 1);
        let rows = Columns {
            rows: self.rows.len(),
            slots: Numbers::Shorts(self.rows.iter().map(|(_, slot)| *slot).collect()),
            index: std::array::from_fn(|i| if several(i) { index(i) } else { Numbers::Zero }),
            texts: self.interners.map(|interner| interner.texts),
            counters: self.counters.map(|(rows, values)| Numbers::Few(rows, values)),
            samples: self.samples,
            ratings: self.ratings,
            issues: self.issues,
            visitors: self.visitors,
        };
        merge(CELLS, &[Input::all(&rows)])
    }
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
