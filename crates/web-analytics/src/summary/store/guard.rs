//! How many values of a dimension a block tells apart.
//!
//! Pages and referrers come from outside: a crawler with random paths, or referrer spam, would have a row for each. Beyond
//! [`Cube::values_max`] a block keeps the values with the most impressions and sessions, of those that occurred more than once,
//! and adds all others up under [`OTHER`]. Nothing is lost but the name: sums over all values stay exact. A late change of a value that
//! went into the others joins them, so near the limit the count of one value may miss a few.

use std::sync::Arc;

use super::cube::{Cube, Tier};
use super::rows::{Rows, Sums};
use crate::summary::cell::Counter;
use crate::summary::dimension::{DIMENSIONS, Dimension};

/// Stands for all values of a dimension that a block doesn't tell apart.
pub(crate) const OTHER: &str = "(other)";

impl Cube {
    /// Values of one dimension in one block.
    pub(super) fn values_max(self) -> usize {
        match self.tier {
            Tier::Minute | Tier::Hour => 5_000,
            Tier::Day => 2_000,
        }
    }
}

impl Rows {
    /// Brings each dimension to its limit.
    pub(super) fn guard(&mut self) {
        let limit = self.cube.values_max();
        let mut others = [const { None }; DIMENSIONS];
        for (dimension, other) in Dimension::ALL.into_iter().zip(&mut others) {
            // The empty text and that of the others don't count.
            if self.texts(dimension).len() > limit + 2 {
                *other = Some(self.others(dimension, limit));
            }
        }
        if others.iter().any(Option::is_some) {
            for ((numbers, slot), sums) in std::mem::take(&mut self.cells) {
                let mut key = numbers;
                for (number, others) in key.iter_mut().zip(&others) {
                    if let Some((other, told)) = others
                        && told.get(*number as usize) != Some(&true)
                    {
                        *number = *other;
                    }
                }
                self.cells.entry((key, slot)).or_default().merge(sums);
            }
        }
    }

    /// The number of [`OTHER`], and which numbers keep their name.
    fn others(&mut self, dimension: Dimension, limit: usize) -> (u32, Vec<bool>) {
        let other = self.number(dimension, &OTHER.into());
        let mut weights = vec![0_i64; self.texts(dimension).len()];
        for ((numbers, _), sums) in &self.cells {
            let number = numbers.get(dimension.index()).map_or(0, |number| *number as usize);
            if let Some(weight) = weights.get_mut(number) {
                *weight = weight.saturating_add(sums.weight());
            }
        }
        let texts = self.texts(dimension);
        let mut told: Vec<bool> = texts.iter().map(|text| text.is_empty()).collect();
        let mut ranked: Vec<(i64, &Arc<str>, usize)> = Vec::new();
        for (number, (weight, text)) in weights.iter().zip(texts).enumerate() {
            if *weight > 1 && !text.is_empty() && number != other as usize {
                ranked.push((*weight, text, number));
            }
        }
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        for (_, _, number) in ranked.into_iter().take(limit) {
            if let Some(told) = told.get_mut(number) {
                *told = true;
            }
        }
        (other, told)
    }
}

impl Sums {
    /// How much speaks for keeping the name of its values.
    fn weight(&self) -> i64 {
        let counted = |wanted: Counter| {
            let counter = self.counters.iter().find(|(counter, _)| *counter == wanted as u8);
            counter.map_or(0, |(_, value)| *value)
        };
        counted(Counter::Impressions).saturating_add(counted(Counter::Sessions))
    }
}
