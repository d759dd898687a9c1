//! Values of rows by their place in a frame: NTH_VALUE, FIRST_VALUE and LAST_VALUE that take nulls for values, LAG that does not.

use std::collections::VecDeque;

use arrow::{array::ArrayRef, buffer::NullBuffer};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_u64},
    column,
    ordered::{Nullable, nullable, value},
    values::{Values, option, put_option},
};

/// Which row of a frame; places are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// From the first row on.
    First(usize),
    /// From the last row backwards.
    Last(usize),
    /// From the row before the last one backwards.
    Before(usize),
}

/// The value at a place among rows of which the oldest may go.
#[derive(Debug)]
pub(crate) struct Placed<V> {
    pub(crate) values: V,
    pub(crate) at: Placement,
    /// Rows with nulls are counted.
    pub(crate) nulls: bool,
}

/// The rows' values, and what the last row has instead where there are too few.
#[derive(Debug)]
pub(crate) struct PlacedState<T> {
    rows: VecDeque<Option<T>>,
    otherwise: Option<T>,
}

impl<T> Default for PlacedState<T> {
    fn default() -> Self {
        PlacedState { rows: VecDeque::new(), otherwise: None }
    }
}

impl<V: Values> Fold for Placed<V> {
    type State = PlacedState<V::Value>;
    type Arguments<'a> = (Nullable<V::Column<'a>>, Option<Nullable<V::Column<'a>>>);
    type Results = V::Builder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Self::Arguments<'a>> {
        let otherwise = columns.get(1).map(|column| nullable(&self.values, column)).transpose()?;
        Ok((nullable(&self.values, column(columns)?)?, otherwise))
    }

    fn counts(&self, _columns: &[ArrayRef]) -> Option<NullBuffer> {
        None
    }

    fn add(&self, state: &mut Self::State, (values, otherwise): &Self::Arguments<'_>, row: usize) {
        state.rows.push_back(value::<V>(values, row));
        state.otherwise = otherwise.as_ref().and_then(|otherwise| value::<V>(otherwise, row));
    }

    fn retract(&self, state: &mut Self::State, _arguments: &Self::Arguments<'_>, _row: usize) {
        state.rows.pop_front();
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        state.rows.extend(later.rows.iter().cloned());
        state.otherwise.clone_from(&later.otherwise);
        Ok(())
    }

    fn results(&self, capacity: usize) -> V::Builder {
        self.values.builder(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut V::Builder) {
        let counts = |value: &&Option<V::Value>| self.nulls || value.is_some();
        let nth = |place: usize| place.saturating_sub(1);
        let found = match self.at {
            Placement::First(place) => state.rows.iter().filter(counts).nth(nth(place)),
            Placement::Last(place) => state.rows.iter().rev().filter(counts).nth(nth(place)),
            Placement::Before(place) => state.rows.iter().rev().skip(1).filter(counts).nth(nth(place)),
        };
        self.values.append(found.map_or(state.otherwise.as_ref(), Option::as_ref), results);
    }

    fn finish(&self, results: V::Builder) -> Result<ArrayRef> {
        self.values.finish(results)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.rows.len() as u64);
        state.rows.iter().for_each(|value| put_option::<V>(value.as_ref(), out));
        put_option::<V>(state.otherwise.as_ref(), out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let rows = bytes.u64()?;
        let rows = (0..rows).map(|_| option::<V>(bytes)).collect::<Option<_>>()?;
        Some(PlacedState { rows, otherwise: option::<V>(bytes)? })
    }
}
