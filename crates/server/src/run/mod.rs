//! SQL in a process of its own: files as applications, `tidemill run` ([`script`]), and the shell, `tidemill sql` ([`shell`]).
//!
//! A script is read as a whole first, so that a mistake in its last statement starts nothing. All its INSERTs run as one job, under
//! the application's name, with the embedded streams and tables of a data folder. A script that only shows rows leaves nothing behind.
//! An application for Kinesis Data Analytics has its inputs and outputs in a file beside its SQL: [`manifest`].

pub mod described;
pub mod discover;
mod manifest;
mod parts;
mod rows;
mod running;
mod script;
pub mod shell;

use std::path::PathBuf;

pub use tidemill_connectors::catalog::{self, ConnectorSpec};
pub use tidemill_engine::runtime::supervisor::JobState;
use tidemill_sql::error::Place;
pub use tidemill_sql::parse::statement::Dialect;
pub use tidemill_sql::{Outcome, Rows, SqlError};

pub use self::rows::{JsonLines, TextRow, text_rows};
pub use self::running::Running;
pub use self::script::Script;
use crate::error::Error;

/// Where an application goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// Where it stopped.
    #[default]
    Latest,
    /// At a snapshot with a name.
    Snapshot(String),
    /// At the beginning; what it had is put aside.
    Nothing,
}

/// How a script is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Relative paths in the script begin here.
    pub folder: PathBuf,
    /// The application's name, unless the script sets one.
    pub name: String,
    /// Where it goes on.
    pub from: StartFrom,
    /// Settings that win over the script's.
    pub settings: Vec<(String, String)>,
    /// The dialect of its SQL, where it is not to be found from the statements.
    pub dialect: Option<Dialect>,
}

/// The text of a file that the application names is wrong.
#[derive(Debug)]
pub struct SqlOf {
    /// The file.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What is wrong with it.
    pub error: SqlError,
}

/// Why a script can't run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The text is wrong.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The text of a file that the application names is wrong.
    #[error("{}: {}", .0.file, .0.error)]
    SqlOf(Box<SqlOf>),
    /// A part can't be opened, or the job failed.
    #[error(transparent)]
    Server(#[from] Error),
}

impl RunError {
    /// The place in the text, where the error has none.
    fn at(self, place: Option<Place>) -> RunError {
        match self {
            RunError::Sql(error) => RunError::Sql(error.at(place)),
            other => other,
        }
    }
}
