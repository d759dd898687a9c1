//! The embedded stream log as a source and a sink.
//!
//! **Source.** [`StreamSource`] replays from any position. Its rows have the columns of [`schema`] and the ingestion
//! time as their time; its watermark is the ingestion time up to which all of an instance's shards are complete, and
//! grows with the clock while they are idle. Shards are spread over the workers; the children of a split or merge are
//! read when all of their parents have been, by the worker that read the first parent.
//!
//! **Sink.** [`StreamSink`] appends, at least once: a checkpoint waits until all that was written is on disk, and after
//! a crash the rows since the last checkpoint are written again.
//!
//! Tables of SQL put a format between them and the records: `decoded` reads, `encoded` writes.

mod decoded;
mod encoded;
mod positions;
mod rows;
mod shard_plan;
mod share;
mod sink;
mod source;
#[cfg(test)]
mod sql_tests;

pub use rows::schema;
pub use share::Share;
pub use sink::{StreamSink, StreamSinkConfig};
pub use source::{StartFrom, StreamSource, StreamSourceConfig};

#[cfg(test)]
mod tests;

use arrow::datatypes::{DataType, TimeUnit};
use tidemill_engine::EngineError;
use tidemill_streams::{Stream, StreamConfig};

use crate::catalog::{ConnectorSpec, Formats, MetadataSpec, OptionKind, OptionSpec, Settings};
use crate::environment::Environment;
use crate::error::{Error, Result};

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "stream",
    about: "An embedded stream, read by shard and appended to.",
    formats: Formats::Any,
    options: &[
        OptionSpec::ours("stream", OptionKind::Text, None, "The stream's name.").required(),
        OptionSpec::ours(
            "stream.shards",
            OptionKind::Integer,
            None,
            "Makes the stream with so many shards where there is none of its name.",
        ),
        OptionSpec::flink(
            "scan.startup.mode",
            OptionKind::OneOf(&["earliest-offset", "latest-offset", "timestamp", "specific-offsets"]),
            Some("earliest-offset"),
            "Where to begin without a checkpoint: with the oldest records, after the newest, at a time, or at sequence numbers.",
        ),
        OptionSpec::flink(
            "scan.startup.timestamp-millis",
            OptionKind::Integer,
            None,
            "The time of the mode `timestamp`: milliseconds since 1970.",
        ),
        OptionSpec::flink(
            "scan.startup.specific-offsets",
            OptionKind::Text,
            None,
            "The numbers of that mode: `partition:0,offset:42;partition:1,offset:300`. A partition is a shard's number; other shards are read from their oldest records.",
        ),
        OptionSpec::flink(
            "scan.bounded.mode",
            OptionKind::OneOf(&["unbounded", "latest-offset"]),
            Some("unbounded"),
            "`latest-offset`: the table ends with the newest records that there are at the first start.",
        ),
        OptionSpec::ours(
            "scan.share",
            OptionKind::Text,
            None,
            "Reads a part of the shards only: `1/2` those with even numbers, `2/2` the others. Tables that read all the shares of a stream read each record once.",
        ),
        OptionSpec::ours(
            "sink.partition-key",
            OptionKind::Text,
            None,
            "Columns, with `;` between them, whose values as text make a record's partition key, with `|` between them; the first 1,024 bytes count. Without it a written column of metadata `partition-key`, the primary key, or else records are spread evenly.",
        ),
    ],
    metadata: &[
        MetadataSpec {
            key: "timestamp",
            sql_type: "TIMESTAMP_LTZ(6) NOT NULL",
            data_type: || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            writable: false,
            about: "When the record came in.",
        },
        MetadataSpec {
            key: "partition-key",
            sql_type: "BYTES NOT NULL",
            data_type: || DataType::Binary,
            writable: true,
            about: "The producer's partition key; STRING where it is text.",
        },
        MetadataSpec {
            key: "shard-id",
            sql_type: "STRING NOT NULL",
            data_type: || DataType::Utf8,
            writable: false,
            about: "The shard, `shardId-000000000003`.",
        },
        MetadataSpec {
            key: "sequence-number",
            sql_type: "BIGINT NOT NULL",
            data_type: || DataType::Int64,
            writable: false,
            about: "The record's number in its shard.",
        },
    ],
    source: Some(decoded::make),
    sink: Some(encoded::make),
    lookup: None,
};

/// The stream that a table stands for.
fn find(settings: &Settings<'_>, environment: &Environment) -> Result<Stream> {
    let missing = || Error::MissingPart {
        connector: "stream",
        part: "the embedded streams",
        hint: "run the script in a server, or give it a data folder",
    };
    let streams = environment.streams.as_ref().ok_or_else(missing)?;
    let name = settings.require("stream")?;
    let found = match (streams.get(name), settings.integer("stream.shards")) {
        (Err(tidemill_streams::Error::StreamNotFound { .. }), Some(shards)) => {
            let shards = u32::try_from(shards).unwrap_or(u32::MAX);
            streams.create(name, StreamConfig { shards, ..StreamConfig::default() })
        }
        (found, _) => found,
    };
    found.map_err(|error| Error::Unreachable { what: format!("stream `{name}`"), reason: error.to_string() })
}

fn failed(stream: &str, error: &tidemill_streams::Error) -> EngineError {
    EngineError::operator(format!("stream {stream}"), error)
}
