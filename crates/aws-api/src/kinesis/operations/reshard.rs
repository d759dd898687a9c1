//! SplitShard, MergeShards.

use tidemill_streams::{ShardDescription, Stream};

use super::Outcome;
use crate::gateway::Answer;
use crate::kinesis::Kinesis;
use crate::kinesis::name::{invalid, shard_number};
use crate::protocol::{Fault, Value};

impl Kinesis {
    pub(super) fn split_shard(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        self.check_provisioned(&stream)?;
        let shard = self.shard_to_change(&stream, input.text("ShardToSplit").unwrap_or_default())?;
        self.check_open(&stream, &shard)?;
        let (name, account, id, range) = (stream.name(), &self.settings.account, shard.id, shard.range);
        let asked = input.text("NewStartingHashKey").unwrap_or_default();
        // One plus the start: the service wants two keys in the lower child.
        let middle = asked.parse().ok().filter(|key| *key > range.start.saturating_add(1) && *key < range.end);
        let Some(middle) = middle else {
            return Err(invalid(format!(
                "NewStartingHashKey {asked} used in SplitShard() on shard {id} in stream {name} under account {account} is \
                 not both greater than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
                range.start, range.end
            )));
        };
        self.check_shard_quota(1)?;
        stream.split(id, middle).map_err(|error| self.fault(name, &error))?;
        Ok(Answer::Done)
    }

    pub(super) fn merge_shards(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        self.check_provisioned(&stream)?;
        let shard = |member: &str| self.shard_to_change(&stream, input.text(member).unwrap_or_default());
        let (low, high) = (shard("ShardToMerge")?, shard("AdjacentShardToMerge")?);
        self.check_open(&stream, &low)?;
        self.check_open(&stream, &high)?;
        let (name, account) = (stream.name(), &self.settings.account);
        let touch = |a: &ShardDescription, b: &ShardDescription| a.range.end.checked_add(1) == Some(b.range.start);
        if !touch(&low, &high) && !touch(&high, &low) {
            return Err(invalid(format!(
                "Shards {} and {} in stream {name} under account {account} are not an adjacent pair of shards eligible for merging",
                low.id, high.id
            )));
        }
        stream.merge(low.id, high.id).map_err(|error| self.fault(name, &error))?;
        Ok(Answer::Done)
    }

    /// A shard by its id. One that is not there has other words here than where records are read.
    fn shard_to_change(&self, stream: &Stream, id: &str) -> Result<ShardDescription, Fault> {
        let number = shard_number(id).ok_or_else(|| self.could_not_find_shard(stream.name(), id))?;
        let shard = stream.shard(number).map_err(|_| self.could_not_find_shard(stream.name(), &number.to_string()))?;
        Ok(shard.describe())
    }

    fn check_open(&self, stream: &Stream, shard: &ShardDescription) -> Result<(), Fault> {
        match shard.closed {
            false => Ok(()),
            true => Err(invalid(format!(
                "Shard {} in stream {} under account {} has already been merged or split, and thus is not eligible for \
                 merging or splitting.",
                shard.id,
                stream.name(),
                self.settings.account
            ))),
        }
    }

    pub(super) fn check_provisioned(&self, stream: &Stream) -> Result<(), Fault> {
        match self.notes.of(stream).on_demand {
            false => Ok(()),
            true => Err(Fault::validation(format!(
                "Request is invalid. Stream {} under account {} is in On-Demand mode.",
                stream.name(),
                self.settings.account
            ))),
        }
    }
}
