//! Whether fields' defaults fit their types.

use serde_json::Value;

use super::parse::Invalid;
use super::schema::{Node, NodeId};

/// Checks the defaults of all records. Of a union any branch may fit: Avro 1.12's rule, which contains the older ones'.
pub(super) fn check_all(nodes: &[Node]) -> Result<(), Invalid> {
    for node in nodes {
        let Node::Record { name, fields, .. } = node else { continue };
        for field in fields {
            let wrong = |default: &Value| Invalid {
                place: format!("{name}.{}", field.name),
                reason: format!("the default {default} is no {}", type_name(nodes, field.node)),
            };
            if let Some(default) = &field.default
                && !fits(nodes, field.node, default)
            {
                return Err(wrong(default));
            }
        }
    }
    Ok(())
}

fn type_name(nodes: &[Node], id: NodeId) -> &'static str {
    nodes.get(id).map_or("null", Node::type_name)
}

fn fits(nodes: &[Node], id: NodeId, value: &Value) -> bool {
    let Some(node) = nodes.get(id) else { return false };
    match node {
        Node::Null => value.is_null(),
        Node::Boolean => value.is_boolean(),
        Node::Int(_) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Node::Long(_) => value.as_i64().is_some(),
        Node::Float | Node::Double => {
            value.is_number() || matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"))
        }
        Node::String(_) => value.is_string(),
        Node::Bytes(_) => value.as_str().is_some_and(|text| text.chars().all(|c| u32::from(c) < 256)),
        Node::Fixed { size, .. } => {
            value.as_str().is_some_and(|text| text.chars().count() == *size && text.chars().all(|c| u32::from(c) < 256))
        }
        Node::Enum { symbols, .. } => value.as_str().is_some_and(|text| symbols.iter().any(|symbol| symbol == text)),
        Node::Array(item) => value.as_array().is_some_and(|items| items.iter().all(|value| fits(nodes, *item, value))),
        Node::Map(inner) => value.as_object().is_some_and(|map| map.values().all(|value| fits(nodes, *inner, value))),
        Node::Union(branches) => branches.iter().any(|branch| fits(nodes, *branch, value)),
        Node::Record { fields, .. } => value.as_object().is_some_and(|members| {
            fields.iter().all(|field| match members.get(&field.name) {
                Some(value) => fits(nodes, field.node, value),
                None => field.default.is_some(),
            })
        }),
    }
}
