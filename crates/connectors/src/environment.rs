//! The parts of the process that connectors stand on.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use tidemill_formats::SchemaLookup;
use tidemill_schemas::Registries;
use tidemill_streams::Streams;
use tidemill_tables::Tables;

/// What a connector may use. A part that is not there is refused by name, by the connectors that need it.
#[derive(Clone, Default)]
pub struct Environment {
    /// The embedded streams.
    pub streams: Option<Streams>,
    /// The embedded tables.
    pub tables: Option<Tables>,
    /// The registry that formats find schemas in.
    pub schemas: Option<Arc<dyn SchemaLookup>>,
    /// The embedded schema registry.
    pub registries: Option<Arc<Registries>>,
    /// Relative paths begin here; without it at the process' working folder.
    pub folder: Option<PathBuf>,
    /// Where `print` prints instead of the process' own output.
    pub printer: Option<Printer>,
}

/// Takes lines that are to be printed, whole ones, each with its end. Called from any worker.
#[derive(Clone)]
pub struct Printer(Arc<dyn Fn(&str) + Send + Sync>);

impl Printer {
    /// One that gives the lines to a function.
    pub fn new(print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Printer(Arc::new(print))
    }

    /// The process' standard output. A reader that has gone is no error: as with `head`, the rest is for nobody.
    pub fn stdout() -> Self {
        Printer::new(|lines| drop(std::io::stdout().lock().write_all(lines.as_bytes())))
    }

    /// The process' standard error.
    pub fn stderr() -> Self {
        Printer::new(|lines| drop(std::io::stderr().lock().write_all(lines.as_bytes())))
    }

    pub(crate) fn print(&self, lines: &str) {
        (self.0)(lines);
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("streams", &self.streams.is_some())
            .field("tables", &self.tables.is_some())
            .field("registries", &self.registries.is_some())
            .field("schemas", &self.schemas.is_some())
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
