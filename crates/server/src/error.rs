//! What can go wrong in the server, with its code and a hint what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Result of the server's own operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the server. Its text begins with its code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key of the configuration is unknown or has a value it can't have.
    #[error("TM-SERVER-0001: configuration: {said}")]
    Config {
        /// Which key, what it is, what it may be.
        said: String,
    },
    /// A file or folder can't be read or written.
    #[error("TM-SERVER-0002: {doing} ({}): {error}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The port is in use, or the address isn't one of this machine's.
    #[error(
        "TM-SERVER-0003: can't listen on {address}: {error}; choose another port with --port, or stop what uses it"
    )]
    Listen {
        /// Address and port.
        address: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Another server has the data folder open.
    #[error("TM-SERVER-0004: the data folder {} is in use by another tidemill; stop it, or name another folder with --data", path.display())]
    Locked {
        /// The data folder.
        path: PathBuf,
    },
    /// A newer version of Tidemill wrote the data folder.
    #[error("TM-SERVER-0005: the data folder {} has format {found}, this tidemill knows up to {known}; install a newer tidemill, nothing was changed", path.display())]
    NewerFormat {
        /// The data folder.
        path: PathBuf,
        /// Format found there.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// An older version of Tidemill wrote the data folder.
    #[error("TM-SERVER-0008: the data folder {} has format {found}, and this tidemill reads {known} only; go on with the tidemill that wrote it, or name an empty folder with --data, nothing was changed", path.display())]
    OlderFormat {
        /// The data folder.
        path: PathBuf,
        /// Format found there.
        found: u32,
        /// Format read here.
        known: u32,
    },
    /// The folder has content, but none of ours.
    #[error("TM-SERVER-0006: {} is not empty and not a data folder of tidemill ({said}); name an empty or a new folder with --data", path.display())]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// What is strange about it.
        said: String,
    },
    /// A part of the server can't start.
    #[error("TM-SERVER-0007: {part}: {said}")]
    Part {
        /// Which part.
        part: &'static str,
        /// What it said.
        said: String,
    },
}

impl Error {
    pub(crate) fn config(key: &str, found: impl std::fmt::Display, wanted: impl std::fmt::Display) -> Self {
        Error::Config { said: format!("{key} {found}; {wanted}") }
    }

    pub(crate) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Error::Io { doing, path: path.to_owned(), error }
    }

    pub(crate) fn from_streams(error: tidemill_streams::Error) -> Self {
        Error::part("streams", error)
    }

    pub(crate) fn part(part: &'static str, error: impl std::fmt::Display) -> Self {
        Error::Part { part, said: error.to_string() }
    }
}
