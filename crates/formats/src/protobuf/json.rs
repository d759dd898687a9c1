//! A record as JSON, by the message that it names.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as Type, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use tidemill_schemas::ProtobufSchema;

use super::scalar::{TIMESTAMP, wrapped};
use crate::column::Unit;
use crate::fault::{Fault, Read};
use crate::legible::{push_bytes, push_float, push_float32, push_text, push_written};
use crate::registry::{SchemaId, split_message_index, split_message_path};
use crate::time::{TimestampStyle, write_timestamp};

/// A whole record as one line of JSON. Fields that can tell that they are not there are left out when they are not.
pub(crate) fn to_json(schema: &ProtobufSchema, id: SchemaId, payload: &[u8]) -> Read<String> {
    let (message, bytes) = match id {
        SchemaId::Glue(_) => {
            let (place, rest) = split_message_index(payload).map_err(Fault::broken)?;
            (schema.messages_by_name().into_iter().nth(place), rest)
        }
        _ => {
            let (path, rest) = split_message_path(payload).map_err(Fault::broken)?;
            (schema.message_at(&path), rest)
        }
    };
    let message =
        message.ok_or_else(|| Fault::broken("the schema has no message at the place that the record names"))?;
    let read = DynamicMessage::decode(message, bytes);
    let read = read.map_err(|error| Fault::broken(format!("malformed Protobuf: {error}")))?;
    let mut out = String::new();
    write_message(&read, &mut out);
    Ok(out)
}

fn write_message(message: &DynamicMessage, out: &mut String) {
    let of = message.descriptor();
    if of.full_name() == TIMESTAMP {
        return write_time(message, &of, out);
    }
    if let (Some(_), Some(only)) = (wrapped(&of), of.get_field(1)) {
        return write_value(&message.get_field(&only), &only.kind(), out);
    }
    out.push('{');
    let mut first = true;
    for field in of.fields().filter(|field| !field.supports_presence() || message.has_field(field)) {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        push_text(field.name(), out);
        out.push(':');
        write_field(&message.get_field(&field), &field, out);
    }
    out.push('}');
}

/// As SQL reads it; one that is out of range as the message that it is.
fn write_time(message: &DynamicMessage, of: &MessageDescriptor, out: &mut String) {
    let number = |number: u32| -> i64 {
        let value = of.get_field(number).map(|field| message.get_field(&field).into_owned());
        match value {
            Some(Value::I64(value)) => value,
            Some(Value::I32(value)) => i64::from(value),
            _ => 0,
        }
    };
    let (seconds, nanos) = (number(1), number(2));
    let whole = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
    match whole.filter(|_| (0..1_000_000_000).contains(&nanos)) {
        Some(value) => {
            push_written(out, |out| write_timestamp(value, Unit::Nano, true, TimestampStyle::Iso, out));
        }
        None => out.push_str(&format!("{{\"seconds\":{seconds},\"nanos\":{nanos}}}")),
    }
}

fn write_field(value: &Value, field: &FieldDescriptor, out: &mut String) {
    match (value, field.kind()) {
        (Value::Map(entries), Type::Message(entry)) => {
            let kind = entry.map_entry_value_field().kind();
            let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key_text(key), value)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (nth, (key, value)) in entries.into_iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                push_text(&key, out);
                out.push(':');
                write_value(value, &kind, out);
            }
            out.push('}');
        }
        (Value::List(items), kind) => {
            out.push('[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write_value(item, &kind, out);
            }
            out.push(']');
        }
        (value, kind) => write_value(value, &kind, out),
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn write_value(value: &Value, kind: &Type, out: &mut String) {
    match value {
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::I32(value) => out.push_str(itoa::Buffer::new().format(*value)),
        Value::I64(value) => out.push_str(itoa::Buffer::new().format(*value)),
        Value::U32(value) => out.push_str(itoa::Buffer::new().format(*value)),
        Value::U64(value) => out.push_str(itoa::Buffer::new().format(*value)),
        Value::F32(value) => push_float32(*value, out),
        Value::F64(value) => push_float(*value, out),
        Value::String(text) => push_text(text, out),
        Value::Bytes(bytes) => push_bytes(bytes, out),
        Value::EnumNumber(number) => match kind {
            // One that a later schema has is told by its number.
            Type::Enum(of) if of.get_value(*number).is_some() => {
                push_text(of.get_value(*number).as_ref().map_or("", |value| value.name()), out);
            }
            _ => out.push_str(itoa::Buffer::new().format(*number)),
        },
        Value::Message(message) => write_message(message, out),
        // Lists and maps lie in fields only.
        Value::List(_) | Value::Map(_) => out.push_str("null"),
    }
}
