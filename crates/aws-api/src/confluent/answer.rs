//! Schemas as requests bring them and answers carry them.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidemill_schemas::{Content, DataFormat, Fingerprint, Registration, RuleSet, SchemaReference, VersionInfo};

use super::subject::qualified;
use super::{Confluent, Fault, Query};

/// A schema in a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given {
    schema: String,
    schema_type: Option<String>,
    references: Option<Vec<SchemaReference>>,
    id: Option<i64>,
    version: Option<i64>,
}

impl Given {
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(body).map_err(|error| Fault::unreadable(&error))
    }

    pub(super) fn registration(self) -> Result<Registration, Fault> {
        let format = match self.schema_type.as_deref() {
            None | Some("") => DataFormat::Avro,
            Some(name) => name.parse().map_err(|error| Fault::new(42201, format!("Invalid schema type: {error}")))?,
        };
        let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok()).filter(|n| *n > 0);
        Ok(Registration {
            references: self.references.unwrap_or_default(),
            rules: RuleSet::Confluent,
            create: Some(None),
            id: number(self.id),
            number: number(self.version).filter(|_| self.id.is_some_and(|id| id > 0)),
            ..Registration::new(format, self.schema)
        })
    }
}

impl Confluent {
    /// The members that tell what a content says.
    pub(super) fn content(&self, content: &Content, query: &Query) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("schema".into(), self.text(content, query));
        if content.format != DataFormat::Avro {
            members.insert("schemaType".into(), json!(content.format.name()));
        }
        if !content.references.is_empty() {
            members.insert("references".into(), json!(content.references));
        }
        members
    }

    /// The text in the format that the query asks for.
    pub(super) fn text(&self, content: &Content, query: &Query) -> Value {
        let serialized = content.format == DataFormat::Protobuf && query.get("format") == Some("serialized");
        let packed = serialized.then(|| self.registries.definition(content).ok()).flatten();
        match packed.as_ref().and_then(|definition| definition.protobuf()) {
            Some(file) => json!(file.descriptor_base64()),
            None => json!(&*content.text),
        }
    }

    /// A version with all that is known of it.
    pub(super) fn whole(&self, version: &VersionInfo, query: &Query) -> Value {
        let mut members = self.content(&version.content, query);
        members.insert("subject".into(), json!(qualified(&version.name)));
        members.insert("version".into(), json!(version.number));
        members.insert("id".into(), json!(version.content.id));
        members.insert("guid".into(), json!(guid(version.content.fingerprint())));
        if version.deleted {
            members.insert("deleted".into(), json!(true));
        }
        Value::Object(members)
    }
}

/// The id that a schema has in all contexts: the first half of its fingerprint, as a UUID.
pub(super) fn guid(fingerprint: Fingerprint) -> String {
    let hex = fingerprint.to_string();
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-")
}
