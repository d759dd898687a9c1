"""boto3 does every operation of Glue's Schema Registry: what it answers, its errors, its pages."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

glue = boto3.client(
    "glue", endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b",
    config=Config(retries={"max_attempts": 1}, parameter_validation=False),
)


def refused(code, said, operation, **given):
    try:
        getattr(glue, operation)(**given)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code and said in found["Message"], (operation, found)
        return
    raise AssertionError((operation, given))


def avro(*fields):
    return json.dumps({"type": "record", "name": "Customer", "fields": list(fields)})


ident, name = {"name": "id", "type": "long"}, {"name": "name", "type": "string"}
city = {"name": "city", "type": "string", "default": ""}
one, two, clash = avro(ident, name), avro(ident, name, city), avro(ident, name, {"name": "age", "type": "int"})

# Registries.
made = glue.create_registry(RegistryName="shop", Description="of the shop", Tags={"team": "a"})
assert made["RegistryArn"] == "arn:aws:glue:eu-west-1:000000000000:registry/shop" and made["Tags"] == {"team": "a"}
refused("AlreadyExistsException", "Registry already exists", "create_registry", RegistryName="shop")
refused("ValidationException", "registryName", "create_registry", RegistryName="no spaces")
found = glue.get_registry(RegistryId={"RegistryName": "shop"})
assert found["Status"] == "AVAILABLE" and found["Description"] == "of the shop" and isinstance(found["CreatedTime"], str)
refused("EntityNotFoundException", "Registry is not found.", "get_registry", RegistryId={"RegistryName": "none"})
glue.update_registry(RegistryId={"RegistryArn": made["RegistryArn"]}, Description="new")
assert glue.get_registry(RegistryId={"RegistryName": "shop"})["Description"] == "new"
for n in range(3):
    glue.create_registry(RegistryName=f"r{n}")
page = glue.list_registries(MaxResults=2)
rest = glue.list_registries(MaxResults=100, NextToken=page["NextToken"])
assert len(page["Registries"]) == 2 and len(rest["Registries"]) >= 2 and "NextToken" not in rest
refused("InvalidInputException", "token", "list_registries", NextToken="broken")

# Schemas.
schema = glue.create_schema(
    RegistryId={"RegistryName": "shop"}, SchemaName="customers", DataFormat="AVRO", Compatibility="BACKWARD",
    SchemaDefinition=one, Description="customers", Tags={"k": "v"},
)
assert (schema["LatestSchemaVersion"], schema["NextSchemaVersion"], schema["SchemaCheckpoint"]) == (1, 2, 1)
assert (schema["SchemaStatus"], schema["SchemaVersionStatus"]) == ("AVAILABLE", "AVAILABLE")
assert schema["SchemaArn"].endswith("schema/shop/customers") and len(schema["SchemaVersionId"]) == 36
refused("AlreadyExistsException", "Schema already exists", "create_schema", RegistryId={"RegistryName": "shop"},
        SchemaName="customers", DataFormat="AVRO", SchemaDefinition=one)
refused("EntityNotFoundException", "Registry is not found.", "create_schema", RegistryId={"RegistryName": "none"},
        SchemaName="s", DataFormat="AVRO")
refused("InvalidInputException", "invalid", "create_schema", SchemaName="bad", DataFormat="AVRO", SchemaDefinition="{")
refused("EntityNotFoundException", "Schema is not found.", "get_schema", SchemaId={"SchemaName": "bad"})
refused("ValidationException", "dataFormat", "create_schema", SchemaName="s", DataFormat="XML", SchemaDefinition="{}")
sid = {"RegistryName": "shop", "SchemaName": "customers"}
assert glue.get_schema(SchemaId={"SchemaArn": schema["SchemaArn"]})["Compatibility"] == "BACKWARD"
refused("InvalidInputException", "schemaArn", "get_schema", SchemaId={"SchemaArn": schema["SchemaArn"], "SchemaName": "x"})
glue.create_schema(SchemaName="defaulted", DataFormat="JSON")
assert glue.get_schema(SchemaId={"SchemaName": "defaulted"})["RegistryName"] == "default-registry"
assert [s["SchemaName"] for s in glue.list_schemas(RegistryId={"RegistryName": "shop"})["Schemas"]] == ["customers"]
assert len(glue.list_schemas()["Schemas"]) == 2

# Versions: the same definition keeps its version, one that clashes is kept as FAILURE.
second = glue.register_schema_version(SchemaId=sid, SchemaDefinition=two)
assert (second["VersionNumber"], second["Status"]) == (2, "AVAILABLE")
assert glue.register_schema_version(SchemaId=sid, SchemaDefinition=one)["SchemaVersionId"] == schema["SchemaVersionId"]
failed = glue.register_schema_version(SchemaId=sid, SchemaDefinition=clash)
assert (failed["VersionNumber"], failed["Status"]) == (3, "FAILURE")
assert glue.get_schema_version(SchemaVersionId=failed["SchemaVersionId"])["Status"] == "FAILURE"
latest = glue.get_schema_version(SchemaId=sid, SchemaVersionNumber={"LatestVersion": True})
assert (latest["VersionNumber"], latest["SchemaDefinition"], latest["DataFormat"]) == (2, two, "AVRO")
assert glue.get_schema_version(SchemaId=sid, SchemaVersionNumber={"VersionNumber": 1})["SchemaDefinition"] == one
refused("EntityNotFoundException", "Schema version is not found.", "get_schema_version", SchemaId=sid,
        SchemaVersionNumber={"VersionNumber": 9})
refused("EntityNotFoundException", "Schema version is not found.", "get_schema_version",
        SchemaVersionId="b0b0b0b0-b0b0-b0b0-b0b0-b0b0b0b0b0b0")
refused("InvalidInputException", "SchemaVersionNumber", "get_schema_version", SchemaId=sid)
refused("InvalidInputException", "SchemaId", "get_schema_version")
refused("EntityNotFoundException", "Schema is not found.", "register_schema_version",
        SchemaId={"SchemaName": "none"}, SchemaDefinition=one)
by = glue.get_schema_by_definition(SchemaId=sid, SchemaDefinition=json.dumps(json.loads(two), indent=4))
assert by["SchemaVersionId"] == second["SchemaVersionId"]
refused("EntityNotFoundException", "Schema version is not found.", "get_schema_by_definition", SchemaId=sid,
        SchemaDefinition='"string"')
refused("EntityNotFoundException", "Schema is not found.", "get_schema_by_definition",
        SchemaId={"SchemaName": "none"}, SchemaDefinition=one)
listed = glue.list_schema_versions(SchemaId=sid)["Schemas"]
assert [v["VersionNumber"] for v in listed] == [3, 2, 1]
page = glue.list_schema_versions(SchemaId=sid, MaxResults=2)
assert [v["VersionNumber"] for v in glue.list_schema_versions(SchemaId=sid, NextToken=page["NextToken"])["Schemas"]] == [1]
diff = glue.get_schema_versions_diff(SchemaId=sid, FirstSchemaVersionNumber={"VersionNumber": 1},
                                     SecondSchemaVersionNumber={"LatestVersion": True}, SchemaDiffType="SYNTAX_DIFF")
assert any(line.startswith("+") and "city" in line for line in diff["Diff"].splitlines()), diff
assert glue.check_schema_version_validity(DataFormat="AVRO", SchemaDefinition=one)["Valid"] is True
bad = glue.check_schema_version_validity(DataFormat="JSON", SchemaDefinition='{"type":"text"}')
assert bad["Valid"] is False and "#/type" in bad["Error"]
assert glue.check_schema_version_validity(DataFormat="PROTOBUF", SchemaDefinition='syntax="proto3"; message M {}')["Valid"]

imports = 'syntax="proto3"; import "google/type/money.proto"; message Price { google.type.Money net = 1; }'
assert glue.check_schema_version_validity(DataFormat="PROTOBUF", SchemaDefinition=imports)["Valid"]
proto2 = 'syntax="proto2"; message M { %s }'
for said, inside in [("groups", "optional group G = 1 { optional int32 a = 1; }"), ("extensions", "extensions 4 to 9;")]:
    bad = glue.check_schema_version_validity(DataFormat="PROTOBUF", SchemaDefinition=proto2 % inside)
    assert bad["Valid"] is False and said in bad["Error"], bad
    refused("InvalidInputException", said, "create_schema", SchemaName="bad", DataFormat="PROTOBUF", SchemaDefinition=proto2 % inside)
glue.create_schema(RegistryId={"RegistryName": "shop"}, SchemaName="proto", DataFormat="PROTOBUF", SchemaDefinition=imports)
proto = {"RegistryName": "shop", "SchemaName": "proto"}
refused("InvalidInputException", "extensions", "register_schema_version", SchemaId=proto, SchemaDefinition=proto2 % "extensions 4 to 9;")
assert len(glue.list_schema_versions(SchemaId=proto)["Schemas"]) == 1

# Compatibility and checkpoint.
refused("InvalidInputException", "SchemaVersionNumber", "update_schema", SchemaId=sid, Compatibility="NONE")
refused("InvalidInputException", "compatibility", "update_schema", SchemaId=sid)
glue.update_schema(SchemaId=sid, Compatibility="DISABLED", SchemaVersionNumber={"VersionNumber": 2})
changed = glue.get_schema(SchemaId=sid)
assert (changed["Compatibility"], changed["SchemaCheckpoint"]) == ("DISABLED", 2)
refused("InvalidInputException", "DISABLED", "register_schema_version", SchemaId=sid, SchemaDefinition=avro(ident))
glue.update_schema(SchemaId=sid, Description="other")
assert glue.get_schema(SchemaId=sid)["Description"] == "other"
for mode in ["NONE", "BACKWARD", "BACKWARD_ALL", "FORWARD", "FORWARD_ALL", "FULL", "FULL_ALL"]:
    glue.update_schema(SchemaId=sid, Compatibility=mode, SchemaVersionNumber={"LatestVersion": True})
    assert glue.get_schema(SchemaId=sid)["Compatibility"] == mode

# Metadata.
pair = {"MetadataKey": "owner", "MetadataValue": "a@example.com"}
put = glue.put_schema_version_metadata(SchemaVersionId=second["SchemaVersionId"], MetadataKeyValue=pair)
assert (put["MetadataKey"], put["VersionNumber"], put["LatestVersion"]) == ("owner", 2, False), put
refused("AlreadyExistsException", "already exist", "put_schema_version_metadata",
        SchemaVersionId=second["SchemaVersionId"], MetadataKeyValue=pair)
glue.put_schema_version_metadata(SchemaId=sid, SchemaVersionNumber={"VersionNumber": 2},
                                 MetadataKeyValue={"MetadataKey": "owner", "MetadataValue": "b"})
info = glue.query_schema_version_metadata(SchemaVersionId=second["SchemaVersionId"])["MetadataInfoMap"]["owner"]
assert info["MetadataValue"] == "b" and info["OtherMetadataValueList"][0]["MetadataValue"] == "a@example.com"
only = glue.query_schema_version_metadata(SchemaVersionId=second["SchemaVersionId"], MetadataList=[{"MetadataKey": "x"}])
assert only["MetadataInfoMap"] == {}
glue.remove_schema_version_metadata(SchemaVersionId=second["SchemaVersionId"], MetadataKeyValue=pair)
refused("EntityNotFoundException", "Metadata is not found", "remove_schema_version_metadata",
        SchemaVersionId=second["SchemaVersionId"], MetadataKeyValue=pair)
for n in range(9):
    glue.put_schema_version_metadata(SchemaVersionId=second["SchemaVersionId"],
                                     MetadataKeyValue={"MetadataKey": f"k{n}", "MetadataValue": "v"})
refused("ResourceNumberLimitExceededException", "", "put_schema_version_metadata",
        SchemaVersionId=second["SchemaVersionId"], MetadataKeyValue={"MetadataKey": "one", "MetadataValue": "more"})

# Tags.
arn = schema["SchemaArn"]
assert glue.get_tags(ResourceArn=arn)["Tags"] == {"k": "v"}
glue.tag_resource(ResourceArn=arn, TagsToAdd={"x": "y"})
glue.untag_resource(ResourceArn=arn, TagsToRemove=["k"])
assert glue.get_tags(ResourceArn=arn)["Tags"] == {"x": "y"}
refused("EntityNotFoundException", "Schema is not found.", "get_tags", ResourceArn=arn + "x")

# Deletion.
errors = glue.delete_schema_versions(SchemaId=sid, Versions="1-9")["SchemaVersionErrors"]
assert {e["VersionNumber"]: e["ErrorDetails"]["ErrorCode"] for e in errors}[2] == "InvalidInputException"
assert [v["VersionNumber"] for v in glue.list_schema_versions(SchemaId=sid)["Schemas"]] == [2]
refused("InvalidInputException", "range", "delete_schema_versions", SchemaId=sid, Versions="3-1")
assert glue.register_schema_version(SchemaId=sid, SchemaDefinition=avro(ident, city))["VersionNumber"] == 4
assert glue.delete_schema(SchemaId=sid)["Status"] == "DELETING"
refused("EntityNotFoundException", "Schema is not found.", "delete_schema", SchemaId=sid)
assert glue.delete_registry(RegistryId={"RegistryName": "shop"})["Status"] == "DELETING"
refused("EntityNotFoundException", "Registry is not found.", "delete_registry", RegistryId={"RegistryName": "shop"})
