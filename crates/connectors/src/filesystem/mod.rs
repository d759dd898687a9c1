//! `filesystem`: the files of a folder.
//!
//! **Source.** Every file below the folder is read once; files that come later are found where `source.monitor-interval` is given.
//! A large file of lines is read in ranges by several workers. Files, or ranges, that nobody reads yet lie on a board, from which
//! each worker takes the next ([`board`]); a position is how far each of them was read. Names that begin with `.` or `_` are passed
//! over, `.gz` is unpacked. A file must not change once it is there: write it elsewhere and move it in.
//!
//! **Sink.** [`FileSink`](crate::file::FileSink): each row in exactly one visible file.

mod board;
mod discovery;
mod location;
mod parquet;
mod reader;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use arrow::datatypes::{DataType, TimeUnit};

use crate::catalog::{ConnectorSpec, Formats, MetadataSpec, OptionKind, OptionSpec};

/// The format of files that are no records.
const PARQUET: &str = "parquet";

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "filesystem",
    about: "The files of a local folder: read once each, followed, or written exactly once.",
    formats: Formats::AnyAnd(&[PARQUET]),
    options: &[
        OptionSpec::flink("path", OptionKind::Text, None, "The folder, or to read a single file: a path or a `file://` URL. Relative paths begin where the script lies.").required(),
        OptionSpec::flink("source.monitor-interval", OptionKind::Duration, None, "Looks for new files so often. Without it the table ends with the files that are there."),
        OptionSpec::flink("streaming-source.enable", OptionKind::Boolean, Some("false"), "As `source.monitor-interval`, once a second."),
        OptionSpec::flink("source.path.regex-pattern", OptionKind::Text, None, "Reads only files whose whole path matches this regular expression."),
        OptionSpec::flink("sink.rolling-policy.file-size", OptionKind::Bytes, Some("32 mb"), "A file is closed when its rows take so much memory."),
        OptionSpec::flink("sink.rolling-policy.rollover-interval", OptionKind::Duration, Some("50 s"), "A file is closed at the first checkpoint so long after its first row."),
        OptionSpec::flink("sink.rolling-policy.check-interval", OptionKind::Duration, None, "Without effect: each checkpoint looks whether files are to be closed."),
        OptionSpec::flink("partition.default-name", OptionKind::OneOf(&["__HIVE_DEFAULT_PARTITION__"]), Some("__HIVE_DEFAULT_PARTITION__"), "The folder of rows whose partition column is NULL."),
    ],
    metadata: &[
        MetadataSpec { key: "file.path", sql_type: "STRING NOT NULL", data_type: || DataType::Utf8, writable: false, about: "The whole path of the row's file." },
        MetadataSpec { key: "file.name", sql_type: "STRING NOT NULL", data_type: || DataType::Utf8, writable: false, about: "Its name." },
        MetadataSpec { key: "file.size", sql_type: "BIGINT NOT NULL", data_type: || DataType::Int64, writable: false, about: "Its length in bytes." },
        MetadataSpec { key: "file.modification-time", sql_type: "TIMESTAMP_LTZ(3) NOT NULL", data_type: || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), writable: false, about: "When it was last written." },
    ],
    source: Some(source::make),
    sink: Some(sink::make),
    lookup: None,
};
