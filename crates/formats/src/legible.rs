//! A record as JSON for people: by the schema that its header names, whatever its columns would be.

use tidemill_schemas::{DataFormat, Definition};

use crate::fault::{Fault, Read};
use crate::registry::{LookupError, SchemaId, SchemaLookup, WireHeader, split};
use crate::{avro, protobuf};

/// A record that was read by its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legible {
    /// The record, as one line of JSON. Members stand in the order of the schema's fields.
    pub json: String,
    /// The schema that it names.
    pub schema: SchemaId,
    /// The schema's language.
    pub format: DataFormat,
    /// Which version of what it is there, such as `customers, version 2`; empty where the registry does not tell.
    pub version: String,
}

/// Reads a record that names its schema by Glue's header or by Confluent's; `None` for one that begins with neither.
///
/// Numbers, texts and truth values are JSON's; bytes are base64, times as SQL writes them, decimals texts of digits, an enumeration's value its name, a union's the
/// value alone, numbers that JSON has not (NaN) texts.
///
/// # Errors
/// Why it can't be read: its schema is not in the registry, or its bytes are not what the schema says.
pub fn legible(record: &[u8], lookup: &dyn SchemaLookup) -> Option<Result<Legible, String>> {
    // What begins otherwise has no header; Glue's has one of two bytes behind the first.
    match record {
        [0, _, _, _, _, ..] => {}
        [3, 0 | 5, rest @ ..] if rest.len() >= 16 => {}
        _ => return None,
    }
    Some(read(record, lookup).map_err(|fault| fault.to_string()))
}

fn read(record: &[u8], lookup: &dyn SchemaLookup) -> Read<Legible> {
    let (id, payload) = split(WireHeader::Glue, record)?;
    let schema = id.ok_or_else(|| Fault::broken("the record names no schema"))?;
    let found = lookup.schema(schema).map_err(|error| match error {
        LookupError::NotFound => Fault::new(format!("schema {schema} is not in the registry")),
        error => Fault::new(format!("schema {schema}: {error}")),
    })?;
    let json = json(&found.definition, schema, &payload);
    let json = json.map_err(|fault| Fault::new(format!("schema {schema} ({}): {fault}", found.version)))?;
    Ok(Legible { json, schema, format: found.definition.format(), version: found.version })
}

fn json(definition: &Definition, id: SchemaId, payload: &[u8]) -> Read<String> {
    match (definition.avro(), definition.protobuf()) {
        (Some(schema), _) => avro::to_json(schema, payload),
        (_, Some(schema)) => protobuf::to_json(schema, id, payload),
        _ => {
            let value: Box<serde_json::value::RawValue> =
                serde_json::from_slice(payload).map_err(|error| Fault::broken(format!("no JSON: {error}")))?;
            // A line of JSON holds no line's end.
            Ok(value.get().replace(['\n', '\r'], " "))
        }
    }
}

/// Appends a text in quotes.
pub(crate) fn push_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Appends a number; one that JSON has not as a text.
pub(crate) fn push_float(number: f64, out: &mut String) {
    match serde_json::Number::from_f64(number) {
        Some(number) => out.push_str(&number.to_string()),
        None => push_text(&number.to_string(), out),
    }
}

/// Appends the JSON number of 32 bits that says it shortest.
pub(crate) fn push_float32(number: f32, out: &mut String) {
    match number.is_finite() {
        true => out.push_str(ryu::Buffer::new().format_finite(number)),
        false => push_float(f64::from(number), out),
    }
}

/// Appends bytes as base64.
pub(crate) fn push_bytes(bytes: &[u8], out: &mut String) {
    use base64::Engine as _;
    out.push('"');
    base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
    out.push('"');
}

/// Appends what a writer of texts writes, in quotes.
pub(crate) fn push_written(out: &mut String, write: impl FnOnce(&mut Vec<u8>)) {
    let mut text = Vec::new();
    write(&mut text);
    push_text(&String::from_utf8_lossy(&text), out);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::registry::RegisteredSchema;

    /// A registry with one schema, whatever it is asked for but 9.
    struct One(Arc<Definition>);

    impl One {
        fn new(format: DataFormat, text: &str) -> One {
            One(Arc::new(Definition::parse(format, text, &[]).unwrap()))
        }
    }

    impl SchemaLookup for One {
        fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
            match id {
                SchemaId::Confluent(9) => Err(LookupError::NotFound),
                _ => Ok(RegisteredSchema { definition: self.0.clone(), version: "s, version 1".into() }),
            }
        }

        fn id(&self, _: DataFormat, _: &str) -> Result<SchemaId, LookupError> {
            Err(LookupError::NotFound)
        }
    }

    const AVRO: &str = r#"{"type":"record","name":"R","fields":[
        {"name":"z","type":"long"},{"name":"a","type":["null","string","double"]},
        {"name":"day","type":{"type":"int","logicalType":"date"}},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"raw","type":"bytes"},{"name":"tags","type":{"type":"array","items":"string"}},
        {"name":"by","type":{"type":"map","values":"boolean"}},
        {"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}},
        {"name":"next","type":["null","R"]}]}"#;

    const PROTO: &str = r#"syntax = "proto3"; package p;
        import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
        enum Colour { RED = 0; BLUE = 1; }
        message Other { bool yes = 1; }
        message M { int64 id = 1; string name = 2; optional int32 age = 3; repeated Colour colours = 4; map<string, double> prices = 5;
          google.protobuf.Timestamp at = 6; google.protobuf.StringValue note = 7; Other other = 8; bytes raw = 9; M next = 10; }"#;

    fn told(header: &[u8], payload: &[u8], lookup: &One) -> String {
        legible(&[header, payload].concat(), lookup).unwrap().unwrap().json
    }

    #[test]
    fn a_record_of_avro_is_told_with_its_fields_in_order() {
        // From `day` to `kind`.
        let middle = [0x02, 0xD0, 0x0F, 4, 0x30, 0x39, 2, 0xFF, 4, 2, b'a', 2, b'b', 0, 2, 2, b'k', 1, 0, 2];
        let record = [&[14, 2, 4, b'h', b'"'][..], &middle, &[2, 2, 0], &middle, &[0]].concat();
        let told_middle = concat!(
            r#""day":"1970-01-02","at":"1970-01-01T00:00:01Z","price":"123.45","raw":"/w==","#,
            r#""tags":["a","b"],"by":{"k":true},"kind":"B","#
        );
        let wanted = format!(r#"{{"z":7,"a":"h\"",{told_middle}"next":{{"z":1,"a":null,{told_middle}"next":null}}}}"#);
        let lookup = One::new(DataFormat::Avro, AVRO);
        assert_eq!(told(&[0, 0, 0, 0, 7], &record, &lookup), wanted);
        assert_eq!(told(&[&[3, 0][..], &[1; 16]].concat(), &record, &lookup), wanted);
        let said = legible(&[&[0, 0, 0, 0, 7][..], &record, &[0]].concat(), &lookup).unwrap().unwrap_err();
        assert_eq!(said, "schema 7 (s, version 1): malformed Avro: 1 bytes are left behind the record");
    }

    #[test]
    fn what_begins_otherwise_is_no_such_record() {
        let lookup = One::new(DataFormat::Json, "{}");
        for record in [&b"{}"[..], b"", b"\0\0", b"\x03\x01aaaaaaaaaaaaaaaa", b"\x03\0short", b"text"] {
            assert_eq!(legible(record, &lookup), None, "{record:?}");
        }
    }

    #[test]
    fn a_record_of_json_loses_its_header_and_its_lines() {
        let lookup = One::new(DataFormat::Json, "{}");
        assert_eq!(told(&[0, 0, 0, 0, 1], b"{\"b\": 1,\n\"a\": 2}", &lookup), "{\"b\": 1, \"a\": 2}");
        let said = legible(b"\0\0\0\0\x01{", &lookup).unwrap().unwrap_err();
        assert!(said.starts_with("schema 1 (s, version 1): no JSON: "), "{said}");
        let said = legible(b"\0\0\0\0\x09{}", &lookup).unwrap().unwrap_err();
        assert_eq!(said, "schema 9 is not in the registry");
    }

    #[test]
    fn a_record_of_protobuf_is_told_by_the_message_that_it_names() {
        let lookup = One::new(DataFormat::Protobuf, PROTO);
        let message = [
            &[8, 0x96, 1, 0x12, 2, b'h', b'i', 0x22, 2, 0, 1, 0x2A, 12, 0x0A, 1, b'k', 0x11][..],
            &1.5f64.to_le_bytes(),
            &[0x32, 5, 8, 1, 0x10, 0x80, 1, 0x3A, 2, 0x0A, 0, 0x42, 2, 8, 1, 0x4A, 1, 0xFF, 0x52, 2, 8, 7],
        ]
        .concat();
        let wanted = concat!(
            r#"{"id":150,"name":"hi","colours":["RED","BLUE"],"prices":{"k":1.5},"at":"1970-01-01T00:00:01.000000128Z","#,
            r#""note":"","other":{"yes":true},"raw":"/w==","next":{"id":7,"name":"","colours":[],"prices":{},"raw":""}}"#
        );
        assert_eq!(told(&[0, 0, 0, 0, 7, 2, 2], &message, &lookup), wanted);
        let glue = [&[3, 0][..], &[1; 16]].concat();
        assert_eq!(told(&[&glue[..], &[0]].concat(), &message, &lookup), wanted);
        assert_eq!(told(&[&glue[..], &[1]].concat(), &[8, 1], &lookup), r#"{"yes":true}"#);
        let said = legible(&[0, 0, 0, 0, 7, 2, 8], &lookup).unwrap().unwrap_err();
        assert!(said.contains("no message at the place"), "{said}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_told_is_json(
            header in prop::sample::select(vec![vec![0, 0, 0, 0, 1], [vec![3, 0], vec![7; 16]].concat(), [vec![3, 5], vec![7; 16]].concat()]),
            payload in any::<Vec<u8>>(),
            format in prop::sample::select(vec![DataFormat::Avro, DataFormat::Json, DataFormat::Protobuf]),
        ) {
            let text = match format { DataFormat::Avro => AVRO, DataFormat::Json => "{}", DataFormat::Protobuf => PROTO };
            if let Some(Ok(told)) = legible(&[header, payload].concat(), &One::new(format, text)) {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&told.json).is_ok(), "{}", told.json);
                prop_assert!(!told.json.contains('\n'));
            }
        }
    }
}
