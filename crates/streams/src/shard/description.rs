//! A shard as its stream describes it.

use serde::Serialize;

use crate::{HashRange, IngestionTime, Sequence, ShardId};

/// What [`crate::Stream::describe`] tells about a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShardDescription {
    /// Its number.
    pub id: ShardId,
    /// The hash keys that it owns, or owned before it was closed.
    pub range: HashRange,
    /// The shards that were split or merged into it.
    pub parents: Vec<ShardId>,
    /// The shards that it was split or merged into.
    pub children: Vec<ShardId>,
    /// When it was made; a child at least a second after its parents, whatever the clock says.
    pub created: IngestionTime,
    /// Its first sequence number ever.
    pub start_sequence: Sequence,
    /// The first sequence number that is still kept.
    pub oldest_sequence: Sequence,
    /// The number after that of its last record.
    pub next_sequence: Sequence,
    /// Records kept.
    pub records: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Files.
    pub segments: usize,
    /// No record that is kept has an earlier stamp.
    pub oldest_time: IngestionTime,
    /// No record has a later stamp.
    pub newest_time: IngestionTime,
    /// Whether it was split or merged: it takes no more records.
    pub closed: bool,
}
