"""Confluent's own client: registration, look-up, serializers of all three formats, compatibility, deletion."""

import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

client = SchemaRegistryClient({"url": sys.argv[1]})


def avro(*fields):
    return Schema(json.dumps({"type": "record", "name": "Customer", "fields": list(fields)}), "AVRO")


def refused(code, status, do):
    try:
        do()
    except SchemaRegistryError as error:
        assert (error.error_code, error.http_status_code) == (code, status), error
        return str(error)
    raise AssertionError(f"{code} expected")


ident, name = {"name": "id", "type": "long"}, {"name": "name", "type": "string"}
city = {"name": "city", "type": ["null", "string"], "default": None}

# Registration and look-up.
assert client.get_subjects() == []
first = client.register_schema("customers-value", avro(ident, name))
assert client.register_schema("customers-value", avro(ident, name)) == first
second = client.register_schema("customers-value", avro(ident, name, city))
assert (first, second) == (1, 2)
assert client.get_versions("customers-value") == [1, 2]
assert json.loads(client.get_schema(2).schema_str)["fields"][2]["name"] == "city"
found = client.lookup_schema("customers-value", avro(ident, name))
assert (found.version, found.schema_id, found.subject) == (1, 1, "customers-value")
assert client.get_latest_version("customers-value").version == 2
assert client.get_version("customers-value", 1).schema_id == 1
refused(40401, 404, lambda: client.get_latest_version("nobody"))
refused(40402, 404, lambda: client.get_version("customers-value", 9))

# Compatibility: by default backward.
clash = avro(ident, name, {"name": "age", "type": "int"})
assert client.test_compatibility("customers-value", avro(ident, name, city)) is True
assert client.test_compatibility("customers-value", clash) is False
said = refused(409, 409, lambda: client.register_schema("customers-value", clash))
assert "READER_FIELD_MISSING_DEFAULT_VALUE" in said and "age" in said, said
refused(42201, 422, lambda: client.register_schema("customers-value", Schema('{"type":"nothing"}', "AVRO")))
refused(40408, 404, lambda: client.get_compatibility("customers-value"))
assert client.get_compatibility() == "BACKWARD"
client.set_compatibility("customers-value", level="NONE")
assert client.get_compatibility("customers-value") == "NONE"
assert client.register_schema("customers-value", clash) == 3

# The same schema elsewhere has the same id; another context has ids of its own.
assert client.register_schema("copies-value", avro(ident, name)) == 1
assert client.register_schema(":.other:copies-value", avro(ident, name, city)) == 1
assert ":.other:copies-value" in client.get_subjects()

# Serializers register by themselves, and readers of an older schema read newer records.
at = SerializationContext("orders", MessageField.VALUE)
write = AvroSerializer(client, json.dumps({"type": "record", "name": "Order", "fields": [ident]}))
record = write({"id": 7}, at)
assert record[0] == 0 and AvroDeserializer(client)(record, at) == {"id": 7}
newer = AvroSerializer(client, json.dumps({"type": "record", "name": "Order", "fields": [ident, city]}))({"id": 8, "city": "Graz"}, at)
older = AvroDeserializer(client, json.dumps({"type": "record", "name": "Order", "fields": [ident]}))
assert older(newer, at) == {"id": 8}

at = SerializationContext("events", MessageField.VALUE)
schema = {"title": "Event", "type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
record = JSONSerializer(json.dumps(schema), client)({"a": 1}, at)
assert JSONDeserializer(json.dumps(schema), schema_registry_client=client)(record, at) == {"a": 1}
schema["properties"]["b"] = {"type": "string"}
JSONSerializer(json.dumps(schema), client)({"a": 1, "b": "x"}, at)
assert client.get_versions("events-value") == [1, 2]

# A file of two messages, one in the other; records name the inner one by its path.
file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
outer = file.message_type.add(name="Order")
outer.field.add(name="id", number=1, type=3, label=1)
outer.nested_type.add(name="Item").field.add(name="title", number=1, type=9, label=1)
outer.nested_type.add(name="Gift").field.add(name="note", number=1, type=9, label=1)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
made = {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in ["shop.Order", "shop.Order.Gift"]}
plain = {"use.deprecated.format": False}
for topic, message in [("orders2", made["shop.Order"](id=5)), ("gifts", made["shop.Order.Gift"](note="x"))]:
    at = SerializationContext(topic, MessageField.VALUE)
    record = ProtobufSerializer(type(message), client, plain)(message, at)
    assert ProtobufDeserializer(type(message), plain, client)(record, at) == message
assert "message Order" in client.get_latest_version("orders2-value").schema.schema_str

# References.
client.register_schema("address", Schema(json.dumps({"type": "record", "name": "Address", "fields": [name]}), "AVRO"))
person = {"type": "record", "name": "Person", "fields": [{"name": "at", "type": "Address"}]}
refers = Schema(json.dumps(person), "AVRO", [SchemaReference("Address", "address", 1)])
client.register_schema("person", refers)
assert client.get_latest_version("person").schema.references[0].subject == "address"
refused(42206, 422, lambda: client.delete_version("address", 1))

# Deletion: first hidden, then gone.
assert client.delete_version("customers-value", 1) == 1
assert client.get_versions("customers-value") == [2, 3]
assert client.delete_subject("copies-value") == [1]
assert "copies-value" not in client.get_subjects()
assert client.delete_subject("copies-value", permanent=True) == [1]
refused(40401, 404, lambda: client.get_versions("copies-value"))
