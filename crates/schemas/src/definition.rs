//! What a schema says, in any of the three formats.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::avro::{self, AvroSchema};
use crate::compatibility::{Difference, RuleSet};
use crate::json::{self, Acceptance, JsonSchema};
use crate::protobuf::{self, ProtobufSchema};

/// The language that a schema is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DataFormat {
    /// Apache Avro.
    #[default]
    Avro,
    /// JSON Schema, draft 4 to 2020-12.
    Json,
    /// Protocol Buffers, proto2 and proto3.
    Protobuf,
}

impl DataFormat {
    /// The name that both registries use.
    pub fn name(self) -> &'static str {
        match self {
            DataFormat::Avro => "AVRO",
            DataFormat::Json => "JSON",
            DataFormat::Protobuf => "PROTOBUF",
        }
    }
}

impl fmt::Display for DataFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DataFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [DataFormat::Avro, DataFormat::Json, DataFormat::Protobuf];
        let found = all.into_iter().find(|format| format.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| format!("{text:?} is no data format; there are AVRO, JSON and PROTOBUF"))
    }
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// How it is referred to: a full name (Avro), a URL (JSON Schema) or a file (Protobuf).
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Why a text is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Invalid {
    /// Where in it.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}

/// The hash of a schema's normal form: equal for texts that are the same schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A parsed schema.
#[derive(Clone, Debug)]
pub struct Definition {
    parsed: Parsed,
    fingerprint: Fingerprint,
}

#[derive(Clone, Debug)]
enum Parsed {
    Avro(AvroSchema),
    Json {
        schema: Value,
        /// What it refers to, by name.
        references: Vec<(String, Value)>,
        model: JsonSchema,
    },
    Protobuf(ProtobufSchema),
}

impl Definition {
    /// Reads a schema. References come in an order in which each refers to those before it only.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(format: DataFormat, text: &str, references: &[Reference]) -> Result<Self, Invalid> {
        let not_json = |error: serde_json::Error| Invalid { place: "$".into(), reason: format!("no JSON: {error}") };
        let parsed = match format {
            DataFormat::Avro => {
                let texts: Vec<&str> = references.iter().map(|reference| reference.text.as_str()).collect();
                let schema = AvroSchema::parse_with(text, &texts);
                Parsed::Avro(schema.map_err(|avro::Invalid { place, reason }| Invalid { place, reason })?)
            }
            DataFormat::Json => {
                let schema: Value = serde_json::from_str(text).map_err(not_json)?;
                let references = references.iter().map(|reference| {
                    let schema = serde_json::from_str(&reference.text).map_err(not_json)?;
                    Ok((reference.name.clone(), schema))
                });
                let references = references.collect::<Result<Vec<_>, Invalid>>()?;
                let model = JsonSchema::new(&schema, &references)?;
                Parsed::Json { schema, references, model }
            }
            DataFormat::Protobuf => Parsed::Protobuf(ProtobufSchema::parse(text, references)?),
        };
        let mut definition = Definition { parsed, fingerprint: Fingerprint([0; 32]) };
        let mut hash = blake3::Hasher::new();
        hash.update(format.name().as_bytes()).update(b"\0").update(definition.normal_form().as_bytes());
        for reference in references {
            hash.update(b"\0").update(reference.name.as_bytes()).update(b"\0").update(reference.text.as_bytes());
        }
        definition.fingerprint = Fingerprint(*hash.finalize().as_bytes());
        Ok(definition)
    }

    /// Its language.
    pub fn format(&self) -> DataFormat {
        match &self.parsed {
            Parsed::Avro(_) => DataFormat::Avro,
            Parsed::Json { .. } => DataFormat::Json,
            Parsed::Protobuf(_) => DataFormat::Protobuf,
        }
    }

    /// The same text for the same schema: white space, the order of members, comments and where names are qualified do
    /// not count; defaults, aliases and documentation do.
    pub fn normal_form(&self) -> String {
        match &self.parsed {
            Parsed::Avro(schema) => avro::normal_form(schema.source()).to_string(),
            Parsed::Json { schema, .. } => schema.to_string(),
            Parsed::Protobuf(schema) => schema.normal_form(),
        }
    }

    /// The text to keep of what was given: descriptors become readable.
    pub(crate) fn readable(&self, given: &str) -> String {
        match &self.parsed {
            Parsed::Protobuf(schema) if protobuf::is_descriptor(given) => schema.normal_form(),
            _ => given.to_owned(),
        }
    }

    /// The hash of the normal form and the references.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The Avro schema, if it is one.
    pub fn avro(&self) -> Option<&AvroSchema> {
        match &self.parsed {
            Parsed::Avro(schema) => Some(schema),
            _ => None,
        }
    }

    /// The Protobuf file, if it is one.
    pub fn protobuf(&self) -> Option<&ProtobufSchema> {
        match &self.parsed {
            Parsed::Protobuf(schema) => Some(schema),
            _ => None,
        }
    }

    /// What says which values the schema accepts, if it is a JSON Schema.
    pub fn acceptance(&self) -> Option<Acceptance> {
        match &self.parsed {
            Parsed::Json { schema, references, .. } => Some(Acceptance::new(schema, references)),
            _ => None,
        }
    }

    /// What differs from a writer's schema when this one reads.
    pub fn differences_from(&self, writer: &Definition, rules: RuleSet) -> Vec<Difference> {
        if self.fingerprint == writer.fingerprint {
            return Vec::new();
        }
        match (&self.parsed, &writer.parsed) {
            (Parsed::Avro(reader), Parsed::Avro(writer)) => avro::compare(reader, writer, rules),
            (Parsed::Json { model: reader, .. }, Parsed::Json { model: writer, .. }) => json::compare(reader, writer),
            (Parsed::Protobuf(reader), Parsed::Protobuf(writer)) => protobuf::compare(reader, writer, rules),
            _ => {
                let (reader, writer) = (self.format().to_string(), writer.format().to_string());
                let reason = format!("the schema is written in {reader}, the writer's in {writer}");
                let (rule, path, remedy) = ("DATA_FORMAT_CHANGED", String::new(), "use another schema".to_owned());
                vec![Difference { rule, path, breaks: true, reader, writer, reason, remedy }]
            }
        }
    }
}
