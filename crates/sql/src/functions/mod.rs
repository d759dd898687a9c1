//! The functions that streaming SQL adds to DataFusion's, or means otherwise.

mod aggregates;
mod clock;
mod date_format;
pub(crate) mod decimals;
mod fields;
mod hex;
pub(crate) mod json;
pub(crate) mod kinesis;
mod numbers;
mod rewritten;
mod scalar;
mod split_index;
mod sql;
mod texts;

use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use split_index::SplitIndex;

pub(crate) use self::clock::{is_processing_time, processing_time};
pub(crate) use self::fields::FieldNames;
pub(crate) use self::hex::hex;
pub(crate) use self::sql::sql_function;

/// Makes them known.
pub(crate) fn register(state: &mut SessionState) {
    let own = [SplitIndex::new().into(), hex::function().into()];
    let plain = texts::all().into_iter().chain(numbers::all()).map(datafusion::logical_expr::ScalarUDF::from);
    let own = own
        .into_iter()
        .chain(plain)
        .chain(clock::all())
        .chain(rewritten::all())
        .chain(json::all())
        .chain(kinesis::all());
    for function in own {
        // There is nothing that could refuse a function of another name; one of the same name gives way.
        if let Err(error) = state.register_udf(function.into()) {
            tracing::error!(%error, "a function could not be registered");
        }
    }
    for function in aggregates::all() {
        if let Err(error) = state.register_udaf(function.into()) {
            tracing::error!(%error, "a function could not be registered");
        }
    }
}
