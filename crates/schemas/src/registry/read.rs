//! Looking up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::register::mode_of;
use super::rows::{Content, MetadataValue, RegistryRow, VersionRow};
use super::state::{SchemaState, State};
use super::{Access, Registries, Status};
use crate::compatibility::Mode;
use crate::definition::{DataFormat, Definition};
use crate::error::{Error, Result};
use crate::name::SchemaName;

/// A registry.
#[derive(Clone, Debug)]
pub struct RegistryInfo {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its schemas' compatibility, unless they have their own.
    pub compatibility: Option<Mode>,
    /// Its mode, unless it is the default.
    pub access: Option<Access>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was changed.
    pub updated_ms: i64,
}

/// A schema.
#[derive(Clone, Debug)]
pub struct SchemaInfo {
    /// Its name.
    pub name: SchemaName,
    /// Its language.
    pub format: DataFormat,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The compatibility that applies.
    pub compatibility: Mode,
    /// Its own compatibility.
    pub own_compatibility: Option<Mode>,
    /// Its own mode.
    pub own_access: Option<Access>,
    /// The version that compatibility with all is judged from.
    pub checkpoint: u32,
    /// Its last version that is not deleted; 0 when it has none.
    pub latest_version: u32,
    /// The number that the next version gets.
    pub next_version: u32,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was changed.
    pub updated_ms: i64,
}

/// A version of a schema.
#[derive(Clone, Debug)]
pub struct VersionInfo {
    /// The schema.
    pub name: SchemaName,
    /// Its number, from 1.
    pub number: u32,
    /// Its UUID.
    pub uuid: u128,
    /// What has become of it.
    pub status: Status,
    /// Whether it is deleted, but not for good.
    pub deleted: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// What it says, with its id.
    pub content: Arc<Content>,
    /// Its metadata, oldest first.
    pub metadata: Vec<MetadataValue>,
}

pub(super) fn registry_info(row: &RegistryRow) -> RegistryInfo {
    RegistryInfo {
        name: row.name.clone(),
        description: row.description.clone(),
        tags: row.tags.clone(),
        compatibility: row.compatibility,
        access: row.access,
        created_ms: row.created_ms,
        updated_ms: row.updated_ms,
    }
}

pub(super) fn version_info(state: &State, row: &VersionRow) -> Result<VersionInfo> {
    let content = state.registry(&row.registry)?.contents.get(&row.id);
    let content = content.ok_or_else(|| Error::Store(format!("the content {} is gone", row.id)))?;
    Ok(VersionInfo {
        name: SchemaName { registry: row.registry.clone(), name: row.schema.clone() },
        number: row.number,
        uuid: row.uuid,
        status: row.status,
        deleted: row.deleted,
        created_ms: row.created_ms,
        content: Arc::clone(content),
        metadata: row.metadata.clone(),
    })
}

fn schema_info(state: &State, schema: &SchemaState) -> SchemaInfo {
    let row = &schema.row;
    let name = SchemaName { registry: row.registry.clone(), name: row.name.clone() };
    let mut there = schema.versions.values().filter(|version| !version.deleted);
    SchemaInfo {
        compatibility: mode_of(state, &name),
        name,
        format: row.format,
        description: row.description.clone(),
        tags: row.tags.clone(),
        own_compatibility: row.compatibility,
        own_access: row.access,
        checkpoint: row.checkpoint,
        latest_version: there.next_back().map_or(0, |version| version.number),
        next_version: row.next_version,
        created_ms: row.created_ms,
        updated_ms: row.updated_ms,
    }
}

impl Registries {
    /// All registries, by name.
    pub fn registries(&self) -> Vec<RegistryInfo> {
        self.state.read().registries.values().map(|registry| registry_info(&registry.row)).collect()
    }

    /// A registry.
    pub fn registry(&self, name: &str) -> Result<RegistryInfo> {
        Ok(registry_info(&self.state.read().registry(name)?.row))
    }

    /// The schemas of a registry, or of all, by name.
    pub fn schemas(&self, registry: Option<&str>) -> Result<Vec<SchemaInfo>> {
        let state = self.state.read();
        let registries = match registry {
            Some(name) => vec![state.registry(name)?],
            None => state.registries.values().collect(),
        };
        let schemas = registries.into_iter().flat_map(|registry| registry.schemas.values());
        Ok(schemas.map(|schema| schema_info(&state, schema)).collect())
    }

    /// A schema.
    pub fn schema(&self, name: &SchemaName) -> Result<SchemaInfo> {
        let state = self.state.read();
        state.schema(name).map(|schema| schema_info(&state, schema))
    }

    /// All versions of a schema, oldest first, those that failed and those that are deleted too.
    pub fn versions(&self, name: &SchemaName) -> Result<Vec<VersionInfo>> {
        let state = self.state.read();
        state.schema(name)?.versions.values().map(|row| version_info(&state, row)).collect()
    }

    /// A version, or the last one that is available. One that is deleted is found by its number.
    pub fn version(&self, name: &SchemaName, number: Option<u32>) -> Result<VersionInfo> {
        let state = self.state.read();
        let versions = &state.schema(name)?.versions;
        let found = match number {
            Some(number) => versions.get(&number),
            None => versions.values().rfind(|version| version.status == Status::Available && !version.deleted),
        };
        let asked = || number.map_or_else(|| "that is available".into(), |number| number.to_string());
        let found = found.ok_or_else(|| Error::NoVersion { schema: name.to_string(), version: asked() })?;
        version_info(&state, found)
    }

    /// The version of a UUID.
    pub fn version_by_uuid(&self, uuid: u128) -> Option<VersionInfo> {
        let state = self.state.read();
        let (name, number) = state.by_uuid.get(&uuid)?;
        version_info(&state, state.schema(name).ok()?.versions.get(number)?).ok()
    }

    /// The definition of an id.
    pub fn content(&self, registry: &str, id: u32) -> Option<Arc<Content>> {
        self.state.read().registries.get(registry)?.contents.get(&id).cloned()
    }

    /// The versions that are a content, by name and number.
    pub fn versions_of(&self, registry: &str, id: u32) -> Result<Vec<VersionInfo>> {
        let state = self.state.read();
        let schemas = state.registry(registry)?.schemas.values();
        let versions = schemas.flat_map(|schema| schema.versions.values()).filter(|version| version.id == id);
        versions.map(|row| version_info(&state, row)).collect()
    }

    /// The versions that refer to a version.
    pub fn referrers(&self, name: &SchemaName, number: u32) -> Result<Vec<VersionInfo>> {
        let state = self.state.read();
        referrers(&state, name, number).into_iter().map(|row| version_info(&state, row)).collect()
    }

    /// A content, parsed.
    pub fn definition(&self, content: &Content) -> Result<Arc<Definition>> {
        self.definition_of(&self.state.read(), content)
    }
}

/// The versions whose contents refer to a version.
pub(super) fn referrers<'s>(state: &'s State, name: &SchemaName, number: u32) -> Vec<&'s VersionRow> {
    let Ok(registry) = state.registry(&name.registry) else { return Vec::new() };
    let latest = registry
        .schemas
        .get(&name.name)
        .and_then(|schema| schema.versions.values().rfind(|version| !version.deleted).map(|version| version.number));
    let refers = |version: &&VersionRow| {
        let references = registry.contents.get(&version.id).map(|content| content.references.as_slice());
        references.unwrap_or_default().iter().any(|reference| {
            let same = i64::from(number) == reference.version || (reference.version == -1 && latest == Some(number));
            reference.subject == name.name && same
        })
    };
    registry.schemas.values().flat_map(|schema| schema.versions.values()).filter(refers).collect()
}
