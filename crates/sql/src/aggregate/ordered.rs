//! Functions of the order in which rows came: FIRST_VALUE, LAST_VALUE, LAG.

use std::collections::VecDeque;

use arrow::{
    array::{Array, ArrayRef},
    buffer::NullBuffer,
};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_u64},
    column,
    values::{Values, option, put_option},
};

/// The first or the last value of those that came, none of which ever goes.
#[derive(Debug)]
pub(crate) struct End<V, const LAST: bool>(pub(crate) V);

impl<V: Values, const LAST: bool> Fold for End<V, LAST> {
    type State = Option<V::Value>;
    type Arguments<'a> = V::Column<'a>;
    type Results = V::Builder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<V::Column<'a>> {
        self.0.column(column(columns)?)
    }

    fn add(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        if LAST || state.is_none() {
            *state = Some(V::get(arguments, row));
        }
    }

    fn retract(&self, _state: &mut Self::State, _arguments: &V::Column<'_>, _row: usize) {}

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        if later.is_some() && (LAST || state.is_none()) {
            state.clone_from(later);
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

/// The first or the last of values that may go: all are kept, in the order in which they came.
#[derive(Debug)]
pub(crate) struct RetractableEnd<V, const LAST: bool>(pub(crate) V);

/// Takes the oldest of equal values away: at once where it is the first of all, else by looking through all before it.
pub(crate) fn take_oldest<T>(values: &mut VecDeque<T>, equal: impl FnMut(&T) -> bool) {
    if let Some(at) = values.iter().position(equal) {
        values.remove(at);
    }
}

pub(crate) fn put_values<V: Values>(values: &VecDeque<V::Value>, out: &mut Vec<u8>) {
    put_u64(out, values.len() as u64);
    values.iter().for_each(|value| V::encode(value, out));
}

pub(crate) fn take_values<V: Values>(bytes: &mut Bytes<'_>) -> Option<VecDeque<V::Value>> {
    let values = bytes.u64()?;
    (0..values).map(|_| V::decode(bytes)).collect()
}

impl<V: Values, const LAST: bool> Fold for RetractableEnd<V, LAST> {
    type State = VecDeque<V::Value>;
    type Arguments<'a> = V::Column<'a>;
    type Results = V::Builder;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<V::Column<'a>> {
        self.0.column(column(columns)?)
    }

    fn add(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        state.push_back(V::get(arguments, row));
    }

    fn retract(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        take_oldest(state, |value| V::compare(value, arguments, row).is_eq());
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        state.extend(later.iter().cloned());
        Ok(())
    }

    fn results(&self, capacity: usize) -> V::Builder {
        self.0.builder(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut V::Builder) {
        self.0.append(if LAST { state.back() } else { state.front() }, results);
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

/// The value some rows before the last that came. Rows that have left the frame are gone.
#[derive(Debug)]
pub(crate) struct Lag<V> {
    pub(crate) values: V,
    pub(crate) offset: usize,
}

/// The last rows' values, and what the last row has instead where there are too few.
#[derive(Debug)]
pub(crate) struct LagState<T> {
    /// Rows in the frame.
    rows: u64,
    before: VecDeque<Option<T>>,
    otherwise: Option<T>,
}

impl<T> Default for LagState<T> {
    fn default() -> Self {
        LagState { rows: 0, before: VecDeque::new(), otherwise: None }
    }
}

/// Values with the rows in which they are null.
pub(super) type Nullable<C> = (C, Option<NullBuffer>);

pub(super) fn nullable<'a, V: Values>(values: &'a V, column: &'a ArrayRef) -> Result<Nullable<V::Column<'a>>> {
    Ok((values.column(column)?, column.logical_nulls()))
}

pub(super) fn value<V: Values>((column, nulls): &Nullable<V::Column<'_>>, row: usize) -> Option<V::Value> {
    nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then(|| V::get(column, row))
}

impl<V: Values> Fold for Lag<V> {
    type State = LagState<V::Value>;
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
        state.before.push_back(value::<V>(values, row));
        if state.before.len() > self.offset.saturating_add(1) {
            state.before.pop_front();
        }
        state.rows += 1;
        state.otherwise = otherwise.as_ref().and_then(|otherwise| value::<V>(otherwise, row));
    }

    fn retract(&self, state: &mut Self::State, _arguments: &Self::Arguments<'_>, _row: usize) {
        // The oldest row leaves the frame: it is among the last ones only if the frame has no more than these.
        state.rows = state.rows.saturating_sub(1);
        if state.before.len() as u64 > state.rows {
            state.before.pop_front();
        }
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        state.before.extend(later.before.iter().cloned());
        let kept = self.offset.saturating_add(1);
        state.before.drain(..state.before.len().saturating_sub(kept));
        state.rows += later.rows;
        state.otherwise.clone_from(&later.otherwise);
        Ok(())
    }

    fn results(&self, capacity: usize) -> V::Builder {
        self.values.builder(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut V::Builder) {
        let found = match state.before.front() {
            Some(value) if state.before.len() > self.offset => value.as_ref(),
            _ => state.otherwise.as_ref(),
        };
        self.values.append(found, results);
    }

    fn finish(&self, results: V::Builder) -> Result<ArrayRef> {
        self.values.finish(results)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.rows);
        put_u64(out, state.before.len() as u64);
        state.before.iter().for_each(|value| put_option::<V>(value.as_ref(), out));
        put_option::<V>(state.otherwise.as_ref(), out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let (rows, values) = (bytes.u64()?, bytes.u64()?);
        let before = (0..values).map(|_| option::<V>(bytes)).collect::<Option<_>>()?;
        Some(LagState { rows, before, otherwise: option::<V>(bytes)? })
    }
}
