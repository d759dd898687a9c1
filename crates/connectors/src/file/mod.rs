//! Files: an exactly-once sink of partitioned Parquet, JSON lines or records of any format, and the reader of such a folder for SQL.
//!
//! ```text
//! lake/page_impressions/                     the sink's folder
//!   tenant=shop/date=2026-11-22/             one folder for each value of the partition columns
//!     web.impressions-3-0-17.parquet         job.operator-generation-worker-number; whole and final
//!   .staging/                                written, synced, waiting for their checkpoint
//! ```
//!
//! A file spans many checkpoints, and a Parquet file can be read only when its footer is written. So the rows of a file
//! that is not closed yet are state: kept in memory, and each checkpoint saves those that came since the last one. When
//! the file closes (size, rows, age) it is written to `.staging`, its name becomes part of the checkpoint and its rows leave
//! the state; when the checkpoint is durable, a rename makes it visible. A crash before that checkpoint leaves a staged
//! file that nobody knows, which a later generation deletes; a crash after it repeats the rename, which does nothing the
//! second time.

mod config;
mod format;
pub mod lake;
mod open_file;
pub(crate) mod partition;
mod sink;
mod staged;
#[cfg(test)]
mod tests;

pub use config::{FileFormat, FileSinkConfig, PartitionBy};
pub use sink::FileSink;

use tidemill_engine::EngineError;

/// An error of this connector, which names the folder.
fn failed(root: &std::path::Path, what: impl std::fmt::Display) -> EngineError {
    EngineError::operator(format!("file sink {}", root.display()), what)
}
