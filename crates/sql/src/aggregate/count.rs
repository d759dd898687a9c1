//! COUNT.

use arrow::{
    array::{Array, ArrayRef},
    buffer::NullBuffer,
    datatypes::DataType,
};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_i64},
    values::NumberBuilder,
};

/// Counts rows, those without nulls where there are arguments.
#[derive(Debug)]
pub(crate) struct Count;

impl Fold for Count {
    type State = i64;
    type Arguments<'a> = ();
    type Results = NumberBuilder<i64>;

    fn arguments<'a>(&'a self, _columns: &'a [ArrayRef]) -> Result<()> {
        Ok(())
    }

    fn counts(&self, columns: &[ArrayRef]) -> Option<NullBuffer> {
        let nulls = columns.iter().map(|column| column.logical_nulls());
        nulls.fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls.as_ref()))
    }

    fn add(&self, state: &mut i64, _arguments: &(), _row: usize) {
        *state += 1;
    }

    fn retract(&self, state: &mut i64, _arguments: &(), _row: usize) {
        *state -= 1;
    }

    fn merge(&self, state: &mut i64, later: &i64) -> Result<()> {
        *state += later;
        Ok(())
    }

    fn results(&self, capacity: usize) -> NumberBuilder<i64> {
        NumberBuilder::with_capacity(capacity)
    }

    fn result(&self, state: &i64, results: &mut NumberBuilder<i64>) {
        results.append(Some(*state));
    }

    fn finish(&self, results: NumberBuilder<i64>) -> Result<ArrayRef> {
        results.finish(&DataType::Int64)
    }

    fn encode(&self, state: &i64, out: &mut Vec<u8>) {
        put_i64(out, *state);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<i64> {
        bytes.i64()
    }
}
