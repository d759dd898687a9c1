//! What can go wrong apart from requests, which get a [`crate::Fault`].

use std::io;
use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate. Its text begins with its code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read or written.
    #[error("TM-AWS-0001: can't {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// A file holds something else than was written.
    #[error("TM-AWS-0002: {} is damaged: {said}; restore it from a copy, or remove it to begin anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        said: String,
    },
    /// A key has this name already.
    #[error("TM-AWS-0003: there is an access key named `{name}` already; choose another name, or delete it first")]
    KeyExists {
        /// The name.
        name: String,
    },
    /// A key's name breaks the rules.
    #[error("TM-AWS-0004: `{name}` can't name an access key: use 1 to 64 visible ASCII characters without spaces")]
    InvalidKeyName {
        /// The name.
        name: String,
    },
    /// No key has this id or name.
    #[error("TM-AWS-0005: there is no access key `{which}`; `tidemill access-key list` shows them")]
    KeyNotFound {
        /// What was asked for.
        which: String,
    },
    /// There are as many keys as allowed.
    #[error("TM-AWS-0006: there are 1,000 access keys, which is the limit; delete some")]
    TooManyKeys,
    /// The system gives no random numbers.
    #[error("TM-AWS-0007: the system gives no random numbers: {error}")]
    Random {
        /// What it said.
        error: String,
    },
    /// A service's table of shapes is wrong: a mistake of this program.
    #[error("TM-AWS-0008: the table of shapes of {service} is wrong: {said}")]
    Model {
        /// The service.
        service: &'static str,
        /// What is wrong.
        said: String,
    },
    /// A setting is out of its range.
    #[error("TM-AWS-0009: {setting} can't be {value}: {rule}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), error }
    }
}
