//! What a `$ref` refers to.

use serde_json::Value;

use super::invalid;
use crate::definition::Invalid;

/// A schema and those that it refers to, each by the names that it goes by.
pub(super) struct Documents<'d> {
    pub(super) documents: Vec<(Vec<String>, &'d Value)>,
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Location {
    pub(super) document: usize,
    /// A JSON pointer; empty for the document itself.
    pub(super) pointer: String,
}

impl<'d> Documents<'d> {
    /// The first is the schema itself.
    pub(super) fn new(schema: &'d Value, references: &'d [(String, Value)]) -> Self {
        let own_id = |schema: &Value| {
            let id = schema.get("$id").or_else(|| schema.get("id")).and_then(Value::as_str);
            id.map(|id| id.trim_end_matches('#').to_owned())
        };
        let mut documents = vec![(own_id(schema).into_iter().collect(), schema)];
        for (name, reference) in references {
            documents.push((own_id(reference).into_iter().chain([name.clone()]).collect(), reference));
        }
        Documents { documents }
    }

    /// What is at a place.
    pub(super) fn get(&self, at: &Location) -> Option<&'d Value> {
        self.documents.get(at.document)?.1.pointer(&at.pointer)
    }

    /// Where a reference that stands in a document leads; `None` for the drafts' own schemas, which accept anything
    /// here.
    pub(super) fn resolve(&self, reference: &str, from: &Location) -> Result<Option<Location>, Invalid> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if base.contains("json-schema.org/") {
            return Ok(None);
        }
        let lost = || {
            let reason = format!(
                "{reference:?} refers to nothing; add it to the schema, or register it and name it as a reference"
            );
            invalid(format!("#{}", from.pointer), reason)
        };
        let start = match base {
            "" => Location { document: from.document, pointer: String::new() },
            name => self.named(name).ok_or_else(lost)?,
        };
        let (_, document) = self.documents.get(start.document).ok_or_else(lost)?;
        let pointer = match fragment {
            "" => start.pointer,
            path if path.starts_with('/') => format!("{}{}", start.pointer, decoded(path)),
            anchor => anchored(document, anchor, String::new()).ok_or_else(lost)?,
        };
        let location = Location { document: start.document, pointer };
        self.get(&location).map(|_| Some(location)).ok_or_else(lost)
    }

    /// A document, or a part of one with an `$id` of its own.
    fn named(&self, name: &str) -> Option<Location> {
        let relative = |known: &str| known.rsplit('/').next() == Some(name.trim_start_matches("./"));
        let whole = |known: &String| known == name || relative(known);
        if let Some(document) = self.documents.iter().position(|(names, _)| names.iter().any(whole)) {
            return Some(Location { document, pointer: String::new() });
        }
        self.documents.iter().enumerate().find_map(|(document, (_, schema))| {
            let pointer = find(schema, String::new(), &|part| {
                part.get("$id").and_then(Value::as_str).is_some_and(|id| id == name || relative(id))
            })?;
            Some(Location { document, pointer })
        })
    }
}

fn anchored(document: &Value, anchor: &str, pointer: String) -> Option<String> {
    find(document, pointer, &|part| {
        let is = |keyword: &str| part.get(keyword).and_then(Value::as_str) == Some(anchor);
        let old = ["$id", "id"].iter().any(|keyword| {
            part.get(*keyword).and_then(Value::as_str).and_then(|id| id.strip_prefix('#')) == Some(anchor)
        });
        is("$anchor") || is("$dynamicAnchor") || old
    })
}

/// The first part of a document that is meant.
fn find(value: &Value, pointer: String, meant: &dyn Fn(&Value) -> bool) -> Option<String> {
    if meant(value) {
        return Some(pointer);
    }
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            find(value, format!("{pointer}/{name}"), meant)
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(nth, value)| find(value, format!("{pointer}/{nth}"), meant))
        }
        _ => None,
    }
}

/// A fragment without its percent signs.
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
