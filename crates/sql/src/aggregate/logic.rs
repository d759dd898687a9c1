//! BOOL_AND and BOOL_OR.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use tidemill_engine::{EngineError, Result};

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_i64},
    column,
};

/// Whether all, or any, of the rows are true.
#[derive(Debug)]
pub(crate) struct Logic {
    pub(crate) all: bool,
}

/// How many rows are true, and how many false.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    yes: i64,
    no: i64,
}

impl Fold for Logic {
    type State = Votes;
    type Arguments<'a> = &'a BooleanArray;
    type Results = Vec<Option<bool>>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<&'a BooleanArray> {
        let column = column(columns)?.as_boolean_opt();
        column.ok_or_else(|| EngineError::Plan("BOOL_AND and BOOL_OR take a BOOLEAN column".into()))
    }

    fn add(&self, state: &mut Votes, arguments: &&BooleanArray, row: usize) {
        match arguments.value(row) {
            true => state.yes += 1,
            false => state.no += 1,
        }
    }

    fn retract(&self, state: &mut Votes, arguments: &&BooleanArray, row: usize) {
        match arguments.value(row) {
            true => state.yes -= 1,
            false => state.no -= 1,
        }
    }

    fn merge(&self, state: &mut Votes, later: &Votes) -> Result<()> {
        state.yes += later.yes;
        state.no += later.no;
        Ok(())
    }

    fn results(&self, capacity: usize) -> Vec<Option<bool>> {
        Vec::with_capacity(capacity)
    }

    fn result(&self, state: &Votes, results: &mut Vec<Option<bool>>) {
        let result = if self.all { state.no == 0 } else { state.yes != 0 };
        results.push((state.yes != 0 || state.no != 0).then_some(result));
    }

    fn finish(&self, results: Vec<Option<bool>>) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::from(results)))
    }

    fn encode(&self, state: &Votes, out: &mut Vec<u8>) {
        put_i64(out, state.yes);
        put_i64(out, state.no);
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Votes> {
        Some(Votes { yes: bytes.i64()?, no: bytes.i64()? })
    }
}
