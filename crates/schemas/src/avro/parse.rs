//! JSON text becomes an Avro schema.

use hashbrown::HashMap;
use serde_json::Value;

use super::default;
use super::schema::{Logical, Node, NodeId, RecordField};

type Result<T> = std::result::Result<T, Invalid>;

/// Types in a schema, and how deep they may lie in each other.
const NODES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;
/// Bytes of a fixed type.
const FIXED_BYTES_MAX: usize = 1 << 20;

/// Why a text is no Avro schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid Avro schema at {place}: {reason}")]
pub struct Invalid {
    /// Where in it.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

#[cold]
fn invalid(place: &str, reason: impl Into<String>) -> Invalid {
    Invalid { place: place.to_owned(), reason: reason.into() }
}

/// JSON, or the bare name of a type.
pub(super) fn json(text: &str) -> Result<Value> {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    match serde_json::from_str(text) {
        Err(_) if bare => Ok(Value::String(text.to_owned())),
        parsed => parsed.map_err(|error| invalid("$", error.to_string())),
    }
}

/// All types of a schema and which is the outermost.
pub(super) fn nodes(source: &Value, references: &[Value]) -> Result<(Vec<Node>, NodeId)> {
    let mut parser = Parser { nodes: Vec::new(), named: HashMap::new() };
    for reference in references {
        parser.parse(reference, "", &mut vec!["$".into()])?;
    }
    let root = parser.parse(source, "", &mut vec!["$".into()])?;
    default::check_all(&parser.nodes)?;
    Ok((parser.nodes, root))
}

struct Parser {
    nodes: Vec<Node>,
    named: HashMap<String, NodeId>,
}

/// The way to where the parser is, for messages.
type Place = Vec<String>;

impl Parser {
    fn add(&mut self, node: Node, place: &Place) -> Result<NodeId> {
        if self.nodes.len() >= NODES_MAX {
            return Err(invalid(&place.join("."), format!("the schema has more than {NODES_MAX} types")));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn parse(&mut self, value: &Value, space: &str, place: &mut Place) -> Result<NodeId> {
        if place.len() > DEPTH_MAX {
            return Err(invalid(&place.join("."), format!("types lie deeper than {DEPTH_MAX}")));
        }
        match value {
            Value::String(name) => self.parse_name(name, None, space, place),
            Value::Array(branches) => {
                let branches =
                    branches.iter().map(|branch| self.parse(branch, space, place)).collect::<Result<Vec<_>>>()?;
                if branches.iter().any(|&branch| matches!(self.nodes.get(branch), Some(Node::Union(_)))) {
                    return Err(invalid(&place.join("."), "a union can't hold a union"));
                }
                if let Some(kind) = self.twice(&branches) {
                    return Err(invalid(&place.join("."), format!("the union has {kind} twice")));
                }
                if branches.is_empty() {
                    return Err(invalid(&place.join("."), "a union has at least one type"));
                }
                self.add(Node::Union(branches), place)
            }
            Value::Object(object) => match object.get("type") {
                Some(Value::String(name)) => self.parse_name(name, Some(value), space, place),
                Some(inner) => self.parse(inner, space, place),
                None => Err(invalid(&place.join("."), "there is no `type`")),
            },
            _ => Err(invalid(&place.join("."), "a type is a name, an object or a union in [ ]")),
        }
    }

    /// What a union has twice: of types without a name each may be there once.
    fn twice(&self, branches: &[NodeId]) -> Option<String> {
        let name = |id: &NodeId| {
            let node = self.nodes.get(*id).unwrap_or(&Node::Null);
            let named = self.named.iter().find(|(_, named)| *named == id).map(|(name, _)| name.as_str());
            named.or(node.name()).unwrap_or(node.type_name()).to_owned()
        };
        let names: Vec<String> = branches.iter().map(name).collect();
        names.iter().enumerate().find(|(nth, name)| names.iter().take(*nth).any(|n| n == *name)).map(|(_, n)| n.clone())
    }

    fn parse_name(&mut self, name: &str, object: Option<&Value>, space: &str, place: &mut Place) -> Result<NodeId> {
        let logical = || logical(object);
        let node = match name {
            "null" => Node::Null,
            "boolean" => Node::Boolean,
            "float" => Node::Float,
            "double" => Node::Double,
            "int" => Node::Int(logical().filter(|l| matches!(l, Logical::Date | Logical::TimeMillis))),
            "long" => Node::Long(logical().filter(|l| {
                !matches!(l, Logical::Date | Logical::TimeMillis | Logical::Uuid | Logical::Decimal { .. })
            })),
            "bytes" => Node::Bytes(logical().filter(|l| matches!(l, Logical::Decimal { .. }))),
            "string" => Node::String(logical().filter(|l| matches!(l, Logical::Uuid))),
            "array" | "map" => {
                let of = if name == "array" { "items" } else { "values" };
                let inner = object.and_then(|object| object.get(of));
                let inner = inner.ok_or_else(|| invalid(&place.join("."), format!("there is no `{of}`")))?;
                place.push(of.into());
                let inner = self.parse(inner, space, place)?;
                place.pop();
                if name == "array" { Node::Array(inner) } else { Node::Map(inner) }
            }
            "record" | "error" | "enum" | "fixed" => match object {
                Some(object) => return self.parse_named(name, object, space, place),
                None => return Err(invalid(&place.join("."), format!("`{name}` needs a name and more"))),
            },
            reference => {
                let full = if reference.contains('.') || space.is_empty() {
                    reference.to_owned()
                } else {
                    format!("{space}.{reference}")
                };
                let known = self.named.get(&full).or_else(|| self.named.get(reference));
                return known.copied().ok_or_else(|| invalid(&place.join("."), format!("there is no type `{full}`")));
            }
        };
        self.add(node, place)
    }

    fn parse_named(&mut self, kind: &str, object: &Value, space: &str, place: &mut Place) -> Result<NodeId> {
        let text = |member: &str| object.get(member).and_then(Value::as_str);
        let name = text("name").ok_or_else(|| invalid(&place.join("."), format!("the {kind} has no `name`")))?;
        let (full, space) = match (name.rsplit_once('.'), text("namespace")) {
            (Some((space, _)), _) => (name.to_owned(), space.to_owned()),
            (None, Some("")) => (name.to_owned(), String::new()),
            (None, Some(space)) => (format!("{space}.{name}"), space.to_owned()),
            (None, None) if space.is_empty() => (name.to_owned(), String::new()),
            (None, None) => (format!("{space}.{name}"), space.to_owned()),
        };
        if !full.split('.').all(is_name) {
            return Err(invalid(
                &place.join("."),
                format!("`{full}` is no name: letters, digits and _, not a digit first"),
            ));
        }
        // The place is taken before the fields are read: they may be of this type.
        let id = self.add(Node::Null, place)?;
        if self.named.insert(full.clone(), id).is_some() {
            return Err(invalid(&place.join("."), format!("the name `{full}` is given twice")));
        }
        let node = match kind {
            "enum" => self.parse_enum(full, object, &space, place)?,
            "fixed" => {
                let size = object.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
                let size = size.filter(|size| *size <= FIXED_BYTES_MAX);
                let size = size.ok_or_else(|| invalid(&place.join("."), "the fixed has no sound `size`"))?;
                let logical = logical(Some(object)).filter(|logical| {
                    matches!(logical, Logical::Decimal { .. }) || (*logical == Logical::Uuid && size == 16)
                });
                Node::Fixed { name: full, aliases: aliases(object, &space), size, logical }
            }
            _ => self.parse_record(full, object, &space, place)?,
        };
        if let Some(taken) = self.nodes.get_mut(id) {
            *taken = node;
        }
        Ok(id)
    }

    fn parse_enum(&self, name: String, object: &Value, space: &str, place: &Place) -> Result<Node> {
        let symbols = object.get("symbols").and_then(Value::as_array).filter(|symbols| !symbols.is_empty());
        let symbols = symbols.ok_or_else(|| invalid(&place.join("."), "the enum has no `symbols`"))?;
        let symbols: Option<Vec<String>> = symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect();
        let symbols = symbols.ok_or_else(|| invalid(&place.join("."), "a symbol is a text"))?;
        let default = object.get("default").and_then(Value::as_str).map(str::to_owned);
        if default.as_ref().is_some_and(|default| !symbols.contains(default)) {
            return Err(invalid(&place.join("."), "the enum's default is none of its symbols"));
        }
        if let Some(symbol) = symbols.iter().find(|symbol| !is_name(symbol)) {
            return Err(invalid(
                &place.join("."),
                format!("`{symbol}` is no symbol: letters, digits and _, not a digit first"),
            ));
        }
        if let Some(twice) =
            symbols.iter().enumerate().find(|(nth, symbol)| symbols.iter().take(*nth).any(|s| s == *symbol))
        {
            return Err(invalid(&place.join("."), format!("the symbol `{}` is there twice", twice.1)));
        }
        Ok(Node::Enum { name, aliases: aliases(object, space), symbols, default })
    }

    fn parse_record(&mut self, name: String, object: &Value, space: &str, place: &mut Place) -> Result<Node> {
        let fields = object.get("fields").and_then(Value::as_array);
        let fields = fields.ok_or_else(|| invalid(&place.join("."), "the record has no `fields`"))?;
        let mut parsed: Vec<RecordField> = Vec::with_capacity(fields.len());
        for field in fields {
            let field_name = field.get("name").and_then(Value::as_str).filter(|name| is_name(name));
            let field_name = field_name.ok_or_else(|| invalid(&place.join("."), "a field has no sound `name`"))?;
            place.push(field_name.to_owned());
            let field_type = field.get("type").ok_or_else(|| invalid(&place.join("."), "the field has no `type`"))?;
            // A logical type may stand beside the type in the field itself, as many writers have it.
            let beside = field_type.is_string() && field.get("logicalType").is_some();
            let node = self.parse(if beside { field } else { field_type }, space, place)?;
            let aliases = field.get("aliases").and_then(Value::as_array).into_iter().flatten();
            let aliases = aliases.filter_map(Value::as_str).map(str::to_owned).collect();
            if parsed.iter().any(|other| other.name == field_name) {
                return Err(invalid(&place.join("."), "the field is there twice"));
            }
            parsed.push(RecordField { name: field_name.into(), aliases, node, default: field.get("default").cloned() });
            place.pop();
        }
        Ok(Node::Record { name, aliases: aliases(object, space), fields: parsed })
    }
}

/// The full names of a type's aliases.
fn aliases(object: &Value, space: &str) -> Vec<String> {
    let aliases = object.get("aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let full = |alias: &str| match alias.contains('.') || space.is_empty() {
        true => alias.to_owned(),
        false => format!("{space}.{alias}"),
    };
    aliases.map(full).collect()
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The logical type; one that is not known, or not sound, is none, as the specification asks.
fn logical(object: Option<&Value>) -> Option<Logical> {
    let object = object?;
    let number = |member: &str| object.get(member).and_then(Value::as_u64);
    Some(match object.get("logicalType")?.as_str()? {
        "decimal" => {
            let precision = u8::try_from(number("precision")?).ok().filter(|p| (1..=38).contains(p))?;
            let scale = i8::try_from(number("scale").unwrap_or(0)).ok()?;
            if scale > precision.cast_signed() {
                return None;
            }
            Logical::Decimal { precision, scale }
        }
        "uuid" => Logical::Uuid,
        "date" => Logical::Date,
        "time-millis" => Logical::TimeMillis,
        "time-micros" => Logical::TimeMicros,
        "timestamp-millis" => Logical::TimestampMillis,
        "timestamp-micros" => Logical::TimestampMicros,
        "timestamp-nanos" => Logical::TimestampNanos,
        "local-timestamp-millis" => Logical::LocalTimestampMillis,
        "local-timestamp-micros" => Logical::LocalTimestampMicros,
        "local-timestamp-nanos" => Logical::LocalTimestampNanos,
        _ => return None,
    })
}
