//! Records: what a producer hands in, what it gets back, and what a reader sees.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{IngestionTime, hash_key};

/// A shard's number in its stream. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId(pub u32);

impl fmt::Display for ShardId {
    /// As Kinesis writes it: `shardId-000000000003`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shardId-{:012}", self.0)
    }
}

/// A record's number in its shard: it grows by one with each record, and the first of a child shard is above the
/// last of its parents.
///
/// A 64-bit index is what the sequence numbers of Kinesis hold too; their decimal form adds the shard's number and
/// creation time and the record's arrival time, which [`crate::ShardDescription`] and [`ReadRecord`] give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

impl Sequence {
    pub(crate) const fn plus(self, records: u64) -> Self {
        Self(self.0.saturating_add(records))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A record to append. The bytes are copied before [`crate::Stream::append`] returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// Tells the shard by its MD5, and is given to readers. At most 1,024 bytes.
    pub partition_key: &'a [u8],
    /// Tells the shard instead of the partition key's hash.
    pub explicit_hash_key: Option<u128>,
    /// The payload; may be empty.
    pub data: &'a [u8],
}

impl Record<'_> {
    pub(crate) fn hash_key(&self) -> u128 {
        self.explicit_hash_key.unwrap_or_else(|| hash_key(self.partition_key))
    }
}

/// Where an acknowledged record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The shard that holds it.
    pub shard: ShardId,
    /// Its number there.
    pub sequence: Sequence,
    /// Its ingestion time.
    pub time: IngestionTime,
}

/// A record read, as slices of a buffer that it shares with its neighbours: keeping one keeps the whole buffer
/// (256 KiB or a frame, whichever is larger), so copy what is to be kept for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// Its number in the shard.
    pub sequence: Sequence,
    /// Its ingestion time.
    pub time: IngestionTime,
    /// The producer's partition key.
    pub partition_key: Bytes,
    /// The payload.
    pub data: Bytes,
}

/// A record seen in place, see [`crate::ShardReader::read_each`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Its number in the shard.
    pub sequence: Sequence,
    /// Its ingestion time.
    pub time: IngestionTime,
    /// The producer's partition key.
    pub partition_key: &'a [u8],
    /// The payload.
    pub data: &'a [u8],
}
