"""kill -9 during puts, splits and merges: crash.py BINARY DATA ROUNDS

Every record that was acknowledged is there once, in its shard, with the number that was told; and in the order of each producer.
"""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

binary, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
PRODUCERS = 4
STREAM = "crash"


class Server:
    def __init__(self):
        self.process = subprocess.Popen([binary, "--output", "json", "--log", "error", "serve", "--unlimited", "--port", "0", "--data", folder],
                                        stdout=subprocess.PIPE)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def client(self):
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
        return boto3.client("kinesis", endpoint_url=self.url, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b", config=config)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


acknowledged = {}  # data -> (shard, number)
sent = [0] * PRODUCERS
lock = threading.Lock()


def produce(kinesis, producer, stop):
    while not stop.is_set():
        first = sent[producer]
        count = random.randrange(1, 40)
        sent[producer] += count
        batch = [b"%d:%d" % (producer, number) for number in range(first, first + count)]
        try:
            answer = kinesis.put_records(StreamName=STREAM, Records=[{"Data": data, "PartitionKey": "p%d" % producer} for data in batch])
        except (BotoCoreError, ClientError):
            continue
        with lock:
            for data, entry in zip(batch, answer["Records"]):
                if "ErrorCode" not in entry:
                    acknowledged[data] = (entry["ShardId"], entry["SequenceNumber"])


def reshard(kinesis, stop):
    while not stop.is_set():
        try:
            shards = [shard for shard in kinesis.list_shards(StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"]]
            shards.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
            if len(shards) > 5:
                at = random.randrange(len(shards) - 1)
                kinesis.merge_shards(StreamName=STREAM, ShardToMerge=shards[at]["ShardId"], AdjacentShardToMerge=shards[at + 1]["ShardId"])
            else:
                shard = random.choice(shards)
                low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
                kinesis.split_shard(StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2))
        except (BotoCoreError, ClientError):
            pass
        time.sleep(random.random() / 50)


def everything(kinesis, closed):
    """All records in the order of parents before children. Those of shards in `closed` are taken from there; others that are closed come to it."""
    listed, more = [], kinesis.list_shards(StreamName=STREAM)
    while True:
        listed += more["Shards"]
        if "NextToken" not in more:
            break
        more = kinesis.list_shards(NextToken=more["NextToken"])
    found = []
    for shard in sorted(listed, key=lambda shard: shard["ShardId"]):
        if shard["ShardId"] in closed:
            found += closed[shard["ShardId"]]
            continue
        own = []
        at = kinesis.get_shard_iterator(StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while at:
            answer = kinesis.get_records(ShardIterator=at)
            own += [(record["Data"], shard["ShardId"], record["SequenceNumber"]) for record in answer["Records"]]
            at = answer.get("NextShardIterator") if answer["Records"] else None
        found += own
        if "EndingSequenceNumber" in shard["SequenceNumberRange"]:
            closed[shard["ShardId"]] = own
    return found, len(listed)


def check(kinesis, closed):
    found, shards = everything(kinesis, closed)
    places = {}
    for data, shard, number in found:
        assert data not in places, f"{data} is there twice"
        places[data] = (shard, number)
    lost = [data for data in acknowledged if data not in places]
    assert not lost, f"{len(lost)} acknowledged records are lost: {lost[:5]}"
    moved = [data for data in acknowledged if places[data] != acknowledged[data]]
    assert not moved, f"{moved[0]} is at {places[moved[0]]}, and was acknowledged at {acknowledged[moved[0]]}"
    for producer in range(PRODUCERS):
        own = [int(data.split(b":")[1]) for data, _, _ in found if data.startswith(b"%d:" % producer)]
        assert own == sorted(own), f"the records of producer {producer} are out of order"
    return len(found), shards


random.seed(os.getpid())
# A shard that is closed is read once more at the end only.
closed = {}
for round in range(rounds):
    server = Server()
    if round == 0:
        server.client().create_stream(StreamName=STREAM, ShardCount=2)
    else:
        check(server.client(), closed)
    stop = threading.Event()
    threads = [threading.Thread(target=produce, args=(server.client(), producer, stop)) for producer in range(PRODUCERS)]
    threads.append(threading.Thread(target=reshard, args=(server.client(), stop)))
    for thread in threads:
        thread.start()
    time.sleep(0.2 + random.random() * 0.6)
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()
server = Server()
found, shards = check(server.client(), {})
server.kill()
assert len(acknowledged) > rounds * 10, f"only {len(acknowledged)} records were acknowledged"
print(f"ok: {rounds} kills, {len(acknowledged)} acknowledged records of {sum(sent)} sent, {found} found, {shards} shards")
