//! An Avro schema: types by number, so that a type may lie in itself.

use std::fmt::{self, Write};

use serde_json::{Map, Value, json};

use super::parse::{self, Invalid};

/// A type's place in its schema.
pub type NodeId = usize;

/// A parsed Avro schema.
#[derive(Clone, Debug)]
pub struct AvroSchema {
    nodes: Vec<Node>,
    root: NodeId,
    /// The schema as it was given.
    source: Value,
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing.
    Null,
    /// True or false.
    Boolean,
    /// 32 bits.
    Int(Option<Logical>),
    /// 64 bits.
    Long(Option<Logical>),
    /// 32 bits of floating point.
    Float,
    /// 64 bits of floating point.
    Double,
    /// Any bytes.
    Bytes(Option<Logical>),
    /// UTF-8.
    String(Option<Logical>),
    /// So many bytes.
    Fixed {
        /// The full name.
        name: String,
        /// Full names that it also goes by.
        aliases: Vec<String>,
        /// Its bytes.
        size: usize,
        /// What they mean.
        logical: Option<Logical>,
    },
    /// One of these symbols.
    Enum {
        /// The full name.
        name: String,
        /// Full names that it also goes by.
        aliases: Vec<String>,
        /// In order.
        symbols: Vec<String>,
        /// What a reader takes a symbol for that it has not.
        default: Option<String>,
    },
    /// Many of a type.
    Array(NodeId),
    /// Many of a type, each under a text.
    Map(NodeId),
    /// One of these types.
    Union(Vec<NodeId>),
    /// Fields.
    Record {
        /// The full name.
        name: String,
        /// Full names that it also goes by.
        aliases: Vec<String>,
        /// In order.
        fields: Vec<RecordField>,
    },
}

/// What a type means beyond its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// A number with decimal places.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// A UUID.
    Uuid,
    /// Days since 1970.
    Date,
    /// Milliseconds of the day.
    TimeMillis,
    /// Microseconds of the day.
    TimeMicros,
    /// Milliseconds since 1970.
    TimestampMillis,
    /// Microseconds since 1970.
    TimestampMicros,
    /// Nanoseconds since 1970.
    TimestampNanos,
    /// Milliseconds since 1970 on some clock.
    LocalTimestampMillis,
    /// Microseconds since 1970 on some clock.
    LocalTimestampMicros,
    /// Nanoseconds since 1970 on some clock.
    LocalTimestampNanos,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordField {
    /// Its name.
    pub name: String,
    /// Names that a reader also finds it by.
    pub aliases: Vec<String>,
    /// Its type.
    pub node: NodeId,
    /// What a reader takes when the writer has it not.
    pub default: Option<Value>,
}

impl AvroSchema {
    /// The schema that a JSON text says.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::parse_with(text, &[])
    }

    /// The schema that a JSON text says; types that it names may stand in `references`, each of which may name those
    /// before it.
    pub fn parse_with(text: &str, references: &[&str]) -> Result<Self, Invalid> {
        let source = parse::json(text)?;
        let references = references.iter().map(|text| parse::json(text)).collect::<Result<Vec<_>, _>>()?;
        let (nodes, root) = parse::nodes(&source, &references)?;
        Ok(AvroSchema { nodes, root, source })
    }

    /// The schema that a JSON value says.
    pub fn from_value(source: Value) -> Result<Self, Invalid> {
        let (nodes, root) = parse::nodes(&source, &[])?;
        Ok(AvroSchema { nodes, root, source })
    }

    /// The outermost type.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The schema as JSON, as it was given.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The full name of the outermost type; empty when it has none.
    pub fn name(&self) -> &str {
        self.node(self.root).name().unwrap_or_default()
    }

    /// A type.
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id).unwrap_or(&Node::Null)
    }

    /// The fields of the outermost record.
    pub fn root_fields(&self) -> &[RecordField] {
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
        if let Some(name) = self.node(id).name() {
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
            Node::Record { name, fields, .. } => {
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
    /// The full name, of types that have one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Node::Record { name, .. } | Node::Enum { name, .. } | Node::Fixed { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The full names that it also goes by.
    pub fn aliases(&self) -> &[String] {
        match self {
            Node::Record { aliases, .. } | Node::Enum { aliases, .. } | Node::Fixed { aliases, .. } => aliases,
            _ => &[],
        }
    }

    /// What the specification calls the type.
    pub fn type_name(&self) -> &'static str {
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
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}
