"""Requests to Glue's registry that no client would send: each gets an error of the service, and what is refused stores nothing."""

import http.client
import json
import os
import random
import sys
from urllib.parse import urlparse

import botocore.session

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "boto3"))
from junk import JUNK, places, replaced, sample  # noqa: E402

JSON = "application/x-amz-json-1.1"
HEADERS = {
    "Content-Type": JSON,
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-1/glue/aws4_request, SignedHeaders=host, Signature=00",
}
connection = http.client.HTTPConnection(urlparse(sys.argv[1]).netloc, timeout=60)


def send(operation, body, **headers):
    connection.request("POST", "/", body=body, headers=HEADERS | {"X-Amz-Target": "AWSGlue." + operation} | headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def call(operation, **body):
    status, answer = send(operation, json.dumps(body))
    assert status == 200, (operation, body, answer)
    return json.loads(answer)


# What there is, so that requests that are wrong in one place only get as far as they can.
AVRO = json.dumps({"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]})
MORE = json.dumps({"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, {"name": "city", "type": "string", "default": ""}]})
REGISTRY, SCHEMA = {"RegistryName": "shop"}, {"RegistryName": "shop", "SchemaName": "customers"}
ARN = "arn:aws:glue:eu-west-1:000000000000:schema/shop/customers"


def restore():
    """Makes what is missing; gives the schema's first version."""
    send("CreateRegistry", json.dumps({"RegistryName": "shop", "Description": "d", "Tags": {"key": "value"}}))
    send("CreateSchema", json.dumps({"RegistryId": REGISTRY, "SchemaName": "customers", "DataFormat": "AVRO", "Compatibility": "NONE", "SchemaDefinition": AVRO}))
    send("UpdateSchema", json.dumps({"SchemaId": SCHEMA, "Compatibility": "NONE", "SchemaVersionNumber": {"LatestVersion": True}}))
    send("RegisterSchemaVersion", json.dumps({"SchemaId": SCHEMA, "SchemaDefinition": AVRO}))
    send("RegisterSchemaVersion", json.dumps({"SchemaId": SCHEMA, "SchemaDefinition": MORE}))
    return call("GetSchemaByDefinition", SchemaId=SCHEMA, SchemaDefinition=AVRO)["SchemaVersionId"]


def pages(operation, member, **body):
    found, token = [], None
    while True:
        page = call(operation, **body, **({"NextToken": token} if token else {}))
        found += page[member]
        token = page.get("NextToken")
        if not token:
            return found


def stored():
    """All that the registries hold."""
    registries, schemas = pages("ListRegistries", "Registries"), pages("ListSchemas", "Schemas")
    versions = [(v, call("GetSchemaVersion", SchemaVersionId=v["SchemaVersionId"]), call("QuerySchemaVersionMetadata", SchemaVersionId=v["SchemaVersionId"]))
                for s in schemas for v in pages("ListSchemaVersions", "Schemas", SchemaId={"SchemaArn": s["SchemaArn"]})]
    tags = [call("GetTags", ResourceArn=of) for of in [r["RegistryArn"] for r in registries] + [s["SchemaArn"] for s in schemas]]
    details = [call("GetSchema", SchemaId={"SchemaArn": s["SchemaArn"]}) for s in schemas]
    return json.dumps([registries, schemas, details, versions, tags], sort_keys=True)


DEFINITIONS = ["{", '"', "[" * 2_000, '{"type":"array","items":' * 500, '{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}',
               '{"$ref":"#"}', '{"allOf":[{"$ref":"#/allOf/0"}]}', '{"$ref":"http://127.0.0.1:1/x"}', '{"pattern":"(a+)+$("}',
               'syntax = "proto3";', 'syntax = "proto3"; import "x.proto"; message M {}', "message M {" * 200, "message M { M m = 1; }", "\ufeff{}", "a" * 170_001]
VERSIONS = ["1-", "-1", "2-1", "1-99999", "1-100000", "99999999999999999999", "1,2", "1-2-3", "latest"]
IDENTS = ["00000000-0000-0000-0000-000000000000", "0" * 36, "arn:aws:glue:eu-west-1:000000000000:registry/shop", "arn:aws:glue:eu-west-1:1:schema/shop/customers",
          "arn:aws:glue:::schema/", "arn:aws:glue:eu-west-1:000000000000:schema/customers", "shop/customers", "a" * 256, "a" * 10_241]
EXTRA = {"SchemaDefinition": DEFINITIONS, "Versions": VERSIONS}
# Errors of the protocol, which any operation may give; the others are those that the model says.
PROTOCOL = {"ValidationException", "SerializationException"}

model = botocore.session.get_session().get_service_model("glue")
SERVED = [name for name in model.operation_names if "Schema" in name or name.endswith(("Registry", "Registries", "Tags")) or name in ("TagResource", "UntagResource")]
SERVED = [name for name in SERVED if send(name, b"[]")[1].find(b"UnknownOperationException") < 0]
assert len(SERVED) == 23, SERVED
CHANGES = ("Create", "Update", "Delete", "Register", "Put", "Remove", "Tag", "Untag")

tried = refused = 0
for name in SERVED:
    uuid = restore()
    good = {"RegistryId": REGISTRY, "SchemaId": SCHEMA, "SchemaVersionId": uuid, "SchemaDefinition": AVRO, "RegistryName": "shop", "SchemaName": "customers", "ResourceArn": ARN,
            "SchemaVersionNumber": {"VersionNumber": 1}, "FirstSchemaVersionNumber": {"VersionNumber": 1}, "SecondSchemaVersionNumber": {"LatestVersion": True},
            "DataFormat": "AVRO", "Compatibility": "NONE", "SchemaDiffType": "SYNTAX_DIFF", "Versions": "1", "MetadataKeyValue": {"MetadataKey": "k", "MetadataValue": "v"},
            "MetadataList": [{"MetadataKey": "k", "MetadataValue": "v"}], "TagsToRemove": ["key"], "MaxResults": 2}
    operation = model.operation_model(name)
    base = sample(operation.input_shape, good) | {member: good[member] for member in operation.input_shape.members if member in good}
    base.pop("NextToken", None)
    if name.endswith("Metadata") or name == "GetSchemaVersion":
        # Either names the version.
        base.pop("SchemaVersionId")
    declared = {shape.name for shape in operation.error_shapes} | PROTOCOL
    changes = name.startswith(CHANGES)
    cases = [(path, junk) for path in places(base) for junk in JUNK + EXTRA.get(path[-1] if path else None, IDENTS if path else [])]
    cases += [((field,), junk) for field in operation.input_shape.members for junk in JUNK + IDENTS]
    before, unlooked = stored(), []
    for path, junk in cases:
        body = replaced(base | {path[0]: base.get(path[0])}, path, junk) if path else junk
        status, answer = send(name, json.dumps(body))
        tried += 1
        said = f"{name} {path} {str(junk)[:80]!r}: {status} {answer[:300]}"
        assert status in (200, 400), said
        if status == 400:
            refused += 1
            kind = json.loads(answer)["__type"]
            assert kind in declared, f"{said}; the model has {sorted(declared)}"
        if changes and status == 200:
            restore()
            before, unlooked = stored(), []
            continue
        unlooked.append(said)
        if len(unlooked) >= (8 if changes else 100):
            assert stored() == before, f"one of these has stored something: {unlooked}"
            unlooked = []
    assert stored() == before, f"one of these has stored something: {unlooked}"
assert tried > 4_000 and refused > tried // 2, (tried, refused)

# Operations of Glue that are no registry's.
for name in sorted(set(model.operation_names) - set(SERVED)):
    status, answer = send(name, b"{}")
    assert status == 400 and json.loads(answer)["__type"] == "UnknownOperationException", (name, answer)

# Bytes that were cut off or changed.
random.seed(2)
before = stored()
whole = json.dumps({"SchemaId": SCHEMA, "Versions": "1-2", "SchemaDefinition": AVRO, "Tags": {"a": "b"}}).encode()
for _ in range(500):
    body = bytearray(whole[:random.randrange(len(whole))])
    for _ in range(random.randrange(4)):
        if body:
            body[random.randrange(len(body))] = random.randrange(256)
    for name in ("RegisterSchemaVersion", "DeleteSchemaVersions", "CreateSchema"):
        status, answer = send(name, bytes(body))
        assert status == 400, (name, bytes(body), answer)
assert stored() == before
print("ok", tried, "requests,", refused, "refused")
