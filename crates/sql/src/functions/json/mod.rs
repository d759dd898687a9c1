//! SQL's functions of JSON: asking texts that hold JSON, and making such texts.
//!
//! The parser writes their clauses as arguments: see [`crate::parse`].

mod ask;
mod make;
mod path;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use path::Path;

/// `x IS JSON kind`: `__is_json(x, kind)`
pub(crate) const IS_JSON: &str = "__is_json";
/// `JSON_VALUE(x, path …)`: `json_value(x, path, type, on empty, its default, on error, its default)`
pub(crate) const JSON_VALUE: &str = "json_value";
/// `JSON_QUERY(x, path …)`: `json_query(x, path, wrapper, on empty, on error)`
pub(crate) const JSON_QUERY: &str = "json_query";
/// `JSON_EXISTS(x, path …)`: `json_exists(x, path, on error)`
pub(crate) const JSON_EXISTS: &str = "json_exists";
/// The JSON of a value.
pub(crate) const JSON_STRING: &str = "json_string";
/// A text that holds JSON already, within another function.
pub(crate) const JSON: &str = "json";
/// `JSON_OBJECT(…)`: `__json_object(absent on null, key, value, …)`, where values are JSON.
pub(crate) const OBJECT: &str = "__json_object";
/// `JSON_ARRAY(…)`: `__json_array(absent on null, value, …)`, where values are JSON.
pub(crate) const ARRAY: &str = "__json_array";
/// An array of a list of JSON: `__json_array_of(absent on null, list)`
pub(crate) const ARRAY_OF: &str = "__json_array_of";
/// A member of an object: `__json_member(key, value)`, where the value is JSON.
pub(crate) const MEMBER: &str = "__json_member";
/// An object of a list of members: `__json_object_of(absent on null, list)`
pub(crate) const OBJECT_OF: &str = "__json_object_of";

/// All of them.
pub(super) fn all() -> impl Iterator<Item = ScalarUDF> {
    ask::all().into_iter().chain(make::all()).map(ScalarUDF::from)
}
