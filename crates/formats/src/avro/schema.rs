//! An Avro schema: types by number, so that a type may lie in itself.

use std::fmt::{self, Write};

use serde_json::{Map, Value, json};

use super::parse;
use crate::error::Result;

/// A type's place in its schema.
pub(crate) type NodeId = usize;

/// A parsed Avro schema whose root is a record.
#[derive(Clone, Debug)]
pub struct AvroSchema {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
    /// The schema as it was given.
    source: Value,
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Boolean,
    Int(Option<Logical>),
    Long(Option<Logical>),
    Float,
    Double,
    Bytes(Option<Logical>),
    String(Option<Logical>),
    Fixed { name: String, size: usize, logical: Option<Logical> },
    Enum { name: String, symbols: Vec<String>, default: Option<String> },
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record { name: String, fields: Vec<RecordField> },
}

/// What a type means beyond its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    Decimal { precision: u8, scale: i8 },
    Uuid,
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordField {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) node: NodeId,
    pub(crate) default: Option<Value>,
}

impl AvroSchema {
    /// The schema that a JSON text says.
    pub fn parse(text: &str) -> Result<Self> {
        let source: Value = serde_json::from_str(text).map_err(|error| parse::invalid("$", error.to_string()))?;
        Self::from_value(source)
    }

    pub(crate) fn from_value(source: Value) -> Result<Self> {
        let (nodes, root) = parse::nodes(&source)?;
        match nodes.get(root) {
            Some(Node::Record { .. }) => Ok(AvroSchema { nodes, root, source }),
            _ => Err(parse::invalid("$", "the outermost type must be a record, whose fields become columns")),
        }
    }

    /// The full name of the outermost record.
    pub fn name(&self) -> &str {
        match self.node(self.root) {
            Node::Record { name, .. } => name,
            _ => "",
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id).unwrap_or(&Node::Null)
    }

    pub(crate) fn root_fields(&self) -> &[RecordField] {
        match self.node(self.root) {
            Node::Record { fields, .. } => fields,
            _ => &[],
        }
    }

    /// The Parsing Canonical Form of the specification: equal for schemas that read the same.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        let mut named = Vec::new();
        self.write_canonical(self.root, &mut named, &mut out);
        out
    }

    fn write_canonical(&self, id: NodeId, named: &mut Vec<NodeId>, out: &mut String) {
        let name = match self.node(id) {
            Node::Record { name, .. } | Node::Enum { name, .. } | Node::Fixed { name, .. } => Some(name),
            _ => None,
        };
        if let Some(name) = name {
            if named.contains(&id) {
                let _ = write!(out, "{}", json!(name));
                return;
            }
            named.push(id);
        }
        match self.node(id) {
            Node::Array(item) => {
                out.push_str("{\"type\":\"array\",\"items\":");
                self.write_canonical(*item, named, out);
                out.push('}');
            }
            Node::Map(value) => {
                out.push_str("{\"type\":\"map\",\"values\":");
                self.write_canonical(*value, named, out);
                out.push('}');
            }
            Node::Union(branches) => {
                for (nth, branch) in branches.iter().enumerate() {
                    out.push(if nth == 0 { '[' } else { ',' });
                    self.write_canonical(*branch, named, out);
                }
                out.push_str(if branches.is_empty() { "[]" } else { "]" });
            }
            Node::Record { name, fields } => {
                let _ = write!(out, "{{\"name\":{},\"type\":\"record\",\"fields\":[", json!(name));
                for (nth, field) in fields.iter().enumerate() {
                    let comma = if nth == 0 { "" } else { "," };
                    let _ = write!(out, "{comma}{{\"name\":{},\"type\":", json!(field.name));
                    self.write_canonical(field.node, named, out);
                    out.push('}');
                }
                out.push_str("]}");
            }
            Node::Enum { name, symbols, .. } => {
                let _ = write!(out, "{{\"name\":{},\"type\":\"enum\",\"symbols\":{}}}", json!(name), json!(symbols));
            }
            Node::Fixed { name, size, .. } => {
                let _ = write!(out, "{{\"name\":{},\"type\":\"fixed\",\"size\":{size}}}", json!(name));
            }
            simple => {
                let _ = write!(out, "\"{}\"", simple.type_name());
            }
        }
    }

    /// The Rabin fingerprint (CRC-64-AVRO) of the canonical form, as single-object records carry it.
    pub fn fingerprint(&self) -> u64 {
        const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
        self.canonical().bytes().fold(EMPTY, |print, byte| {
            let mut low = (print ^ u64::from(byte)) & 0xff;
            for _ in 0..8 {
                low = (low >> 1) ^ (EMPTY & (low & 1).wrapping_neg());
            }
            (print >> 8) ^ low
        })
    }
}

impl fmt::Display for AvroSchema {
    /// The schema as it was given, without white space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)
    }
}

impl Node {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Boolean => "boolean",
            Node::Int(_) => "int",
            Node::Long(_) => "long",
            Node::Float => "float",
            Node::Double => "double",
            Node::Bytes(_) => "bytes",
            Node::String(_) => "string",
            Node::Fixed { .. } => "fixed",
            Node::Enum { .. } => "enum",
            Node::Array(_) => "array",
            Node::Map(_) => "map",
            Node::Union(_) => "union",
            Node::Record { .. } => "record",
        }
    }
}

/// A JSON object of these members, in this order.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}
