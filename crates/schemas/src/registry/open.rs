//! Opening a folder, and making changes durable.

use std::path::Path;

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use parking_lot::{Mutex, RwLock};

use super::rows::{Change, Row};
use super::state::State;
use super::{PARSED_MAX, Registries};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The keyspace of all rows.
const ROWS: &str = "schemas";

impl Registries {
    /// Opens the folder, creating it when it does not exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Limits::default())
    }

    /// Opens the folder with limits of one's own.
    ///
    /// # Errors
    /// [`Error::Open`] when it can't be used, or another program uses it.
    pub fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Self> {
        let path = path.as_ref();
        let refuse = |reason: String| Error::Open { path: path.to_owned(), reason };
        std::fs::create_dir_all(path).map_err(|error| refuse(error.to_string()))?;
        let database = Database::builder(path).worker_threads(1).open().map_err(|error| refuse(error.to_string()))?;
        let rows =
            database.keyspace(ROWS, KeyspaceCreateOptions::default).map_err(|error| refuse(error.to_string()))?;
        database.persist(PersistMode::SyncAll).map_err(|error| refuse(error.to_string()))?;
        let mut state = State::default();
        for entry in rows.iter() {
            let (_, value) = entry.into_inner()?;
            state.apply(Change::Put(Row::from_bytes(&value)?));
        }
        Ok(Registries {
            state: RwLock::new(state),
            changing: Mutex::new(()),
            parsed: quick_cache::sync::Cache::new(PARSED_MAX),
            limits,
            rows,
            database,
        })
    }

    /// What is accepted at most.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes changes durable, all or none, and then visible. The caller holds `changing`.
    pub(super) fn commit(&self, changes: Vec<Change>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for change in &changes {
            match change {
                Change::Put(row) => batch.insert(&self.rows, row.key().to_bytes(), row.to_bytes()?),
                Change::Remove(key) => batch.remove(&self.rows, key.to_bytes()),
            }
        }
        batch.commit()?;
        let mut state = self.state.write();
        changes.into_iter().for_each(|change| state.apply(change));
        Ok(())
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registries").field("limits", &self.limits).finish_non_exhaustive()
    }
}
