"""Signatures and roles."""
from client import *

admin, producer, consumer = [client(*pair) for pair in zip(sys.argv[2::2], sys.argv[3::2])]
put = {"StreamName": "s", "Data": b"x", "PartitionKey": "p"}

refused("UnrecognizedClientException", "The security token included in the request is invalid.", client("AKIANOBODY", "x").list_streams)
refused("InvalidSignatureException", "The request signature we calculated does not match", client(sys.argv[2], "wrong").list_streams)

admin.create_stream(StreamName="s", ShardCount=1)
producer.put_record(**put)
admin.put_record(**put)
text = refused("AccessDeniedException", "is not authorized to perform: kinesis:PutRecord", consumer.put_record, **put)
assert "consumer" in text
equal(len(read(consumer, "s", "0")["Records"]), 2)
refused("AccessDeniedException", "kinesis:GetShardIterator", producer.get_shard_iterator, StreamName="s", ShardId="0", ShardIteratorType="LATEST")
for role in (producer, consumer):
    equal(len(shards(role, "s")), 1)
    refused("AccessDeniedException", "kinesis:CreateStream", role.create_stream, StreamName="t", ShardCount=1)
    refused("AccessDeniedException", "kinesis:DeleteStream", role.delete_stream, StreamName="s")
    refused("AccessDeniedException", "kinesis:AddTagsToStream", role.add_tags_to_stream, StreamName="s", Tags={"a": "b"})
made = consumer.register_stream_consumer(StreamARN=arn("s"), ConsumerName="c")["Consumer"]["ConsumerARN"]
event = next(iter(consumer.subscribe_to_shard(ConsumerARN=made, ShardId="0", StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]))
equal(len(event["SubscribeToShardEvent"]["Records"]), 2)

# Who a key is, as the Kinesis Producer Library asks.
def identity(key, secret):
    sts = boto3.client("sts", endpoint_url=ENDPOINT, region_name="eu-central-1", aws_access_key_id=key, aws_secret_access_key=secret)
    return sts.get_caller_identity()
known = identity(sys.argv[2], sys.argv[3])
equal((known["Account"], known["Arn"], known["UserId"]), (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/admin", "admin"))
for kind, pair in (("InvalidClientTokenId", ("AKIANOBODY", "x")), ("SignatureDoesNotMatch", (sys.argv[2], "wrong"))):
    try:
        identity(*pair)
        raise AssertionError(pair)
    except ClientError as error:
        equal((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]), (kind, 403))

# The region of the signature is that of ARNs.
equal(summary(client(sys.argv[2], sys.argv[3], region="us-west-2"), "s")["StreamARN"], f"arn:aws:kinesis:us-west-2:{ACCOUNT}:stream/s")
print("ok")
