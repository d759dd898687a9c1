//! The registry of this process.

use std::sync::Arc;

use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup};
use tidemill_schemas::{DEFAULT_REGISTRY, DataFormat, Mode, Registration, Registries, RuleSet, SchemaName};

use super::{SUBJECT, Use};
use crate::error::{Error, Result};

pub(super) struct Embedded {
    registries: Arc<Registries>,
    name: SchemaName,
    used: Use,
}

impl Embedded {
    pub(super) fn new(registries: Arc<Registries>, used: Use) -> Result<Self> {
        let (registry, name) = used.subject.split_once('/').unwrap_or((DEFAULT_REGISTRY, &used.subject));
        let name = SchemaName::new(registry, name).map_err(|error| Error::InvalidOption {
            option: SUBJECT.to_owned(),
            value: used.subject.clone(),
            rule: error.to_string(),
        })?;
        Ok(Embedded { registries, name, used })
    }
}

/// A schema of this process's registry. An id of Confluent's is one of the registry that `own` is in; where several schemas have it, it is
/// told as a version of `own`.
///
/// # Errors
/// When there is none, or its definition can't be read.
pub fn registered_schema(
    registries: &Registries,
    own: &SchemaName,
    id: SchemaId,
) -> std::result::Result<RegisteredSchema, LookupError> {
    let (content, version) = match id {
        SchemaId::Confluent(id) => {
            let content = registries.content(&own.registry, id);
            let versions = registries.versions_of(&own.registry, id).unwrap_or_default();
            let version = versions.iter().find(|version| version.name == *own).or_else(|| versions.first());
            (content, version.cloned())
        }
        SchemaId::Glue(uuid) => {
            let version = registries.version_by_uuid(uuid);
            (version.as_ref().map(|version| Arc::clone(&version.content)), version)
        }
        SchemaId::Fingerprint(_) => (None, None),
    };
    let content = content.ok_or(LookupError::NotFound)?;
    let definition = registries.definition(&content);
    let definition = definition.map_err(|error| LookupError::Unusable(error.to_string()))?;
    let version = version.map(|version| format!("{}, version {}", version.name.name, version.number));
    Ok(RegisteredSchema { definition, version: version.unwrap_or_default() })
}

impl SchemaLookup for Embedded {
    fn schema(&self, id: SchemaId) -> std::result::Result<RegisteredSchema, LookupError> {
        registered_schema(&self.registries, &self.name, id)
    }

    fn id(&self, format: DataFormat, schema: &str) -> std::result::Result<SchemaId, LookupError> {
        let rules = if self.used.glue { RuleSet::Glue } else { RuleSet::Confluent };
        let new = Registration::new(format, schema).creating(Mode::default()).by(rules);
        let version = match self.used.registers {
            true => self.registries.register(&self.name, new).map(|registered| registered.version),
            false => self.registries.find(&self.name, &new, false),
        };
        let version = version.map_err(|error| LookupError::Refused(error.to_string()))?;
        Ok(match self.used.glue {
            true => SchemaId::Glue(version.uuid),
            false => SchemaId::Confluent(version.content.id),
        })
    }
}
