//! AVG.

use std::fmt::Debug;
use std::marker::PhantomData;

use arrow::{
    array::{ArrayRef, ArrowNativeTypeOp},
    buffer::ScalarBuffer,
    datatypes::DataType,
};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_i64},
    sum::within_precision,
    values::{Number, NumberBuilder, numbers},
};

/// Numbers that have a mean of their own type, taken from a wider sum.
pub(crate) trait Averaged: Number {
    /// The sum's type.
    type Sum: Number + Default;
    fn widen(self) -> Self::Sum;
    /// The mean; `digits` more behind the point than the numbers have. None where it has no place in the type.
    fn mean(sum: Self::Sum, count: i64, digits: u32) -> Option<Self>;
}

macro_rules! averaged {
    ($($type:ty, $sum:ty;)*) => {$(
        impl Averaged for $type {
            type Sum = $sum;
            fn widen(self) -> $sum {
                self as $sum
            }
            fn mean(sum: $sum, count: i64, _digits: u32) -> Option<Self> {
                Some((sum / count as $sum) as $type)
            }
        }
    )*};
}

averaged! { i8, i64; i16, i64; i32, i64; i64, i64; u8, u64; u16, u64; u32, u64; u64, u64; f32, f64; f64, f64; }

impl Averaged for i128 {
    type Sum = i128;

    fn widen(self) -> i128 {
        self
    }

    fn mean(sum: i128, count: i64, digits: u32) -> Option<i128> {
        let (count, scale) = (i128::from(count), 10i128.checked_pow(digits)?);
        let whole = (sum / count).checked_mul(scale)?;
        let part = (sum % count).checked_mul(scale)?;
        // Half up: away from zero.
        let rounded = (part.abs() * 2 + count.abs()) / (count.abs() * 2) * part.signum() * count.signum();
        whole.checked_add(rounded)
    }
}

/// The mean of numbers, in their own type.
#[derive(Debug)]
pub(crate) struct Average<N> {
    result: DataType,
    digits: u32,
    number: PhantomData<N>,
}

impl<N> Average<N> {
    /// A mean of numbers of one type whose results have another.
    pub(crate) fn new(argument: &DataType, result: &DataType) -> Self {
        let digits = match (argument, result) {
            (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => to.saturating_sub(*from).unsigned_abs(),
            _ => 0,
        };
        Average { result: result.clone(), digits: digits.into(), number: PhantomData }
    }
}

/// A sum, and of how many numbers.
#[derive(Debug, Default)]
pub(crate) struct AverageState<S> {
    sum: S,
    count: i64,
}

impl<N: Averaged> Fold for Average<N> {
    type State = AverageState<N::Sum>;
    type Arguments<'a> = ScalarBuffer<N>;
    type Results = NumberBuilder<N>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<ScalarBuffer<N>> {
        columns.first().map_or_else(|| Ok(Vec::new().into()), numbers)
    }

    fn add(&self, state: &mut Self::State, arguments: &ScalarBuffer<N>, row: usize) {
        state.sum = state.sum.add_wrapping(arguments[row].widen());
        state.count += 1;
    }

    fn retract(&self, state: &mut Self::State, arguments: &ScalarBuffer<N>, row: usize) {
        state.sum = state.sum.sub_wrapping(arguments[row].widen());
        state.count -= 1;
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        state.sum = state.sum.add_wrapping(later.sum);
        state.count += later.count;
        Ok(())
    }

    fn results(&self, capacity: usize) -> NumberBuilder<N> {
        NumberBuilder::with_capacity(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut NumberBuilder<N>) {
        let mean = (state.count != 0).then(|| N::mean(state.sum, state.count, self.digits));
        results.append(mean.flatten());
    }

    fn finish(&self, results: NumberBuilder<N>) -> Result<ArrayRef> {
        within_precision(results.finish(&self.result)?)
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_i64(out, state.count);
        state.sum.encode(out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let count = bytes.i64()?;
        Some(AverageState { sum: N::Sum::decode(bytes)?, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_truncated_and_decimals_rounded_half_up() {
        assert_eq!(i64::mean(-7, 2, 0), Some(-3));
        assert_eq!(i128::mean(10, 3, 2), Some(333));
        assert_eq!(i128::mean(5, 2, 0), Some(3));
        assert_eq!(i128::mean(-5, 2, 0), Some(-3));
        assert_eq!(i128::mean(-20, 3, 1), Some(-67));
        assert_eq!(i128::mean(i128::MAX, 1, 6), None);
    }
}
