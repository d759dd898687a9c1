//! What a file sink writes, where, and how large.

use std::path::PathBuf;
use std::time::Duration;

use tidemill_formats::Format;
use tidemill_tables::Clock;

/// How rows become bytes.
#[derive(Clone, Debug)]
pub enum FileFormat {
    /// Apache Parquet, compressed by zstd.
    Parquet,
    /// A JSON object a line.
    JsonLines,
    /// A record a row, as a format writes it, each with its end.
    Records {
        /// The format; one that says where its records end.
        format: Format,
        /// What the files' names end with.
        extension: &'static str,
    },
}

impl FileFormat {
    pub(crate) fn extension(&self) -> &'static str {
        match self {
            FileFormat::Parquet => "parquet",
            FileFormat::JsonLines => "jsonl",
            FileFormat::Records { extension, .. } => extension,
        }
    }
}

/// One level of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionBy {
    /// `name=value` of a column, which is left out of the file: readers take it from the folder.
    Column(String),
    /// `name=2026-11-22`: the UTC day in a column of timestamps or dates, which stays in the file.
    Date {
        /// The folder's name.
        name: String,
        /// The column.
        column: String,
    },
    /// `name=2026-11-22`: the UTC day of the row's own time.
    RowDate(String),
}

/// A file sink's settings.
#[derive(Clone, Debug)]
pub struct FileSinkConfig {
    /// The folder; created when it does not exist.
    pub root: PathBuf,
    /// Parquet by default.
    pub format: FileFormat,
    /// From the outermost folder to the innermost; none by default.
    pub partition_by: Vec<PartitionBy>,
    /// Columns whose values hardly repeat, such as ids: written without a dictionary, which would cost time and save nothing.
    /// None by default.
    pub distinct: Vec<String>,
    /// A file is closed when its rows take so many bytes in memory.
    pub file_bytes_max: usize,
    /// A file is closed at so many rows.
    pub file_rows_max: usize,
    /// A file is closed at the first checkpoint so long after its first row came.
    pub file_age_max: Duration,
    /// Bytes of rows in all open files of one worker; beyond it the largest file is closed early.
    pub open_bytes_max: usize,
    /// Open files of one worker; beyond it the largest is closed early.
    pub open_files_max: usize,
    /// The clock that the age is measured by.
    pub clock: Clock,
}

impl FileSinkConfig {
    /// The defaults for a folder: Parquet files of at most 32 MiB in memory, a million rows, 50 seconds.
    pub fn new(root: impl Into<PathBuf>) -> FileSinkConfig {
        FileSinkConfig {
            root: root.into(),
            format: FileFormat::Parquet,
            partition_by: Vec::new(),
            distinct: Vec::new(),
            file_bytes_max: 32 * 1024 * 1024,
            file_rows_max: 1_000_000,
            // Checkpoints are closer than ten seconds, so that a file is visible a minute after its first row.
            file_age_max: Duration::from_secs(50),
            open_bytes_max: 64 * 1024 * 1024,
            open_files_max: 1_000,
            clock: Clock::system(),
        }
    }
}
