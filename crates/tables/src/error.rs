//! Everything that can go wrong in this crate, each with a code and what to do about it.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the tables. Its text begins with a code that documentation and searches can rely on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder can't be used: it can't be created, read or locked.
    #[error("TM-TABLE-0001: the tables' folder {path} can't be opened: {reason}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the file system or the store said, and what to do.
        reason: String,
    },
    /// The folder was written by a newer version of Tidemill.
    #[error(
        "TM-TABLE-0002: the tables' folder {path} has format {found}, this program knows formats up to {known}; \
         use the newer program that wrote it"
    )]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// The format that the folder names.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// A table with this name does not exist.
    #[error("TM-TABLE-0003: there is no table {0:?}; list the tables to see those that exist")]
    NoSuchTable(String),
    /// A table with this name exists.
    #[error("TM-TABLE-0004: there is already a table {0:?}; choose another name or drop it first")]
    TableExists(String),
    /// The definition of a table is wrong.
    #[error("TM-TABLE-0005: the definition of table {table:?} is refused: {reason}")]
    Definition {
        /// The table's name.
        table: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// A value does not fit its column.
    #[error("TM-TABLE-0006: column {column:?} of table {table:?}: {reason}")]
    Value {
        /// The table's name.
        table: String,
        /// The column's name.
        column: String,
        /// Why the value is refused.
        reason: String,
    },
    /// A row or key has another shape than the table.
    #[error("TM-TABLE-0007: table {table:?}: {reason}")]
    Shape {
        /// The table's name.
        table: String,
        /// What was expected and what came.
        reason: String,
    },
    /// A limit was reached.
    #[error("TM-TABLE-0008: {what} is {found}, the limit is {limit}; {hint}")]
    Limit {
        /// What was measured, with its unit.
        what: &'static str,
        /// What was found.
        found: u64,
        /// What is allowed.
        limit: u64,
        /// What to do.
        hint: &'static str,
    },
    /// Another transaction changed what this one has read.
    #[error(
        "TM-TABLE-0009: another transaction changed what this one has read; run it again ({attempts} attempts made)"
    )]
    Conflict {
        /// How often the transaction was tried.
        attempts: u32,
    },
    /// A write to the disk failed; nothing can be written until the folder is opened again.
    #[error(
        "TM-TABLE-0010: a write to the tables' folder failed ({0}); commits are refused until it is opened again: \
         free disk space or repair the disk, then restart"
    )]
    Stopped(String),
    /// The store reported a failure.
    #[error("TM-TABLE-0011: the store failed: {0}")]
    Store(#[from] fjall::Error),
    /// Bytes on disk are not what was written.
    #[error("TM-TABLE-0012: a row of table {table:?} is damaged ({reason}); restore the folder from a copy")]
    Damaged {
        /// The table's name.
        table: String,
        /// What was found.
        reason: &'static str,
    },
    /// An Arrow operation failed.
    #[error("TM-TABLE-0013: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Rust structure could not be mapped to the table's columns, or back.
    #[error("TM-TABLE-0014: a record does not map to the columns of table {table:?}: {reason}")]
    Record {
        /// The table's name.
        table: String,
        /// What the mapping said.
        reason: String,
    },
    /// A statement that changes something was given to the read-only SQL.
    #[error(
        "TM-TABLE-0020: only queries are allowed here, this statement is refused: {0}; write SELECT, WITH, SHOW, DESCRIBE or EXPLAIN"
    )]
    ReadOnly(String),
    /// The text is not a valid query.
    #[error("TM-TABLE-0021: the query can't be planned: {0}")]
    Query(String),
    /// A query failed while it ran.
    #[error("TM-TABLE-0022: the query failed: {0}")]
    Execution(String),
    /// A query needs more memory than it may have.
    #[error(
        "TM-TABLE-0023: the query needs more than its {limit_bytes} bytes of memory ({reason}); narrow it by a WHERE clause or raise the limit"
    )]
    QueryMemory {
        /// The limit.
        limit_bytes: usize,
        /// Which operator asked for more.
        reason: String,
    },
    /// A query ran longer than it may.
    #[error("TM-TABLE-0024: the query ran longer than {limit_ms} ms; narrow it by a WHERE clause or raise the limit")]
    QueryTimeout {
        /// The limit.
        limit_ms: u128,
    },
}
