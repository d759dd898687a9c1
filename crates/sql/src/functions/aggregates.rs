//! Aggregate functions with the types that Flink gives their results. They are planned by DataFusion and run by
//! [`crate::aggregate`].

use arrow::datatypes::DataType;
use datafusion::common::{Result, not_impl_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use crate::aggregate::AggregateFunction;
use crate::error::SqlError;
use crate::functions::kinesis;

/// Their names; COUNT, MIN, MAX, FIRST_VALUE, LAST_VALUE, ARRAY_AGG, BOOL_AND and BOOL_OR are DataFusion's.
const NAMES: &[(&str, &[&str])] = &[
    ("sum", &[]),
    ("avg", &["mean"]),
    ("stddev_pop", &[]),
    ("stddev_samp", &["stddev"]),
    ("var_pop", &[]),
    ("var_samp", &["variance"]),
    ("collect", &[]),
    ("listagg", &["string_agg"]),
    ("every", &[]),
    ("some", &["any"]),
    ("percentile", &[]),
    ("approx_count_distinct", &["approx_distinct"]),
    // Of Kinesis Data Analytics.
    ("exp_avg", &[]),
    (kinesis::PLACED, &[]),
];

#[derive(Debug, PartialEq, Eq, Hash)]
struct Planned {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
}

pub(super) fn all() -> impl Iterator<Item = AggregateUDF> {
    NAMES.iter().map(|(name, aliases)| {
        let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        AggregateUDF::from(Planned { name, aliases, signature: Signature::user_defined(Volatility::Immutable) })
    })
}

impl AggregateUDFImpl for Planned {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.return_type(types)?;
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let resolved = AggregateFunction::resolve(self.name, types, false).map_err(SqlError::from)?;
        Ok(resolved.1)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} runs on streams only", self.name)
    }
}
