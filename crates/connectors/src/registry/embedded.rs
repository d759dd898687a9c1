//! The registry of this process.

use std::sync::Arc;

use tidemill_formats::{LookupError, SchemaId, SchemaLookup};
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

impl SchemaLookup for Embedded {
    fn schema(&self, id: SchemaId) -> std::result::Result<Arc<str>, LookupError> {
        let content = match id {
            SchemaId::Confluent(id) => self.registries.content(&self.name.registry, id),
            SchemaId::Glue(uuid) => self.registries.version_by_uuid(uuid).map(|version| version.content),
            SchemaId::Fingerprint(_) => None,
        };
        content.map(|content| Arc::clone(&content.text)).ok_or(LookupError::NotFound)
    }

    fn id(&self, schema: &str) -> std::result::Result<SchemaId, LookupError> {
        let rules = if self.used.glue { RuleSet::Glue } else { RuleSet::Confluent };
        let new = Registration::new(DataFormat::Avro, schema).creating(Mode::default()).by(rules);
        let version = match self.used.registers {
            true => self.registries.register(&self.name, new).map(|registered| registered.version),
            false => self.registries.find(&self.name, &new, false),
        };
        let version = version.map_err(|error| LookupError::Unavailable(error.to_string()))?;
        Ok(match self.used.glue {
            true => SchemaId::Glue(version.uuid),
            false => SchemaId::Confluent(version.content.id),
        })
    }
}
