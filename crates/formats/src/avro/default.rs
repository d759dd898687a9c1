//! A field's default value, as the schema says it in JSON, in Avro's binary encoding.

use serde_json::Value;

use super::cursor::{write_bytes, write_long};
use tidemill_schemas::avro::{AvroSchema, Node, NodeId};

/// Writes a default. Of a union the first branch that it fits: Avro 1.12's rule, which contains the older ones' (that
/// it fits the first).
pub(super) fn write_default(schema: &AvroSchema, id: NodeId, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let wrong = || format!("the default {value} is no {}", schema.node(id).type_name());
    let number = || value.as_f64().ok_or_else(wrong);
    match schema.node(id) {
        Node::Null if value.is_null() => {}
        Node::Null => return Err(wrong()),
        Node::Boolean => out.push(u8::from(value.as_bool().ok_or_else(wrong)?)),
        Node::Int(_) => {
            let number = value.as_i64().filter(|value| i32::try_from(*value).is_ok()).ok_or_else(wrong)?;
            write_long(number, out);
        }
        Node::Long(_) => write_long(value.as_i64().ok_or_else(wrong)?, out),
        Node::Float => out.extend_from_slice(&(number()? as f32).to_le_bytes()),
        Node::Double => out.extend_from_slice(&number()?.to_le_bytes()),
        Node::String(_) => write_bytes(value.as_str().ok_or_else(wrong)?.as_bytes(), out),
        Node::Bytes(_) => write_bytes(&latin1(value).ok_or_else(wrong)?, out),
        Node::Fixed { size, .. } => {
            let bytes = latin1(value).filter(|bytes| bytes.len() == *size).ok_or_else(wrong)?;
            out.extend_from_slice(&bytes);
        }
        Node::Enum { symbols, .. } => {
            let symbol = symbols.iter().position(|symbol| value.as_str() == Some(symbol)).ok_or_else(wrong)?;
            write_long(symbol as i64, out);
        }
        Node::Array(item) => {
            let items = value.as_array().ok_or_else(wrong)?;
            if !items.is_empty() {
                write_long(items.len() as i64, out);
                items.iter().try_for_each(|value| write_default(schema, *item, value, out))?;
            }
            write_long(0, out);
        }
        Node::Map(inner) => {
            let entries = value.as_object().ok_or_else(wrong)?;
            if !entries.is_empty() {
                write_long(entries.len() as i64, out);
                for (key, value) in entries {
                    write_bytes(key.as_bytes(), out);
                    write_default(schema, *inner, value, out)?;
                }
            }
            write_long(0, out);
        }
        Node::Union(branches) => {
            let begin = out.len();
            for (nth, branch) in branches.iter().enumerate() {
                write_long(nth as i64, out);
                if write_default(schema, *branch, value, out).is_ok() {
                    return Ok(());
                }
                out.truncate(begin);
            }
            return Err(wrong());
        }
        Node::Record { fields, .. } => {
            let members = value.as_object().ok_or_else(wrong)?;
            for field in fields {
                let value = members.get(&field.name).or(field.default.as_ref());
                let value = value.ok_or_else(|| format!("the default {value:?} has no `{}`", field.name))?;
                write_default(schema, field.node, value, out)?;
            }
        }
    }
    Ok(())
}

/// Bytes in JSON: a character each.
fn latin1(value: &Value) -> Option<Vec<u8>> {
    value.as_str()?.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
