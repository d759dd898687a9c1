//! Aggregate functions whose state is ours: updated, retracted, merged, written into snapshots and read back.
//!
//! [`AggregateFunction`] names them, [`AggregateCall`] is one in a query, and [`Accumulators`] holds the states of all calls
//! of an operator. States lie in columns, one for each call, and a group of rows is a number in all of them, so that a batch
//! goes into each call's column in one loop over its rows: see [`accumulator`]. Each function is a file.

pub(crate) mod accumulator;
mod average;
pub(crate) mod bytes;
mod count;
mod decayed;
mod distinct;
mod extreme;
mod function;
mod list;
mod logic;
mod ordered;
mod other;
mod percentile;
mod placed;
mod sum;
#[cfg(test)]
mod tests;
mod values;
mod variance;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    buffer::BooleanBuffer,
    datatypes::{DataType, SchemaRef},
};
use tidemill_engine::{Batch, EngineError, Result};

pub use function::AggregateFunction;
pub use other::OtherFunction;
pub use placed::Placement;

use accumulator::{Accumulator, Fold, GroupStep, States};
use bytes::Bytes;
use values::with_values;

/// An aggregate function in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AggregateCall {
    /// Which.
    pub function: AggregateFunction,
    /// Its arguments, by their columns' positions in the input.
    pub arguments: Vec<usize>,
    /// `FILTER (WHERE …)`: a Boolean column of the input; only rows where it is true count.
    pub filter: Option<usize>,
    /// `DISTINCT`: equal arguments count once.
    pub distinct: bool,
}

impl AggregateCall {
    /// A call without filter, of all rows.
    pub fn new(function: AggregateFunction, arguments: impl Into<Vec<usize>>) -> Self {
        AggregateCall { function, arguments: arguments.into(), filter: None, distinct: false }
    }

    /// The type of what it gives for rows of a schema.
    pub fn result(&self, input: &SchemaRef) -> Result<DataType> {
        let types = self.types(input)?;
        self.function.result(&types).ok_or_else(|| {
            EngineError::Plan(format!("{:?} does not take arguments of the types {types:?}", self.function))
        })
    }

    fn types(&self, input: &SchemaRef) -> Result<Vec<DataType>> {
        let field = |at: &usize| input.fields().get(*at).map(|field| field.data_type().clone());
        let types = self.arguments.iter().map(field).collect::<Option<Vec<_>>>();
        types.ok_or_else(|| {
            EngineError::Plan(format!("{:?} takes a column that its input does not have", self.function))
        })
    }
}

/// Whether rows may go again, which some functions need to keep more for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retraction {
    /// All rows stay.
    Never,
    /// Always the oldest row of its group: a frame slides over them.
    Oldest,
    /// Any row that came.
    Any,
}

impl Retraction {
    /// For input rows of all kinds, or of inserts only.
    pub(crate) fn of_input(retracts: bool) -> Self {
        if retracts { Retraction::Any } else { Retraction::Never }
    }
}

/// The states of all calls of an operator, for groups by their numbers.
#[derive(Debug)]
pub(crate) struct Accumulators {
    calls: Vec<AggregateCall>,
    states: Vec<Box<dyn Accumulator>>,
    input: SchemaRef,
    retraction: Retraction,
}

impl Accumulators {
    /// Without groups.
    pub(crate) fn new(calls: &[AggregateCall], input: &SchemaRef, retraction: Retraction) -> Result<Self> {
        let states = calls.iter().map(|call| accumulator(call, input, retraction)).collect::<Result<_>>()?;
        Ok(Accumulators { calls: calls.to_vec(), states, input: input.clone(), retraction })
    }

    /// Others of the same calls, without groups.
    pub(crate) fn fresh(&self) -> Result<Self> {
        Accumulators::new(&self.calls, &self.input, self.retraction)
    }

    /// Forgets all groups.
    pub(crate) fn clear(&mut self) {
        self.states.iter_mut().for_each(|states| states.clear());
    }

    /// Makes room for groups up to a number; new ones have no rows.
    pub(crate) fn grow(&mut self, groups: usize) {
        self.states.iter_mut().for_each(|states| states.grow(groups));
    }

    /// Forgets a group's rows.
    pub(crate) fn reset(&mut self, group: u32) {
        self.states.iter_mut().for_each(|states| states.reset(group));
    }

    /// Adds each row of a batch to its group, or takes it back, as its kind says.
    pub(crate) fn update(&mut self, batch: &Batch, groups: &[u32]) -> Result<()> {
        let retracts = (!batch.is_append_only())
            .then(|| BooleanBuffer::collect_bool(batch.num_rows(), |row| !batch.kind(row).adds()));
        for (call, states) in self.calls.iter().zip(&mut self.states) {
            let (columns, filter) = inputs(call, batch.rows())?;
            states.update(&columns, groups, filter.as_ref(), retracts.as_ref())?;
        }
        Ok(())
    }

    /// Adds groups `(into, from)` of others to groups of these.
    pub(crate) fn merge(&mut self, from: &Accumulators, pairs: &[(u32, u32)]) -> Result<()> {
        self.states.iter_mut().zip(&from.states).try_for_each(|(states, from)| states.merge(&**from, pairs))
    }

    /// A column of each call's results for groups.
    pub(crate) fn results(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        self.states.iter().map(|states| states.results(groups)).collect()
    }

    /// A column of each call's results along the steps of windows that slide over rows.
    pub(crate) fn scan(&mut self, rows: &RecordBatch, steps: &[GroupStep], results: usize) -> Result<Vec<ArrayRef>> {
        let calls = self.calls.iter().zip(&mut self.states);
        calls
            .map(|(call, states)| {
                let (columns, filter) = inputs(call, rows)?;
                states.scan(&columns, filter.as_ref(), steps, results)
            })
            .collect()
    }

    /// Appends a group's bytes.
    pub(crate) fn encode(&self, group: u32, out: &mut Vec<u8>) {
        self.states.iter().for_each(|states| states.encode(group, out));
    }

    /// Reads a group back.
    pub(crate) fn decode(&mut self, group: u32, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let read = self.states.iter_mut().try_for_each(|states| states.decode(group, bytes));
        read.ok_or_else(|| "an aggregate's state is damaged".to_string())
    }
}

/// A call's arguments in a batch, and the rows that its filter lets pass.
fn inputs(call: &AggregateCall, rows: &RecordBatch) -> Result<(Vec<ArrayRef>, Option<BooleanBuffer>)> {
    let missing = || EngineError::Plan(format!("rows came without a column that {:?} takes", call.function));
    let columns = call.arguments.iter().map(|at| rows.columns().get(*at).cloned());
    let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
    let filter = call.filter.map(|at| {
        let column = rows.columns().get(at).and_then(|column| column.as_boolean_opt()).ok_or_else(missing)?;
        let passes = column.values();
        Ok::<_, EngineError>(column.nulls().map_or_else(|| passes.clone(), |valid| passes & valid.inner()))
    });
    Ok((columns, filter.transpose()?))
}

/// The first argument's column.
fn column(columns: &[ArrayRef]) -> Result<&ArrayRef> {
    columns.first().ok_or_else(|| EngineError::Plan("an aggregate function came without its argument".into()))
}

/// The states of a call, by the types of its arguments.
fn accumulator(call: &AggregateCall, input: &SchemaRef, retraction: Retraction) -> Result<Box<dyn Accumulator>> {
    use AggregateFunction as F;
    let types = call.types(input)?;
    let result = call.result(input)?;
    let retracts = retraction != Retraction::Never;
    let argument = types.first().unwrap_or(&DataType::Null);
    /// The fold as it is, or of distinct arguments.
    fn boxed(
        fold: impl Fold,
        call: &AggregateCall,
        types: &[DataType],
        retracts: bool,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(match (call.distinct, retracts) {
            (false, _) => States::boxed(fold),
            (true, false) => States::boxed(distinct::Distinct::<_, ()>::new(fold, types)?),
            (true, true) => States::boxed(distinct::Distinct::<_, u64>::new(fold, types)?),
        })
    }
    macro_rules! numeric {
        (|$number:ident| $fold:expr) => {{
            macro_rules! with {
                ($type:ty) => {{
                    type $number = $type;
                    boxed($fold, call, &types, retracts)
                }};
            }
            match argument {
                DataType::Int8 => with!(i8),
                DataType::Int16 => with!(i16),
                DataType::Int32 => with!(i32),
                DataType::Int64 => with!(i64),
                DataType::UInt8 => with!(u8),
                DataType::UInt16 => with!(u16),
                DataType::UInt32 => with!(u32),
                DataType::UInt64 => with!(u64),
                DataType::Float32 => with!(f32),
                DataType::Float64 => with!(f64),
                _ => with!(i128),
            }
        }};
    }
    let spread = |sample, deviation| {
        let spread = variance::Spread { sample, deviation };
        match argument.is_integer() {
            true => boxed(variance::IntegerVariance { spread, result: result.clone() }, call, &types, retracts),
            false => boxed(variance::Variance { spread, result: result.clone() }, call, &types, retracts),
        }
    };
    // A distinct MIN, MAX, BOOL_AND, BOOL_OR, FIRST_VALUE is the same as one of all rows.
    Ok(match &call.function {
        F::CountAll => States::boxed(count::Count),
        F::Count if !call.distinct => States::boxed(count::Count),
        F::Count if types.len() > 1 => boxed(count::Count, call, &types, retracts)?,
        F::Count | F::CountDistinct => with_values!(argument, |values| match retracts {
            false => States::boxed(distinct::CountDistinct::<_, ()>::new(values)),
            true => States::boxed(distinct::CountDistinct::<_, u64>::new(values)),
        }),
        F::Sum => numeric!(|N| sum::Sum::<N>::new(&result))?,
        F::Avg => numeric!(|N| average::Average::<N>::new(argument, &result))?,
        F::Min => with_values!(argument, |values| match retraction {
            Retraction::Never => States::boxed(extreme::Extreme::<_, false>(values)),
            Retraction::Oldest => States::boxed(extreme::SlidingExtreme::<_, false>(values)),
            Retraction::Any => States::boxed(extreme::RetractableExtreme::<_, false>(values)),
        }),
        F::Max => with_values!(argument, |values| match retraction {
            Retraction::Never => States::boxed(extreme::Extreme::<_, true>(values)),
            Retraction::Oldest => States::boxed(extreme::SlidingExtreme::<_, true>(values)),
            Retraction::Any => States::boxed(extreme::RetractableExtreme::<_, true>(values)),
        }),
        F::FirstValue => with_values!(argument, |values| match retracts {
            false => States::boxed(ordered::End::<_, false>(values)),
            true => States::boxed(ordered::RetractableEnd::<_, false>(values)),
        }),
        F::LastValue => with_values!(argument, |values| match retracts {
            false => States::boxed(ordered::End::<_, true>(values)),
            true => States::boxed(ordered::RetractableEnd::<_, true>(values)),
        }),
        F::VarPop => spread(false, false)?,
        F::VarSamp => spread(true, false)?,
        F::StddevPop => spread(false, true)?,
        F::StddevSamp => spread(true, true)?,
        F::ArrayAgg | F::Collect => {
            let (nulls, element) = (call.function == F::ArrayAgg, argument.clone());
            with_values!(argument, |values| boxed(list::List { values, nulls, element }, call, &types, retracts)?)
        }
        F::ListAgg => boxed(list::ListAgg, call, &types, retracts)?,
        F::BoolAnd => States::boxed(logic::Logic { all: true }),
        F::BoolOr => States::boxed(logic::Logic { all: false }),
        F::Other(function) => boxed(other::Other::new(function.clone())?, call, &types, retracts)?,
        F::Placed { at, nulls } => {
            with_values!(argument, |values| States::boxed(placed::Placed { values, at: *at, nulls: *nulls }))
        }
        F::ExpAvg { half_life } => States::boxed(decayed::DecayedAverage { half_life: *half_life }),
        F::Percentile => {
            let several = types.get(1).is_some_and(DataType::is_nested);
            boxed(percentile::Percentile { several }, call, &types, retracts)?
        }
        F::Lag { offset } => {
            with_values!(argument, |values| States::boxed(ordered::Lag { values, offset: *offset }))
        }
    })
}
