//! Whether fields' defaults fit their types.

use serde_json::Value;

use super::parse::Invalid;
use super::schema::{Node, NodeId};

/// Values that a default comes to, with those of the fields that it leaves out, and how deep they may lie: a default may
/// lead to itself by a field that it leaves out, or to two of the next type, which lead to two each.
const VALUES_MAX: usize = 10_000;
const DEPTH_MAX: usize = 128;

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
                && !(Fitting { nodes, values: VALUES_MAX, depth: 0 }).fits(field.node, default)
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

/// Holds a default against a type.
struct Fitting<'n> {
    nodes: &'n [Node],
    /// That may still come.
    values: usize,
    depth: usize,
}

impl Fitting<'_> {
    fn fits(&mut self, id: NodeId, value: &Value) -> bool {
        if self.values == 0 || self.depth > DEPTH_MAX {
            return false;
        }
        self.values -= 1;
        self.depth += 1;
        let fits = self.nodes.get(id).is_some_and(|node| self.is_of(node, value));
        self.depth -= 1;
        fits
    }

    fn is_of(&mut self, node: &Node, value: &Value) -> bool {
        match node {
            Node::Null => value.is_null(),
            Node::Boolean => value.is_boolean(),
            Node::Int(_) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            Node::Long(_) => value.as_i64().is_some(),
            Node::Float | Node::Double => {
                value.is_number() || matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"))
            }
            // Whether the text is a symbol or has the size is not asked: Avro's own parser takes any, and so do both
            // registries.
            Node::String(_) | Node::Bytes(_) | Node::Fixed { .. } | Node::Enum { .. } => value.is_string(),
            Node::Array(item) => {
                value.as_array().is_some_and(|items| items.iter().all(|value| self.fits(*item, value)))
            }
            Node::Map(inner) => value.as_object().is_some_and(|map| map.values().all(|value| self.fits(*inner, value))),
            Node::Union(branches) => branches.iter().any(|branch| self.fits(*branch, value)),
            Node::Record { fields, .. } => value.as_object().is_some_and(|members| {
                let mut given = fields.iter().map(|field| (field, members.get(&field.name).or(field.default.as_ref())));
                given.all(|(field, value)| value.is_some_and(|value| self.fits(field.node, value)))
            }),
        }
    }
}
