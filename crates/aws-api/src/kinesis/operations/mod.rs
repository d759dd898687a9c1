//! The operations: who may call them, how often, and which function does each.

mod account;
mod consumers;
mod describe;
mod get;
mod list_shards;
mod policy;
mod put;
mod reshard;
mod scale;
mod settings;
mod streams;
pub(super) mod subscribe;
mod tags;

use std::time::Instant;

use super::name::limit;
use super::{Inner, Kinesis};
use crate::access::{Access, Caller};
use crate::gateway::{Answer, Call};
use crate::protocol::{Fault, Value};

/// What an operation gives.
type Outcome = Result<Answer, Fault>;

/// What an operation does.
pub(super) fn access(operation: &str) -> Access {
    match operation {
        "PutRecord" | "PutRecords" => Access::Produce,
        "GetRecords"
        | "GetShardIterator"
        | "SubscribeToShard"
        | "RegisterStreamConsumer"
        | "DeregisterStreamConsumer" => Access::Consume,
        _ if operation.starts_with("Describe") || operation.starts_with("List") => Access::Describe,
        "GetResourcePolicy" => Access::Describe,
        _ => Access::Manage,
    }
}

/// Does an operation.
pub(super) async fn call(kinesis: &Kinesis, call: Call<'_>) -> Outcome {
    let Call { operation, input, caller } = call;
    kinesis.check_rate(operation, &input)?;
    match operation {
        "PutRecord" => kinesis.put_record(&input).await,
        "PutRecords" => kinesis.put_records(&input).await,
        "SubscribeToShard" => kinesis.subscribe_to_shard(&input).await,
        _ => {
            let (kinesis, operation, input) = (kinesis.clone(), operation.to_owned(), input.into_owned());
            let done = tokio::task::spawn_blocking(move || kinesis.control(&operation, &input, &caller));
            done.await.unwrap_or_else(|error| Err(Fault::internal(&error)))
        }
    }
}

impl Kinesis {
    /// Operations that wait for the disk.
    fn control(&self, operation: &str, input: &Value<'_>, caller: &Caller) -> Outcome {
        match operation {
            "GetRecords" => self.get_records(input),
            "GetShardIterator" => self.get_shard_iterator(input),
            "CreateStream" => self.create_stream(input),
            "DeleteStream" => self.delete_stream(input),
            "ListStreams" => self.list_streams(input, caller),
            "DescribeStream" => self.describe_stream(input, caller),
            "DescribeStreamSummary" => self.describe_stream_summary(input, caller),
            "UpdateStreamMode" => self.update_stream_mode(input),
            "UpdateMaxRecordSize" => self.update_max_record_size(input),
            "UpdateStreamWarmThroughput" => self.update_warm_throughput(input, caller),
            "UpdateStreamRecordDistributionStrategy" => self.update_distribution(input),
            "ListShards" => self.list_shards(input),
            "SplitShard" => self.split_shard(input),
            "MergeShards" => self.merge_shards(input),
            "UpdateShardCount" => self.update_shard_count(input, caller),
            "RegisterStreamConsumer" => self.register_consumer(input, caller),
            "DeregisterStreamConsumer" => self.deregister_consumer(input),
            "DescribeStreamConsumer" => self.describe_consumer(input, caller),
            "ListStreamConsumers" => self.list_consumers(input, caller),
            "IncreaseStreamRetentionPeriod" => self.increase_retention(input),
            "DecreaseStreamRetentionPeriod" => self.decrease_retention(input),
            "StartStreamEncryption" => self.start_encryption(input),
            "StopStreamEncryption" => self.stop_encryption(input),
            "EnableEnhancedMonitoring" => self.change_monitoring(input, caller, true),
            "DisableEnhancedMonitoring" => self.change_monitoring(input, caller, false),
            "AddTagsToStream" | "TagResource" => self.add_tags(input),
            "RemoveTagsFromStream" | "UntagResource" => self.remove_tags(input),
            "ListTagsForStream" => self.list_tags_of_stream(input),
            "ListTagsForResource" => self.list_tags_of_resource(input),
            "PutResourcePolicy" => self.put_policy(input),
            "GetResourcePolicy" => self.get_policy(input),
            "DeleteResourcePolicy" => self.delete_policy(input),
            "DescribeLimits" => Ok(self.describe_limits()),
            "DescribeAccountSettings" => Ok(self.describe_account_settings()),
            "UpdateAccountSettings" => self.update_account_settings(input),
            _ => Err(Fault::bare("UnknownOperationException")),
        }
    }
}

impl Inner {
    /// Whether limits of rates and numbers hold.
    fn limited(&self) -> bool {
        !self.settings.unlimited
    }

    fn check_rate(&self, operation: &str, input: &Value<'_>) -> Result<(), Fault> {
        let Some((name, per_second)) = rate(operation).filter(|_| self.limited()) else { return Ok(()) };
        let stream = if name == "ListShards" { input.text("StreamName").unwrap_or_default() } else { "" };
        if self.throttles.calls.take((name, stream.to_owned()), 1.0, per_second, Instant::now()) {
            return Ok(());
        }
        let account = &self.settings.account;
        Err(limit(format!("Rate exceeded for {operation} under account {account}: {per_second} calls a second.")))
    }
}

/// How often a second an account may call an operation.
fn rate(operation: &str) -> Option<(&'static str, f64)> {
    let rate = match operation {
        "DescribeLimits" => ("DescribeLimits", 1.0),
        "DescribeStream" => ("DescribeStream", 10.0),
        "DescribeStreamSummary" => ("DescribeStreamSummary", 20.0),
        "DescribeStreamConsumer" => ("DescribeStreamConsumer", 20.0),
        "ListShards" => ("ListShards", 1_000.0),
        "CreateStream" => ("CreateStream", 5.0),
        "DeleteStream" => ("DeleteStream", 5.0),
        "ListStreams" => ("ListStreams", 5.0),
        "SplitShard" => ("SplitShard", 5.0),
        "MergeShards" => ("MergeShards", 5.0),
        "RegisterStreamConsumer" => ("RegisterStreamConsumer", 5.0),
        "DeregisterStreamConsumer" => ("DeregisterStreamConsumer", 5.0),
        "ListStreamConsumers" => ("ListStreamConsumers", 5.0),
        "AddTagsToStream" => ("AddTagsToStream", 5.0),
        "RemoveTagsFromStream" => ("RemoveTagsFromStream", 5.0),
        "ListTagsForStream" => ("ListTagsForStream", 5.0),
        "UpdateStreamWarmThroughput" => ("UpdateStreamWarmThroughput", 5.0),
        "DescribeAccountSettings" => ("DescribeAccountSettings", 5.0),
        "UpdateAccountSettings" => ("UpdateAccountSettings", 5.0),
        _ => return None,
    };
    Some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Model;

    #[test]
    fn every_operation_of_the_model_is_done() {
        let model = Model::parse(include_str!("../model.txt"), "").unwrap();
        let source = include_str!("mod.rs");
        let mut operations: Vec<_> = model.operations().collect();
        operations.sort_unstable();
        assert_eq!(operations.len(), 40);
        for operation in operations {
            assert!(source.contains(&format!("\"{operation}\" ")), "{operation} is not done");
            assert!(access(operation) != Access::Manage || !operation.starts_with("Describe"));
        }
    }
}
