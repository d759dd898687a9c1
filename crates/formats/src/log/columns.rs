//! Columns as the log functions declare them: `name TYPE type [NOT NULL] [START n [FOR m]], …`.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::COLUMNS_MAX;
use crate::column::LENGTH_MAX_KEY;

/// A declared column, with where it stands if that is said.
pub(super) struct ColumnSpec {
    pub(super) field: Field,
    pub(super) start: Option<usize>,
    pub(super) length: Option<usize>,
}

/// Columns by their declaration, or `COLUMN1` to `COLUMNn` by their number.
pub(super) fn named_or_counted(text: &str) -> Result<Vec<Field>, String> {
    match text.trim().parse::<usize>() {
        Ok(count) => Ok(super::numbered(count.min(COLUMNS_MAX + 1))),
        Err(_) => Ok(parse(text)?.into_iter().map(|spec| spec.field).collect()),
    }
}

/// The declared columns.
pub(super) fn parse(text: &str) -> Result<Vec<ColumnSpec>, String> {
    split_outside_brackets(text).into_iter().map(parse_column).collect()
}

/// Parts between commas that are not inside brackets, as `DECIMAL(5, 2)` has one.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn parse_column(text: &str) -> Result<ColumnSpec, String> {
    let wrong =
        |what: &str| format!("{what} in `{}`; a column is `name TYPE type [NOT NULL] [START n [FOR m]]`", text.trim());
    let (name, rest) = split_name(text.trim()).ok_or_else(|| wrong("a name is missing"))?;
    let rest = strip_word(rest, "TYPE").unwrap_or(rest);
    let upper = rest.to_ascii_uppercase();
    let end = ["NOT NULL", " START "].iter().filter_map(|word| upper.find(word)).min().unwrap_or(rest.len());
    let (data_type, length_max) = sql_type(&rest[..end])?;
    let mut rest = &rest[end..];
    let not_null = strip_word(rest, "NOT").and_then(|rest| strip_word(rest, "NULL"));
    rest = not_null.unwrap_or(rest);
    let mut number = |word: &str| -> Result<Option<usize>, String> {
        let Some(after) = strip_word(rest, word) else { return Ok(None) };
        let (number, after) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        rest = after.trim_start();
        number.parse().map(Some).map_err(|_| wrong("a number is missing"))
    };
    let (start, length) = (number("START")?, number("FOR")?);
    if !rest.is_empty() {
        return Err(wrong(&format!("`{rest}` is not understood")));
    }
    let mut field = Field::new(name, data_type, not_null.is_none());
    if let Some(length) = length_max {
        field.set_metadata(HashMap::from([(LENGTH_MAX_KEY.to_owned(), length)]));
    }
    Ok(ColumnSpec { field, start, length })
}

/// A name, in double quotes or without, and what follows.
fn split_name(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, rest) = quoted.split_once('"')?;
        return (!name.is_empty()).then(|| (name.to_owned(), rest.trim_start()));
    }
    let (name, rest) = text.split_once(char::is_whitespace)?;
    Some((name.to_owned(), rest.trim_start()))
}

/// What follows a word in any case.
fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let text = text.trim_start();
    let (head, rest) = text.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && rest.chars().next().is_none_or(char::is_whitespace)).then(|| rest.trim_start())
}

/// Arrow's type of an SQL type of Kinesis Data Analytics, with the length of a text.
pub(crate) fn sql_type(text: &str) -> Result<(DataType, Option<String>), String> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.trim_end().strip_suffix(')').unwrap_or(rest)),
        None => (text, ""),
    };
    let mut numbers = arguments.split(',').map(|number| number.trim().parse::<u8>().ok());
    Ok(match name.to_ascii_uppercase().as_str() {
        "BOOLEAN" => (DataType::Boolean, None),
        "TINYINT" => (DataType::Int8, None),
        "SMALLINT" => (DataType::Int16, None),
        "INTEGER" | "INT" => (DataType::Int32, None),
        "BIGINT" => (DataType::Int64, None),
        "REAL" => (DataType::Float32, None),
        "DOUBLE" | "FLOAT" | "DOUBLE PRECISION" => (DataType::Float64, None),
        "DECIMAL" | "DEC" | "NUMERIC" => {
            let precision = numbers.next().flatten().unwrap_or(18);
            let scale = numbers.next().flatten().unwrap_or(0);
            if precision == 0 || precision > 38 || scale > precision {
                return Err(format!("`{text}` is out of range: DECIMAL has 1 to 38 digits"));
            }
            (DataType::Decimal128(precision, scale.cast_signed()), None)
        }
        "CHAR" | "VARCHAR" | "STRING" => {
            (DataType::Utf8, arguments.trim().parse::<usize>().ok().map(|length| length.to_string()))
        }
        "BINARY" | "VARBINARY" => (DataType::Binary, None),
        "DATE" => (DataType::Date32, None),
        "TIME" => (DataType::Time32(TimeUnit::Millisecond), None),
        "TIMESTAMP" => (DataType::Timestamp(TimeUnit::Millisecond, None), None),
        _ => return Err(format!("`{text}` is no type; say VARCHAR(n), INTEGER, BIGINT, DOUBLE, TIMESTAMP, …")),
    })
}
