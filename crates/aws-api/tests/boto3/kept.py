"""What is still there after a restart."""
import os
import tempfile

from client import *

k = client()
S = arn("kept")
place = os.path.join(tempfile.gettempdir(), f"tidemill-kept-{os.getppid()}")
if sys.argv[2] == "before":
    k.create_stream(StreamName="kept", ShardCount=1, Tags={"a": "b"})
    k.put_record(StreamName="kept", Data=b"1", PartitionKey="p")
    k.split_shard(StreamName="kept", ShardToSplit="0", NewStartingHashKey=str(2 ** 127))
    k.put_record(StreamName="kept", Data=b"2", PartitionKey="p")
    k.increase_stream_retention_period(StreamName="kept", RetentionPeriodHours=72)
    k.update_max_record_size(StreamARN=S, MaxRecordSizeInKiB=4096)
    k.start_stream_encryption(StreamName="kept", EncryptionType="KMS", KeyId="k")
    k.register_stream_consumer(StreamARN=S, ConsumerName="c", Tags={"x": "y"})
    k.enable_enhanced_monitoring(StreamName="kept", ShardLevelMetrics=["IncomingBytes"])
    k.put_resource_policy(ResourceARN=S, Policy='{"Statement":[]}')

state = [summary(k, "kept"), shards(k, "kept"), k.list_tags_for_stream(StreamName="kept")["Tags"],
         k.list_stream_consumers(StreamARN=S)["Consumers"], k.get_resource_policy(ResourceARN=S)["Policy"],
         [read(k, "kept", shard["ShardId"])["Records"] for shard in shards(k, "kept")]]
if sys.argv[2] == "before":
    with open(place, "w") as out:
        out.write(repr(state) + "\n" + iterator(k, "kept", "0"))
else:
    with open(place) as kept:
        told, at = kept.read().rsplit("\n", 1)
    os.remove(place)
    equal(repr(state), told)
    equal(data(k.get_records(ShardIterator=at)), [b"1"])
print("ok")
