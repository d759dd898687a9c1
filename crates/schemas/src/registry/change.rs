//! Registries and schemas made and changed.

use super::Registries;
use super::open::now_ms;
use super::rows::{Change, RegistryRow, Row, Tags};
use super::state::State;
use crate::compatibility::Mode;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::name::{SchemaName, check};

/// What to change of a schema; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct SchemaChange {
    /// Its own compatibility; `Some(None)` takes it back.
    pub compatibility: Option<Option<Mode>>,
    /// What it is for.
    pub description: Option<String>,
    /// The version that compatibility with all is judged from.
    pub checkpoint: Option<u32>,
}

/// The row of a new registry.
pub(super) fn registry_row(state: &State, name: &str, limits: &Limits) -> Result<RegistryRow> {
    check("registry", name)?;
    let (found, limit) = (state.registries.len() + 1, limits.registries_max);
    if found > limit {
        let hint = "delete registries that no one uses";
        return Err(Error::Limit { what: "the registries", found, limit, hint });
    }
    let (created_ms, updated_ms) = (now_ms(), now_ms());
    let (description, tags, compatibility, access) = (None, Tags::new(), None, None);
    Ok(RegistryRow {
        name: name.to_owned(),
        description,
        tags,
        compatibility,
        access,
        next_id: 1,
        created_ms,
        updated_ms,
    })
}

pub(super) fn checked_tags(tags: Tags, limits: &Limits) -> Result<Tags> {
    match tags.len() > limits.tags_max {
        true => {
            let (found, limit) = (tags.len(), limits.tags_max);
            Err(Error::Limit { what: "the tags", found, limit, hint: "remove tags that no one uses" })
        }
        false => Ok(tags),
    }
}

impl Registries {
    /// Creates a registry.
    pub fn create_registry(&self, name: &str, description: Option<String>, tags: Tags) -> Result<()> {
        let _changing = self.changing.lock();
        let row = {
            let state = self.state.read();
            if state.registry(name).is_ok() {
                return Err(Error::Exists { what: "registry", name: name.to_owned() });
            }
            let row = registry_row(&state, name, &self.limits)?;
            RegistryRow { description, tags: checked_tags(tags, &self.limits)?, ..row }
        };
        self.commit(vec![Change::Put(Row::Registry(row))])
    }

    /// Changes what a registry is for.
    pub fn update_registry(&self, name: &str, description: &str) -> Result<()> {
        let _changing = self.changing.lock();
        let mut row = self.state.read().registry(name)?.row.clone();
        row.description = Some(description.to_owned());
        row.updated_ms = now_ms();
        self.commit(vec![Change::Put(Row::Registry(row))])
    }

    /// Changes the compatibility of a registry's schemas; the registry is made if there is none.
    pub fn set_registry_compatibility(&self, name: &str, mode: Option<Mode>) -> Result<()> {
        let _changing = self.changing.lock();
        let mut row = self.registry_or_new(name)?;
        row.compatibility = mode;
        row.updated_ms = now_ms();
        self.commit(vec![Change::Put(Row::Registry(row))])
    }

    pub(super) fn registry_or_new(&self, name: &str) -> Result<RegistryRow> {
        let state = self.state.read();
        match state.registry(name) {
            Ok(registry) => Ok(registry.row.clone()),
            Err(_) => registry_row(&state, name, &self.limits),
        }
    }

    /// Changes a schema. Older versions are not judged anew.
    pub fn update_schema(&self, name: &SchemaName, change: SchemaChange) -> Result<()> {
        let _changing = self.changing.lock();
        let row = {
            let state = self.state.read();
            let schema = state.schema(name)?;
            let mut row = schema.row.clone();
            if let Some(number) = change.checkpoint {
                let there = schema.versions.get(&number).filter(|version| !version.deleted);
                there.ok_or_else(|| Error::NoVersion { schema: name.to_string(), version: number.to_string() })?;
                row.checkpoint = number;
            }
            row.compatibility = change.compatibility.unwrap_or(row.compatibility);
            row.description = change.description.or(row.description);
            row.updated_ms = now_ms();
            row
        };
        self.commit(vec![Change::Put(Row::Schema(row))])
    }

    /// Puts and removes tags of a registry, or of a schema in it.
    pub fn change_tags(&self, registry: &str, schema: Option<&str>, put: Tags, remove: &[String]) -> Result<()> {
        let _changing = self.changing.lock();
        let changed = |mut tags: Tags| {
            tags.extend(put);
            tags.retain(|name, _| !remove.contains(name));
            checked_tags(tags, &self.limits)
        };
        let row = match schema {
            None => {
                let mut row = self.state.read().registry(registry)?.row.clone();
                row.tags = changed(row.tags)?;
                Row::Registry(row)
            }
            Some(name) => {
                let name = SchemaName { registry: registry.to_owned(), name: name.to_owned() };
                let mut row = self.state.read().schema(&name)?.row.clone();
                row.tags = changed(row.tags)?;
                Row::Schema(row)
            }
        };
        self.commit(vec![Change::Put(row)])
    }
}
