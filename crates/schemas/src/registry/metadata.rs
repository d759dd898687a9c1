//! Metadata of versions: keys with a value, and the values that they had before.

use super::Registries;
use super::open::now_ms;
use super::rows::{Change, MetadataValue, Row, VersionRow};
use crate::error::{Error, Result};

impl Registries {
    /// Gives a version's key a value.
    ///
    /// # Errors
    /// [`Error::Metadata`] when the key has had this value, [`Error::Limit`].
    pub fn put_metadata(&self, uuid: u128, key: &str, value: &str) -> Result<()> {
        self.change_metadata(uuid, |metadata| {
            let problem = "is there already; put another value, or remove it";
            if metadata.iter().any(|old| old.key == key && old.value == value) {
                return Err(Error::Metadata { key: key.to_owned(), value: value.to_owned(), problem });
            }
            let (found, limit) = (metadata.len() + 1, self.limits.metadata_max);
            if found > limit {
                let hint = "remove metadata that no one uses";
                return Err(Error::Limit { what: "the pairs of metadata of a version", found, limit, hint });
            }
            metadata.push(MetadataValue { key: key.to_owned(), value: value.to_owned(), created_ms: now_ms() });
            Ok(())
        })
    }

    /// Takes a value from a version's key.
    ///
    /// # Errors
    /// [`Error::Metadata`] when the key has not this value.
    pub fn remove_metadata(&self, uuid: u128, key: &str, value: &str) -> Result<()> {
        self.change_metadata(uuid, |metadata| {
            let before = metadata.len();
            metadata.retain(|old| old.key != key || old.value != value);
            let problem = "is not there; query the version's metadata";
            match metadata.len() < before {
                true => Ok(()),
                false => Err(Error::Metadata { key: key.to_owned(), value: value.to_owned(), problem }),
            }
        })
    }

    fn change_metadata(&self, uuid: u128, change: impl FnOnce(&mut Vec<MetadataValue>) -> Result<()>) -> Result<()> {
        let _changing = self.changing.lock();
        let mut row: VersionRow = {
            let state = self.state.read();
            let lost = || Error::NoVersion { schema: String::new(), version: format!("{uuid:032x}") };
            let (name, number) = state.by_uuid.get(&uuid).ok_or_else(lost)?;
            state.schema(name)?.versions.get(number).ok_or_else(lost)?.clone()
        };
        change(&mut row.metadata)?;
        self.commit(vec![Change::Put(Row::Version(row))])
    }
}
