//! DISTINCT: each value of a group counts once.

use std::{fmt::Debug, hash::Hash};

use ahash::RandomState;
use arrow::{array::ArrayRef, buffer::NullBuffer, datatypes::DataType, row::Rows};
use hashbrown::{HashTable, hash_table::Entry};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_bytes, put_u64},
    column,
    values::{NumberBuilder, Values},
};
use crate::operators::rows::RowCodec;

/// How often a value is there: not counted where no row ever goes.
pub(crate) trait Copies: Debug + Clone + Send + 'static {
    const ONE: Self;
    fn add(&mut self, others: &Self);
    /// True where it was the last.
    fn take(&mut self) -> bool;
    fn encode(&self, out: &mut Vec<u8>);
    fn decode(bytes: &mut Bytes<'_>) -> Option<Self>;
}

impl Copies for () {
    const ONE: () = ();
    fn add(&mut self, _others: &()) {}
    fn take(&mut self) -> bool {
        false
    }
    fn encode(&self, _out: &mut Vec<u8>) {}
    fn decode(_bytes: &mut Bytes<'_>) -> Option<()> {
        Some(())
    }
}

impl Copies for u64 {
    const ONE: u64 = 1;
    fn add(&mut self, others: &u64) {
        *self += others;
    }
    fn take(&mut self) -> bool {
        *self -= 1;
        *self == 0
    }
    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, *self);
    }
    fn decode(bytes: &mut Bytes<'_>) -> Option<u64> {
        bytes.u64()
    }
}

/// The distinct values of a group. The hasher is shared by all groups.
type Set<T, C> = HashTable<(T, C)>;

/// Adds copies of a value; true where it was not there.
fn add<T: Hash + Eq, C: Copies>(set: &mut Set<T, C>, hasher: &RandomState, value: T, copies: C) -> bool {
    let hash = hasher.hash_one(&value);
    match set.entry(hash, |(known, _)| *known == value, |(known, _)| hasher.hash_one(known)) {
        Entry::Occupied(mut found) => {
            found.get_mut().1.add(&copies);
            false
        }
        Entry::Vacant(place) => {
            place.insert((value, copies));
            true
        }
    }
}

/// Takes a copy of a value away; true where none is left.
fn take<T: Hash + Eq, C: Copies>(set: &mut Set<T, C>, hasher: &RandomState, value: &T) -> bool {
    let Ok(mut found) = set.find_entry(hasher.hash_one(value), |(known, _)| known == value) else { return false };
    let gone = found.get_mut().1.take();
    if gone {
        found.remove();
    }
    gone
}

/// COUNT(DISTINCT x).
#[derive(Debug)]
pub(crate) struct CountDistinct<V, C> {
    values: V,
    hasher: RandomState,
    copies: std::marker::PhantomData<C>,
}

impl<V, C> CountDistinct<V, C> {
    pub(crate) fn new(values: V) -> Self {
        CountDistinct { values, hasher: RandomState::default(), copies: std::marker::PhantomData }
    }
}

impl<V: Values, C: Copies> Fold for CountDistinct<V, C> {
    type State = Set<V::Value, C>;
    type Arguments<'a> = V::Column<'a>;
    type Results = NumberBuilder<i64>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<V::Column<'a>> {
        self.values.column(column(columns)?)
    }

    fn add(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        add(state, &self.hasher, V::get(arguments, row), C::ONE);
    }

    fn retract(&self, state: &mut Self::State, arguments: &V::Column<'_>, row: usize) {
        take(state, &self.hasher, &V::get(arguments, row));
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        for (value, copies) in later {
            add(state, &self.hasher, value.clone(), copies.clone());
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> NumberBuilder<i64> {
        NumberBuilder::with_capacity(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut NumberBuilder<i64>) {
        results.append(Some(state.len() as i64));
    }

    fn finish(&self, results: NumberBuilder<i64>) -> Result<ArrayRef> {
        results.finish(&DataType::Int64)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.len() as u64);
        for (value, copies) in state {
            V::encode(value, out);
            copies.encode(out);
        }
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let mut state = HashTable::new();
        for _ in 0..bytes.u64()? {
            let value = V::decode(bytes)?;
            add(&mut state, &self.hasher, value, C::decode(bytes)?);
        }
        Some(state)
    }
}

/// Any other function of distinct arguments.
#[derive(Debug)]
pub(crate) struct Distinct<F, C> {
    of: F,
    codec: RowCodec,
    hasher: RandomState,
    copies: std::marker::PhantomData<C>,
}

impl<F, C> Distinct<F, C> {
    /// A function of distinct arguments of these types.
    pub(crate) fn new(of: F, arguments: &[DataType]) -> Result<Self> {
        let codec = RowCodec::new(arguments.iter().cloned())?;
        Ok(Distinct { of, codec, hasher: RandomState::default(), copies: std::marker::PhantomData })
    }
}

/// The distinct arguments, and what the function has made of them.
#[derive(Debug)]
pub(crate) struct DistinctState<S, C> {
    seen: Set<Box<[u8]>, C>,
    inner: S,
}

impl<S: Default, C> Default for DistinctState<S, C> {
    fn default() -> Self {
        DistinctState { seen: HashTable::new(), inner: S::default() }
    }
}

impl<F: Fold, C: Copies> Fold for Distinct<F, C> {
    type State = DistinctState<F::State, C>;
    type Arguments<'a> = (Rows, F::Arguments<'a>);
    type Results = F::Results;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Self::Arguments<'a>> {
        Ok((self.codec.encode(columns)?, self.of.arguments(columns)?))
    }

    fn counts(&self, columns: &[ArrayRef]) -> Option<NullBuffer> {
        self.of.counts(columns)
    }

    fn add(&self, state: &mut Self::State, (rows, inner): &Self::Arguments<'_>, row: usize) {
        if add(&mut state.seen, &self.hasher, rows.row(row).as_ref().into(), C::ONE) {
            self.of.add(&mut state.inner, inner, row);
        }
    }

    fn retract(&self, state: &mut Self::State, (rows, inner): &Self::Arguments<'_>, row: usize) {
        if take(&mut state.seen, &self.hasher, &rows.row(row).as_ref().into()) {
            self.of.retract(&mut state.inner, inner, row);
        }
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        let mut new: Vec<&[u8]> = Vec::new();
        for (value, copies) in &later.seen {
            if add(&mut state.seen, &self.hasher, value.clone(), copies.clone()) {
                new.push(value);
            }
        }
        // A table has no order, but the same rows have to give the same result.
        new.sort_unstable();
        let rows = new.len();
        let columns = self.codec.decode(new)?;
        let arguments = self.of.arguments(&columns)?;
        (0..rows).for_each(|row| self.of.add(&mut state.inner, &arguments, row));
        Ok(())
    }

    fn results(&self, capacity: usize) -> F::Results {
        self.of.results(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut F::Results) {
        self.of.result(&state.inner, results);
    }

    fn finish(&self, results: F::Results) -> Result<ArrayRef> {
        self.of.finish(results)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.seen.len() as u64);
        for (value, copies) in &state.seen {
            put_bytes(out, value);
            copies.encode(out);
        }
        self.of.encode(&state.inner, out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let mut seen = HashTable::new();
        for _ in 0..bytes.u64()? {
            let value = bytes.bytes()?.into();
            add(&mut seen, &self.hasher, value, C::decode(bytes)?);
        }
        Some(DistinctState { seen, inner: self.of.decode(bytes)? })
    }
}
