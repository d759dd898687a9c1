//! What is stored: rows, their keys and their bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::compatibility::Mode;
use crate::definition::{DataFormat, Fingerprint};
use crate::error::{Error, Result};

/// What has become of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It can be used.
    Available,
    /// It did not get along with the older ones.
    Failure,
}

/// Who may change what, as Confluent's modes say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Access {
    /// Anything.
    #[default]
    ReadWrite,
    /// Nothing.
    ReadOnly,
    /// Nothing, whatever a schema's own mode is.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Only versions with their ids, copied from another registry; compatibility is not checked.
    Import,
    /// As read-only: another registry is written to.
    Forward,
}

impl Access {
    /// Confluent's name.
    pub fn name(self) -> &'static str {
        match self {
            Access::ReadWrite => "READWRITE",
            Access::ReadOnly => "READONLY",
            Access::ReadOnlyOverride => "READONLY_OVERRIDE",
            Access::Import => "IMPORT",
            Access::Forward => "FORWARD",
        }
    }

    /// The mode of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Access::ReadWrite, Access::ReadOnly, Access::ReadOnlyOverride, Access::Import, Access::Forward];
        all.into_iter().find(|access| access.name().eq_ignore_ascii_case(name))
    }
}

/// Tags: names and values.
pub(super) type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RegistryRow {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) tags: Tags,
    pub(super) compatibility: Option<Mode>,
    pub(super) access: Option<Access>,
    pub(super) next_id: u32,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SchemaRow {
    pub(super) registry: String,
    pub(super) name: String,
    pub(super) format: DataFormat,
    pub(super) description: Option<String>,
    pub(super) tags: Tags,
    pub(super) compatibility: Option<Mode>,
    pub(super) access: Option<Access>,
    /// The version that compatibility with all is judged from.
    pub(super) checkpoint: u32,
    pub(super) next_version: u32,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct VersionRow {
    pub(super) registry: String,
    pub(super) schema: String,
    pub(super) number: u32,
    pub(super) id: u32,
    pub(super) uuid: u128,
    pub(super) status: Status,
    /// Deleted, but not for good: Confluent's soft deletion.
    pub(super) deleted: bool,
    pub(super) created_ms: i64,
    pub(super) metadata: Vec<MetadataValue>,
}

/// A value of a version's metadata. The last of a key counts, those before it are its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataValue {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// When it was put.
    pub created_ms: i64,
}

/// A schema that another one refers to, by its name in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SchemaReference {
    /// How the text refers to it.
    pub name: String,
    /// The schema, in the same registry.
    pub subject: String,
    /// Its version; -1 is the last one.
    pub version: i64,
}

/// A definition as it was registered. Equal ones of a registry share one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// The registry.
    pub registry: String,
    /// Its number in the registry, from 1.
    pub id: u32,
    /// Its language.
    pub format: DataFormat,
    /// What it says.
    pub text: Arc<str>,
    /// What it refers to.
    pub references: Vec<SchemaReference>,
    pub(super) fingerprint: [u8; 32],
}

impl Content {
    /// The fingerprint of the definition.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.fingerprint)
    }
}

/// A row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Row {
    Registry(RegistryRow),
    Schema(SchemaRow),
    Version(VersionRow),
    Content(Content),
}

/// A row's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Registry(String),
    Schema(String, String),
    Version(String, String, u32),
    Content(String, u32),
}

/// A row put, or removed.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(Row),
    Remove(Key),
}

impl Row {
    pub(super) fn key(&self) -> Key {
        match self {
            Row::Registry(row) => Key::Registry(row.name.clone()),
            Row::Schema(row) => Key::Schema(row.registry.clone(), row.name.clone()),
            Row::Version(row) => Key::Version(row.registry.clone(), row.schema.clone(), row.number),
            Row::Content(row) => Key::Content(row.registry.clone(), row.id),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::Store(error.to_string()))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|error| Error::Store(format!("a row can't be read: {error}")))
    }
}

impl Key {
    /// Rows of a registry before its schemas, those before its versions. Names hold no control characters.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Key::Registry(name) => format!("a\0{name}").into_bytes(),
            Key::Content(registry, id) => format!("b\0{registry}\0{id:010}").into_bytes(),
            Key::Schema(registry, name) => format!("c\0{registry}\0{name}").into_bytes(),
            Key::Version(registry, name, number) => format!("d\0{registry}\0{name}\0{number:010}").into_bytes(),
        }
    }
}
