"""Streams: made, listed, described, changed, deleted."""
import datetime

from client import *

k = client()

# Making a stream.
k.create_stream(StreamName="a", ShardCount=3)
refused("ResourceInUseException", f"Stream a under account {ACCOUNT} already exists.", k.create_stream, StreamName="a", ShardCount=1)
refused("ValidationException", "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: Member must not be null",
        k.create_stream, ShardCount=1)
refused("ValidationException", "Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        k.create_stream, StreamName="a b", ShardCount=1)
refused("ValidationException", "Member must have length less than or equal to 128", k.create_stream, StreamName="a" * 129, ShardCount=1)
refused("ValidationException", "Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1",
        k.create_stream, StreamName="b", ShardCount=0)
refused("ValidationException", "Value null at 'shardCount'", k.create_stream, StreamName="b")
refused("ValidationException", "Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]", k.create_stream, StreamName="b",
        StreamModeDetails={"StreamMode": "MAYBE"})
refused("LimitExceededException", "at most 10000 shards", k.create_stream, StreamName="b", ShardCount=10_001)
refused("InvalidArgumentException", "ON_DEMAND", k.create_stream, StreamName="b", ShardCount=1, StreamModeDetails={"StreamMode": "ON_DEMAND"})
refused("InvalidArgumentException", "ON_DEMAND", k.create_stream, StreamName="b", ShardCount=1, RecordDistributionStrategy="AUTO")
refused("InvalidArgumentException", "ON_DEMAND", k.create_stream, StreamName="b", ShardCount=1, WarmThroughputMiBps=10)
refused("ValidationException", "Member must have value less than or equal to 10240", k.create_stream, StreamName="b", ShardCount=1, MaxRecordSizeInKiB=10_241)
refused("InvalidArgumentException", "invalid characters", k.create_stream, StreamName="b", ShardCount=1, Tags={"a": "<"})
refused("InvalidArgumentException", "more than 50 tags", k.create_stream, StreamName="b", ShardCount=1, Tags={str(i): "" for i in range(51)})
refused("ResourceNotFoundException", f"Stream b under account {ACCOUNT} not found.", k.describe_stream, StreamName="b")
k.create_stream(StreamName="b", ShardCount=1, Tags={"team": "web"}, MaxRecordSizeInKiB=2048)
k.create_stream(StreamName="c", StreamModeDetails={"StreamMode": "ON_DEMAND"})

# Describing it.
described = k.describe_stream(StreamName="a")["StreamDescription"]
created = described.pop("StreamCreationTimestamp")
assert abs((datetime.datetime.now(datetime.timezone.utc) - created).total_seconds()) < 60
found = described.pop("Shards")
equal(described, {"StreamName": "a", "StreamARN": arn("a"), "StreamStatus": "ACTIVE", "StreamModeDetails": {"StreamMode": "PROVISIONED"},
                  "HasMoreShards": False, "RetentionPeriodHours": 24, "EnhancedMonitoring": [{"ShardLevelMetrics": []}], "EncryptionType": "NONE"})
equal([(shard["ShardId"], shard["HashKeyRange"]) for shard in found], [
    ("shardId-000000000000", {"StartingHashKey": "0", "EndingHashKey": "113427455640312821154458202477256070484"}),
    ("shardId-000000000001", {"StartingHashKey": "113427455640312821154458202477256070485", "EndingHashKey": "226854911280625642308916404954512140969"}),
    ("shardId-000000000002", {"StartingHashKey": "226854911280625642308916404954512140970", "EndingHashKey": "340282366920938463463374607431768211455"})])
assert all(len(shard["SequenceNumberRange"]["StartingSequenceNumber"]) == 56 for shard in found)
assert all(set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"} for shard in found)
page = k.describe_stream(StreamName="a", Limit=2)["StreamDescription"]
equal((ids(page["Shards"]), page["HasMoreShards"]), ([0, 1], True))
page = k.describe_stream(StreamARN=arn("a"), ExclusiveStartShardId="shardId-000000000001")["StreamDescription"]
equal((ids(page["Shards"]), page["HasMoreShards"]), ([2], False))
equal(len(k.get_paginator("describe_stream").paginate(StreamName="a", PaginationConfig={"PageSize": 1}).build_full_result()["StreamDescription"]["Shards"]), 3)
refused("ValidationException", "Value '10001' at 'limit'", k.describe_stream, StreamName="a", Limit=10_001)
refused("InvalidArgumentException", "StreamName or StreamARN", k.describe_stream)
refused("InvalidArgumentException", "different streams", k.describe_stream, StreamName="a", StreamARN=arn("b"))
refused("ValidationException", "Value 'x' at 'streamARN'", k.describe_stream, StreamARN="x")
refused("ResourceNotFoundException", "another account", k.describe_stream, StreamARN=arn("a").replace(ACCOUNT, "123456789012"))
one = summary(k, "c")
equal((one["OpenShardCount"], one["StreamModeDetails"], one["ConsumerCount"], one["MaxRecordSizeInKiB"], one["RecordDistributionStrategy"]),
      (4, {"StreamMode": "ON_DEMAND"}, 0, 1024, "USER_PARTITION_KEY"))
equal(summary(k, "b")["MaxRecordSizeInKiB"], 2048)
assert "RecordDistributionStrategy" not in summary(k, "b") and "WarmThroughput" not in summary(k, "c")
refused("ResourceNotFoundException", "not found", k.describe_stream_summary, StreamName="nope")

# Listing streams.
equal(k.list_streams()["StreamNames"], ["a", "b", "c", "reserved"])
page = k.list_streams(Limit=2)
equal((page["StreamNames"], page["HasMoreStreams"]), (["a", "b"], True))
equal(k.list_streams(NextToken=page["NextToken"])["StreamNames"], ["c", "reserved"])
equal(k.list_streams(ExclusiveStartStreamName="b")["StreamNames"], ["c", "reserved"])
equal(k.list_streams(ExclusiveStartStreamName="zz")["StreamNames"], [])
equal(k.list_streams()["StreamSummaries"][0]["StreamARN"], arn("a"))
equal(k.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1}).build_full_result()["StreamNames"], ["a", "b", "c", "reserved"])
refused("InvalidArgumentException", "Invalid NextToken.", k.list_streams, NextToken="AAAA")
refused("ValidationException", "Value '0' at 'limit'", k.list_streams, Limit=0)

# Tags, in both ways.
k.add_tags_to_stream(StreamName="b", Tags={"env": "prod", "x:y": "1"})
listed = k.list_tags_for_stream(StreamName="b")
equal((listed["Tags"], listed["HasMoreTags"]), ([{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "web"}, {"Key": "x:y", "Value": "1"}], False))
listed = k.list_tags_for_stream(StreamName="b", Limit=1, ExclusiveStartTagKey="env")
equal((listed["Tags"], listed["HasMoreTags"]), ([{"Key": "team", "Value": "web"}], True))
k.remove_tags_from_stream(StreamName="b", TagKeys=["env", "not there"])
k.tag_resource(ResourceARN=arn("b"), Tags={"team": "data"})
equal(k.list_tags_for_resource(ResourceARN=arn("b"))["Tags"], [{"Key": "team", "Value": "data"}, {"Key": "x:y", "Value": "1"}])
k.untag_resource(ResourceARN=arn("b"), TagKeys=["x:y"])
equal(k.list_tags_for_resource(ResourceARN=arn("b"))["Tags"], [{"Key": "team", "Value": "data"}])
refused("ValidationException", "Value '{}' at 'tags' failed to satisfy constraint: Member must have length greater than or equal to 1",
        k.add_tags_to_stream, StreamName="b", Tags={})
refused("ValidationException", "Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
        k.add_tags_to_stream, StreamName="b", Tags={"k" * 129: "v"})
refused("ValidationException", "Map value must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 0]",
        k.add_tags_to_stream, StreamName="b", Tags={"k": "v" * 257})
refused("ValidationException", "Value '[]' at 'tagKeys'", k.remove_tags_from_stream, StreamName="b", TagKeys=[])
refused("InvalidArgumentException", "Some tags contain invalid characters.", k.add_tags_to_stream, StreamName="b", Tags={"a": "b;"})
refused("InvalidArgumentException", f"Failed to add tags to stream b under account {ACCOUNT} because some tags contained illegal characters.",
        k.add_tags_to_stream, StreamName="b", Tags={"a": "50%"})
refused("InvalidArgumentException", "reserved", k.add_tags_to_stream, StreamName="b", Tags={"aws:x": "b"})
refused("InvalidArgumentException", "cannot have more than 50 tags", k.add_tags_to_stream, StreamName="b", Tags={str(i): "" for i in range(50)})
refused("ResourceNotFoundException", "not found", k.add_tags_to_stream, StreamName="nope", Tags={"a": "b"})
refused("ResourceNotFoundException", "not found", k.list_tags_for_resource, ResourceARN=arn("nope"))
refused("ValidationException", "at 'resourceARN'", k.list_tags_for_resource, ResourceARN="arn:aws:s3:::x")
equal(k.list_tags_for_stream(StreamName="b")["Tags"], [{"Key": "team", "Value": "data"}])

# Retention.
k.increase_stream_retention_period(StreamName="a", RetentionPeriodHours=48)
equal(summary(k, "a")["RetentionPeriodHours"], 48)
refused("InvalidArgumentException", "Requested retention period (24 hours) for stream a can not be shorter than existing retention period (48 hours). Use DecreaseRetentionPeriod API.",
        k.increase_stream_retention_period, StreamName="a", RetentionPeriodHours=24)
refused("InvalidArgumentException", "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
        k.decrease_stream_retention_period, StreamName="a", RetentionPeriodHours=23)
refused("InvalidArgumentException", "Maximum allowed retention period is 8760 hours.", k.increase_stream_retention_period, StreamName="a", RetentionPeriodHours=8761)
refused("InvalidArgumentException", "can not be longer than existing retention period (48 hours). Use IncreaseRetentionPeriod API.",
        k.decrease_stream_retention_period, StreamName="a", RetentionPeriodHours=49)
refused("ValidationException", "Value null at 'retentionPeriodHours'", k.increase_stream_retention_period, StreamName="a")
k.decrease_stream_retention_period(StreamARN=arn("a"), RetentionPeriodHours=24)
equal(summary(k, "a")["RetentionPeriodHours"], 24)

# The encryption flag.
k.start_stream_encryption(StreamName="a", EncryptionType="KMS", KeyId="alias/aws/kinesis")
described = k.describe_stream(StreamName="a")["StreamDescription"]
equal((described["EncryptionType"], described["KeyId"]), ("KMS", "alias/aws/kinesis"))
put = k.put_record(StreamName="a", Data=b"x", PartitionKey="p")
equal(put["EncryptionType"], "KMS")
equal(read(k, "a", put["ShardId"])["Records"][0]["EncryptionType"], "KMS")
refused("InvalidArgumentException", "another key", k.stop_stream_encryption, StreamName="a", EncryptionType="KMS", KeyId="other")
refused("InvalidArgumentException", "must be KMS", k.start_stream_encryption, StreamName="a", EncryptionType="NONE", KeyId="k")
refused("ValidationException", "[NONE, KMS]", k.start_stream_encryption, StreamName="a", EncryptionType="ROT13", KeyId="k")
k.stop_stream_encryption(StreamName="a", EncryptionType="KMS", KeyId="alias/aws/kinesis")
equal(summary(k, "a")["EncryptionType"], "NONE")
assert "EncryptionType" not in k.put_record(StreamName="a", Data=b"x", PartitionKey="p")

# Monitoring.
changed = k.enable_enhanced_monitoring(StreamName="a", ShardLevelMetrics=["IncomingBytes", "OutgoingBytes"])
equal((changed["CurrentShardLevelMetrics"], changed["DesiredShardLevelMetrics"], changed["StreamARN"]), ([], ["IncomingBytes", "OutgoingBytes"], arn("a")))
changed = k.disable_enhanced_monitoring(StreamName="a", ShardLevelMetrics=["OutgoingBytes"])
equal((changed["CurrentShardLevelMetrics"], changed["DesiredShardLevelMetrics"]), (["IncomingBytes", "OutgoingBytes"], ["IncomingBytes"]))
equal(len(k.enable_enhanced_monitoring(StreamName="a", ShardLevelMetrics=["ALL"])["DesiredShardLevelMetrics"]), 7)
equal(len(summary(k, "a")["EnhancedMonitoring"][0]["ShardLevelMetrics"]), 7)
equal(k.disable_enhanced_monitoring(StreamName="a", ShardLevelMetrics=["ALL"])["DesiredShardLevelMetrics"], [])
refused("ValidationException", "Member must satisfy constraint: [Member must satisfy enum value set: [IncomingBytes,", k.enable_enhanced_monitoring,
        StreamName="a", ShardLevelMetrics=["Weather"])
refused("ValidationException", "Value '[]' at 'shardLevelMetrics'", k.enable_enhanced_monitoring, StreamName="a", ShardLevelMetrics=[])

# Mode, sizes, throughput, distribution.
refused("InvalidArgumentException", "ON_DEMAND", k.update_stream_warm_throughput, StreamName="a", WarmThroughputMiBps=10)
k.update_stream_mode(StreamARN=arn("a"), StreamModeDetails={"StreamMode": "ON_DEMAND"})
equal(summary(k, "a")["StreamModeDetails"], {"StreamMode": "ON_DEMAND"})
refused("ValidationException", "On-Demand mode", k.update_shard_count, StreamName="a", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
refused("ValidationException", "On-Demand mode", k.split_shard, StreamName="a", ShardToSplit="shardId-000000000000", NewStartingHashKey="10")
refused("ValidationException", "MinimumThroughputBillingCommitment", k.update_stream_warm_throughput, StreamName="a", WarmThroughputMiBps=10)
equal(k.describe_account_settings()["MinimumThroughputBillingCommitment"], {"Status": "DISABLED"})
equal(k.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})["MinimumThroughputBillingCommitment"]["Status"], "ENABLED")
warmed = k.update_stream_warm_throughput(StreamName="a", WarmThroughputMiBps=10)
equal((warmed["StreamName"], warmed["WarmThroughput"]), ("a", {"TargetMiBps": 10, "CurrentMiBps": 4}))
equal(summary(k, "a")["WarmThroughput"], {"TargetMiBps": 10, "CurrentMiBps": 10})
refused("LimitExceededException", "10240", k.update_stream_warm_throughput, StreamName="a", WarmThroughputMiBps=10_241)
equal(k.update_account_settings(MinimumThroughputBillingCommitment={"Status": "DISABLED"})["MinimumThroughputBillingCommitment"]["Status"],
      "ENABLED_UNTIL_EARLIEST_ALLOWED_END")
refused("ValidationException", "at 'minimumThroughputBillingCommitment.status'", k.update_account_settings, MinimumThroughputBillingCommitment={})
k.update_stream_record_distribution_strategy(StreamARN=arn("a"), RecordDistributionStrategy="AUTO")
equal(summary(k, "a")["RecordDistributionStrategy"], "AUTO")
hit = {k.put_record(StreamName="a", Data=b"spread", PartitionKey="same")["ShardId"] for _ in range(100)}
equal(len(hit), 3)
keyless = k.put_record(StreamName="a", Data=b"no key")
assert "PartitionKey" not in read(k, "a", keyless["ShardId"], "AT_SEQUENCE_NUMBER", StartingSequenceNumber=keyless["SequenceNumber"])["Records"][0]
k.update_stream_mode(StreamARN=arn("a"), StreamModeDetails={"StreamMode": "PROVISIONED"})
refused("InvalidArgumentException", "ON_DEMAND", k.update_stream_record_distribution_strategy, StreamARN=arn("a"), RecordDistributionStrategy="AUTO")
refused("ValidationException", "Value null at 'partitionKey'", k.put_record, StreamName="a", Data=b"no key")
refused("ValidationException", "Value null at 'streamModeDetails.streamMode'", k.update_stream_mode, StreamARN=arn("a"), StreamModeDetails={})
k.update_max_record_size(StreamARN=arn("a"), MaxRecordSizeInKiB=1025)
equal(summary(k, "a")["MaxRecordSizeInKiB"], 1025)
k.put_record(StreamName="a", Data=b"x" * (1025 * 1024 - 1), PartitionKey="p")
refused("InvalidArgumentException", "1025 KiB", k.put_record, StreamName="a", Data=b"x" * (1025 * 1024), PartitionKey="p")
refused("ValidationException", "greater than or equal to 1024", k.update_max_record_size, StreamARN=arn("a"), MaxRecordSizeInKiB=1)

# Policies.
policy = '{"Version":"2012-10-17","Statement":[]}'
k.put_resource_policy(ResourceARN=arn("a"), Policy=policy)
equal(k.get_resource_policy(ResourceARN=arn("a"))["Policy"], policy)
refused("InvalidArgumentException", "Statement", k.put_resource_policy, ResourceARN=arn("a"), Policy="[]")
refused("InvalidArgumentException", "at most", k.put_resource_policy, ResourceARN=arn("a"), Policy="x" * 20_481)
k.delete_resource_policy(ResourceARN=arn("a"))
refused("ResourceNotFoundException", "policy", k.get_resource_policy, ResourceARN=arn("a"))
refused("ResourceNotFoundException", "policy", k.delete_resource_policy, ResourceARN=arn("a"))
refused("ResourceNotFoundException", "not found", k.put_resource_policy, ResourceARN=arn("nope"), Policy=policy)

# What is not ours to change, and what there is not.
refused("AccessDeniedException", "another part", k.delete_stream, StreamName="reserved")
refused("AccessDeniedException", "another part", k.put_record, StreamName="reserved", Data=b"x", PartitionKey="p")
refused("ValidationException", "CreateQueue is not supported: Tidemill has no queues", k.create_queue, QueueName="q", StreamConfigurationList=[])
refused("ValidationException", "ListChannels is not supported: Tidemill has no channels", k.list_channels)

limits = k.describe_limits()
equal((limits["OpenShardCount"], limits["OnDemandStreamCount"], limits["OnDemandStreamCountLimit"]), (3 + 1 + 1, 1, 50))

# Deleting: a new stream of that name begins anew.
k.add_tags_to_stream(StreamName="a", Tags={"old": "1"})
k.delete_stream(StreamName="a")
refused("ResourceNotFoundException", f"Stream a under account {ACCOUNT} not found.", k.delete_stream, StreamName="a")
k.create_stream(StreamName="a", ShardCount=1)
equal(k.list_tags_for_stream(StreamName="a")["Tags"], [])
equal(read(k, "a", "shardId-000000000000")["Records"], [])
print("ok")
