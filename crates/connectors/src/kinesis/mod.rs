//! `kinesis`: a stream of Amazon Kinesis Data Streams, or of a server that speaks its protocol, such as another Tidemill.
//!
//! ```text
//!  discovery task ──shards──▶ Plan ◀──ends, children── source of each worker ──rows──▶
//!                              │ shard n: worker n mod workers        ▲ bounded queue
//!                              └────────▶ a task for each shard: GetRecords or SubscribeToShard
//! ```
//!
//! **Source.** It replays from sequence numbers. The children of a split or merge are read when their parents have been.
//! What the Kinesis Producer Library aggregated is unpacked. **Sink.** PutRecords in batches, at least once: a checkpoint
//! waits until all are taken; what is throttled is sent again, later. It can aggregate, too.

mod client;
mod place;
mod plan;
mod reading;
mod records;
mod sink;
mod source;

use arrow::datatypes::{DataType, TimeUnit};

use crate::catalog::{ConnectorSpec, Formats, MetadataSpec, OptionKind, OptionSpec};

pub(crate) const SPEC: ConnectorSpec = ConnectorSpec {
    name: "kinesis",
    about: "A stream of Amazon Kinesis Data Streams, or of another Tidemill, read by shard and written.",
    formats: Formats::Any,
    options: &[
        OptionSpec::flink(
            "stream.arn",
            OptionKind::Text,
            None,
            "The stream: its ARN, which also names the region, or its name.",
        )
        .required(),
        OptionSpec::flink(
            "aws.region",
            OptionKind::Text,
            None,
            "The region; without it that of the ARN, or `AWS_REGION`.",
        ),
        OptionSpec::flink(
            "aws.endpoint",
            OptionKind::Text,
            None,
            "`http://127.0.0.1:7171`: a server other than the service of the region; without it `AWS_ENDPOINT_URL`.",
        ),
        OptionSpec::flink(
            "aws.credentials.basic.accesskeyid",
            OptionKind::Text,
            None,
            "The access key; without it `AWS_ACCESS_KEY_ID`, with `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. An endpoint on loopback needs none.",
        ),
        OptionSpec::flink("aws.credentials.basic.secretkey", OptionKind::Text, None, "Its secret."),
        OptionSpec::ours(
            "aws.ca-bundle",
            OptionKind::Text,
            None,
            "A file of certificates in PEM form that an `https://` endpoint is trusted by, such as a server's `tls.pem`, beside those of the system.",
        ),
        OptionSpec::flink(
            "source.init.position",
            OptionKind::OneOf(&["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"]),
            Some("LATEST"),
            "Where to begin without a checkpoint: after the newest records, with the oldest, or at a time.",
        ),
        OptionSpec::flink(
            "source.init.timestamp",
            OptionKind::Text,
            None,
            "The time of `AT_TIMESTAMP`: `2026-01-31T12:00:00Z`, or seconds since 1970.",
        ),
        OptionSpec::flink(
            "source.reader.type",
            OptionKind::OneOf(&["POLLING", "EFO"]),
            Some("POLLING"),
            "`POLLING` asks for records; with `EFO` (enhanced fan-out) they are pushed to a registered consumer, with a rate of its own.",
        ),
        OptionSpec::flink(
            "source.efo.consumer.name",
            OptionKind::Text,
            None,
            "The consumer of `EFO`; it is registered where there is none of the name, and stays.",
        ),
        OptionSpec::flink(
            "source.shard.discovery.interval",
            OptionKind::Duration,
            Some("10 s"),
            "The shards are listed so often. Children of a shard that is read are known with its last record.",
        ),
        OptionSpec::flink(
            "source.shard.get-records.max-record-count",
            OptionKind::Integer,
            Some("10000"),
            "The most records of a GetRecords.",
        ),
        OptionSpec::flink(
            "source.shard.get-records.interval",
            OptionKind::Duration,
            Some("200 ms"),
            "A shard without news is polled so often. The service takes five calls a second for all consumers of a shard.",
        ),
        OptionSpec::ours(
            "sink.partition-key",
            OptionKind::Text,
            None,
            "Columns, with `;` between them, whose values as text make a record's partition key, with `|` between them; the first 256 characters count. Without it a written column of metadata `partition-key`, the primary key, or else records are spread evenly.",
        ),
        OptionSpec::flink(
            "sink.batch.max-size",
            OptionKind::Integer,
            Some("500"),
            "Records of a PutRecords, 500 at most.",
        ),
        OptionSpec::flink(
            "sink.requests.max-inflight",
            OptionKind::Integer,
            Some("4"),
            "PutRecords under way at the same time, for each worker. With more than one, records of a key may change places when some are throttled.",
        ),
        OptionSpec::ours(
            "sink.aggregation",
            OptionKind::Boolean,
            Some("false"),
            "Packs records of up to 50 KiB together as the Kinesis Producer Library does: fewer and cheaper records, which only consumers can read that unpack them.",
        ),
        OptionSpec::ours(
            "sink.retry-timeout",
            OptionKind::Duration,
            Some("5 min"),
            "What is throttled or not answered is sent again after 100 ms, each time after twice as long, at most 10 s; the job fails when this time is over.",
        ),
    ],
    metadata: &[
        MetadataSpec {
            key: "timestamp",
            sql_type: "TIMESTAMP_LTZ(3) NOT NULL",
            data_type: || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            writable: false,
            about: "When the record came in, approximately.",
        },
        MetadataSpec {
            key: "partition-key",
            sql_type: "STRING NOT NULL",
            data_type: || DataType::Utf8,
            writable: true,
            about: "The producer's partition key.",
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
            sql_type: "STRING NOT NULL",
            data_type: || DataType::Utf8,
            writable: false,
            about: "The record's number: up to 128 digits, which grow within a shard.",
        },
        MetadataSpec {
            key: "sub-sequence-number",
            sql_type: "BIGINT NOT NULL",
            data_type: || DataType::Int64,
            writable: false,
            about: "The record's place in one that was aggregated, or 0.",
        },
    ],
    source: Some(source::make),
    sink: Some(sink::make),
    lookup: None,
};
