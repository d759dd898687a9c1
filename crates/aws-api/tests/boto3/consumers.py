"""Registered consumers and their subscriptions."""
import threading
import time

from client import *

k = client()
k.create_stream(StreamName="s", ShardCount=1)
S, SHARD = arn("s"), "shardId-000000000000"

# Registering.
made = k.register_stream_consumer(StreamARN=S, ConsumerName="one", Tags={"team": "web"})["Consumer"]
created = int(made["ConsumerCreationTimestamp"].timestamp())
equal((made["ConsumerName"], made["ConsumerARN"], made["ConsumerStatus"]), ("one", f"{S}/consumer/one:{created}", "CREATING"))
ONE = made["ConsumerARN"]
found = k.describe_stream_consumer(ConsumerARN=ONE)["ConsumerDescription"]
equal((found["ConsumerStatus"], found["StreamARN"], found["ConsumerName"]), ("ACTIVE", S, "one"))
equal(k.describe_stream_consumer(StreamARN=S, ConsumerName="one")["ConsumerDescription"]["ConsumerARN"], ONE)
refused("ResourceInUseException", f"Consumer one under stream s in account {ACCOUNT} already exists.", k.register_stream_consumer, StreamARN=S, ConsumerName="one")
refused("ResourceNotFoundException", "not found", k.register_stream_consumer, StreamARN=arn("nope"), ConsumerName="one")
refused("ValidationException", "Value 'a b' at 'consumerName'", k.register_stream_consumer, StreamARN=S, ConsumerName="a b")
refused("InvalidArgumentException", "invalid characters", k.register_stream_consumer, StreamARN=S, ConsumerName="x", Tags={"<": ""})
refused("ResourceNotFoundException", f"Consumer two under stream s in account {ACCOUNT} not found.", k.describe_stream_consumer, StreamARN=S, ConsumerName="two")
refused("ResourceNotFoundException", "not found", k.describe_stream_consumer, ConsumerARN=f"{S}/consumer/one:1")
refused("InvalidArgumentException", "Either ConsumerARN", k.describe_stream_consumer, StreamARN=S)
refused("ValidationException", "at 'consumerARN'", k.describe_stream_consumer, ConsumerARN=S)
for name in ("two", "three", "four"):
    k.register_stream_consumer(StreamARN=S, ConsumerName=name)
equal(summary(k, "s")["ConsumerCount"], 4)
page = k.list_stream_consumers(StreamARN=S, MaxResults=3)
equal([consumer["ConsumerName"] for consumer in page["Consumers"]], ["four", "one", "three"])
page = k.list_stream_consumers(StreamARN=S, NextToken=page["NextToken"])
equal(([consumer["ConsumerName"] for consumer in page["Consumers"]], "NextToken" in page), (["two"], False))
refused("InvalidArgumentException", "Invalid NextToken.", k.list_stream_consumers, StreamARN=S, NextToken="x")
refused("ResourceNotFoundException", "not found", k.list_stream_consumers, StreamARN=S, StreamCreationTimestamp=1)
refused("ValidationException", "Value null at 'streamARN'", k.list_stream_consumers)

# Tags and policies of consumers.
equal(k.list_tags_for_resource(ResourceARN=ONE)["Tags"], [{"Key": "team", "Value": "web"}])
k.tag_resource(ResourceARN=ONE, Tags={"x": "1"})
k.untag_resource(ResourceARN=ONE, TagKeys=["team"])
equal(k.list_tags_for_resource(ResourceARN=ONE)["Tags"], [{"Key": "x", "Value": "1"}])
k.put_resource_policy(ResourceARN=ONE, Policy='{"Statement":[]}')
equal(k.get_resource_policy(ResourceARN=ONE)["Policy"], '{"Statement":[]}')
k.delete_resource_policy(ResourceARN=ONE)
refused("ResourceNotFoundException", "not found", k.tag_resource, ResourceARN=f"{S}/consumer/one:1", Tags={"x": "1"})
refused("ResourceNotFoundException", "not found", k.put_resource_policy, ResourceARN=f"{S}/consumer/six:1", Policy='{"Statement":[]}')

# A subscription gives what is there, and then what comes.
def subscribe(consumer, kind="TRIM_HORIZON", shard=SHARD, **more):
    return k.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": kind, **more})["EventStream"]

def arn_of(name):
    return k.describe_stream_consumer(StreamARN=S, ConsumerName=name)["ConsumerDescription"]["ConsumerARN"]

k.put_records(StreamName="s", Records=[{"Data": b"%d" % i, "PartitionKey": "p"} for i in range(3)])
events = subscribe(ONE)
walk = iter(events)
event = next(walk)["SubscribeToShardEvent"]
equal((data(event), event["MillisBehindLatest"]), ([b"0", b"1", b"2"], 0))
equal(event["ContinuationSequenceNumber"], event["Records"][-1]["SequenceNumber"])
assert "ChildShards" not in event
put = k.put_record(StreamName="s", Data=b"3", PartitionKey="p")
event = next(walk)["SubscribeToShardEvent"]
equal((data(event), event["ContinuationSequenceNumber"]), ([b"3"], put["SequenceNumber"]))

# A second one is in the way of nobody but itself.
refused("ResourceInUseException", "Another active subscription exists for this consumer", k.subscribe_to_shard, ConsumerARN=ONE, ShardId=SHARD,
        StartingPosition={"Type": "LATEST"})
other = iter(subscribe(arn_of("two"), "AFTER_SEQUENCE_NUMBER", SequenceNumber=event["ContinuationSequenceNumber"]))
k.put_record(StreamName="s", Data=b"4", PartitionKey="p")
equal(data(next(other)["SubscribeToShardEvent"]), [b"4"])
equal(data(next(walk)["SubscribeToShardEvent"]), [b"4"])

# An idle one says so, and where it is.
begun = time.monotonic()
event = next(walk)["SubscribeToShardEvent"]
assert 3 < time.monotonic() - begun < 8, "no sign of life within five seconds"
equal((data(event), event["MillisBehindLatest"]), ([], 0))
equal(data(read(k, "s", SHARD, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=event["ContinuationSequenceNumber"])), [])

# After five seconds a newer one takes over.
newer = iter(subscribe(ONE, "LATEST"))
try:
    next(walk)
    raise AssertionError("the older subscription went on")
except Exception as error:
    assert "took over" in str(error), error
k.put_record(StreamName="s", Data=b"5", PartitionKey="p")
equal(data(next(newer)["SubscribeToShardEvent"]), [b"5"])

# Deregistering ends it.
threading.Timer(0.2, lambda: k.deregister_stream_consumer(ConsumerARN=arn_of("two"))).start()
try:
    for _ in other:
        pass
    raise AssertionError("a consumer that is gone was served")
except Exception as error:
    assert "ResourceNotFoundException" in str(error) or "not found" in str(error), error
refused("ResourceNotFoundException", "not found", k.deregister_stream_consumer, StreamARN=S, ConsumerName="two")

# At the shard's end it names the children, and ends.
k.split_shard(StreamName="s", ShardToSplit=SHARD, NewStartingHashKey=str(2 ** 127))
last = [event["SubscribeToShardEvent"] for event in newer][-1]
equal([child["ShardId"] for child in last["ChildShards"]], ["shardId-000000000001", "shardId-000000000002"])
assert "ContinuationSequenceNumber" not in last
events = [event["SubscribeToShardEvent"] for event in subscribe(arn_of("three"))]
equal([record for event in events for record in data(event)], [b"%d" % i for i in range(6)])

# What can't be subscribed to.
three = arn_of("three")
refused("ResourceNotFoundException", "does not exist", k.subscribe_to_shard, ConsumerARN=three, ShardId="shardId-000000000009", StartingPosition={"Type": "LATEST"})
refused("InvalidArgumentException", "no StartingSequenceNumber", k.subscribe_to_shard, ConsumerARN=three, ShardId="1", StartingPosition={"Type": "AT_SEQUENCE_NUMBER"})
refused("InvalidArgumentException", "used in SubscribeToShard on shard", k.subscribe_to_shard, ConsumerARN=three, ShardId="1",
        StartingPosition={"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": "1"})
refused("ValidationException", "Value null at 'startingPosition.type'", k.subscribe_to_shard, ConsumerARN=three, ShardId="1", StartingPosition={})
refused("DryRunOperationException", "", k.subscribe_to_shard, ConsumerARN=three, ShardId="1", StartingPosition={"Type": "LATEST"}, DryRun=True)
refused("ResourceNotFoundException", "not found", k.subscribe_to_shard, ConsumerARN=f"{S}/consumer/three:5", ShardId="1", StartingPosition={"Type": "LATEST"})

# A stream with consumers is only deleted when that is meant; its subscriptions end.
refused("ResourceInUseException", "registered consumers", k.delete_stream, StreamName="s")
open_one = iter(subscribe(three, "LATEST", shard="shardId-000000000001"))
threading.Timer(0.2, lambda: k.delete_stream(StreamName="s", EnforceConsumerDeletion=True)).start()
try:
    for _ in open_one:
        pass
    raise AssertionError("a deleted stream was served")
except Exception as error:
    assert "not found" in str(error), error
print("ok")
