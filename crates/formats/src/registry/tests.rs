//! Records of all languages that name their schemas.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use tidemill_schemas::DataFormat;

use super::SchemaLookup as _;
use crate::testing::{Registry, reasons, rows, schema};
use crate::{Format, Records};

fn format(name: &str, options: &[(&str, &str)]) -> Format {
    let options = options.iter().map(|(option, value)| (format!("{name}.{option}"), *value));
    Format::named(name, &options.collect()).unwrap()
}

fn columns(city: bool) -> SchemaRef {
    let all = [("id", DataType::Int64, false), ("city", DataType::Utf8, true)];
    schema(if city { &all } else { &all[..1] })
}

fn batch(id: i64, city: Option<&str>) -> RecordBatch {
    let id = Arc::new(Int64Array::from(vec![id]));
    match city {
        None => RecordBatch::try_new(columns(false), vec![id]).unwrap(),
        Some(city) => RecordBatch::try_new(columns(true), vec![id, Arc::new(StringArray::from(vec![city]))]).unwrap(),
    }
}

const NAMES: [&str; 3] = ["avro", "json", "protobuf"];

#[test]
fn a_stream_evolves_in_every_language_under_every_header() {
    for (header, compression) in [("confluent", "none"), ("glue", "none"), ("glue", "zlib")] {
        for name in NAMES {
            let format = format(name, &[("header", header), ("compression", compression)]);
            let registry = Registry::new(header == "glue");
            let mut records = Records::new();
            for rows in [batch(1, None), batch(2, Some(&"Graz ".repeat(50)))] {
                let mut encoder = format.encoder_with(rows.schema(), registry.clone()).unwrap();
                encoder.encode(&rows, None, &mut records).unwrap();
            }
            assert_eq!(registry.schemas.lock().len(), 2, "the encoder registers once, the decoder never");
            let written: Vec<&[u8]> = records.iter().collect();
            assert_eq!(
                written[0][..2],
                [[0, 0], [3, 0], [3, 5]][usize::from(header == "glue") + usize::from(compression == "zlib")]
            );
            assert_eq!(written[1].len() < 100, compression == "zlib");
            let decoded = format.decoder_with(columns(true), registry).unwrap().decode(&written).unwrap();
            assert_eq!(reasons(&decoded), Vec::<&str>::new(), "{name}");
            assert_eq!(rows(&decoded.rows), ["1 | NULL".to_owned(), format!("2 | {}", "Graz ".repeat(50))], "{name}");
        }
    }
}

#[test]
fn what_does_not_fit_is_rejected_with_its_schema_and_version() {
    for name in NAMES {
        let format = format(name, &[("header", "confluent")]);
        let registry = Registry::new(false);
        let mut records = Records::new();
        let rows = batch(1, Some("Graz"));
        format.encoder_with(rows.schema(), registry.clone()).unwrap().encode(&rows, None, &mut records).unwrap();
        let good = records.get(0).unwrap();
        let other = schema(&[("id", DataType::Int64, true), ("city", DataType::Boolean, true)]);
        let decoded = format.decoder_with(other, registry.clone()).unwrap().decode(&[good]).unwrap();
        let reason = reasons(&decoded)[0].to_owned();
        assert!(reason.starts_with("schema 1 (customers, version 1): "), "{name}: {reason}");
        assert!(reason.contains("city"), "{name}: {reason}");
        // One that is cut off, one of a language that the table does not have, one that nobody knows.
        let language = if name == "json" { DataFormat::Avro } else { DataFormat::Json };
        let text = if name == "json" { r#"{"type":"record","name":"R","fields":[]}"# } else { "{}" };
        registry.id(language, text).unwrap();
        let cut = &good[..good.len() - 1];
        let records = [good, cut, &[0, 0, 0, 0, 2, 0], &[0, 0, 0, 0, 3, 0], &[3, 0, 1], &[7]];
        let decoded = format.decoder_with(columns(true), registry).unwrap().decode(&records).unwrap();
        assert_eq!(decoded.rows.num_rows(), 1);
        let reasons = reasons(&decoded);
        assert!(reasons[0].starts_with("schema 1 (customers, version 1): "), "{name}: {}", reasons[0]);
        let wrong = format!("it is written in {language}, and the table's format needs {}", name.to_uppercase());
        assert_eq!(reasons[1], format!("schema 2 (customers, version 2): {wrong}"));
        assert_eq!(reasons[2], "schema 3 is not in the registry");
        assert_eq!(reasons[3], "the record does not begin with the header of Glue's registry");
        assert_eq!(reasons[4], "the record does not begin with the header of Confluent's registry");
    }
}

#[test]
fn either_header_is_read_whichever_is_written() {
    for name in NAMES {
        let registry = Registry::new(false);
        let confluent = format(name, &[("header", "confluent")]);
        let mut records = Records::new();
        confluent
            .encoder_with(columns(false), registry.clone())
            .unwrap()
            .encode(&batch(7, None), None, &mut records)
            .unwrap();
        let record = records.get(0).unwrap();
        // What Glue's serializer would have made of it: the same payload, for Protobuf with the message's place.
        let glue = [&[3, 0][..], &1u128.to_be_bytes(), &record[5..]].concat();
        let decoder =
            |name| format(name, &[("header", "glue")]).decoder_with(columns(false), registry.clone()).unwrap();
        let decoded = decoder(name).decode(&[record, &glue]).unwrap();
        assert_eq!(rows(&decoded.rows), ["7", "7"], "{name}");
        assert!(format(name, &[("header", "glue")]).decoder(columns(false)).is_err(), "without a registry");
    }
}

#[test]
fn a_json_schema_says_what_is_written() {
    let registry = Registry::new(false);
    let columns = schema(&[("id", DataType::Int64, false), ("at", DataType::Date32, true)]);
    format("json", &[("header", "confluent")]).encoder_with(columns, registry.clone()).unwrap();
    let text: serde_json::Value = serde_json::from_str(&registry.schemas.lock()[0].normal_form()).unwrap();
    let expected = serde_json::json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "record", "type": "object",
        "properties": {
            "id": { "type": "integer" },
            "at": { "oneOf": [{ "type": "null" }, { "type": "string", "format": "date" }] },
        },
        "additionalProperties": false, "required": ["id"],
    });
    assert_eq!(text, expected);
}

#[test]
fn records_that_their_json_schema_does_not_accept_are_rejected_where_that_is_asked_for() {
    let registry = Registry::new(false);
    let text = r#"{"type":"object","required":["id"],"properties":{"id":{"minimum":1},"city":{"maxLength":4}}}"#;
    registry.id(DataFormat::Json, text).unwrap();
    let header = [0, 0, 0, 0, 1];
    let records: Vec<Vec<u8>> =
        [r#"{"id":1,"city":"Graz"}"#, r#"{"id":0}"#, r#"{"id":2,"city":"Vienna"}"#, r#"{"city":"x"}"#, "{"]
            .iter()
            .map(|record| [&header, record.as_bytes()].concat())
            .collect();
    let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let columns = schema(&[("id", DataType::Int64, true), ("city", DataType::Utf8, true)]);
    let decode = |validate: &str| {
        let format = format("json", &[("header", "confluent"), ("validate", validate)]);
        format.decoder_with(columns.clone(), registry.clone()).unwrap().decode(&slices).unwrap()
    };
    assert_eq!(decode("false").rows.num_rows(), 4);
    let decoded = decode("true");
    assert_eq!(rows(&decoded.rows), ["1 | Graz"]);
    let said = reasons(&decoded);
    let by = "schema 1 (customers, version 1): its schema does not accept it: ";
    assert_eq!(
        said[..3],
        [
            format!("{by}$.id: 0 is beyond minimum 1"),
            format!("{by}$.city: 6 characters, and maxLength 4"),
            format!("{by}$: the member \"id\" is missing")
        ]
    );
    assert!(said[3].starts_with("schema 1 (customers, version 1): no JSON: "), "{said:?}");
    let error = Format::named("json", &[("json.validate", "true")].into_iter().collect()).unwrap_err().to_string();
    assert!(error.contains("records must name their schemas"), "{error}");
}
