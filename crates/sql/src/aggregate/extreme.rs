//! MIN and MAX.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
};

use arrow::array::ArrayRef;
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_u64},
    column,
    ordered::{put_values, take_values},
    values::{Values, option, put_option},
};

/// The least or the greatest value of those that came, none of which ever goes.
#[derive(Debug)]
pub(crate) struct Extreme<V, const MAX: bool>(pub(crate) V);

impl<V: Values, const MAX: bool> Extreme<V, MAX> {
    const BETTER: Ordering = if MAX { Ordering::Less } else { Ordering::Greater };
}

impl<V: Values, const MAX: bool> Fold for Extreme<V, MAX> {
    type State = Option<V::Value>;
    type Arguments<'a> = V::Column<'a>;
    type Results = V::Builder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<V::Column<'a>> {
        self.0.column(column(columns)?)
    }

    fn add(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        if state.as_ref().is_none_or(|best| V::compare(best, arguments, row) == Self::BETTER) {
            *state = Some(V::get(arguments, row));
        }
    }

    fn retract(&self, _state: &mut Self::State, _arguments: &V::Column<'_>, _row: usize) {}

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        if let Some(value) = later
            && state.as_ref().is_none_or(|best| best.cmp(value) == Self::BETTER)
        {
            *state = Some(value.clone());
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> V::Builder {
        self.0.builder(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut V::Builder) {
        self.0.append(state.as_ref(), results);
    }

    fn finish(&self, results: V::Builder) -> Result<ArrayRef> {
        self.0.finish(results)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_option::<V>(state.as_ref(), out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        option::<V>(bytes)
    }
}

/// The least or the greatest of values that may go: all are kept, in order, each with how often it came.
#[derive(Debug)]
pub(crate) struct RetractableExtreme<V, const MAX: bool>(pub(crate) V);

impl<V: Values, const MAX: bool> Fold for RetractableExtreme<V, MAX> {
    type State = BTreeMap<V::Value, u64>;
    type Arguments<'a> = V::Column<'a>;
    type Results = V::Builder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<V::Column<'a>> {
        self.0.column(column(columns)?)
    }

    fn add(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        *state.entry(V::get(arguments, row)).or_default() += 1;
    }

    fn retract(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        let value = V::get(arguments, row);
        match state.get_mut(&value) {
            Some(times) if *times > 1 => *times -= 1,
            Some(_) => drop(state.remove(&value)),
            None => {}
        }
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        for (value, times) in later {
            *state.entry(value.clone()).or_default() += times;
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> V::Builder {
        self.0.builder(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut V::Builder) {
        let best = if MAX { state.last_key_value() } else { state.first_key_value() };
        self.0.append(best.map(|(value, _)| value), results);
    }

    fn finish(&self, results: V::Builder) -> Result<ArrayRef> {
        self.0.finish(results)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.len() as u64);
        for (value, times) in state {
            V::encode(value, out);
            put_u64(out, *times);
        }
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let values = bytes.u64()?;
        (0..values).map(|_| Some((V::decode(bytes)?, bytes.u64()?))).collect()
    }
}

/// The least or the greatest of values of which always the oldest goes: those are kept that are the best once all before them
/// have gone, so each is better than the next, or as good.
#[derive(Debug)]
pub(crate) struct SlidingExtreme<V, const MAX: bool>(pub(crate) V);

impl<V: Values, const MAX: bool> Fold for SlidingExtreme<V, MAX> {
    type State = VecDeque<V::Value>;
    type Arguments<'a> = V::Column<'a>;
    type Results = V::Builder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<V::Column<'a>> {
        self.0.column(column(columns)?)
    }

    fn add(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        while state.back().is_some_and(|last| V::compare(last, arguments, row) == Extreme::<V, MAX>::BETTER) {
            state.pop_back();
        }
        state.push_back(V::get(arguments, row));
    }

    fn retract(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        if state.front().is_some_and(|best| V::compare(best, arguments, row).is_eq()) {
            state.pop_front();
        }
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        for value in later {
            while state.back().is_some_and(|last| last.cmp(value) == Extreme::<V, MAX>::BETTER) {
                state.pop_back();
            }
            state.push_back(value.clone());
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> V::Builder {
        self.0.builder(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut V::Builder) {
        self.0.append(state.front(), results);
    }

    fn finish(&self, results: V::Builder) -> Result<ArrayRef> {
        self.0.finish(results)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_values::<V>(state, out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        take_values::<V>(bytes)
    }
}
