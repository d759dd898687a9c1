//! Texts with what they refer to, parsed.

use std::sync::Arc;

use super::rows::{Content, SchemaReference};
use super::state::State;
use super::{Registries, Status};
use crate::definition::{DataFormat, Definition, Reference};
use crate::error::{Error, Result};
use crate::name::SchemaName;

impl Registries {
    /// Parses a text.
    pub(super) fn parse(
        &self,
        state: &State,
        registry: &str,
        format: DataFormat,
        text: &str,
        references: &[SchemaReference],
    ) -> Result<Definition> {
        let limit = self.limits.definition_bytes_max;
        if text.len() > limit {
            let hint = "split the schema and refer to its parts";
            return Err(Error::Limit { what: "the bytes of a schema", found: text.len(), limit, hint });
        }
        let mut found = Vec::new();
        self.collect(state, registry, references, &mut found)?;
        let invalid = |invalid| Error::Definition { format, invalid };
        Definition::parse(format, text, &found.into_iter().map(|(_, reference)| reference).collect::<Vec<_>>())
            .map_err(invalid)
    }

    /// The definition of a content.
    pub(super) fn definition_of(&self, state: &State, content: &Content) -> Result<Arc<Definition>> {
        if let Some(known) = self.parsed.get(&content.fingerprint()) {
            return Ok(known);
        }
        let parsed = self.parse(state, &content.registry, content.format, &content.text, &content.references)?;
        let parsed = Arc::new(parsed);
        self.parsed.insert(content.fingerprint(), Arc::clone(&parsed));
        Ok(parsed)
    }

    /// All that is referred to, each once, what others refer to first.
    fn collect(
        &self,
        state: &State,
        registry: &str,
        references: &[SchemaReference],
        found: &mut Vec<(SchemaReference, Reference)>,
    ) -> Result<()> {
        for reference in references {
            if found.iter().any(|(known, _)| known == reference) {
                continue;
            }
            let limit = self.limits.references_max;
            if found.len() >= limit {
                let hint = "refer to fewer schemas";
                return Err(Error::Limit { what: "the schemas referred to", found: found.len() + 1, limit, hint });
            }
            let content = referred(state, registry, reference)?;
            self.collect(state, registry, &content.references, found)?;
            let text = content.text.to_string();
            found.push((reference.clone(), Reference { name: reference.name.clone(), text }));
        }
        Ok(())
    }
}

/// The content that a reference leads to.
fn referred(state: &State, registry: &str, reference: &SchemaReference) -> Result<Arc<Content>> {
    let name = SchemaName { registry: registry.to_owned(), name: reference.subject.clone() };
    let lost = || Error::NoReference {
        name: reference.name.clone(),
        subject: reference.subject.clone(),
        version: reference.version.to_string(),
    };
    let schema = state.schema(&name).map_err(|_| lost())?;
    let mut available = schema.versions.values().filter(|version| version.status == Status::Available);
    let version = match reference.version {
        -1 => available.rfind(|version| !version.deleted),
        number => available.find(|version| i64::from(version.number) == number),
    };
    let id = version.ok_or_else(lost)?.id;
    state.registry(registry)?.contents.get(&id).cloned().ok_or_else(lost)
}
