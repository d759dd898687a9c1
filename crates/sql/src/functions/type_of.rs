//! `TYPEOF(x)`: the planner makes a text of it.

use arrow::datatypes::{DataType, Field};
use datafusion::common::{ScalarValue, not_impl_err, plan_err};
use datafusion::logical_expr::Expr;

use super::scalar::Function;
use crate::types::{LENGTH_MAX_KEY, name};

/// Its name.
pub(crate) const TYPE_OF: &str = "typeof";

pub(super) fn function() -> Function {
    Function {
        name: TYPE_OF,
        takes: |types| match types {
            [_] | [_, DataType::Boolean] => Ok(types.to_vec()),
            _ => plan_err!("TYPEOF takes a value, and whether its type is wanted in full"),
        },
        gives: |_| DataType::Utf8,
        does: |_| not_impl_err!("TYPEOF was not said when the query was planned"),
    }
}

/// The type of a value as Flink writes it: whole numbers in the statement are INTs where they fit, texts CHARs.
pub(crate) fn type_text(of: &Expr, field: &Field, full: bool) -> String {
    let known = match of {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) if i32::try_from(*number).is_ok() => Some("INT".to_owned()),
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Some(format!("CHAR({})", text.chars().count())),
        _ => None,
    };
    let text = known.unwrap_or_else(|| written(field, full));
    let missing = field.is_nullable() || field.data_type().is_null();
    if missing { text } else { format!("{text} NOT NULL") }
}

/// Of a field in a type: with what it says of NULL.
fn within(field: &Field, full: bool) -> String {
    let text = written(field, full);
    if field.is_nullable() { text } else { format!("{text} NOT NULL") }
}

fn written(field: &Field, full: bool) -> String {
    let length = field.metadata().get(LENGTH_MAX_KEY).map(String::as_str);
    match field.data_type() {
        DataType::Utf8 => match length.or(full.then_some("2147483647")) {
            Some(length) => format!("VARCHAR({length})"),
            None => "STRING".to_owned(),
        },
        DataType::Binary => match length.or(full.then_some("2147483647")) {
            Some(length) => format!("VARBINARY({length})"),
            None => "BYTES".to_owned(),
        },
        DataType::List(item) => format!("ARRAY<{}>", within(item, full)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                // A key is never NULL, which is not said of it.
                let parts: Vec<String> = fields.iter().map(|field| written(field, full)).collect();
                format!("MAP<{}>", parts.join(", "))
            }
            other => name(other),
        },
        DataType::Struct(fields) => {
            let parts: Vec<String> =
                fields.iter().map(|field| format!("`{}` {}", field.name(), within(field, full))).collect();
            format!("ROW<{}>", parts.join(", "))
        }
        other => name(other),
    }
}
