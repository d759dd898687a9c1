"""Confluent's REST protocol by hand: what its clients do not show, and its error codes."""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

JSON = "application/vnd.schemaregistry.v1+json"


def call(method, path, body=None, kind=JSON):
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(sys.argv[1] + path, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Content-Type"] == JSON, answer.headers
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = json.load(error)
        assert str(said["error_code"]).startswith(str(error.code)), said
        return said["error_code"]


def avro(*fields):
    return json.dumps({"type": "record", "name": "R", "fields": [{"name": n, "type": t} for n, t in fields]})


a, ab = avro(("a", "int")), avro(("a", "int"), ("b", "int"))

assert sorted(call("GET", "/schemas/types")) == ["AVRO", "JSON", "PROTOBUF"]
assert call("GET", "/contexts") == ["."]
assert call("GET", "/config") == {"compatibilityLevel": "BACKWARD"}
assert call("GET", "/mode") == {"mode": "READWRITE"}
assert call("GET", "/subjects") == []

made = call("POST", "/subjects/s/versions", {"schema": a})
assert (made["id"], made["version"]) == (1, 1)
assert call("GET", "/schemas/ids/1") == {"schema": a}
assert call("GET", "/schemas/ids/1/schema") == json.loads(a)
assert call("GET", "/schemas/ids/1/versions") == [{"subject": "s", "version": 1}]
assert call("GET", "/schemas/ids/1/subjects") == ["s"]
assert call("GET", f"/schemas/guids/{made['guid']}") == {"schema": a}
assert call("GET", f"/schemas/guids/{made['guid']}/ids") == [{"context": ".", "id": 1}]
assert call("GET", "/subjects/s/versions/latest")["version"] == 1
assert call("GET", "/subjects/s/versions/1/schema") == json.loads(a)
assert len(call("GET", "/schemas")) == 1

# A subject's name may hold anything.
odd = urllib.parse.quote("a/b c+ü", safe="")
assert call("POST", f"/subjects/{odd}/versions", {"schema": a})["id"] == 1
assert "a/b c+ü" in call("GET", "/subjects")
assert call("GET", "/subjects?subjectPrefix=a%2Fb") == ["a/b c+ü"]
assert call("GET", "/subjects?offset=1&limit=1") == ["s"]

for expected, method, path, body in [
    (40401, "GET", "/subjects/none/versions", None),
    (40401, "POST", "/subjects/none", {"schema": a}),
    (40403, "POST", "/subjects/s", {"schema": ab}),
    (40402, "GET", "/subjects/s/versions/7", None),
    (42202, "GET", "/subjects/s/versions/first", None),
    (42202, "GET", "/subjects/s/versions/0", None),
    (40403, "GET", "/schemas/ids/99", None),
    (404, "GET", "/schemas/ids/abc", None),
    (42201, "POST", "/subjects/s/versions", {"schema": "{"}),
    (42201, "POST", "/subjects/s/versions", {"schema": a, "schemaType": "XML"}),
    (422, "POST", "/subjects/s/versions", b"{"),
    (422, "POST", "/subjects/s/versions", {"schemaType": "AVRO"}),
    (409, "POST", "/subjects/s/versions", {"schema": ab}),
    (40408, "GET", "/config/s", None),
    (42203, "PUT", "/config/s", {"compatibility": "SOMEWHAT"}),
    (42203, "PUT", "/config/s", {"compatibility": "DISABLED"}),
    (40409, "GET", "/mode/s", None),
    (42204, "PUT", "/mode/s", {"mode": "OPEN"}),
    (42205, "PUT", "/mode/s", {"mode": "IMPORT"}),
    (42205, "POST", "/subjects/s/versions", {"schema": a, "id": 7, "version": 7}),
    (40407, "DELETE", "/subjects/s/versions/1?permanent=true", None),
    (40405, "DELETE", "/subjects/s?permanent=true", None),
    (40401, "DELETE", "/subjects/none", None),
    (404, "GET", "/schemas/what/1", None),
]:
    found = call(method, path, body)
    assert found == expected, (method, path, body, found)

# Verbose verdicts say what is wrong.
told = call("POST", "/compatibility/subjects/s/versions/latest?verbose=true", {"schema": ab})
assert told["is_compatible"] is False
assert any("READER_FIELD_MISSING_DEFAULT_VALUE" in said and "/fields/1" in said for said in told["messages"]), told
assert call("POST", "/compatibility/subjects/s/versions/latest", {"schema": ab}) == {"is_compatible": False}
assert call("POST", "/compatibility/subjects/none/versions", {"schema": ab}) == {"is_compatible": True}
assert call("POST", "/compatibility/subjects/none/versions/latest", {"schema": ab}) == 40401

# Configuration: global, a context's, a subject's, which need not be there.
assert call("PUT", "/config", {"compatibility": "FULL_TRANSITIVE"}) == {"compatibility": "FULL_TRANSITIVE"}
assert call("GET", "/config/s?defaultToGlobal=true") == {"compatibilityLevel": "FULL_TRANSITIVE"}
assert call("PUT", "/config/later", {"compatibility": "forward"}) == {"compatibility": "FORWARD"}
assert call("GET", "/config/later") == {"compatibilityLevel": "FORWARD"}
assert "later" not in call("GET", "/subjects")
assert call("POST", "/subjects/later/versions", {"schema": '{"type":"object"}', "schemaType": "JSON"})["version"] == 1
assert call("PUT", "/config/:.ctx:", {"compatibility": "NONE"}) == {"compatibility": "NONE"}
assert call("GET", "/config/:.ctx:") == {"compatibilityLevel": "NONE"}
assert call("DELETE", "/config/later") == {"compatibilityLevel": "FORWARD"}
assert call("DELETE", "/config/later") == 40408
assert call("DELETE", "/config") == {"compatibilityLevel": "FULL_TRANSITIVE"}
assert call("GET", "/contexts") == [".", ".ctx"]

# Modes.
assert call("PUT", "/mode/s", {"mode": "READONLY"}) == {"mode": "READONLY"}
assert call("POST", "/subjects/s/versions", {"schema": avro(("a", "long"))}) == 42205
assert call("DELETE", "/mode/s") == {"mode": "READONLY"}
assert call("PUT", "/mode/copy", {"mode": "IMPORT"}) == {"mode": "IMPORT"}
copied = call("POST", "/subjects/copy/versions", {"schema": ab, "id": 77, "version": 5})
assert (copied["id"], copied["version"]) == (77, 5)

# Soft deletion hides; permanent deletion removes.
assert call("DELETE", "/subjects/s/versions/1") == 1
assert call("DELETE", "/subjects/s/versions/1") == 40406
assert call("DELETE", "/subjects/s") == 40404
assert call("GET", "/subjects/s/versions") == 40401
assert call("GET", "/subjects/s/versions?deleted=true") == [1]
assert "s" in call("GET", "/subjects?deleted=true") and call("GET", "/subjects?deletedOnly=true") == ["s"]
assert call("GET", "/subjects/s/versions/1?deleted=true")["deleted"] is True
assert call("DELETE", "/subjects/s?permanent=true") == [1]
assert call("GET", "/subjects/s/versions?deleted=true") == 40401

# Protobuf, as text and as descriptor.
proto = 'syntax = "proto3"; message M { int32 a = 1; }'
ident = call("POST", "/subjects/p/versions", {"schema": proto, "schemaType": "PROTOBUF"})["id"]
packed = call("GET", f"/schemas/ids/{ident}?format=serialized")["schema"]
assert call("POST", "/subjects/p", {"schema": packed, "schemaType": "PROTOBUF"})["id"] == ident
assert call("POST", "/subjects/p/versions", {"schema": proto.replace("int32", "string"), "schemaType": "PROTOBUF"}) == 409

assert call("GET", "/v1/metadata/id")["scope"]["clusters"]["schema-registry-cluster"] == "schema-registry"
