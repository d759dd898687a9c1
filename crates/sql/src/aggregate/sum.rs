//! SUM.

use std::{marker::PhantomData, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray},
    buffer::ScalarBuffer,
    datatypes::{DataType, Decimal128Type},
};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_i64},
    values::{Number, NumberBuilder, numbers},
};

/// Adds numbers up, in their own type and with wrap-around.
#[derive(Debug)]
pub(crate) struct Sum<N> {
    result: DataType,
    number: PhantomData<N>,
}

impl<N> Sum<N> {
    /// A sum whose results have this type.
    pub(crate) fn new(result: &DataType) -> Self {
        Sum { result: result.clone(), number: PhantomData }
    }
}

/// A sum, and of how many numbers: the sum of none is null.
#[derive(Debug, Default)]
pub(crate) struct SumState<N> {
    sum: N,
    count: i64,
}

impl<N: Number> Fold for Sum<N> {
    type State = SumState<N>;
    type Arguments<'a> = ScalarBuffer<N>;
    type Results = NumberBuilder<N>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<ScalarBuffer<N>> {
        columns.first().map_or_else(|| Ok(Vec::new().into()), numbers)
    }

    fn add(&self, state: &mut SumState<N>, arguments: &ScalarBuffer<N>, row: usize) {
        state.sum = state.sum.add_wrapping(arguments[row]);
        state.count += 1;
    }

    fn retract(&self, state: &mut SumState<N>, arguments: &ScalarBuffer<N>, row: usize) {
        state.sum = state.sum.sub_wrapping(arguments[row]);
        state.count -= 1;
    }

    fn merge(&self, state: &mut SumState<N>, later: &SumState<N>) -> Result<()> {
        state.sum = state.sum.add_wrapping(later.sum);
        state.count += later.count;
        Ok(())
    }

    fn results(&self, capacity: usize) -> NumberBuilder<N> {
        NumberBuilder::with_capacity(capacity)
    }

    fn result(&self, state: &SumState<N>, results: &mut NumberBuilder<N>) {
        results.append((state.count != 0).then_some(state.sum));
    }

    fn finish(&self, results: NumberBuilder<N>) -> Result<ArrayRef> {
        within_precision(results.finish(&self.result)?)
    }

    fn encode(&self, state: &SumState<N>, out: &mut Vec<u8>) {
        put_i64(out, state.count);
        state.sum.encode(out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<SumState<N>> {
        let count = bytes.i64()?;
        Some(SumState { sum: N::decode(bytes)?, count })
    }
}

/// Decimals that need more digits than their type has become null, as Flink's do.
pub(crate) fn within_precision(column: ArrayRef) -> Result<ArrayRef> {
    let Some(decimals) = column.as_primitive_opt::<Decimal128Type>() else { return Ok(column) };
    let (precision, scale) = (decimals.precision(), decimals.scale());
    let within = decimals.null_if_overflow_precision(precision).with_precision_and_scale(precision, scale)?;
    Ok(Arc::new(within))
}
