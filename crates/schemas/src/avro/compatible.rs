//! Schema resolution as the specification of Avro says it, and as `SchemaCompatibility` of its Java library reports
//! what breaks it: the same rules, names and places.

use hashbrown::HashSet;
use serde_json::Value;

use super::schema::{AvroSchema, Node, NodeId, RecordField};
use crate::compatibility::{Difference, RuleSet};

/// What keeps a reader from reading what a writer wrote.
pub(crate) fn compare(reader: &AvroSchema, writer: &AvroSchema, rules: RuleSet) -> Vec<Difference> {
    let mut check = Check { reader, writer, rules, seen: HashSet::new(), path: Vec::new(), found: Vec::new() };
    check.types(reader.root(), writer.root());
    check.found
}

struct Check<'s> {
    reader: &'s AvroSchema,
    writer: &'s AvroSchema,
    rules: RuleSet,
    /// Pairs that are being compared or were: compatible unless something was found.
    seen: HashSet<(NodeId, NodeId)>,
    path: Vec<String>,
    found: Vec<Difference>,
}

impl Check<'_> {
    fn at(&mut self, step: impl Into<String>, inside: impl FnOnce(&mut Self)) {
        self.path.push(step.into());
        inside(self);
        self.path.pop();
    }

    fn add(&mut self, rule: &'static str, reader: &Node, writer: &Node, reason: String, remedy: String) {
        let path = self.path.iter().map(|step| format!("/{step}")).collect();
        let name = |node: &Node| match node.name() {
            Some(name) => format!("{} {name}", node.type_name()),
            None => node.type_name().to_owned(),
        };
        let (reader, writer) = (name(reader), name(writer));
        self.found.push(Difference { rule, path, breaks: true, reader, writer, reason, remedy });
    }

    /// Whether the reader's type reads the writer's, without reporting.
    fn reads(&self, reader: NodeId, writer: NodeId) -> bool {
        let mut check = Check { seen: self.seen.clone(), path: vec![String::new()], found: Vec::new(), ..*self };
        check.types(reader, writer);
        check.found.is_empty()
    }

    fn types(&mut self, reader_id: NodeId, writer_id: NodeId) {
        if !self.seen.insert((reader_id, writer_id)) {
            return;
        }
        let (schemas, writers) = (self.reader, self.writer);
        let (reader, writer) = (schemas.node(reader_id), writers.node(writer_id));
        match (reader, writer) {
            (Node::Array(reader), Node::Array(writer)) => self.at("items", |check| check.types(*reader, *writer)),
            (Node::Map(reader), Node::Map(writer)) => self.at("values", |check| check.types(*reader, *writer)),
            (Node::Fixed { size: to, .. }, Node::Fixed { size: from, .. }) => {
                self.names(reader, writer);
                if to != from {
                    let reason = format!("the fixed has {to} bytes, the writer's {from}");
                    self.at("size", |check| {
                        check.add("FIXED_SIZE_MISMATCH", reader, writer, reason, format!("keep the size of {from}"));
                    });
                }
            }
            (Node::Enum { symbols, default, .. }, Node::Enum { symbols: written, .. }) => {
                self.names(reader, writer);
                let missing: Vec<&str> =
                    written.iter().filter(|symbol| !symbols.contains(symbol)).map(String::as_str).collect();
                if !missing.is_empty() && default.is_none() {
                    let missing = missing.join(", ");
                    let reason = format!("the enum lacks the writer's symbols {missing}");
                    let remedy = format!("keep {missing}, or give the enum a default");
                    self.at("symbols", |check| check.add("MISSING_ENUM_SYMBOLS", reader, writer, reason, remedy));
                }
            }
            (Node::Record { fields, .. }, Node::Record { fields: written, .. }) => {
                self.names(reader, writer);
                self.at("fields", |check| check.fields(reader, writer, fields, written));
            }
            (Node::Union(_), Node::Union(branches)) => {
                for (nth, branch) in branches.iter().enumerate() {
                    if !self.reads(reader_id, *branch) {
                        self.at(nth.to_string(), |check| check.missing_branch(reader, writers.node(*branch)));
                    }
                }
            }
            (_, Node::Union(branches)) => {
                for branch in branches {
                    self.types(reader_id, *branch);
                }
            }
            (Node::Union(branches), _) => {
                if !branches.iter().any(|branch| self.reads(*branch, writer_id)) {
                    self.missing_branch(reader, writer);
                }
            }
            _ if widens(reader, writer) => {}
            _ => {
                let (to, from) = (reader.type_name(), writer.type_name());
                let reason = format!("the type is {to}, the writer's {from}, which it can't be read as");
                let remedy = format!("keep {from}, or make it a union that has {from}");
                self.add("TYPE_MISMATCH", reader, writer, reason, remedy);
            }
        }
    }

    fn missing_branch(&mut self, reader: &Node, writer: &Node) {
        let lacking = writer.name().unwrap_or(writer.type_name());
        let reason = format!("the union lacks the writer's type {lacking}");
        self.add("MISSING_UNION_BRANCH", reader, writer, reason, format!("add {lacking} to the union"));
    }

    fn names(&mut self, reader: &Node, writer: &Node) {
        let (Some(name), Some(written)) = (reader.name(), writer.name()) else { return };
        let simple = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let same = simple(name) == simple(written) || reader.aliases().iter().any(|alias| alias == written);
        if same || (self.path.is_empty() && !self.rules.keeps_root_name()) {
            return;
        }
        let reason = format!("the name is {name}, the writer's {written}");
        let remedy = format!("keep the name, or give {name} the alias {written}");
        self.at("name", |check| check.add("NAME_MISMATCH", reader, writer, reason, remedy));
    }

    fn fields(&mut self, reader: &Node, writer: &Node, fields: &[RecordField], written: &[RecordField]) {
        for (nth, field) in fields.iter().enumerate() {
            let from = written.iter().find(|from| from.name == field.name);
            let from = from.or_else(|| written.iter().find(|from| field.aliases.contains(&from.name)));
            match from {
                Some(from) => self.at(nth.to_string(), |check| {
                    check.at("type", |check| check.types(field.node, from.node));
                }),
                None if field.default.is_some() => {}
                None => {
                    let reason = format!("the field {} has no default and the writer has it not", field.name);
                    let default = default_for(self.reader.node(field.node));
                    let remedy = format!("give {} a default, such as {default}", field.name);
                    self.at(nth.to_string(), |check| {
                        check.add("READER_FIELD_MISSING_DEFAULT_VALUE", reader, writer, reason, remedy);
                    });
                }
            }
        }
    }
}

/// Whether values of the writer's type are also such of the reader's: the same type, or a wider one.
fn widens(reader: &Node, writer: &Node) -> bool {
    match (reader, writer) {
        (Node::Long(_), Node::Int(_))
        | (Node::Float, Node::Int(_) | Node::Long(_))
        | (Node::Double, Node::Int(_) | Node::Long(_) | Node::Float)
        | (Node::Bytes(_), Node::String(_))
        | (Node::String(_), Node::Bytes(_)) => true,
        _ => reader.type_name() == writer.type_name(),
    }
}

fn default_for(node: &Node) -> Value {
    match node {
        Node::Boolean => Value::Bool(false),
        Node::Int(_) | Node::Long(_) | Node::Float | Node::Double => Value::from(0),
        Node::String(_) | Node::Bytes(_) => Value::from(""),
        Node::Enum { symbols, .. } => symbols.first().map_or(Value::Null, |symbol| Value::from(symbol.as_str())),
        Node::Array(_) => Value::Array(Vec::new()),
        Node::Map(_) => Value::Object(serde_json::Map::new()),
        _ => Value::Null,
    }
}
