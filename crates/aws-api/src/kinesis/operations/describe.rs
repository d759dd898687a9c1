//! DescribeStream, DescribeStreamSummary, and how shards are shown.

use std::collections::BTreeMap;

use tidemill_streams::{IngestionTime, ShardDescription, ShardId, Stream, StreamDescription};

use super::streams::mode_details;
use super::{Outcome, settings};
use crate::access::Caller;
use crate::gateway::Answer;
use crate::kinesis::Kinesis;
use crate::kinesis::name::shard_number;
use crate::kinesis::sequence_number::SequenceNumber;
use crate::protocol::{Fault, Value, structure};

const PAGE: usize = 100;

impl Kinesis {
    pub(super) fn describe_stream(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let stream = self.stream(input)?;
        let described = stream.describe();
        let shards = Shards::of(&described);
        let after = self.shard_after(&stream, input.text("ExclusiveStartShardId"))?;
        let page = input.integer("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let rest: Vec<_> = shards.after(after).collect();
        let shown = rest.get(..page).unwrap_or(&rest);
        let notes = self.notes.of(&stream);
        Ok(Answer::Value(structure([(
            "StreamDescription",
            structure([
                ("StreamName", described.name.clone().into()),
                ("StreamARN", self.place(caller).stream(&described.name).into()),
                ("StreamStatus", self.status(&stream).into()),
                ("StreamModeDetails", mode_details(notes.on_demand)),
                ("Shards", shown.iter().map(|shard| shards.show(shard)).collect::<Vec<_>>().into()),
                ("HasMoreShards", (rest.len() > shown.len()).into()),
                ("RetentionPeriodHours", settings::hours(&described.config).into()),
                ("StreamCreationTimestamp", Value::Time(described.created.as_millis())),
                ("EnhancedMonitoring", vec![settings::metrics(&notes)].into()),
                ("EncryptionType", if notes.key_id.is_some() { "KMS" } else { "NONE" }.into()),
                ("KeyId", notes.key_id.clone().into()),
            ]),
        )])))
    }

    pub(super) fn describe_stream_summary(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let stream = self.stream(input)?;
        let described = stream.describe();
        let notes = self.notes.of(&stream);
        let open = described.shards.iter().filter(|shard| !shard.closed).count();
        let warm = notes.warm_mibps.map(settings::warm_throughput);
        let strategy = if notes.spread { "AUTO" } else { "USER_PARTITION_KEY" };
        Ok(Answer::Value(structure([(
            "StreamDescriptionSummary",
            structure([
                ("StreamName", described.name.clone().into()),
                ("StreamARN", self.place(caller).stream(&described.name).into()),
                ("StreamStatus", self.status(&stream).into()),
                ("StreamModeDetails", mode_details(notes.on_demand)),
                ("RetentionPeriodHours", settings::hours(&described.config).into()),
                ("StreamCreationTimestamp", Value::Time(described.created.as_millis())),
                ("EnhancedMonitoring", vec![settings::metrics(&notes)].into()),
                ("EncryptionType", if notes.key_id.is_some() { "KMS" } else { "NONE" }.into()),
                ("KeyId", notes.key_id.clone().into()),
                ("OpenShardCount", open.into()),
                ("ConsumerCount", notes.consumers.len().into()),
                ("WarmThroughput", warm.unwrap_or(Value::Null)),
                ("MaxRecordSizeInKiB", (described.config.record_bytes_max >> 10).into()),
                ("ChannelCount", 0u32.into()),
                ("QueueCount", 0u32.into()),
                ("RecordDistributionStrategy", notes.on_demand.then_some(strategy).into()),
            ]),
        )])))
    }

    /// The number of a shard to begin after.
    pub(super) fn shard_after(&self, stream: &Stream, id: Option<&str>) -> Result<Option<ShardId>, Fault> {
        id.map(|id| shard_number(id).ok_or_else(|| self.could_not_find_shard(stream.name(), id))).transpose()
    }
}

/// The shards of a description, by number.
pub(super) struct Shards<'a>(BTreeMap<ShardId, &'a ShardDescription>);

impl<'a> Shards<'a> {
    pub(super) fn of(described: &'a StreamDescription) -> Self {
        Self(described.shards.iter().map(|shard| (shard.id, shard)).collect())
    }

    /// Those behind a number, or all.
    pub(super) fn after(&self, after: Option<ShardId>) -> impl Iterator<Item = &'a ShardDescription> {
        self.0.values().copied().filter(move |shard| after.is_none_or(|after| shard.id > after))
    }

    /// When a shard was closed: when its children were made.
    pub(super) fn closed(&self, shard: &ShardDescription) -> Option<IngestionTime> {
        let made = shard.children.iter().filter_map(|child| self.0.get(child)).map(|child| child.created).min();
        shard.closed.then(|| made.unwrap_or(shard.newest_time))
    }

    /// A shard as the service shows it.
    pub(super) fn show(&self, shard: &ShardDescription) -> Value<'static> {
        let parent = |i: usize| shard.parents.get(i).map(ToString::to_string);
        let ending = self.closed(shard).map(|closed| SequenceNumber::last(shard.id, shard.created, closed).to_string());
        structure([
            ("ShardId", shard.id.to_string().into()),
            ("ParentShardId", parent(0).into()),
            ("AdjacentParentShardId", parent(1).into()),
            ("HashKeyRange", hash_key_range(shard)),
            (
                "SequenceNumberRange",
                structure([
                    ("StartingSequenceNumber", SequenceNumber::first(shard.id, shard.created).to_string().into()),
                    ("EndingSequenceNumber", ending.into()),
                ]),
            ),
        ])
    }
}

/// A shard's hash keys as the service shows them.
pub(super) fn hash_key_range(shard: &ShardDescription) -> Value<'static> {
    structure([
        ("StartingHashKey", shard.range.start.to_string().into()),
        ("EndingHashKey", shard.range.end.to_string().into()),
    ])
}
