//! The rows in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::rows::{Change, Content, Key, RegistryRow, Row, SchemaRow, VersionRow};
use crate::definition::Fingerprint;
use crate::error::{Error, Result};
use crate::name::SchemaName;

/// All rows.
#[derive(Default)]
pub(super) struct State {
    pub(super) registries: BTreeMap<String, RegistryState>,
    /// Versions by their UUID.
    pub(super) by_uuid: HashMap<u128, (SchemaName, u32)>,
    /// Of all contents.
    pub(super) definitions_bytes: usize,
}

/// A registry and what is in it.
pub(super) struct RegistryState {
    pub(super) row: RegistryRow,
    pub(super) contents: HashMap<u32, Arc<Content>>,
    pub(super) by_fingerprint: HashMap<Fingerprint, u32>,
    pub(super) schemas: BTreeMap<String, SchemaState>,
}

/// A schema and its versions.
pub(super) struct SchemaState {
    pub(super) row: SchemaRow,
    pub(super) versions: BTreeMap<u32, VersionRow>,
}

impl State {
    pub(super) fn registry(&self, name: &str) -> Result<&RegistryState> {
        self.registries.get(name).ok_or_else(|| Error::NoRegistry(name.to_owned()))
    }

    pub(super) fn schema(&self, name: &SchemaName) -> Result<&SchemaState> {
        let schema = self.registry(&name.registry)?.schemas.get(&name.name);
        schema.ok_or_else(|| Error::NoSchema(name.to_string()))
    }

    /// Does what a change says. Rows whose registry or schema is gone are passed over.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Put(Row::Registry(row)) => match self.registries.get_mut(&row.name) {
                Some(registry) => registry.row = row,
                None => {
                    let name = row.name.clone();
                    let (contents, by_fingerprint) = (HashMap::new(), HashMap::new());
                    self.registries
                        .insert(name, RegistryState { row, contents, by_fingerprint, schemas: BTreeMap::new() });
                }
            },
            Change::Put(Row::Content(content)) => {
                if let Some(registry) = self.registries.get_mut(&content.registry) {
                    self.definitions_bytes += content.text.len();
                    registry.by_fingerprint.insert(content.fingerprint(), content.id);
                    registry.contents.insert(content.id, Arc::new(content));
                }
            }
            Change::Put(Row::Schema(row)) => {
                let Some(registry) = self.registries.get_mut(&row.registry) else { return };
                match registry.schemas.get_mut(&row.name) {
                    Some(schema) => schema.row = row,
                    None => {
                        let versions = BTreeMap::new();
                        registry.schemas.insert(row.name.clone(), SchemaState { row, versions });
                    }
                }
            }
            Change::Put(Row::Version(row)) => {
                let registry = self.registries.get_mut(&row.registry);
                if let Some(schema) = registry.and_then(|registry| registry.schemas.get_mut(&row.schema)) {
                    let name = SchemaName { registry: row.registry.clone(), name: row.schema.clone() };
                    self.by_uuid.insert(row.uuid, (name, row.number));
                    schema.versions.insert(row.number, row);
                }
            }
            Change::Remove(key) => self.remove(&key),
        }
    }

    fn remove(&mut self, key: &Key) {
        match key {
            Key::Registry(name) => {
                self.registries.remove(name);
            }
            Key::Content(name, id) => {
                if let Some(registry) = self.registries.get_mut(name)
                    && let Some(content) = registry.contents.remove(id)
                {
                    registry.by_fingerprint.remove(&content.fingerprint());
                    self.definitions_bytes = self.definitions_bytes.saturating_sub(content.text.len());
                }
            }
            Key::Schema(registry, name) => {
                self.registries.get_mut(registry).and_then(|registry| registry.schemas.remove(name));
            }
            Key::Version(registry, name, number) => {
                let registry = self.registries.get_mut(registry);
                let schema = registry.and_then(|registry| registry.schemas.get_mut(name));
                if let Some(version) = schema.and_then(|schema| schema.versions.remove(number)) {
                    self.by_uuid.remove(&version.uuid);
                }
            }
        }
    }
}
