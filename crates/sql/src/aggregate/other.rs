//! The long tail: any aggregate function of DataFusion's, over rows that are all kept.

use std::{
    collections::VecDeque,
    fmt::{Debug, Formatter},
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, new_empty_array},
    buffer::NullBuffer,
    compute::cast,
    datatypes::{DataType, Field, FieldRef, Schema},
    row::Rows,
};
use datafusion::{
    common::{DataFusionError, ScalarValue},
    functions_aggregate::all_default_aggregate_functions,
    logical_expr::{AggregateUDF, type_coercion::functions::fields_with_udf},
    physical_expr::{
        PhysicalExpr,
        aggregate::{AggregateExprBuilder, AggregateFunctionExpr},
        expressions::{Column, Literal},
    },
};
use tidemill_engine::{EngineError, Result};

use super::{
    accumulator::Fold,
    bytes::{Bytes, put_bytes, put_u64},
    ordered::take_oldest,
};
use crate::operators::rows::RowCodec;

/// An aggregate function of DataFusion's: MEDIAN, CORR, PERCENTILE_CONT, BIT_AND and so on, or a user's.
///
/// Its accumulators can't be written into snapshots and go on, so a group keeps the arguments of all its rows and each result is
/// computed from them: memory and time grow with the group, which suits windows better than groups without end.
#[derive(Clone)]
pub struct OtherFunction {
    expression: Arc<AggregateFunctionExpr>,
    /// What the columns are cast to, and what comes behind them.
    columns: Vec<DataType>,
    literals: Vec<ScalarValue>,
}

fn refuse(name: &str, error: &DataFusionError) -> EngineError {
    EngineError::Plan(format!("{name} can't be called so: {}", error.strip_backtrace()))
}

impl OtherFunction {
    /// A function of columns of these types and, behind them, of literals: the 0.95 of a percentile.
    pub fn new(function: Arc<AggregateUDF>, columns: &[DataType], literals: &[ScalarValue]) -> Result<Self> {
        let name = function.name().to_string();
        let build = || -> Result<Self, DataFusionError> {
            let types = columns.iter().cloned().chain(literals.iter().map(ScalarValue::data_type));
            let field = |(at, data_type)| FieldRef::new(Field::new(format!("argument {at}"), data_type, true));
            let fields: Vec<FieldRef> = types.enumerate().map(field).collect();
            let fields = fields_with_udf(&fields, &*function)?;
            let (of_columns, of_literals) = fields.split_at_checked(columns.len()).unwrap_or((&fields, &[]));
            let literals = literals.iter().zip(of_literals).map(|(literal, field)| literal.cast_to(field.data_type()));
            let literals = literals.collect::<Result<Vec<ScalarValue>, _>>()?;
            let mut arguments: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
            for (at, field) in of_columns.iter().enumerate() {
                arguments.push(Arc::new(Column::new(field.name(), at)));
            }
            for literal in &literals {
                arguments.push(Arc::new(Literal::new(literal.clone())));
            }
            let columns = of_columns.iter().map(|field| field.data_type().clone()).collect();
            let schema = Arc::new(Schema::new(of_columns.to_vec()));
            let expression = AggregateExprBuilder::new(function, arguments).schema(schema).alias(&name).build()?;
            expression.create_accumulator()?;
            Ok(OtherFunction { expression: Arc::new(expression), columns, literals })
        };
        build().map_err(|error| refuse(&name, &error))
    }

    /// The built-in function of that name; none where there is none.
    pub fn named(name: &str, columns: &[DataType], literals: &[ScalarValue]) -> Option<Result<Self>> {
        let called = |function: &Arc<AggregateUDF>| {
            let mut names = std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str));
            names.any(|other| other.eq_ignore_ascii_case(name))
        };
        let function = all_default_aggregate_functions().into_iter().find(called)?;
        Some(OtherFunction::new(function, columns, literals))
    }

    /// The type of its results.
    pub fn result(&self) -> DataType {
        self.expression.field().data_type().clone()
    }

    /// How many columns it takes.
    pub(crate) fn arguments(&self) -> usize {
        self.columns.len()
    }

    fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Result<ScalarValue, DataFusionError> {
        let mut accumulator = self.expression.create_accumulator()?;
        if rows > 0 {
            let literals = self.literals.iter().map(|literal| literal.to_array_of_size(rows));
            let values = columns.iter().cloned().map(Ok).chain(literals).collect::<Result<Vec<_>, _>>()?;
            accumulator.update_batch(&values)?;
        }
        accumulator.evaluate()
    }

    fn identity(&self) -> (&str, &[DataType], &[ScalarValue]) {
        (self.expression.fun().name(), &self.columns, &self.literals)
    }
}

impl Debug for OtherFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.expression.fun().name().to_uppercase())
    }
}

impl PartialEq for OtherFunction {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}
impl Eq for OtherFunction {}
impl Hash for OtherFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// Keeps the arguments of all rows, in the order of arrival.
#[derive(Debug)]
pub(crate) struct Other {
    function: OtherFunction,
    codec: RowCodec,
}

impl Other {
    pub(crate) fn new(function: OtherFunction) -> Result<Self> {
        Ok(Other { codec: RowCodec::new(function.columns.iter().cloned())?, function })
    }
}

impl Fold for Other {
    type State = VecDeque<Box<[u8]>>;
    type Arguments<'a> = Rows;
    type Results = Vec<Result<ScalarValue>>;

    fn arguments<'a>(&'a self, columns: &'a [ArrayRef]) -> Result<Rows> {
        let columns = columns.iter().zip(&self.function.columns).map(|(column, data_type)| cast(column, data_type));
        self.codec.encode(&columns.collect::<Result<Vec<_>, _>>()?)
    }

    /// Whether nulls count is the function's business.
    fn counts(&self, _columns: &[ArrayRef]) -> Option<NullBuffer> {
        None
    }

    fn add(&self, state: &mut Self::State, arguments: &Rows, row: usize) {
        state.push_back(arguments.row(row).as_ref().into());
    }

    fn retract(&self, state: &mut Self::State, arguments: &Rows, row: usize) {
        take_oldest(state, |kept| **kept == *arguments.row(row).as_ref());
    }

    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<()> {
        state.extend(later.iter().cloned());
        Ok(())
    }

    fn results(&self, capacity: usize) -> Self::Results {
        Vec::with_capacity(capacity)
    }

    fn result(&self, state: &Self::State, results: &mut Self::Results) {
        let columns = self.codec.decode(state.iter().map(|row| &**row));
        let failed = |error| EngineError::operator(format!("{:?}", self.function), error);
        results.push(columns.and_then(|columns| self.function.evaluate(&columns, state.len()).map_err(failed)));
    }

    fn finish(&self, results: Self::Results) -> Result<ArrayRef> {
        if results.is_empty() {
            return Ok(new_empty_array(&self.function.result()));
        }
        let results = results.into_iter().collect::<Result<Vec<ScalarValue>>>()?;
        let column = ScalarValue::iter_to_array(results);
        column.map_err(|error| EngineError::operator(format!("{:?}", self.function), error))
    }

    fn encode(&self, state: &Self::State, out: &mut Vec<u8>) {
        put_u64(out, state.len() as u64);
        state.iter().for_each(|row| put_bytes(out, row));
    }

    fn decode(&self, bytes: &mut Bytes<'_>) -> Option<Self::State> {
        let rows = bytes.u64()?;
        (0..rows).map(|_| bytes.bytes().map(Into::into)).collect()
    }
}
