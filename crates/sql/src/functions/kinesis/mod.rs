//! Functions of Kinesis Data Analytics that streaming SQL doesn't have, or means otherwise.

mod checks;
mod intervals;
mod log_parse;
mod strings;
mod substring;
mod time;

use datafusion::logical_expr::{Expr, ScalarUDF};

use super::scalar::Function;

pub(crate) use checks::{DIVIDE, FITS, NOT_NULL};

/// The call that makes an expression the time of the rows.
pub(crate) const ROWTIME_MARKER: &str = "__rowtime";
/// The call that makes an expression the time of the rows, which may go back by so much: `__retime(time, within)`.
pub(crate) const RETIME_MARKER: &str = "__retime";
/// The call that orders rows as they arrive.
pub(crate) const ARRIVAL: &str = "__arrival";
/// The call that says until when rows are distinct.
pub(crate) const PERIOD: &str = "__period";
/// `NTH_VALUE(x, n)` and its like: `__placed(x, FIRST | LAST | BEFORE, n, whether nulls count [, otherwise])`
pub(crate) const PLACED: &str = "__placed";
/// `(a - b) SECOND`: `__qualified(a - b, unit)`
pub(crate) const QUALIFIED: &str = "__qualified";
/// `interval * n`: `__scaled(interval, n)`
pub(crate) const SCALED: &str = "__scaled";
/// `SUBSTRING(x FROM place or pattern [FOR length])`
pub(crate) const SUBSTRING: &str = "__substring";
/// `SUBSTRING(x SIMILAR pattern ESCAPE character)`
pub(crate) const SUBSTRING_SIMILAR: &str = "__substring_similar";
/// `EXTRACT(unit FROM x)`: `__extract(unit, x)`
pub(crate) const EXTRACT: &str = "__extract";
/// `EXTRACT(SECOND FROM x)`
pub(crate) const EXTRACT_SECOND: &str = "__extract_second";
/// `STEP(x BY i)`, and `FLOOR(x TO unit)`.
pub(crate) const STEP: &str = "step";
/// The end of the step that `STEP` begins.
pub(crate) const STEP_END: &str = "__step_end";
/// `CEIL(x TO unit)`
pub(crate) const STEP_UP: &str = "__step_up";

/// All of them.
pub(super) fn all() -> Vec<ScalarUDF> {
    let functions = [time::all(), intervals::all(), strings::all(), substring::all(), checks::all(), markers()];
    functions.into_iter().flatten().map(ScalarUDF::from).chain(log_parse::all()).collect()
}

/// Calls that only say something to the planner: their value is their argument's.
fn markers() -> Vec<Function> {
    use crate::logical::kinesis::STAGGER_END;
    use crate::parse::kinesis::STAGGER;
    [ROWTIME_MARKER, RETIME_MARKER, ARRIVAL, PERIOD, STAGGER, STAGGER_END]
        .into_iter()
        .map(|name| Function {
            name,
            takes: |types| Ok(types.to_vec()),
            gives: |types| types.first().cloned().unwrap_or(arrow::datatypes::DataType::Null),
            does: |args| {
                Ok(args
                    .first()
                    .cloned()
                    .unwrap_or_else(|| arrow::array::new_empty_array(&arrow::datatypes::DataType::Null)))
            },
        })
        .collect()
}

/// What a function of the dialect is called here, where its name means something else in streaming SQL, or stands for another.
pub(crate) fn own_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "STEP" => STEP,
        "UNIX_TIMESTAMP" => time::UNIX_TIMESTAMP,
        "TO_TIMESTAMP" => time::TO_TIMESTAMP,
        "STD_DEV" => "stddev",
        "CHARACTER_LENGTH" => "char_length",
        "LOCALTIME" => "current_time",
        "LOG10" => checks::LOG10,
        "LN" => checks::LN,
        "FAST_REGEX_LOG_PARSER" => "fast_regex_log_parse",
        _ => return None,
    })
}

/// The arguments of a call of one of these functions.
pub(crate) fn called<'e>(expr: &'e Expr, name: &str) -> Option<&'e [Expr]> {
    match expr {
        Expr::ScalarFunction(call) if call.func.name() == name => Some(&call.args),
        Expr::Alias(alias) => called(&alias.expr, name),
        _ => None,
    }
}
