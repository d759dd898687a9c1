//! VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array},
    buffer::ScalarBuffer,
    compute::cast,
    datatypes::DataType,
};
use tidemill_engine::Result;

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_i64},
    column,
    values::{Number, numbers},
};

/// Which of the four.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// Of a sample: divided by one less than there are rows.
    pub(crate) sample: bool,
    /// The root of the variance.
    pub(crate) deviation: bool,
}

impl Spread {
    /// What the squares' sum is divided by; none where there are too few rows.
    fn divisor(self, count: i64) -> Option<i64> {
        let divisor = if self.sample { count - 1 } else { count };
        (divisor > 0).then_some(divisor)
    }
}

/// Over floating-point numbers and decimals, by the updates of Welford and, for merging, of Chan, Golub and LeVeque.
#[derive(Debug)]
pub(crate) struct Variance {
    pub(crate) spread: Spread,
    pub(crate) result: DataType,
}

/// How many numbers, their mean, and the sum of their squared distances from it.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    count: i64,
    mean: f64,
    squares: f64,
}

impl Fold for Variance {
    type State = Moments;
    type Arguments<'a> = ScalarBuffer<f64>;
    type Results = Vec<Option<f64>>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<ScalarBuffer<f64>> {
        numbers(&cast(column(columns)?, &DataType::Float64)?)
    }

    fn add(&self, state: &mut Moments, arguments: &ScalarBuffer<f64>, row: usize) {
        state.count += 1;
        let distance = arguments[row] - state.mean;
        state.mean += distance / state.count as f64;
        state.squares += distance * (arguments[row] - state.mean);
    }

    fn retract(&self, state: &mut Moments, arguments: &ScalarBuffer<f64>, row: usize) {
        state.count -= 1;
        if state.count <= 0 {
            *state = Moments { count: state.count, ..Moments::default() };
            return;
        }
        let distance = arguments[row] - state.mean;
        state.mean -= distance / state.count as f64;
        state.squares = (state.squares - distance * (arguments[row] - state.mean)).max(0.0);
    }

    fn merge(&self, state: &mut Moments, later: &Moments) -> Result<()> {
        let count = state.count + later.count;
        if later.count != 0 && count != 0 {
            let distance = later.mean - state.mean;
            let share = later.count as f64 / count as f64;
            state.squares += later.squares + distance * distance * state.count as f64 * share;
            state.mean += distance * share;
        }
        state.count = count;
        Ok(())
    }

    fn results(&self, capacity: usize) -> Vec<Option<f64>> {
        Vec::with_capacity(capacity)
    }

    fn result(&self, state: &Moments, results: &mut Vec<Option<f64>>) {
        let variance = self.spread.divisor(state.count).map(|divisor| state.squares / divisor as f64);
        results.push(variance.map(|variance| if self.spread.deviation { variance.sqrt() } else { variance }));
    }

    fn finish(&self, results: Vec<Option<f64>>) -> Result<ArrayRef> {
        Ok(cast(&Float64Array::from(results), &self.result)?)
    }

    fn encode(&self, state: &Moments, out: &mut Vec<u8>) {
        put_i64(out, state.count);
        state.mean.encode(out);
        state.squares.encode(out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Moments> {
        Some(Moments { count: bytes.i64()?, mean: f64::decode(bytes)?, squares: f64::decode(bytes)? })
    }
}

/// Over integers, in whole numbers as Flink reduces it: `(SUM(x * x) - SUM(x) * SUM(x) / COUNT(x)) / n`, but with sums that do
/// not overflow.
#[derive(Debug)]
pub(crate) struct IntegerVariance {
    pub(crate) spread: Spread,
    pub(crate) result: DataType,
}

/// How many numbers, their sum and the sum of their squares.
#[derive(Debug, Default)]
pub(crate) struct IntegerMoments {
    count: i64,
    sum: i128,
    squares: i128,
}

impl Fold for IntegerVariance {
    type State = IntegerMoments;
    type Arguments<'a> = ScalarBuffer<i64>;
    type Results = Vec<Option<i64>>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<ScalarBuffer<i64>> {
        numbers(&cast(column(columns)?, &DataType::Int64)?)
    }

    fn add(&self, state: &mut IntegerMoments, arguments: &ScalarBuffer<i64>, row: usize) {
        let value = i128::from(arguments[row]);
        state.count += 1;
        state.sum = state.sum.wrapping_add(value);
        state.squares = state.squares.wrapping_add(value.wrapping_mul(value));
    }

    fn retract(&self, state: &mut IntegerMoments, arguments: &ScalarBuffer<i64>, row: usize) {
        let value = i128::from(arguments[row]);
        state.count -= 1;
        state.sum = state.sum.wrapping_sub(value);
        state.squares = state.squares.wrapping_sub(value.wrapping_mul(value));
    }

    fn merge(&self, state: &mut IntegerMoments, later: &IntegerMoments) -> Result<()> {
        state.count += later.count;
        state.sum = state.sum.wrapping_add(later.sum);
        state.squares = state.squares.wrapping_add(later.squares);
        Ok(())
    }

    fn results(&self, capacity: usize) -> Vec<Option<i64>> {
        Vec::with_capacity(capacity)
    }

    fn result(&self, state: &IntegerMoments, results: &mut Vec<Option<i64>>) {
        let IntegerMoments { count, sum, squares } = *state;
        let variance = self.spread.divisor(count).map(|divisor| {
            let distances = squares.wrapping_sub(sum.wrapping_mul(sum) / i128::from(count));
            distances / i128::from(divisor)
        });
        results.push(variance.map(|variance| match self.spread.deviation {
            true => (variance as f64).sqrt() as i64,
            false => i64::try_from(variance).unwrap_or(i64::MAX),
        }));
    }

    fn finish(&self, results: Vec<Option<i64>>) -> Result<ArrayRef> {
        let column: ArrayRef = Arc::new(Int64Array::from(results));
        Ok(cast(&column, &self.result)?)
    }

    fn encode(&self, state: &IntegerMoments, out: &mut Vec<u8>) {
        put_i64(out, state.count);
        state.sum.encode(out);
        state.squares.encode(out);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<IntegerMoments> {
        Some(IntegerMoments { count: bytes.i64()?, sum: i128::decode(bytes)?, squares: i128::decode(bytes)? })
    }
}
