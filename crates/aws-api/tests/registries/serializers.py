"""AWS's serializers for Python: schemas registered by themselves, headers, evolution, what clashes."""

import json
import sys
import uuid

import boto3
from aws_schema_registry import DataAndSchema, KafkaDeserializer, KafkaSerializer, SchemaRegistryClient
from aws_schema_registry.avro import AvroSchema
from aws_schema_registry.jsonschema import JsonSchema

glue = boto3.client(
    "glue", endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
)
client = SchemaRegistryClient(glue, registry_name="default-registry")
write, read = KafkaSerializer(client, is_key=False), KafkaDeserializer(client)


def avro(*fields):
    return AvroSchema(json.dumps({"type": "record", "name": "Customer", "fields": list(fields)}))


ident = {"name": "id", "type": "long"}
city = {"name": "city", "type": ["null", "string"], "default": None}

record = write.serialize("customers", DataAndSchema({"id": 7}, avro(ident)))
assert record[:2] == b"\x03\x00", record
version = glue.get_schema_version(SchemaVersionId=str(uuid.UUID(bytes=record[2:18])))
assert (version["VersionNumber"], version["Status"]) == (1, "AVAILABLE")
assert read.deserialize("customers", record).data == {"id": 7}

newer = write.serialize("customers", DataAndSchema({"id": 8, "city": "Graz"}, avro(ident, city)))
assert newer[2:18] != record[2:18]
assert read.deserialize("customers", newer).data == {"id": 8, "city": "Graz"}
assert read.deserialize("customers", record).data == {"id": 7}

try:
    write.serialize("customers", DataAndSchema({"id": 8, "age": 3}, avro(ident, {"name": "age", "type": "int"})))
    raise AssertionError("it clashes")
except Exception as error:
    assert "FAILURE" in str(error.__cause__), repr(error.__cause__)

schema = JsonSchema(json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                                "properties": {"a": {"type": "integer"}}}))
record = write.serialize("events", DataAndSchema({"a": 1}, schema))
assert read.deserialize("events", record).data == {"a": 1}
