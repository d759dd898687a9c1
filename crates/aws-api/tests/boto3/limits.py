"""Rates and quotas: six shards, two on-demand streams, three consumers of a stream."""
import time

from client import *

k = client()
LOW = "shardId-000000000000"


def paced(call, **arguments):
    """Calls of the control plane have rates: waits until one is let through."""
    while True:
        try:
            return call(**arguments)
        except ClientError as error:
            if "calls a second" not in str(error):
                raise
            time.sleep(0.1)


def paced_refused(kind, text, call, **arguments):
    return refused(kind, text, lambda **a: paced(call, **a), **arguments)


# The account's shards; one is the reserved stream's.
paced(k.create_stream, StreamName="s", ShardCount=2)
paced_refused("LimitExceededException", "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the "
              "account: 3. Limit: 6. Number of additional shards that would have resulted from this request: 4.", k.create_stream, StreamName="t", ShardCount=4)
paced(k.create_stream, StreamName="t", ShardCount=3)
paced_refused("LimitExceededException", "Number of additional shards that would have resulted from this request: 1", k.split_shard, StreamName="s",
              ShardToSplit=LOW, NewStartingHashKey="1000")
paced_refused("LimitExceededException", "shard limit", k.update_shard_count, StreamName="s", TargetShardCount=3, ScalingType="UNIFORM_SCALING")
paced(k.delete_stream, StreamName="t")
paced_refused("InvalidArgumentException", "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 2 Target shard count: 5",
              k.update_shard_count, StreamName="s", TargetShardCount=5, ScalingType="UNIFORM_SCALING")
paced(k.update_shard_count, StreamName="s", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
until(lambda: paced(summary, kinesis=k, stream="s")["StreamStatus"] == "ACTIVE")
paced_refused("InvalidArgumentException", "cannot scale down below half", k.update_shard_count, StreamName="s", TargetShardCount=1, ScalingType="UNIFORM_SCALING")
for i in range(9):
    paced(k.update_shard_count, StreamName="s", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    until(lambda: paced(summary, kinesis=k, stream="s")["StreamStatus"] == "ACTIVE")
paced_refused("LimitExceededException", "10 times within 24 hours", k.update_shard_count, StreamName="s", TargetShardCount=4, ScalingType="UNIFORM_SCALING")

for name in ("d1", "d2"):
    paced(k.create_stream, StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
paced_refused("LimitExceededException", "2 on-demand streams", k.create_stream, StreamName="d3", StreamModeDetails={"StreamMode": "ON_DEMAND"})
for i in range(3):
    paced(k.register_stream_consumer, StreamARN=arn("s"), ConsumerName=f"c{i}")
paced_refused("LimitExceededException", "3 registered consumers", k.register_stream_consumer, StreamARN=arn("s"), ConsumerName="c4")
for i in range(3):
    paced(k.register_stream_consumer, StreamARN=arn("d1"), ConsumerName=f"c{i}")
paced_refused("LimitExceededException", "3 registered consumers", k.register_stream_consumer, StreamARN=arn("d1"), ConsumerName="c3")
paced(k.update_account_settings, MinimumThroughputBillingCommitment={"Status": "ENABLED"})
paced(k.register_stream_consumer, StreamARN=arn("d1"), ConsumerName="c3")
paced_refused("LimitExceededException", "3 registered consumers", k.register_stream_consumer, StreamARN=arn("s"), ConsumerName="c4")
for _ in range(25):
    k.start_stream_encryption(StreamName="d1", EncryptionType="KMS", KeyId="k")
refused("LimitExceededException", "25 times", k.start_stream_encryption, StreamName="d1", EncryptionType="KMS", KeyId="k")
paced(k.delete_stream, StreamName="s", EnforceConsumerDeletion=True)
for mode in ("PROVISIONED", "ON_DEMAND"):
    k.update_stream_mode(StreamARN=arn("d2"), StreamModeDetails={"StreamMode": mode})
refused("LimitExceededException", "2 times", k.update_stream_mode, StreamARN=arn("d2"), StreamModeDetails={"StreamMode": "PROVISIONED"})

# Rates of the control plane.
def many(call, count, **arguments):
    refusals = 0
    for _ in range(count):
        try:
            call(**arguments)
        except ClientError as error:
            equal(error.response["Error"]["Code"], "LimitExceededException")
            refusals += 1
    return refusals
assert many(k.describe_limits, 3) >= 1
assert many(k.list_streams, 30) >= 5
equal(many(k.list_shards, 30, StreamName="d1"), 0)

# A shard takes 1,000 records and a MiB a second; what it can't take is told record by record.
paced(k.create_stream, StreamName="w", ShardCount=1)
time.sleep(1.1)
answers = [k.put_records(StreamName="w", Records=[{"Data": b"x", "PartitionKey": "p"}] * 500) for _ in range(4)]
failed = sum(answer["FailedRecordCount"] for answer in answers)
assert 400 <= failed <= 1_000, failed
equal(answers[0]["FailedRecordCount"], 0)
entry = [entry for answer in answers for entry in answer["Records"] if "ErrorCode" in entry][0]
equal(entry, {"ErrorCode": "ProvisionedThroughputExceededException",
              "ErrorMessage": f"Rate exceeded for shard {LOW} in stream w under account {ACCOUNT}."})
stored = len(read(k, "w", LOW)["Records"])
equal(stored, 2_000 - failed)
time.sleep(1.1)
k.put_record(StreamName="w", Data=b"x" * 1_000_000, PartitionKey="p")
refused("ProvisionedThroughputExceededException", f"Rate exceeded for shard {LOW} in stream w", k.put_record, StreamName="w", Data=b"x" * 1_000_000, PartitionKey="p")

# It gives five answers and two MiB a second.
time.sleep(1.1)
at = iterator(k, "w", LOW, "LATEST")
refusals = 0
for _ in range(10):
    try:
        k.get_records(ShardIterator=at)
    except ClientError as error:
        equal(error.response["Error"]["Code"], "ProvisionedThroughputExceededException")
        refusals += 1
assert refusals >= 3, refusals
for _ in range(5):
    time.sleep(1.1)
    k.put_record(StreamName="w", Data=b"x" * 1_000_000, PartitionKey="p")
time.sleep(1.1)
whole = read(k, "w", LOW)
assert len(whole["Records"]) > 1_000
refused("ProvisionedThroughputExceededException", "Rate exceeded", k.get_records, ShardIterator=whole["NextShardIterator"])

# A subscription is called for once a second.
consumer = paced(k.register_stream_consumer, StreamARN=arn("w"), ConsumerName="c")["Consumer"]["ConsumerARN"]
k.subscribe_to_shard(ConsumerARN=consumer, ShardId=LOW, StartingPosition={"Type": "LATEST"})["EventStream"].close()
refused("LimitExceededException", "one call a second", k.subscribe_to_shard, ConsumerARN=consumer, ShardId=LOW, StartingPosition={"Type": "LATEST"})
print("ok")
