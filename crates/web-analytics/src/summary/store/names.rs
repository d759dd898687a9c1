//! The texts of one dimension in blocks that are merged.

use std::sync::Arc;

use super::cube::{ANY_BOT, Bots, Cube};
use super::key_order::key_bits;
use super::merge::Input;
use crate::summary::dimension::Dimension;

/// The texts of a dimension of all inputs.
pub(super) struct Names {
    /// Sorted.
    pub(super) texts: Vec<Arc<str>>,
    /// Of each input: by place in its texts, the place in all. Empty if the cube hasn't the dimension.
    pub(super) places: Vec<Vec<u32>>,
}

impl Names {
    /// Of the rows of each input.
    pub(super) fn new(cube: Cube, dimension: Dimension, inputs: &[Input<'_>], rows: &[Vec<u32>]) -> Self {
        if !cube.dimensions.contains(dimension) {
            return Names { texts: vec!["".into()], places: Vec::new() };
        }
        let any_bot: Option<Arc<str>> =
            (dimension == Dimension::Bot && cube.bots != Bots::Kinds).then(|| ANY_BOT.into());
        let told = |text: &Arc<str>| any_bot.as_ref().filter(|_| !text.is_empty()).unwrap_or(text).clone();
        let mut texts: Vec<Arc<str>> =
            inputs.iter().flat_map(|input| input.columns.texts(dimension)).map(told).collect();
        texts.sort_unstable();
        texts.dedup();
        let place = |text: &Arc<str>| texts.binary_search(&told(text)).unwrap_or_default() as u32;
        let places = inputs.iter().map(|input| input.columns.texts(dimension).iter().map(place).collect()).collect();
        let mut names = Names { texts, places };
        names.guard(cube, dimension, inputs, rows);
        names
    }

    /// By place in an input's texts, the place in all.
    pub(super) fn of_input(&self, input: usize) -> &[u32] {
        self.places.get(input).map_or(&[], Vec::as_slice)
    }

    /// Bits of a place.
    pub(super) fn bits(&self) -> u32 {
        key_bits(self.texts.len() as u64)
    }

    /// The texts of these places, which become places among these.
    pub(super) fn used(self, index: &mut [u32]) -> Vec<Arc<str>> {
        if self.texts.len() <= 1 {
            return self.texts;
        }
        let mut used = vec![false; self.texts.len()];
        for place in index.iter() {
            used.iter_mut().skip(*place as usize).take(1).for_each(|used| *used = true);
        }
        if !used.contains(&false) {
            return self.texts;
        }
        let mut next = 0;
        let mut places = Vec::with_capacity(used.len());
        for used in &used {
            places.push(next);
            next += u32::from(*used);
        }
        index.iter_mut().for_each(|place| *place = places.get(*place as usize).copied().unwrap_or_default());
        self.texts.into_iter().zip(used).filter(|(_, used)| *used).map(|(text, _)| text).collect()
    }
}
