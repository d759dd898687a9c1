"""Records: put, iterated over, read; shards split, merged, scaled."""
import hashlib
import struct
import time

from client import *

k = client()
k.create_stream(StreamName="s", ShardCount=2)
LOW, HIGH = "shardId-000000000000", "shardId-000000000001"
MIDDLE = 2 ** 127

# A record goes where its key's MD5 tells.
put = k.put_record(StreamName="s", Data=b"\x00\xff first", PartitionKey="k\u00e4se")
home = LOW if int.from_bytes(hashlib.md5("k\u00e4se".encode()).digest(), "big") < MIDDLE else HIGH
equal((put["ShardId"], home), (LOW, LOW))
equal(set(put), {"ShardId", "SequenceNumber", "ResponseMetadata"})
record, = read(k, "s", home)["Records"]
equal(set(record), {"SequenceNumber", "ApproximateArrivalTimestamp", "Data", "PartitionKey"})
equal((record["Data"], record["PartitionKey"], record["SequenceNumber"]), (b"\x00\xff first", "k\u00e4se", put["SequenceNumber"]))
assert abs(record["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 30
equal(k.put_record(StreamName="s", Data=b"low", PartitionKey="x", ExplicitHashKey="0")["ShardId"], LOW)
equal(k.put_record(StreamARN=arn("s"), Data=b"high", PartitionKey="x", ExplicitHashKey=str(2 ** 128 - 1))["ShardId"], HIGH)
equal(k.put_record(StreamName="s", Data=b"", PartitionKey="x" * 256, ExplicitHashKey=str(MIDDLE - 1))["ShardId"], LOW)
refused("InvalidArgumentException", f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {2 ** 128}",
        k.put_record, StreamName="s", Data=b"x", PartitionKey="x", ExplicitHashKey=str(2 ** 128))
refused("ValidationException", "Member must satisfy regular expression pattern: ^(0|([1-9]\\d{0,38}))$", k.put_record, StreamName="s", Data=b"x",
        PartitionKey="x", ExplicitHashKey="01")
refused("ValidationException", "Value '' at 'partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
        k.put_record, StreamName="s", Data=b"x", PartitionKey="")
refused("ValidationException", "Member must have length less than or equal to 256", k.put_record, StreamName="s", Data=b"x", PartitionKey="x" * 257)
refused("ValidationException", "Value null at 'data'", k.put_record, StreamName="s", PartitionKey="x")
refused("ValidationException", "Value null at 'partitionKey'", k.put_record, StreamName="s", Data=b"x")
refused("InvalidArgumentException", "1024 KiB", k.put_record, StreamName="s", Data=b"x" * (1 << 20), PartitionKey="x")
refused("ResourceNotFoundException", f"Stream nope under account {ACCOUNT} not found.", k.put_record, StreamName="nope", Data=b"x", PartitionKey="x")
refused("DryRunOperationException", "would have succeeded", k.put_record, StreamName="s", Data=b"dry", PartitionKey="x", DryRun=True)
TOO_LATE = "26227199374822427428162556223570313216"
refused("InvalidArgumentException", f"ExclusiveMinimumSequenceNumber {TOO_LATE} used in PutRecord on stream s under account {ACCOUNT} is invalid.",
        k.put_record, StreamName="s", Data=b"x", PartitionKey="x", SequenceNumberForOrdering=TOO_LATE)
later = k.put_record(StreamName="s", Data=b"low 2", PartitionKey="x", ExplicitHashKey="0", SequenceNumberForOrdering=put["SequenceNumber"])
assert b"dry" not in data(read(k, "s", LOW)) + data(read(k, "s", HIGH))

# Many at once: in their order within a shard.
batch = k.put_records(StreamName="s", Records=[{"Data": b"%d" % i, "PartitionKey": "p", "ExplicitHashKey": str(i % 2 * MIDDLE)} for i in range(500)])
equal((batch["FailedRecordCount"], len(batch["Records"]), set(batch["Records"][0])), (0, 500, {"SequenceNumber", "ShardId"}))
equal(data(read(k, "s", LOW))[-250:], [b"%d" % i for i in range(0, 500, 2)])
numbers = [int(entry["SequenceNumber"]) for entry in batch["Records"][::2]]
assert numbers == sorted(set(numbers))
refused("ValidationException", "Member must have length less than or equal to 500", k.put_records, StreamName="s",
        Records=[{"Data": b"x", "PartitionKey": "p"}] * 501)
refused("ValidationException", "Value '[]' at 'records' failed to satisfy constraint: Member must have length greater than or equal to 1",
        k.put_records, StreamName="s", Records=[])
refused("ValidationException", "2 validation errors detected: Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1; Value null at 'records.2.member.data' failed to satisfy constraint: Member must not be null",
        k.put_records, StreamName="s", Records=[{"Data": b"x", "PartitionKey": ""}, {"PartitionKey": "p"}])
refused("ValidationException", "Value null at 'records.2.member.partitionKey'", k.put_records, StreamName="s",
        Records=[{"Data": b"x", "PartitionKey": "p"}, {"Data": b"x"}])
refused("InvalidArgumentException", "Records size exceeds 10 MB limit", k.put_records, StreamName="s",
        Records=[{"Data": b"x" * 1_000_000, "PartitionKey": "p"}] * 11)
refused("DryRunOperationException", "", k.put_records, StreamName="s", Records=[{"Data": b"x", "PartitionKey": "p"}], DryRun=True)

# The five types of iterators.
first, second = [entry["SequenceNumber"] for entry in batch["Records"][:4:2]]
equal(data(read(k, "s", LOW, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=first))[:2], [b"0", b"2"])
equal(data(read(k, "s", LOW, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first))[:2], [b"2", b"4"])
equal(read(k, "s", LOW, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=batch["Records"][498]["SequenceNumber"])["Records"], [])
starting = shards(k, "s")[0]["SequenceNumberRange"]["StartingSequenceNumber"]
for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
    equal(data(read(k, "s", LOW, kind, StartingSequenceNumber=starting))[:2], [b"\x00\xff first", b"low"])
latest = iterator(k, "s", LOW, "LATEST")
time.sleep(0.05)
moment = time.time()
time.sleep(0.05)
k.put_record(StreamName="s", Data=b"after", PartitionKey="x", ExplicitHashKey="0")
equal(data(k.get_records(ShardIterator=latest)), [b"after"])
equal(data(k.get_records(ShardIterator=latest)), [b"after"])
equal(data(read(k, "s", LOW, "AT_TIMESTAMP", Timestamp=moment)), [b"after"])
equal(data(read(k, "s", LOW, "AT_TIMESTAMP", Timestamp=0))[1], b"low")
equal(iterator(k, "s", "0")[:8], iterator(k, "s", "shardId-0")[:8])
refused("InvalidArgumentException", "Request specified LATEST and also a StartingSequenceNumber.", k.get_shard_iterator, StreamName="s", ShardId=LOW,
        ShardIteratorType="LATEST", StartingSequenceNumber=first)
refused("InvalidArgumentException", "Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber.", k.get_shard_iterator, StreamName="s",
        ShardId=LOW, ShardIteratorType="AT_SEQUENCE_NUMBER")
refused("InvalidArgumentException", f"StartingSequenceNumber {TOO_LATE} used in GetShardIterator on shard {LOW} in stream s under account {ACCOUNT} is invalid.",
        k.get_shard_iterator, StreamName="s", ShardId=LOW, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=TOO_LATE)
refused("InvalidArgumentException", f"Invalid StartingSequenceNumber. It encodes shardId-000000000007, while it was used in a call to a shard with {LOW}",
        k.get_shard_iterator, StreamName="s", ShardId=LOW, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="7")
refused("InvalidArgumentException", f"StartingSequenceNumber {2 ** 124} used in GetShardIterator on shard {LOW} in stream s under account {ACCOUNT} is invalid "
        "because it did not come from this stream.", k.get_shard_iterator, StreamName="s", ShardId=LOW, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="0")
refused("InvalidArgumentException", f"Invalid StartingSequenceNumber. It encodes {LOW}, while it was used in a call to a shard with {HIGH}",
        k.get_shard_iterator, StreamName="s", ShardId=HIGH, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=first)
refused("InvalidArgumentException", "because it did not come from this stream.", k.get_shard_iterator, StreamName="s", ShardId=LOW,
        ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="49543463076548007577105092703039560359975228518395019266")
refused("InvalidArgumentException", "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.", k.get_shard_iterator,
        StreamName="s", ShardId=LOW, ShardIteratorType="AT_TIMESTAMP")
refused("InvalidArgumentException", "cannot be greater than the currentTimestampInMillis", k.get_shard_iterator, StreamName="s", ShardId=LOW,
        ShardIteratorType="AT_TIMESTAMP", Timestamp=time.time() + 60)
refused("ValidationException", "Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
        k.get_shard_iterator, StreamName="s", ShardId=LOW, ShardIteratorType="SOON")
refused("ResourceNotFoundException", f"Shard shardId-000000000009 in stream s under account {ACCOUNT} does not exist", k.get_shard_iterator,
        StreamName="s", ShardId="shardId-000000000009", ShardIteratorType="LATEST")
for stream in ("s", "nope"):
    refused("ResourceNotFoundException", f"Could not find shard x in stream {stream} under account {ACCOUNT}.", k.get_shard_iterator, StreamName=stream,
            ShardId="x", ShardIteratorType="LATEST")
refused("ResourceNotFoundException", f"Shard {LOW} in stream nope under account {ACCOUNT} does not exist", k.get_shard_iterator, StreamName="nope",
        ShardId="0", ShardIteratorType="LATEST")
refused("DryRunOperationException", "", k.get_shard_iterator, StreamName="s", ShardId=LOW, ShardIteratorType="LATEST", DryRun=True)

# Reading on: each record once, whatever the limit.
found, at = [], iterator(k, "s", LOW)
while True:
    answer = k.get_records(ShardIterator=at, Limit=7)
    assert len(answer["Records"]) <= 7
    found += data(answer)
    at = answer["NextShardIterator"]
    if not answer["MillisBehindLatest"]:
        break
equal(found, data(read(k, "s", LOW)))
equal(len(found), 4 + 250 + 1)
equal(k.get_records(ShardIterator=at)["Records"], [])
assert "ChildShards" not in k.get_records(ShardIterator=at)
refused("InvalidArgumentException", "Invalid ShardIterator.", k.get_records, ShardIterator="AAAAAAAAAAE=")
refused("InvalidArgumentException", "Invalid ShardIterator.", k.get_records, ShardIterator=at[:-4] + "AAA=")
refused("ValidationException", "Value null at 'shardIterator'", k.get_records)
refused("ValidationException", "Value '10001' at 'limit'", k.get_records, ShardIterator=at, Limit=10_001)
refused("ValidationException", "Member must have length less than or equal to 512", k.get_records, ShardIterator="A" * 513)
refused("InvalidArgumentException", "different streams", k.get_records, ShardIterator=at, StreamARN=arn("reserved"))
refused("DryRunOperationException", "", k.get_records, ShardIterator=at, DryRun=True)
k.create_stream(StreamName="big", ShardCount=1)
for _ in range(3):
    k.put_records(StreamName="big", Records=[{"Data": b"x" * 1_000_000, "PartitionKey": "p"}] * 5)
answer = read(k, "big", LOW)
equal((len(answer["Records"]), answer["MillisBehindLatest"] > 0), (10, True))
equal(len(k.get_records(ShardIterator=answer["NextShardIterator"])["Records"]), 5)

# A split closes its parent and opens two children.
refused("InvalidArgumentException", f"is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey {MIDDLE - 1}.",
        k.split_shard, StreamName="s", ShardToSplit=LOW, NewStartingHashKey="1")
refused("InvalidArgumentException", "less than the shard's EndingHashKey", k.split_shard, StreamName="s", ShardToSplit=LOW, NewStartingHashKey=str(MIDDLE))
refused("ResourceNotFoundException", f"Could not find shard shardId-000000000007 in stream s under account {ACCOUNT}.", k.split_shard, StreamName="s",
        ShardToSplit="7", NewStartingHashKey="2")
refused("ResourceNotFoundException", f"Could not find shard shardId-000000000008 in stream s under account {ACCOUNT}.", k.merge_shards, StreamName="s",
        ShardToMerge=LOW, AdjacentShardToMerge="shardId-8")
before = iterator(k, "s", LOW, "LATEST")
k.split_shard(StreamName="s", ShardToSplit=LOW, NewStartingHashKey="1000")
all_shards = shards(k, "s")
equal(ids(all_shards), [0, 1, 2, 3])
parent, _, low, high = all_shards
equal((low["ParentShardId"], low["HashKeyRange"]), (LOW, {"StartingHashKey": "0", "EndingHashKey": "999"}))
equal((high["ParentShardId"], high["HashKeyRange"]), (LOW, {"StartingHashKey": "1000", "EndingHashKey": str(MIDDLE - 1)}))
ending = parent["SequenceNumberRange"]["EndingSequenceNumber"]
assert all(int(ending) < int(child["SequenceNumberRange"]["StartingSequenceNumber"]) for child in (low, high))
assert "EndingSequenceNumber" not in low["SequenceNumberRange"] and "AdjacentParentShardId" not in low
answer = k.get_records(ShardIterator=before)
assert "NextShardIterator" not in answer
equal([(child["ShardId"], child["ParentShards"]) for child in answer["ChildShards"]], [(low["ShardId"], [LOW]), (high["ShardId"], [LOW])])
equal(len(read(k, "s", LOW)["Records"]), 255)
equal(read(k, "s", LOW, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=ending)["Records"], [])
equal(k.put_record(StreamName="s", Data=b"child", PartitionKey="x", ExplicitHashKey="999")["ShardId"], low["ShardId"])
equal(data(read(k, "s", low["ShardId"])), [b"child"])
refused("InvalidArgumentException", f"Shard {LOW} in stream s under account {ACCOUNT} has already been merged or split, and thus is not eligible for merging or splitting.",
        k.split_shard, StreamName="s", ShardToSplit=LOW, NewStartingHashKey="500")

# A merge needs neighbours.
refused("InvalidArgumentException", f"Shards {low['ShardId']} and {HIGH} in stream s under account {ACCOUNT} are not an adjacent pair of shards eligible for merging",
        k.merge_shards, StreamName="s", ShardToMerge=low["ShardId"], AdjacentShardToMerge=HIGH)
refused("InvalidArgumentException", "already been merged or split", k.merge_shards, StreamName="s", ShardToMerge=LOW, AdjacentShardToMerge=HIGH)
refused("ValidationException", "Value null at 'adjacentShardToMerge'", k.merge_shards, StreamName="s", ShardToMerge=LOW)
k.merge_shards(StreamName="s", ShardToMerge=high["ShardId"], AdjacentShardToMerge=HIGH)
merged = shards(k, "s")[-1]
equal((merged["ShardId"], merged["ParentShardId"], merged["AdjacentParentShardId"]), ("shardId-000000000004", high["ShardId"], HIGH))
equal(merged["HashKeyRange"], {"StartingHashKey": "1000", "EndingHashKey": str(2 ** 128 - 1)})

# Filters and pages of shards.
def only(kind, **more):
    return ids(shards(k, "s", ShardFilter={"Type": kind, **more}))
equal(only("AT_LATEST"), [2, 4])
equal(only("FROM_TRIM_HORIZON"), [0, 1, 2, 3, 4])
equal(only("AT_TRIM_HORIZON"), [0, 1])
equal(only("AFTER_SHARD_ID", ShardId=high["ShardId"]), [4])
equal(only("FROM_TIMESTAMP", Timestamp=moment), [0, 1, 2, 3, 4])
equal(only("AT_TIMESTAMP", Timestamp=moment), [0, 1])
time.sleep(2.1)
equal(only("AT_TIMESTAMP", Timestamp=time.time()), [2, 4])
equal(only("FROM_TIMESTAMP", Timestamp=time.time()), [2, 4])
refused("InvalidArgumentException", "needs Timestamp", k.list_shards, StreamName="s", ShardFilter={"Type": "AT_TIMESTAMP"})
refused("InvalidArgumentException", "needs ShardId", k.list_shards, StreamName="s", ShardFilter={"Type": "AFTER_SHARD_ID"})
refused("ValidationException", "Value null at 'shardFilter.type'", k.list_shards, StreamName="s", ShardFilter={})
page = k.list_shards(StreamName="s", MaxResults=2, ShardFilter={"Type": "FROM_TRIM_HORIZON"})
equal(ids(page["Shards"]), [0, 1])
page = k.list_shards(NextToken=page["NextToken"], MaxResults=2)
equal(ids(page["Shards"]), [2, 3])
page = k.list_shards(NextToken=page["NextToken"])
equal((ids(page["Shards"]), "NextToken" in page), ([4], False))
equal(ids(shards(k, "s", ExclusiveStartShardId="shardId-000000000002")), [3, 4])
created = summary(k, "s")["StreamCreationTimestamp"]
equal(len(shards(k, "s", StreamCreationTimestamp=created)), 5)
refused("ResourceNotFoundException", "not found", k.list_shards, StreamName="s", StreamCreationTimestamp=created.timestamp() - 100)
refused("InvalidArgumentException", "NextToken and StreamName cannot be provided together.", k.list_shards, StreamName="s", NextToken="AAAA")
refused("InvalidArgumentException", "Either NextToken or StreamName should be provided.", k.list_shards)
refused("InvalidArgumentException", "Invalid NextToken.", k.list_shards, NextToken="AAAA")

# Scaling to even ranges, up and down.
def scaled(target):
    answer = k.update_shard_count(StreamName="s", TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    equal((answer["TargetShardCount"], answer["StreamName"]), (target, "s"))
    until(lambda: summary(k, "s")["StreamStatus"] == "ACTIVE")
    ranges = sorted(int(shard["HashKeyRange"]["StartingHashKey"]) for shard in shards(k, "s", ShardFilter={"Type": "AT_LATEST"}))
    equal(ranges, [i * 2 ** 128 // target for i in range(target)])
scaled(5)
scaled(2)
refused("ValidationException", "[UNIFORM_SCALING]", k.update_shard_count, StreamName="s", TargetShardCount=2, ScalingType="ODD")
refused("ValidationException", "Value '0' at 'targetShardCount'", k.update_shard_count, StreamName="s", TargetShardCount=0, ScalingType="UNIFORM_SCALING")
refused("LimitExceededException", "10000", k.update_shard_count, StreamName="s", TargetShardCount=10_001, ScalingType="UNIFORM_SCALING")

# A reader that follows children sees each record once, in its key's order.
k.create_stream(StreamName="f", ShardCount=1)
sent = 0
def send(count):
    global sent
    for _ in range(count):
        k.put_record(StreamName="f", Data=b"%d" % sent, PartitionKey=str(sent % 5))
        sent += 1
send(40)
k.split_shard(StreamName="f", ShardToSplit="0", NewStartingHashKey=str(MIDDLE))
send(40)
k.merge_shards(StreamName="f", ShardToMerge="1", AdjacentShardToMerge="2")
send(40)
seen, todo, done = [], ["shardId-000000000000"], set()
while todo:
    shard = todo.pop(0)
    at = iterator(k, "f", shard)
    while at:
        answer = k.get_records(ShardIterator=at, Limit=9)
        seen += [(record["PartitionKey"], int(record["Data"])) for record in answer["Records"]]
        at = answer.get("NextShardIterator")
        if at and not answer["Records"]:
            break
    done.add(shard)
    for child in answer.get("ChildShards", []):
        if set(child["ParentShards"]) <= done and child["ShardId"] not in todo:
            todo.append(child["ShardId"])
equal(sorted(number for _, number in seen), list(range(sent)))
for key in map(str, range(5)):
    own = [number for found, number in seen if found == key]
    equal(own, sorted(own))

# The deleted stream's iterators lead nowhere.
at = iterator(k, "f", "0")
k.delete_stream(StreamName="f")
refused("ResourceNotFoundException", f"Shard {LOW} in stream f under account {ACCOUNT} does not exist", k.get_records, ShardIterator=at)
k.create_stream(StreamName="f", ShardCount=1)
refused("ResourceNotFoundException", "does not exist", k.get_records, ShardIterator=at)
print("ok")
