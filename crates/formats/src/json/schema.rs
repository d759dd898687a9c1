//! The JSON Schema (draft 7) of what columns are written as.
//!
//! Objects are closed: so a later schema with further columns that may be NULL is backward compatible, as it is for Avro.

use arrow::datatypes::{DataType, Field, Fields, Schema};
use serde_json::{Value, json};

use super::{FORMAT, WriteRules};
use crate::column::Kind;
use crate::error::Result;
use crate::time::TimestampStyle;

pub(super) const TITLE: &str = "record";

/// The schema.
pub(super) fn schema_of(columns: &Schema, rules: WriteRules) -> Result<Value> {
    let mut schema = object(columns.fields(), rules)?;
    if let Some(members) = schema.as_object_mut() {
        members.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
        members.insert("title".into(), json!(TITLE));
    }
    Ok(schema)
}

fn object(fields: &Fields, rules: WriteRules) -> Result<Value> {
    let properties = fields.iter().map(|field| Ok((field.name().clone(), nullable(field, rules)?)));
    let properties = properties.collect::<Result<serde_json::Map<_, _>>>()?;
    let required: Vec<&str> =
        fields.iter().filter(|field| !field.is_nullable()).map(|field| field.name().as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (false, Some(members)) = (required.is_empty(), schema.as_object_mut()) {
        members.insert("required".into(), json!(required));
    }
    Ok(schema)
}

/// Confluent's serializers say it so, too.
fn nullable(field: &Field, rules: WriteRules) -> Result<Value> {
    let schema = of(field, rules)?;
    Ok(match field.is_nullable() && *field.data_type() != DataType::Null {
        true => json!({ "oneOf": [{ "type": "null" }, schema] }),
        false => schema,
    })
}

fn of(field: &Field, rules: WriteRules) -> Result<Value> {
    if let DataType::Dictionary(_, value) = field.data_type() {
        return of(&field.clone().with_data_type(value.as_ref().clone()), rules);
    }
    Ok(match (Kind::of(field, FORMAT)?, field.data_type()) {
        (Kind::List, DataType::List(item)) => json!({ "type": "array", "items": nullable(item, rules)? }),
        (Kind::Map, DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                json!({ "type": "object", "additionalProperties": nullable(&pair[1], rules)? })
            }
            _ => json!({ "type": "object" }),
        },
        (Kind::Struct, DataType::Struct(fields)) => object(fields, rules)?,
        (Kind::Null, _) => json!({ "type": "null" }),
        (Kind::Bool, _) => json!({ "type": "boolean" }),
        (Kind::Int { .. } | Kind::UInt64, _) => json!({ "type": "integer" }),
        // What is not a number is text.
        (Kind::Float32 | Kind::Float64, _) => json!({ "type": ["number", "string"] }),
        (Kind::Decimal { .. }, _) => json!({ "type": "number" }),
        (Kind::Binary | Kind::FixedBinary(_), _) => json!({ "type": "string", "contentEncoding": "base64" }),
        (Kind::Timestamp { .. }, _) if matches!(rules.timestamps, TimestampStyle::Epoch(_)) => {
            json!({ "type": "integer" })
        }
        (Kind::Date, _) => json!({ "type": "string", "format": "date" }),
        _ => json!({ "type": "string" }),
    })
}
