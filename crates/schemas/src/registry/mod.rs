//! Registries on disk.
//!
//! Everything is rows (a registry, a schema, a version, a content); a change is a list of rows put and removed, made
//! durable as one batch and then applied to the rows in memory, which all reading is from. Opening applies all rows
//! that are there. Whoever changes holds `changing`; whoever reads holds `state` for moments.

mod access;
mod change;
mod delete;
mod metadata;
mod open;
mod read;
mod register;
mod resolve;
mod rows;
mod state;

use std::sync::Arc;

use fjall::{Database, Keyspace};
use parking_lot::{Mutex, RwLock};

use crate::definition::{Definition, Fingerprint};
use crate::limits::Limits;

pub use change::SchemaChange;
pub use read::{RegistryInfo, SchemaInfo, VersionInfo};
pub use register::{OnClash, Registered, Registration};
pub use rows::{Access, Content, MetadataValue, SchemaReference, Status};

use state::State;

/// Parsed schemas that are kept.
const PARSED_MAX: usize = 4_096;

/// The registries of a folder, open in this process only. Calls block until the disk has answered.
pub struct Registries {
    state: RwLock<State>,
    /// Held by whoever changes something, from its first look to the last row.
    changing: Mutex<()>,
    parsed: quick_cache::sync::Cache<Fingerprint, Arc<Definition>>,
    limits: Limits,
    rows: Keyspace,
    database: Database,
}
