//! Deleting.

use std::collections::BTreeSet;

use super::read::{referrers, version_info};
use super::rows::{Change, Key, Row, VersionRow};
use super::state::State;
use super::{Access, Registries, Status, VersionInfo};
use crate::error::{Error, Result};
use crate::name::SchemaName;

impl Registries {
    /// Deletes a registry with all in it, for good.
    pub fn delete_registry(&self, name: &str) -> Result<()> {
        let _changing = self.changing.lock();
        let mut changes = Vec::new();
        {
            let state = self.state.read();
            let registry = state.registry(name)?;
            for schema in registry.schemas.values() {
                changes.extend(schema.versions.values().map(remove));
                changes.push(Change::Remove(Key::Schema(name.to_owned(), schema.row.name.clone())));
            }
            changes.extend(registry.contents.keys().map(|id| Change::Remove(Key::Content(name.to_owned(), *id))));
            changes.push(Change::Remove(Key::Registry(name.to_owned())));
        }
        self.commit(changes)
    }

    /// Deletes a schema with all its versions, for good.
    pub fn delete_schema(&self, name: &SchemaName) -> Result<()> {
        let _changing = self.changing.lock();
        let mut changes = Vec::new();
        {
            let state = self.state.read();
            let schema = state.schema(name)?;
            let gone: Vec<&VersionRow> = schema.versions.values().collect();
            check_unreferred(&state, name, &gone)?;
            changes.extend(gone.iter().copied().map(remove));
            changes.push(Change::Remove(Key::Schema(name.registry.clone(), name.name.clone())));
            unused(&state, name, &gone, &mut changes)?;
        }
        self.commit(changes)
    }

    /// Deletes a version for good. Its number is not given again.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for the version that compatibility is judged from, while there are others.
    pub fn delete_version(&self, name: &SchemaName, number: u32) -> Result<()> {
        let _changing = self.changing.lock();
        let mut changes = Vec::new();
        {
            let state = self.state.read();
            let schema = state.schema(name)?;
            let lost = || Error::NoVersion { schema: name.to_string(), version: number.to_string() };
            let version = schema.versions.get(&number).ok_or_else(lost)?;
            if schema.row.checkpoint == number && version.status == Status::Available && schema.versions.len() > 1 {
                return Err(Error::Checkpoint { schema: name.to_string(), version: number });
            }
            check_unreferred(&state, name, &[version])?;
            changes.push(remove(version));
            unused(&state, name, &[version], &mut changes)?;
        }
        self.commit(changes)
    }

    /// Deletes versions as Confluent's registry does: first so that they are only hidden, then, `for_good`, what was
    /// hidden. Without a number all of them, and the schema with the last.
    pub fn delete_versions(&self, name: &SchemaName, number: Option<u32>, for_good: bool) -> Result<Vec<VersionInfo>> {
        let _changing = self.changing.lock();
        let mut changes = Vec::new();
        let deleted = {
            let state = self.state.read();
            let schema = state.schema(name)?;
            let access = super::access::access_of(&state, name);
            if !matches!(access, Access::ReadWrite | Access::Import) {
                return Err(Error::Access(name.to_string(), access.name()));
            }
            let asked = || number.map_or_else(|| "all".into(), |number| number.to_string());
            let named = |version: &&VersionRow| number.is_none_or(|number| number == version.number);
            let named: Vec<&VersionRow> = schema.versions.values().filter(named).collect();
            if named.is_empty() && number.is_some() {
                return Err(Error::NoVersion { schema: name.to_string(), version: asked() });
            }
            if for_good && named.iter().any(|version| !version.deleted && version.status == Status::Available) {
                return Err(Error::NotDeleted { schema: name.to_string(), version: asked() });
            }
            let gone: Vec<&VersionRow> = named.into_iter().filter(|version| for_good || !version.deleted).collect();
            check_unreferred(&state, name, &gone)?;
            if for_good {
                changes.extend(gone.iter().copied().map(remove));
                if gone.len() == schema.versions.len() {
                    changes.push(Change::Remove(Key::Schema(name.registry.clone(), name.name.clone())));
                }
                unused(&state, name, &gone, &mut changes)?;
            } else {
                let hidden = gone.iter().map(|version| VersionRow { deleted: true, ..(*version).clone() });
                changes.extend(hidden.map(|version| Change::Put(Row::Version(version))));
            }
            gone.iter().map(|version| version_info(&state, version)).collect::<Result<Vec<_>>>()?
        };
        self.commit(changes)?;
        Ok(deleted)
    }
}

fn remove(version: &VersionRow) -> Change {
    Change::Remove(Key::Version(version.registry.clone(), version.schema.clone(), version.number))
}

/// Refuses to delete what others refer to.
fn check_unreferred(state: &State, name: &SchemaName, gone: &[&VersionRow]) -> Result<()> {
    for version in gone {
        let referrers = referrers(state, name, version.number);
        let by = referrers.iter().find(|by| by.schema != name.name && !by.deleted);
        if let Some(by) = by {
            let by = format!("version {} of {:?}", by.number, by.schema);
            return Err(Error::Referenced { schema: name.to_string(), version: version.number, by });
        }
    }
    Ok(())
}

/// Removes the contents that no version is any more.
fn unused(state: &State, name: &SchemaName, gone: &[&VersionRow], changes: &mut Vec<Change>) -> Result<()> {
    let registry = state.registry(&name.registry)?;
    let is_gone =
        |version: &VersionRow| version.schema == name.name && gone.iter().any(|gone| gone.number == version.number);
    let mut ids: BTreeSet<u32> = gone.iter().map(|version| version.id).collect();
    for version in registry.schemas.values().flat_map(|schema| schema.versions.values()) {
        if !is_gone(version) {
            ids.remove(&version.id);
        }
    }
    changes.extend(ids.into_iter().map(|id| Change::Remove(Key::Content(name.registry.clone(), id))));
    Ok(())
}
