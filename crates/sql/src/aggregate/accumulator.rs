//! How one aggregate keeps its states: a column, one place a group.
//!
//! A function is written once, as a [`Fold`] of single rows over a state of its own type. [`States`] makes of it an
//! [`Accumulator`]: the loops over a batch, one for each function, in which nothing is decided for each row but what the
//! rows differ in.

use std::any::Any;
use std::fmt::Debug;

use arrow::{
    array::{Array, ArrayRef},
    buffer::{BooleanBuffer, NullBuffer},
};
use tidemill_engine::{EngineError, Result};

use super::bytes::Bytes;

/// An aggregate function over values of one type.
pub(crate) trait Fold: Debug + Send + 'static {
    /// What is kept for a group; the default is that of a group without rows.
    type State: Default + Debug + Send + 'static;
    /// A batch's arguments, ready to be read by row.
    type Arguments<'a>
    where
        Self: 'a;
    /// Results as they are collected.
    type Results;

    /// Looks at a batch's arguments.
    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Self::Arguments<'a>>;
    /// The rows that count; all where there is none. By default those whose first argument is not null.
    fn counts(&self, columns: &[ArrayRef]) -> Option<NullBuffer> {
        columns.first().and_then(|column| column.logical_nulls()).filter(|nulls| nulls.null_count() > 0)
    }
    /// A row came.
    fn add(&self, state: &mut Self::State, arguments: &Self::Arguments<'_>, row: usize);
    /// A row that came before is gone. Only asked of those that were made for it.
    fn retract(&self, state: &mut Self::State, arguments: &Self::Arguments<'_>, row: usize);
    /// All rows of another group, which came later, are this group's too.
    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()>;
    /// Room for so many results.
    fn results(&self, capacity: usize) -> Self::Results;
    /// Appends the result of a group.
    fn result(&self, state: &Self::State, results: &mut Self::Results);
    /// The results as a column.
    fn finish(&self, results: Self::Results) -> Result<ArrayRef>;
    /// Appends a state's bytes.
    fn encode(&self, state: &Self::State, out: &mut Vec<u8>);
    /// Reads them back; none where they are damaged.
    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State>;
}

/// What happens to one row of a group over which a window slides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It enters.
    Add,
    /// It leaves.
    Retract,
    /// The group's result at this moment is wanted.
    Result,
}

/// A step of a group, by its number, with a row of the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupStep {
    pub(crate) group: u32,
    pub(crate) row: u32,
    pub(crate) step: Step,
}

/// One aggregate's states of all groups, by their numbers.
pub(crate) trait Accumulator: Debug + Send {
    /// Forgets all groups.
    fn clear(&mut self);
    /// Makes room for groups up to a number; new ones have no rows.
    fn grow(&mut self, groups: usize);
    /// Forgets a group's rows.
    fn reset(&mut self, group: u32);
    /// Adds each row to its group, or takes it back where `retracts` says so. Rows for which `filter` is false do not count.
    fn update(
        &mut self,
        columns: &[ArrayRef],
        groups: &[u32],
        filter: Option<&BooleanBuffer>,
        retracts: Option<&BooleanBuffer>,
    ) -> Result<()>;
    /// Adds groups `(into, from)` of another accumulator of the same function to groups of this one.
    fn merge(&mut self, from: &dyn Accumulator, pairs: &[(u32, u32)]) -> Result<()>;
    /// The results of groups.
    fn results(&self, groups: &[u32]) -> Result<ArrayRef>;
    /// Goes through steps in order; what comes out is one result for each [`Step::Result`].
    fn scan(
        &mut self,
        columns: &[ArrayRef],
        filter: Option<&BooleanBuffer>,
        steps: &[GroupStep],
        results: usize,
    ) -> Result<ArrayRef>;
    /// Appends a group's bytes.
    fn encode(&self, group: u32, out: &mut Vec<u8>);
    /// Reads a group back; none where its bytes are damaged.
    fn decode(&mut self, group: u32, bytes: &mut Bytes<'_>) -> Option<()>;
    /// For [`Accumulator::merge`].
    fn as_any(&self) -> &dyn Any;
}

/// The accumulator of a fold.
#[derive(Debug)]
pub(crate) struct States<F: Fold> {
    fold: F,
    states: Vec<F::State>,
}

impl<F: Fold> States<F> {
    pub(crate) fn boxed(fold: F) -> Box<dyn Accumulator> {
        Box::new(States { fold, states: Vec::new() })
    }
}

/// The rows that count in a batch: those that are not null and pass the filter.
fn counting(counts: Option<NullBuffer>, filter: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
    match (counts, filter) {
        (None, None) => None,
        (Some(valid), None) => Some(valid.into_inner()),
        (None, Some(filter)) => Some(filter.clone()),
        (Some(valid), Some(filter)) => Some(valid.inner() & filter),
    }
}

impl<F: Fold> Accumulator for States<F> {
    fn clear(&mut self) {
        self.states.clear();
    }

    fn grow(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize_with(groups, F::State::default);
        }
    }

    fn reset(&mut self, group: u32) {
        if let Some(state) = self.states.get_mut(group as usize) {
            *state = F::State::default();
        }
    }

    fn update(
        &mut self,
        columns: &[ArrayRef],
        groups: &[u32],
        filter: Option<&BooleanBuffer>,
        retracts: Option<&BooleanBuffer>,
    ) -> Result<()> {
        let States { fold, states } = self;
        let arguments = fold.arguments(columns)?;
        let counting = counting(fold.counts(columns), filter);
        match (counting, retracts) {
            (None, None) => {
                for (row, group) in groups.iter().enumerate() {
                    fold.add(&mut states[*group as usize], &arguments, row);
                }
            }
            (Some(counting), None) => {
                for row in counting.set_indices() {
                    fold.add(&mut states[groups[row] as usize], &arguments, row);
                }
            }
            (counting, Some(retracts)) => {
                for (row, group) in groups.iter().enumerate() {
                    if counting.as_ref().is_some_and(|counting| !counting.value(row)) {
                        continue;
                    }
                    let state = &mut states[*group as usize];
                    match retracts.value(row) {
                        true => fold.retract(state, &arguments, row),
                        false => fold.add(state, &arguments, row),
                    }
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, from: &dyn Accumulator, pairs: &[(u32, u32)]) -> Result<()> {
        let Some(from) = from.as_any().downcast_ref::<Self>() else {
            return Err(EngineError::Plan("states of two different aggregates can't be merged".into()));
        };
        for (into, later) in pairs {
            self.fold.merge(&mut self.states[*into as usize], &from.states[*later as usize])?;
        }
        Ok(())
    }

    fn results(&self, groups: &[u32]) -> Result<ArrayRef> {
        let mut results = self.fold.results(groups.len());
        for group in groups {
            self.fold.result(&self.states[*group as usize], &mut results);
        }
        self.fold.finish(results)
    }

    fn scan(
        &mut self,
        columns: &[ArrayRef],
        filter: Option<&BooleanBuffer>,
        steps: &[GroupStep],
        results: usize,
    ) -> Result<ArrayRef> {
        let States { fold, states } = self;
        let arguments = fold.arguments(columns)?;
        let counting = counting(fold.counts(columns), filter);
        let mut results = fold.results(results);
        for GroupStep { group, row, step } in steps {
            let (state, row) = (&mut states[*group as usize], *row as usize);
            if *step == Step::Result {
                fold.result(state, &mut results);
            } else if counting.as_ref().is_none_or(|counting| counting.value(row)) {
                match step {
                    Step::Add => fold.add(state, &arguments, row),
                    _ => fold.retract(state, &arguments, row),
                }
            }
        }
        fold.finish(results)
    }

    fn encode(&self, group: u32, out: &mut Vec<u8>) {
        self.fold.encode(&self.states[group as usize], out);
    }

    fn decode(&mut self, group: u32, bytes: &mut Bytes<'_>) -> Option<()> {
        let state = self.fold.decode(bytes)?;
        self.grow(group as usize + 1);
        *self.states.get_mut(group as usize)? = state;
        Some(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
