//! EXP_AVG: the mean of values whose weight halves with their age.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array},
    datatypes::{Float64Type, Int64Type},
};
use tidemill_engine::{EngineError, Result};

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_i64, put_u64},
};

/// Of values (DOUBLE) and their times (microseconds).
#[derive(Debug)]
pub(crate) struct DecayedAverage {
    /// A value counts half after so many microseconds.
    pub(crate) half_life: i64,
}

/// Rows in the order in which they came, and sums as of the last one's time.
#[derive(Debug, Default)]
pub(crate) struct Decayed {
    rows: VecDeque<(i64, f64)>,
    at: i64,
    sum: f64,
    weight: f64,
}

/// Of so few rows sums are made anew when one goes: what rounding leaves of it would show.
const FEW: usize = 16;

impl DecayedAverage {
    /// What a value of this age counts.
    fn weight(&self, age: i64) -> f64 {
        (-(age.max(0) as f64) / self.half_life.max(1) as f64).exp2()
    }

    fn sum_up(&self, state: &mut Decayed, time: i64, value: f64) {
        let kept = self.weight(time.saturating_sub(state.at));
        state.at = time.max(state.at);
        state.sum = state.sum * kept + value;
        state.weight = state.weight * kept + 1.0;
    }
}

impl Fold for DecayedAverage {
    type State = Decayed;
    type Arguments<'a> = (&'a Float64Array, &'a Int64Array);
    type Results = Vec<Option<f64>>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Self::Arguments<'a>> {
        let values = columns.first().and_then(|values| values.as_primitive_opt::<Float64Type>());
        let times = columns.get(1).and_then(|times| times.as_primitive_opt::<Int64Type>());
        values.zip(times).ok_or_else(|| EngineError::Plan("EXP_AVG takes a DOUBLE and its time".into()))
    }

    fn add(&self, state: &mut Decayed, (values, times): &Self::Arguments<'_>, row: usize) {
        let (time, value) = (times.value(row), values.value(row));
        state.rows.push_back((time, value));
        self.sum_up(state, time, value);
    }

    fn retract(&self, state: &mut Decayed, (_, _): &Self::Arguments<'_>, _row: usize) {
        // The oldest row leaves the frame.
        let Some((time, value)) = state.rows.pop_front() else { return };
        if state.rows.len() <= FEW {
            let rows = std::mem::take(&mut state.rows);
            *state = Decayed::default();
            rows.iter().for_each(|(time, value)| self.sum_up(state, *time, *value));
            state.rows = rows;
            return;
        }
        let left = self.weight(state.at.saturating_sub(time));
        state.sum -= value * left;
        state.weight -= left;
    }

    fn merge(&self, state: &mut Decayed, later: &Decayed) -> Result<()> {
        for (time, value) in &later.rows {
            state.rows.push_back((*time, *value));
            self.sum_up(state, *time, *value);
        }
        Ok(())
    }

    fn results(&self, capacity: usize) -> Vec<Option<f64>> {
        Vec::with_capacity(capacity)
    }

    fn result(&self, state: &Decayed, results: &mut Vec<Option<f64>>) {
        results.push((!state.rows.is_empty()).then(|| state.sum / state.weight));
    }

    fn finish(&self, results: Vec<Option<f64>>) -> Result<ArrayRef> {
        Ok(Arc::new(Float64Array::from(results)))
    }

    fn encode(&self, state: &Decayed, out: &mut Vec<u8>) {
        put_u64(out, state.rows.len() as u64);
        for (time, value) in &state.rows {
            put_i64(out, *time);
            out.extend(value.to_le_bytes());
        }
        put_i64(out, state.at);
        out.extend(state.sum.to_le_bytes());
        out.extend(state.weight.to_le_bytes());
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Decayed> {
        let rows = bytes.u64()?;
        let row = |bytes: &mut Bytes<'_>| Some((bytes.i64()?, f64::from_le_bytes(bytes.array()?)));
        Some(Decayed {
            rows: (0..rows).map(|_| row(bytes)).collect::<Option<_>>()?,
            at: bytes.i64()?,
            sum: f64::from_le_bytes(bytes.array()?),
            weight: f64::from_le_bytes(bytes.array()?),
        })
    }
}
