//! The message that columns are written as where no schema is given: proto3, its fields numbered as the columns.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, Field, Fields, SchemaRef};

use super::{FORMAT, TIMESTAMP};
use crate::column::Kind;
use crate::error::{Error, Result};

/// How the message of the columns is called.
const ROOT_NAME: &str = "Record";

/// The text of the file.
pub(super) fn schema_of(columns: &SchemaRef) -> Result<String> {
    let body = message(ROOT_NAME, columns.fields(), 0)?;
    let import = if body.contains(TIMESTAMP) { "import \"google/protobuf/timestamp.proto\";\n" } else { "" };
    Ok(format!("syntax = \"proto3\";\n{import}{body}"))
}

fn message(name: &str, fields: &Fields, depth: usize) -> Result<String> {
    let indent = "  ".repeat(depth);
    let mut text = format!("{indent}message {name} {{\n");
    for (field, number) in fields.iter().zip(1..) {
        let nested = format!("{}_{number}", camel(field.name()));
        let of_field = type_of(field, &nested, depth + 1, &mut text)?;
        // Messages, arrays and maps have no need of the word.
        let optional = match Kind::of(field, FORMAT)? {
            Kind::List | Kind::Map | Kind::Struct | Kind::Timestamp { .. } => "",
            _ if field.is_nullable() => "optional ",
            _ => "",
        };
        let _ = writeln!(text, "{indent}  {optional}{of_field} {} = {number};", checked_name(field)?);
    }
    text.push_str(&indent);
    text.push_str("}\n");
    Ok(text)
}

/// A field's type; messages that it needs are declared in `text`.
fn type_of(field: &Field, nested: &str, depth: usize, text: &mut String) -> Result<String> {
    Ok(match field.data_type() {
        DataType::List(item) => match item.data_type() {
            DataType::List(_) | DataType::Map(..) => {
                return Err(refused(field, "Protobuf repeats no arrays and maps: put them into a ROW"));
            }
            _ => format!("repeated {}", type_of(item, nested, depth, text)?),
        },
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else {
                return Err(refused(field, "declare MAP<…, …>"));
            };
            let [key, value] = pair.as_ref() else { return Err(refused(field, "declare MAP<…, …>")) };
            let is_key = matches!(Kind::of(key, FORMAT)?, Kind::Int { .. } | Kind::UInt64 | Kind::Bool | Kind::Text);
            if !is_key || matches!(value.data_type(), DataType::List(_) | DataType::Map(..)) {
                let hint = "keys of Protobuf's maps are text, integers or booleans, their values no arrays and maps";
                return Err(refused(field, hint));
            }
            let key = type_of(key, nested, depth, text)?;
            format!("map<{key}, {}>", type_of(value, nested, depth, text)?)
        }
        DataType::Struct(fields) => {
            text.push_str(&message(nested, fields, depth)?);
            nested.to_owned()
        }
        _ => scalar(field)?.to_owned(),
    })
}

fn scalar(field: &Field) -> Result<&'static str> {
    Ok(match Kind::of(field, FORMAT)? {
        Kind::Bool => "bool",
        Kind::Int { min: 0, max } if max > i64::from(i32::MAX) => "uint32",
        Kind::Int { max, .. } if max <= i64::from(i32::MAX) => "int32",
        Kind::Int { .. } => "int64",
        Kind::UInt64 => "uint64",
        Kind::Float32 => "float",
        Kind::Float64 => "double",
        // As JSON has them.
        Kind::Text | Kind::Decimal { .. } | Kind::Date | Kind::Time(_) => "string",
        Kind::Binary | Kind::FixedBinary(_) => "bytes",
        Kind::Timestamp { .. } => TIMESTAMP,
        Kind::Null | Kind::List | Kind::Map | Kind::Struct => {
            return Err(refused(field, "declare a type that has values"));
        }
    })
}

fn checked_name(field: &Field) -> Result<&str> {
    let name = field.name();
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let good = name.as_bytes().iter().all(|byte| letter(byte) || byte.is_ascii_digit());
    match good && name.as_bytes().first().is_some_and(letter) {
        true => Ok(name),
        false => Err(refused(
            field,
            "names of Protobuf's fields are letters, digits and `_`: rename it, or give `protobuf.schema`",
        )),
    }
}

/// `home_address` as `HomeAddress`.
fn camel(name: &str) -> String {
    let parts = name.split('_').map(|part| {
        let mut chars = part.chars();
        chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    });
    parts.collect()
}

fn refused(field: &Field, hint: &'static str) -> Error {
    let (column, data_type) = (field.name().clone(), field.data_type().to_string());
    Error::UnsupportedType { format: FORMAT, column, data_type, hint }
}
