//! Everything that can go wrong in this crate, each with a code and what to do about it.

use std::path::PathBuf;

use crate::compatibility::Verdict;
use crate::definition::{DataFormat, Invalid};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder can't be used.
    #[error("TM-SCHEMA-0001: the schemas' folder {path} can't be opened: {reason}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the file system or the store said.
        reason: String,
    },
    /// The store failed, or holds what this program did not write.
    #[error("TM-SCHEMA-0002: the schemas' store failed: {0}; free disk space or repair the disk, then restart")]
    Store(String),
    /// A name is not allowed.
    #[error("TM-SCHEMA-0003: {name:?} can't name a {what}: use 1 to 255 characters, no control characters")]
    Name {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is no such registry.
    #[error("TM-SCHEMA-0004: there is no registry {0:?}; create it first")]
    NoRegistry(String),
    /// There is no such schema.
    #[error("TM-SCHEMA-0005: there is no schema {0:?}; register it first")]
    NoSchema(String),
    /// There is no such version.
    #[error("TM-SCHEMA-0006: schema {schema:?} has no version {version}; list its versions")]
    NoVersion {
        /// The schema.
        schema: String,
        /// What was asked for.
        version: String,
    },
    /// No version says this.
    #[error("TM-SCHEMA-0007: no version of schema {0:?} is this definition; register it first")]
    NoDefinition(String),
    /// It exists.
    #[error("TM-SCHEMA-0008: there is already a {what} {name:?}; choose another name, or delete it first")]
    Exists {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A text is no schema.
    #[error("TM-SCHEMA-0009: this is no {format} schema: {invalid}")]
    Definition {
        /// What it should be.
        format: DataFormat,
        /// What is wrong, and where.
        invalid: Invalid,
    },
    /// A schema is of another format.
    #[error("TM-SCHEMA-0010: schema {schema:?} is {is}, this definition is {given}; use another schema")]
    Format {
        /// The schema.
        schema: String,
        /// Its format.
        is: DataFormat,
        /// The definition's.
        given: DataFormat,
    },
    /// A version does not get along with the older ones.
    #[error("TM-SCHEMA-0011: schema {schema:?} can't take this version: {verdict}")]
    Incompatible {
        /// The schema.
        schema: String,
        /// Why.
        verdict: Box<Verdict>,
    },
    /// A schema takes no more versions.
    #[error("TM-SCHEMA-0012: schema {0:?} takes no further version: its compatibility is DISABLED; change it first")]
    Disabled(String),
    /// The registry or schema may only be read.
    #[error("TM-SCHEMA-0013: {0:?} is in mode {1} and can't be changed so; set another mode first")]
    Access(String, &'static str),
    /// A reference leads nowhere.
    #[error(
        "TM-SCHEMA-0014: the reference {name:?} to version {version} of {subject:?} leads nowhere; register it first"
    )]
    NoReference {
        /// How it is referred to.
        name: String,
        /// The schema.
        subject: String,
        /// Its version.
        version: String,
    },
    /// A version is referred to.
    #[error("TM-SCHEMA-0015: version {version} of {schema:?} is referred to by {by}; delete those first")]
    Referenced {
        /// The schema.
        schema: String,
        /// Its version.
        version: u32,
        /// Who refers to it.
        by: String,
    },
    /// A version must be deleted before it can be deleted for good.
    #[error("TM-SCHEMA-0016: version {version} of {schema:?} is not deleted yet; delete it, then delete it for good")]
    NotDeleted {
        /// The schema.
        schema: String,
        /// Its version.
        version: String,
    },
    /// An id is taken by another definition.
    #[error("TM-SCHEMA-0017: id {0} is another schema's; leave the id out, or import into an empty registry")]
    IdTaken(u32),
    /// A version that compatibility is judged from can't go.
    #[error(
        "TM-SCHEMA-0018: version {version} of {schema:?} is its checkpoint, from which compatibility is judged; \
         move the checkpoint first"
    )]
    Checkpoint {
        /// The schema.
        schema: String,
        /// Its version.
        version: u32,
    },
    /// A limit was reached.
    #[error("TM-SCHEMA-0019: {what} would be {found}, the limit is {limit}; {hint}")]
    Limit {
        /// What was measured, with its unit.
        what: &'static str,
        /// What it came to.
        found: usize,
        /// What is allowed.
        limit: usize,
        /// What to do.
        hint: &'static str,
    },
    /// Metadata is there already, or not there.
    #[error("TM-SCHEMA-0020: the metadata {key:?} = {value:?} {problem}")]
    Metadata {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is the matter with it.
        problem: &'static str,
    },
}

impl From<fjall::Error> for Error {
    fn from(error: fjall::Error) -> Self {
        Error::Store(error.to_string())
    }
}
