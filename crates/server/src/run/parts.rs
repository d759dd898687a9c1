//! What applications of a process work with: a data folder and the embedded streams, tables and schemas in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tidemill_connectors::{Environment, Printer};
use tidemill_schemas::Registries;
use tidemill_sql::parse::statement::Statement;
use tidemill_streams::{Options, Streams};
use tidemill_tables::Tables;

use crate::data_folder::DataFolder;
use crate::error::{Error, Result};

/// The parts of applications.
pub(super) struct Parts {
    // First: they are in the folder.
    environment: Arc<Environment>,
    folder: Folder,
}

enum Folder {
    Kept(DataFolder),
    /// Nothing outlives the process.
    Passing(TempDir),
}

impl Parts {
    /// Those of a data folder; relative paths in tables begin at `paths`, and tables that print do so by `printer`, if there is one.
    pub(super) fn kept(data: &Path, paths: &Path, printer: Option<Printer>) -> Result<Parts> {
        let folder = DataFolder::open(data)?;
        let streams = Streams::open(folder.join("streams"), Options::default()).map_err(Error::from_streams)?;
        let tables = Tables::open(folder.join("tables")).map_err(|error| Error::part("tables", error))?;
        let registries = Registries::open(folder.join("schemas")).map_err(|error| Error::part("schemas", error))?;
        let environment = Environment {
            streams: Some(streams),
            tables: Some(tables),
            registries: Some(Arc::new(registries)),
            folder: Some(paths.to_owned()),
            printer,
            ..Environment::default()
        };
        Ok(Parts { environment: Arc::new(environment), folder: Folder::Kept(folder) })
    }

    /// Without streams, tables and schemas, for what leaves nothing behind.
    pub(super) fn passing(paths: &Path, printer: Option<Printer>) -> Result<Parts> {
        let folder = TempDir::new().map_err(|error| Error::part("a passing folder", error))?;
        let environment = Environment { folder: Some(paths.to_owned()), printer, ..Environment::default() };
        Ok(Parts { environment: Arc::new(environment), folder: Folder::Passing(folder) })
    }

    /// Whether they outlive the process.
    pub(super) fn are_kept(&self) -> bool {
        matches!(self.folder, Folder::Kept(_))
    }

    pub(super) fn environment(&self) -> &Arc<Environment> {
        &self.environment
    }

    /// A file or folder of theirs.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match &self.folder {
            Folder::Kept(folder) => folder.join(name),
            Folder::Passing(folder) => folder.path().join(name),
        }
    }
}

/// Whether a statement needs or leaves something that other runs find.
pub(super) fn outlives(statement: &Statement) -> bool {
    match statement {
        Statement::Insert(_) | Statement::StatementSet(_) => true,
        Statement::Explain { analyze, statement } => *analyze && outlives(statement),
        Statement::CreateTable(table) => table.options.iter().any(|(key, value)| match key.as_str() {
            "connector" => matches!(value.as_str(), "stream" | "table"),
            "schema.registry" => value.contains("embedded"),
            _ => false,
        }),
        _ => false,
    }
}
