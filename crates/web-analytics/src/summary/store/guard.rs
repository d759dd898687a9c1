//! How many values of a dimension a block tells apart.
//!
//! Pages and referrers come from outside: a crawler with random paths, or referrer spam, would have a row for each. Beyond
//! [`Cube::values_max`] a block keeps the values with the most impressions and sessions, of those that occurred more than once,
//! and adds all others up under [`OTHER`]. Nothing is lost but the name: sums over all values stay exact. A late change of a value that
//! went into the others joins them, so near the limit the count of one value may miss a few.

use std::sync::Arc;

use super::cube::{Cube, Tier};
use super::merge::Input;
use super::names::Names;
use crate::summary::cell::Counter;
use crate::summary::dimension::Dimension;
use crate::summary::varint::unzigzag;

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

impl Names {
    /// Brings the texts to their limit.
    pub(super) fn guard(&mut self, cube: Cube, dimension: Dimension, inputs: &[Input<'_>], rows: &[Vec<u32>]) {
        let limit = cube.values_max();
        // The empty text and that of the others don't count.
        if self.texts.len() <= limit + 2 {
            return;
        }
        let told = self.told(limit, &self.weights(dimension, inputs, rows));
        let before = std::mem::take(&mut self.texts);
        let named = before.iter().zip(told).filter(|(_, told)| *told).map(|(text, _)| text.clone());
        let mut texts: Vec<Arc<str>> = named.collect();
        let other = texts.partition_point(|text| **text < *OTHER);
        texts.insert(other, OTHER.into());
        let place = |text: &Arc<str>| texts.binary_search(text).unwrap_or(other) as u32;
        let places: Vec<u32> = before.iter().map(place).collect();
        for known in self.places.iter_mut().flatten() {
            *known = places.get(*known as usize).copied().unwrap_or_default();
        }
        self.texts = texts;
    }

    /// How much speaks for keeping the name of each text: its impressions and sessions.
    fn weights(&self, dimension: Dimension, inputs: &[Input<'_>], rows: &[Vec<u32>]) -> Vec<i64> {
        let mut weights = vec![0_i64; self.texts.len()];
        for ((place, input), rows) in inputs.iter().enumerate().zip(rows) {
            let (index, places) = (input.columns.index(dimension), self.of_input(place));
            for counter in [Counter::Impressions, Counter::Sessions] {
                input.columns.counter(counter).each(rows, |place, value| {
                    let text = rows.get(place).and_then(|row| places.get(index.get(*row as usize) as usize));
                    if let Some(weight) = text.and_then(|text| weights.get_mut(*text as usize)) {
                        *weight = weight.saturating_add(unzigzag(value));
                    }
                });
            }
        }
        weights
    }

    /// Which texts keep their name.
    fn told(&self, limit: usize, weights: &[i64]) -> Vec<bool> {
        let mut told: Vec<bool> = self.texts.iter().map(|text| text.is_empty()).collect();
        let mut ranked: Vec<(i64, &Arc<str>, usize)> = Vec::new();
        for (place, (weight, text)) in weights.iter().zip(&self.texts).enumerate() {
            if *weight > 1 && !text.is_empty() && **text != *OTHER {
                ranked.push((*weight, text, place));
            }
        }
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        for (_, _, place) in ranked.into_iter().take(limit) {
            if let Some(told) = told.get_mut(place) {
                *told = true;
            }
        }
        told
    }
}
