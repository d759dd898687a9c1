"""Requests that no client would send: each gets an error of the service, changes nothing, and none answers 500."""
import base64
import json
import random
import urllib.error
import urllib.request

import botocore.session

from client import *
from junk import JUNK, places, replaced, sample

AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=any/20260101/eu-central-1/kinesis/aws4_request, SignedHeaders=host, Signature=00")
JSON, CBOR = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1"


def send(target, body, kind=JSON, method="POST", authorization=AUTHORIZATION, query="", **headers):
    headers |= {"X-Amz-Target": target, "Content-Type": kind, "Authorization": authorization, "X-Amz-Date": "20260101T000000Z"}
    headers = {name: value for name, value in headers.items() if value is not None}
    request = urllib.request.Request(ENDPOINT + "/" + query, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def kind_of(answer):
    status, headers, body = answer
    return status, json.loads(body)["__type"]


def message_of(answer):
    said = json.loads(answer[2])
    return said.get("message", said.get("Message"))


k = client()
k.create_stream(StreamName="s", ShardCount=1)

# The protocol's own errors.
P = "Kinesis_20131202."
status, headers, body = send(P + "ListStreams", b"{}")
equal((status, headers["Content-Type"]), (200, JSON))
equal(len(headers["x-amzn-requestid"]), 36)
assert 64 <= len(base64.b64decode(headers["x-amz-id-2"])) <= 80
equal(kind_of(send(P + "ListStreams", b"{")), (400, "SerializationException"))
equal(kind_of(send(P + "ListStreams", b"")), (400, "SerializationException"))
equal(kind_of(send(P + "ListStreams", b"7")), (400, "SerializationException"))
equal(kind_of(send(P + "Fly", b"{}")), (400, "UnknownOperationException"))
equal(kind_of(send("Weather_2026.ListStreams", b"{}")), (400, "UnknownOperationException"))
equal(kind_of(send(None, b"{}")), (400, "UnknownOperationException"))
equal(kind_of(send(None, b"")), (400, "UnknownOperationException"))
equal(kind_of(send(P + "Fly", b"{")), (400, "SerializationException"))
for target in (None, "Kinesis_20131202"):
    status, headers, body = send(target, b"{}", kind="text/plain")
    equal((status, headers["Content-Type"]), (403, None))
    equal(body, b"<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>\n")
status, headers, body = send(P + "ListStreams", b"{}", kind="text/plain")
equal((status, headers["Content-Type"], body), (404, None, b"<UnknownOperationException/>\n"))
equal(kind_of(send(P + "ListStreams", b"{}", authorization=None)), (400, "MissingAuthenticationTokenException"))
equal(kind_of(send(P + "ListStreams", b"{}", authorization="Basic x")), (400, "IncompleteSignatureException"))
equal(kind_of(send(P + "ListStreams", b"{}", authorization="AWS4-HMAC-SHA256 Credential=a")), (400, "IncompleteSignatureException"))
equal(message_of(send(P + "ListStreams", b"{}", authorization="X")),
      "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
      "Authorization header requires 'SignedHeaders' parameter. Authorization=X")
equal(message_of(send(P + "ListStreams", b"{}", authorization=None, query="?X-Amz-Algorithm=a&X-Amz-Date=b")),
      "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. "
      "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.")
equal(message_of(send(P + "ListStreams", b"{}", query="?X-Amz-Algorithm=a")),
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
equal(message_of(send(P + "PutRecord", json.dumps({"StreamName": "s", "PartitionKey": "p", "Data": "\u00e9"}).encode())),
      "'\u00e9' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 1")

# The one operation of STS, for any signature here.
FORM = "application/x-www-form-urlencoded; charset=utf-8"
status, headers, body = send(None, b"Action=GetCallerIdentity&Version=2011-06-15", kind=FORM)
equal((status, headers["Content-Type"]), (200, "text/xml"))
assert f"<Arn>arn:aws:iam::{ACCOUNT}:root</Arn>".encode() in body and headers["x-amzn-requestid"].encode() in body, body
status, headers, body = send(None, b"Action=Fly%3C&Version=2011-06-15", kind=FORM)
assert status == 400 and b"<Code>InvalidAction</Code>" in body and b"Could not find operation Fly&lt; for version 2011-06-15" in body, body
status, headers, body = send(None, b"Action=GetCallerIdentity", kind=FORM, authorization=None)
assert status == 403 and b"<Code>MissingAuthenticationToken</Code>" in body, body

# CBOR: the same service in other bytes.
def text(value):
    return bytes([0x78, len(value)]) + value.encode()
status, headers, body = send(P + "DescribeStreamSummary", b"\xbf" + text("StreamName") + text("s") + b"\xff", kind=CBOR)
equal((status, headers["Content-Type"]), (200, CBOR))
assert b"StreamDescriptionSummary" in body and body[:1] == b"\xa1"
status, _, body = send(P + "PutRecord", b"\xbf" + text("StreamName") + text("s") + text("PartitionKey") + text("p") + text("Data") + b"\x5f\x41a\x41b\xff\xff", kind=CBOR)
equal(status, 200)
equal(data(read(k, "s", "0")), [b"ab"])
status, _, body = send(P + "PutRecord", b"\xbf" + text("StreamName"), kind=CBOR)
assert status == 400 and b"SerializationException" in body
status, _, body = send(P + "DescribeStream", b"\xa0", kind=CBOR)
assert status == 400 and b"InvalidArgumentException" in body

# Every member of every operation of the model, as something else.
model = botocore.session.get_session().get_service_model("kinesis")
GOOD = {"StreamName": "s", "StreamARN": arn("s"), "ResourceARN": arn("s"), "ShardId": "shardId-000000000000", "Data": "aGk=", "PartitionKey": "p"}
KNOWN = {"ValidationException", "SerializationException", "InvalidArgumentException", "ResourceNotFoundException", "ResourceInUseException",
         "LimitExceededException", "AccessDeniedException", "DryRunOperationException", "ExpiredNextTokenException", "ProvisionedThroughputExceededException"}


tried = 0
for name in model.operation_names:
    # What would go through is only tried where it changes nothing that others need.
    if name in ("CreateStream", "DeleteStream", "SubscribeToShard", "UpdateShardCount", "SplitShard", "MergeShards"):
        base = {} if name != "CreateStream" else {"ShardCount": 1}
    else:
        shape = model.operation_model(name).input_shape
        base = sample(shape, GOOD) if shape else {}
    fields = model.operation_model(name).input_shape.members if model.operation_model(name).input_shape else {}
    cases = [(path, junk) for path in places(base) for junk in JUNK] + [((field,), junk) for field in fields for junk in JUNK]
    for path, junk in cases:
        body = replaced(base | {path[0]: base.get(path[0])}, path, junk) if path else junk
        if name in ("CreateStream", "DeleteStream") and isinstance(body, dict) and body.get("StreamName") not in (None, "", "x y"):
            body = body | {"StreamName": None}
        if name == "DeleteStream" and isinstance(body, dict):
            body = body | {"StreamARN": None}
        status, _, answer = send(P + name, json.dumps(body).encode())
        tried += 1
        assert status in (200, 400), f"{name} {path} {junk!r}: {status} {answer}"
        if status == 400:
            kind = json.loads(answer)["__type"]
            assert kind in KNOWN, f"{name} {path} {junk!r}: {answer}"
assert tried > 3_000, tried

# Bytes that were cut off or changed.
random.seed(1)
whole = json.dumps({"StreamName": "s", "Records": [{"Data": "aGk=", "PartitionKey": "p"}] * 3}).encode()
for _ in range(500):
    body = bytearray(whole[:random.randrange(len(whole))] if random.random() < 0.5 else whole)
    for _ in range(random.randrange(4)):
        if body:
            body[random.randrange(len(body))] = random.randrange(256)
    for kind in (JSON, CBOR):
        assert send(P + "PutRecords", bytes(body), kind=kind)[0] in (200, 400)

equal(summary(k, "s")["StreamStatus"], "ACTIVE")
print("ok", tried, "requests")
