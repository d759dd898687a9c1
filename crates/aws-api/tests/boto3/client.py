"""A client without retries and without checks of its own, so that the service's answers are seen."""
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
ACCOUNT = "000000000000"


def client(key="any", secret="any", region="eu-central-1", **more):
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, **more)
    return boto3.client("kinesis", endpoint_url=ENDPOINT, region_name=region, aws_access_key_id=key,
                        aws_secret_access_key=secret, config=config)


def refused(kind, text, call, **arguments):
    """The call fails with this error, whose text has this in it."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == kind, f"{found} instead of {kind}"
        assert text in found["Message"], f"{found['Message']!r} lacks {text!r}"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error.response
        return found["Message"]
    raise AssertionError(f"{arguments} was accepted: {answer}")


def equal(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


def until(condition, seconds=20):
    """Waits for something that the service does on its own."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)
    return found


def arn(stream):
    return f"arn:aws:kinesis:eu-central-1:{ACCOUNT}:stream/{stream}"


def summary(kinesis, stream):
    return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]


def shards(kinesis, stream, **more):
    return kinesis.list_shards(StreamName=stream, **more)["Shards"]


def ids(found):
    return [int(re.fullmatch(r"shardId-(\d{12})", shard["ShardId"])[1]) for shard in found]


def iterator(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    asked = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)
    return asked["ShardIterator"]


def read(kinesis, stream, shard, kind="TRIM_HORIZON", **more):
    return kinesis.get_records(ShardIterator=iterator(kinesis, stream, shard, kind, **more))


def data(answer):
    return [record["Data"] for record in answer["Records"]]
