//! Avro schemas and Arrow schemas.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use serde_json::{Value, json};

use tidemill_schemas::avro::{AvroSchema, Logical, Node, NodeId, object};

use super::{FORMAT, checked, invalid};
use crate::column::Kind;
use crate::error::{Error, Result};

/// How the record of the columns is called, as Flink calls it.
const ROOT_NAME: &str = "record";

/// The columns that a schema comes to. With `legacy` mapping (Flink's default) its timestamps have no time zone.
pub(super) fn columns(schema: &AvroSchema, legacy: bool) -> Result<SchemaRef> {
    let mut fields = Vec::new();
    for field in schema.root_fields() {
        fields.push(arrow_field(schema, &field.name, field.node, legacy, &mut vec![schema.root()])?);
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The schema that columns are written with; as Flink's, nullable ones are unions of null and their type.
pub(super) fn schema_of(columns: &Schema, legacy: bool) -> Result<AvroSchema> {
    checked(AvroSchema::from_value(record(columns.fields(), ROOT_NAME, legacy)?))
}

fn arrow_field(
    schema: &AvroSchema,
    name: &str,
    id: NodeId,
    legacy: bool,
    inside: &mut Vec<NodeId>,
) -> Result<FieldRef> {
    if inside.contains(&id) {
        return Err(invalid(name, "the type lies in itself, which columns can't; leave the field out"));
    }
    let (data_type, nullable) = match schema.node(id) {
        Node::Null => (DataType::Null, true),
        Node::Boolean => (DataType::Boolean, false),
        Node::Int(None) => (DataType::Int32, false),
        Node::Int(Some(Logical::Date)) => (DataType::Date32, false),
        Node::Int(_) => (DataType::Time32(TimeUnit::Millisecond), false),
        Node::Long(logical) => (long_type(*logical, legacy), false),
        Node::Float => (DataType::Float32, false),
        Node::Double => (DataType::Float64, false),
        Node::Bytes(Some(Logical::Decimal { precision, scale }))
        | Node::Fixed { logical: Some(Logical::Decimal { precision, scale }), .. } => {
            (DataType::Decimal128(*precision, *scale), false)
        }
        Node::Bytes(_) => (DataType::Binary, false),
        Node::String(_) | Node::Enum { .. } => (DataType::Utf8, false),
        Node::Fixed { size, .. } => (DataType::FixedSizeBinary(*size as i32), false),
        Node::Array(item) => {
            inside.push(id);
            let item = arrow_field(schema, "item", *item, legacy, inside)?;
            inside.pop();
            (DataType::List(item), false)
        }
        Node::Map(value) => {
            inside.push(id);
            let value = arrow_field(schema, "value", *value, legacy, inside)?;
            inside.pop();
            (map_type(value), false)
        }
        Node::Record { fields, .. } => {
            inside.push(id);
            let fields = fields.iter().map(|field| arrow_field(schema, &field.name, field.node, legacy, inside));
            let fields = fields.collect::<Result<Fields>>()?;
            inside.pop();
            (DataType::Struct(fields), false)
        }
        Node::Union(branches) => {
            let others: Vec<NodeId> =
                branches.iter().copied().filter(|&branch| *schema.node(branch) != Node::Null).collect();
            let [one] = others.as_slice() else {
                let reason = "a column holds one type: a union of null and one other can be read, this one not";
                return Err(invalid(name, reason));
            };
            let field = arrow_field(schema, name, *one, legacy, inside)?;
            (field.data_type().clone(), others.len() < branches.len())
        }
    };
    Ok(Arc::new(Field::new(name, data_type, nullable)))
}

fn long_type(logical: Option<Logical>, legacy: bool) -> DataType {
    let zone = || (!legacy).then(|| "UTC".into());
    match logical {
        Some(Logical::TimeMicros) => DataType::Time64(TimeUnit::Microsecond),
        Some(Logical::TimestampMillis) => DataType::Timestamp(TimeUnit::Millisecond, zone()),
        Some(Logical::TimestampMicros) => DataType::Timestamp(TimeUnit::Microsecond, zone()),
        Some(Logical::TimestampNanos) => DataType::Timestamp(TimeUnit::Nanosecond, zone()),
        Some(Logical::LocalTimestampMillis) => DataType::Timestamp(TimeUnit::Millisecond, None),
        Some(Logical::LocalTimestampMicros) => DataType::Timestamp(TimeUnit::Microsecond, None),
        Some(Logical::LocalTimestampNanos) => DataType::Timestamp(TimeUnit::Nanosecond, None),
        _ => DataType::Int64,
    }
}

fn map_type(value: FieldRef) -> DataType {
    let entries = Fields::from(vec![Arc::new(Field::new("key", DataType::Utf8, false)), value]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

fn record(fields: &Fields, name: &str, legacy: bool) -> Result<Value> {
    let fields = fields.iter().map(|field| {
        let of_field = field_type(field, &format!("{name}_{}", field.name()), legacy)?;
        Ok(match field.is_nullable() && *field.data_type() != DataType::Null {
            true => {
                object([("name", json!(field.name())), ("type", json!(["null", of_field])), ("default", Value::Null)])
            }
            false => object([("name", json!(field.name())), ("type", of_field)]),
        })
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    Ok(object([("type", json!("record")), ("name", json!(name)), ("fields", json!(fields))]))
}

/// The type of a field, whether or not it is nullable.
fn field_type(field: &Field, name: &str, legacy: bool) -> Result<Value> {
    let logical = |of: &str, logical: &str| Ok(object([("type", json!(of)), ("logicalType", json!(logical))]));
    let inner = |field: &Field, name: &str| -> Result<Value> {
        let of_field = field_type(field, name, legacy)?;
        Ok(if field.is_nullable() { json!(["null", of_field]) } else { of_field })
    };
    let refused = |hint| Error::UnsupportedType {
        format: FORMAT,
        column: field.name().clone(),
        data_type: field.data_type().to_string(),
        hint,
    };
    Kind::of(field, FORMAT)?;
    match field.data_type() {
        DataType::Dictionary(_, value) => {
            field_type(&field.clone().with_data_type(value.as_ref().clone()), name, legacy)
        }
        DataType::Null => Ok(json!("null")),
        DataType::Boolean => Ok(json!("boolean")),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => Ok(json!("int")),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Ok(json!("long")),
        DataType::Float32 => Ok(json!("float")),
        DataType::Float64 => Ok(json!("double")),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(json!("string")),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Ok(json!("bytes")),
        DataType::FixedSizeBinary(size) => {
            Ok(object([("type", json!("fixed")), ("name", json!(name)), ("size", json!(size))]))
        }
        DataType::Decimal128(_, scale) if *scale < 0 => Err(refused("declare it with a scale of 0 or more")),
        DataType::Decimal128(precision, scale) => Ok(object([
            ("type", json!("bytes")),
            ("logicalType", json!("decimal")),
            ("precision", json!(precision)),
            ("scale", json!(scale)),
        ])),
        DataType::Date32 | DataType::Date64 => logical("int", "date"),
        DataType::Time32(_) => logical("int", "time-millis"),
        DataType::Time64(TimeUnit::Microsecond) => logical("long", "time-micros"),
        DataType::Time64(_) => Err(refused("Avro's times have microseconds: declare TIME(6)")),
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second | TimeUnit::Millisecond => "millis",
                TimeUnit::Microsecond => "micros",
                TimeUnit::Nanosecond => "nanos",
            };
            let local = if zone.is_some() || legacy { "" } else { "local-" };
            logical("long", &format!("{local}timestamp-{unit}"))
        }
        DataType::List(item) => Ok(object([("type", json!("array")), ("items", inner(item, name)?)])),
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { return Err(refused("declare MAP<STRING, …>")) };
            match pair.as_ref() {
                [key, value] if Kind::of(key, FORMAT)? == Kind::Text => {
                    Ok(object([("type", json!("map")), ("values", inner(value, name)?)]))
                }
                _ => Err(refused("Avro's maps have text for keys: declare MAP<STRING, …>")),
            }
        }
        DataType::Struct(fields) => record(fields, name, legacy),
        _ => Err(refused("declare another type")),
    }
}
