//! `PERCENTILE(x, p [, frequency])`: the value at a part of the way through the values in order, between two of them in proportion. Of an
//! array of parts it gives an array.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Float64Builder, Int64Array, ListBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use tidemill_engine::Result;

use super::accumulator::Fold;
use super::bytes::{Bytes, put_u64};
use super::column;

/// Of one part, or of several.
#[derive(Debug)]
pub(crate) struct Percentile {
    pub(crate) several: bool,
}

/// How often each value came, by bits that have the order of the values, and the parts that are asked for.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    of_value: BTreeMap<u64, i64>,
    parts: Vec<f64>,
}

/// A batch's arguments.
pub(crate) struct Arguments {
    values: Float64Array,
    parts: ArrayRef,
    frequencies: Option<Int64Array>,
}

/// Bits whose order is that of the numbers.
fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn number_of(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered })
}

impl Arguments {
    fn parts(&self, row: usize) -> Vec<f64> {
        match self.parts.as_list_opt::<i32>() {
            Some(lists) if lists.is_valid(row) => {
                lists.value(row).as_primitive::<Float64Type>().iter().flatten().collect()
            }
            Some(_) => Vec::new(),
            None => self
                .parts
                .is_valid(row)
                .then(|| self.parts.as_primitive::<Float64Type>().value(row))
                .into_iter()
                .collect(),
        }
    }

    /// How often the row's value counts.
    fn frequency(&self, row: usize) -> i64 {
        match &self.frequencies {
            Some(of) => {
                if of.is_valid(row) {
                    of.value(row).max(0)
                } else {
                    0
                }
            }
            None => 1,
        }
    }
}

impl Counts {
    fn count(&mut self, value: u64, more: i64) {
        let count = self.of_value.entry(value).or_default();
        *count += more;
        if *count <= 0 {
            self.of_value.remove(&value);
        }
    }

    fn at(&self, part: f64) -> Option<f64> {
        let count: i64 = self.of_value.values().sum();
        if count == 0 {
            return None;
        }
        let place = (count - 1) as f64 * part;
        let value = |place: f64| {
            let mut before = 0;
            let found = self.of_value.iter().find(|(_, count)| {
                before += **count;
                before as f64 > place
            });
            found.map(|(value, _)| number_of(*value))
        };
        let (low, high) = (place.floor(), place.ceil());
        let (lower, higher) = (value(low)?, value(high)?);
        Some(if low == high || lower == higher { lower } else { (high - place) * lower + (place - low) * higher })
    }
}

impl Fold for Percentile {
    type State = Counts;
    type Arguments<'a> = Arguments;
    type Results = Vec<Vec<Option<f64>>>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Arguments> {
        let values = cast(column(columns)?, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
        let wanted = match self.several {
            true => DataType::List(Field::new_list_field(DataType::Float64, true).into()),
            false => DataType::Float64,
        };
        let parts = cast(column(columns.get(1..).unwrap_or_default())?, &wanted)?;
        let frequencies = columns.get(2).map(|of| cast(of, &DataType::Int64)).transpose()?;
        Ok(Arguments { values, parts, frequencies: frequencies.map(|of| of.as_primitive::<Int64Type>().clone()) })
    }

    fn add(&self, state: &mut Counts, arguments: &Arguments, row: usize) {
        let frequency = arguments.frequency(row);
        if frequency > 0 {
            state.count(ordered(arguments.values.value(row)), frequency);
            state.parts = arguments.parts(row);
        }
    }

    fn retract(&self, state: &mut Counts, arguments: &Arguments, row: usize) {
        let frequency = arguments.frequency(row);
        if frequency > 0 {
            state.count(ordered(arguments.values.value(row)), -frequency);
        }
    }

    fn merge(&self, state: &mut Counts, later: &Counts) -> Result<()> {
        later.of_value.iter().for_each(|(value, count)| state.count(*value, *count));
        if !later.parts.is_empty() {
            state.parts.clone_from(&later.parts);
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> Self::Results {
        Vec::with_capacity(capacity)
    }

    fn result(&self, state: &Counts, results: &mut Self::Results) {
        let known = if state.of_value.is_empty() { &[] } else { state.parts.as_slice() };
        results.push(known.iter().map(|part| state.at(*part)).collect());
    }

    fn finish(&self, results: Self::Results) -> Result<ArrayRef> {
        if !self.several {
            let first = |parts: Vec<Option<f64>>| parts.first().copied().flatten();
            return Ok(Arc::new(results.into_iter().map(first).collect::<Float64Array>()));
        }
        let mut lists = ListBuilder::new(Float64Builder::new());
        for parts in results {
            let some = !parts.is_empty();
            parts.into_iter().for_each(|part| lists.values().append_option(part));
            lists.append(some);
        }
        Ok(Arc::new(lists.finish()))
    }

    fn encode(&self, state: &Counts, out: &mut Vec<u8>) {
        put_u64(out, state.parts.len() as u64);
        state.parts.iter().for_each(|part| put_u64(out, part.to_bits()));
        put_u64(out, state.of_value.len() as u64);
        for (value, count) in &state.of_value {
            put_u64(out, *value);
            put_u64(out, count.cast_unsigned());
        }
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Counts> {
        let mut state = Counts::default();
        for _ in 0..bytes.u64()? {
            state.parts.push(f64::from_bits(bytes.u64()?));
        }
        for _ in 0..bytes.u64()? {
            let value = bytes.u64()?;
            state.of_value.insert(value, bytes.u64()?.cast_signed());
        }
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_two_are_in_proportion() {
        let mut counts = Counts::default();
        for value in [10.0, -1.0, 2.0, 4.0] {
            counts.count(ordered(value), 1);
        }
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|part| counts.at(part)), [-1.0, 3.0, 5.5, 10.0].map(Some));
        counts.count(ordered(-1.0), -1);
        assert_eq!(counts.at(0.0), Some(2.0));
        assert_eq!(Counts::default().at(0.5), None);
    }
}
