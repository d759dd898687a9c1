//! The functions that streaming SQL adds to DataFusion's, or means otherwise.

mod aggregates;
mod arrays;
mod clock;
mod codes;
mod date_format;
pub(crate) mod decimals;
mod fields;
mod hex;
mod java_time;
pub(crate) mod json;
pub(crate) mod kinesis;
mod maps;
mod narrow;
mod numbers;
mod pieces;
mod printf;
mod rewritten;
mod scalar;
mod split_index;
mod sql;
mod texts;
mod times;
mod type_of;
mod urls;

use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::functions::{core, math};
use split_index::SplitIndex;

pub(crate) use self::clock::{CURRENT_WATERMARK, is_processing_time, processing_time};
pub(crate) use self::date_format::text_of as time_as_text;
pub(crate) use self::fields::FieldNames;
pub(crate) use self::hex::hex;
pub(crate) use self::narrow::narrowed;
pub(crate) use self::pieces::{replaced, text_of_double};
pub(crate) use self::rewritten::TYPED;
pub(crate) use self::sql::sql_function;
pub(crate) use self::type_of::{TYPE_OF, type_text};

/// What DataFusion calls GREATEST and LEAST: the greatest and the least of those values that are not NULL.
pub(crate) const GREATEST_KNOWN: &str = "__greatest";
pub(crate) const LEAST_KNOWN: &str = "__least";

/// Makes them known.
pub(crate) fn register(state: &mut SessionState) {
    let known = [(core::greatest(), GREATEST_KNOWN), (core::least(), LEAST_KNOWN), (math::ceil(), "ceiling")];
    let known = known.map(|(function, name)| function.as_ref().clone().with_aliases([name]));
    let own = [SplitIndex::new().into(), hex::function().into()];
    let plain = texts::all()
        .into_iter()
        .chain(numbers::all())
        .chain(times::all())
        .chain(pieces::all())
        .chain(arrays::all())
        .chain(maps::all())
        .chain(codes::all())
        .chain(urls::all())
        .chain([printf::function(), type_of::function()])
        .map(datafusion::logical_expr::ScalarUDF::from);
    let own = known
        .into_iter()
        .chain(own)
        .chain(plain)
        .chain(clock::all())
        .chain([clock::current_watermark()])
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
