//! Protobuf as its users meet it. What `prost-reflect` reads and writes is the measure.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tidemill_schemas::{DataFormat, Definition};

use crate::testing::{
    PROTOBUF_TYPES, hostile, random_batch, random_schema, reasons, rng, round_trip, rows, schema, stands,
};
use crate::{Decoded, Format, Records};

const ORDERS: &str = r#"syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message Order {
  int64 id = 1;
  optional string note = 2;
  Status status = 3;
  repeated sint32 amounts = 4;
  repeated string tags = 5;
  map<string, Address> addresses = 6;
  Address home = 7;
  google.protobuf.Timestamp at = 8;
  google.protobuf.Int32Value rebate = 9;
  oneof paid { string card = 10; Address by = 11; }
  fixed64 check = 12;
  sfixed32 down = 13;
  uint64 most = 14;
  float weight = 15;
  bytes raw = 16;
  message Address { string city = 1; repeated int32 zips = 2; }
  enum Status { NEW = 0; SENT = 1; }
}
message Other { int32 id = 1; }
"#;

fn protobuf(options: &[(&str, &str)]) -> Format {
    Format::named("protobuf", &options.iter().copied().collect()).unwrap()
}

fn orders() -> Format {
    protobuf(&[("protobuf.schema", ORDERS)])
}

fn descriptor(text: &str) -> MessageDescriptor {
    let definition = Definition::parse(DataFormat::Protobuf, text, &[]).unwrap();
    definition.protobuf().unwrap().file().messages().next().unwrap()
}

/// A record, from Protobuf's text form.
fn record(message: &MessageDescriptor, text: &str) -> Vec<u8> {
    DynamicMessage::parse_text_format(message.clone(), text).unwrap().encode_to_vec()
}

fn decode(format: &Format, columns: SchemaRef, records: &[&[u8]]) -> Decoded {
    format.decoder(columns).unwrap().decode(records).unwrap()
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", of, true)))
}

fn address() -> DataType {
    let fields = [Field::new("city", DataType::Utf8, true), Field::new("zips", list(DataType::Int32), true)];
    DataType::Struct(fields.into_iter().collect())
}

fn columns() -> SchemaRef {
    let entry = [Field::new("key", DataType::Utf8, false), Field::new("value", address(), true)];
    let entries = Field::new("entries", DataType::Struct(entries_of(entry)), false);
    schema(&[
        ("id", DataType::Int64, true),
        ("note", DataType::Utf8, true),
        ("status", DataType::Utf8, true),
        ("amounts", list(DataType::Int32), true),
        ("tags", list(DataType::Utf8), true),
        ("addresses", DataType::Map(Arc::new(entries), false), true),
        ("home", address(), true),
        ("at", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        ("rebate", DataType::Int32, true),
        ("card", DataType::Utf8, true),
        ("by", address(), true),
        ("check", DataType::Int64, true),
        ("down", DataType::Int64, true),
        ("most", DataType::UInt64, true),
        ("weight", DataType::Float32, true),
        ("raw", DataType::Binary, true),
    ])
}

fn entries_of(entry: [Field; 2]) -> arrow::datatypes::Fields {
    entry.into_iter().collect()
}

const FULL: &str = r#"id: 7 note: "" status: SENT amounts: [-1, 0, 300] tags: ["a", "b"]
    addresses { key: "x" value { city: "Graz" zips: 8010 } } home { city: "Wien" }
    at { seconds: 1771094144 nanos: 123000000 } rebate {} by { city: "Linz" }
    check: 9 down: -5 most: 18446744073709551615 weight: 1.5 raw: "\001\002""#;

#[test]
fn every_type_of_field_is_read() {
    let message = descriptor(ORDERS);
    let (full, empty) = (record(&message, FULL), record(&message, ""));
    let decoded = decode(&orders(), columns(), &[&full, &empty]);
    assert_eq!(
        rows(&decoded.rows),
        [
            "7 |  | SENT | [-1, 0, 300] | [a, b] | {x: {city: Graz, zips: [8010]}} | {city: Wien, zips: []} | \
             2026-02-14T18:35:44.123 | 0 | NULL | {city: Linz, zips: []} | 9 | -5 | 18446744073709551615 | 1.5 | 0102",
            // Without presence: the default. With it: NULL.
            "0 | NULL | NEW | [] | [] | {} | NULL | NULL | NULL | NULL | NULL | 0 | 0 | 0 | 0.0 | ",
        ]
    );
}

#[test]
fn what_is_written_is_what_other_libraries_write() {
    let message = descriptor(ORDERS);
    let given = record(&message, FULL);
    let rows = decode(&orders(), columns(), &[&given]).rows;
    let mut records = Records::new();
    orders().encoder(columns()).unwrap().encode(&rows, None, &mut records).unwrap();
    let read = DynamicMessage::decode(message.clone(), records.get(0).unwrap()).unwrap();
    let expected = DynamicMessage::decode(message, given.as_slice()).unwrap();
    assert_eq!(read.to_text_format(), expected.to_text_format());
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    // https://protobuf.dev/programming-guides/encoding/
    let format = protobuf(&[(
        "protobuf.schema",
        "syntax = \"proto2\"; message T { optional int32 a = 1; optional string b = 2; repeated int32 f = 6 [packed=true]; }",
    )]);
    let columns =
        schema(&[("a", DataType::Int32, true), ("b", DataType::Utf8, true), ("f", list(DataType::Int32), true)]);
    let read = |bytes: &[u8]| rows(&decode(&format, columns.clone(), &[bytes]).rows);
    assert_eq!(read(&[0x08, 0x96, 0x01]), ["150 | NULL | []"]);
    assert_eq!(read(b"\x12\x07testing"), ["NULL | testing | []"]);
    assert_eq!(read(&[0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]), ["NULL | NULL | [3, 270, 86942]"]);
    // Not packed, and in two parts; of a single field that comes twice the last counts.
    assert_eq!(read(&[0x30, 1, 0x08, 1, 0x32, 1, 2, 0x08, 2]), ["2 | NULL | [1, 2]"]);
    // Unknown fields and groups are passed over.
    assert_eq!(read(&[0x18, 5, 0x23, 0x08, 9, 0x24, 0x08, 3]), ["3 | NULL | []"]);
    let broken: [&[u8]; 6] = [&[0x08], &[0x12, 5, 1], &[0x0a, 0], &[0x24], &[0x23], &[0x00, 1]];
    for bytes in broken {
        assert_eq!(decode(&format, columns.clone(), &[bytes]).rejected.len(), 1, "{bytes:?}");
    }
    let rows = decode(&format, columns.clone(), &[&[0x08, 0x96, 0x01, 0x32, 1, 3]]).rows;
    let mut records = Records::new();
    format.encoder(columns).unwrap().encode(&rows, None, &mut records).unwrap();
    assert_eq!(records.get(0).unwrap(), [0x08, 0x96, 0x01, 0x32, 1, 3]);
}

#[test]
fn messages_in_parts_are_merged_and_the_last_of_a_oneof_counts() {
    let message = descriptor(ORDERS);
    let parts = [r#"home { city: "Graz" zips: 1 }"#, r#"home { zips: 2 } card: "c""#, r#"by { city: "L" }"#];
    let bytes: Vec<u8> = parts.iter().flat_map(|part| record(&message, part)).collect();
    let asked = schema(&[("home", address(), true), ("card", DataType::Utf8, true)]);
    assert_eq!(rows(&decode(&orders(), asked, &[&bytes]).rows), ["{city: Graz, zips: [1, 2]} | NULL"]);
    // Of a map's key the last value counts.
    let entries: Vec<u8> = [
        r#"addresses { key: "x" value { city: "A" } } addresses { key: "y" value {} }"#,
        r#"addresses { key: "x" value { city: "B" } }"#,
    ]
    .iter()
    .flat_map(|part| record(&message, part))
    .collect();
    let asked = SchemaRef::new(columns().project(&[5]).unwrap());
    let read = rows(&decode(&orders(), asked, &[&entries]).rows);
    assert!(read[0].contains("x: {city: B") && !read[0].contains("city: A"), "{read:?}");
}

#[test]
fn columns_come_to_a_message() {
    let columns = schema(&[
        ("id", DataType::Int64, false),
        ("price", DataType::Decimal128(9, 2), true),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        ("ship_to", DataType::Struct([Field::new("zip", DataType::Int32, true)].into_iter().collect()), true),
        ("tags", list(DataType::Utf8), true),
    ]);
    let expected = "syntax = \"proto3\";\nimport \"google/protobuf/timestamp.proto\";\nmessage Record {\n  int64 id = 1;\n  \
                    optional string price = 2;\n  google.protobuf.Timestamp at = 3;\n  message ShipTo_4 {\n    \
                    optional int32 zip = 1;\n  }\n  ShipTo_4 ship_to = 4;\n  repeated string tags = 5;\n}\n";
    assert_eq!(super::columns::schema_of(&columns).unwrap(), expected);
    for (data_type, said) in
        [(list(list(DataType::Int32)), "put them into a ROW"), (DataType::Null, "a type that has values")]
    {
        let error = protobuf(&[]).encoder(schema(&[("a", data_type, true)])).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
    let error = protobuf(&[]).encoder(schema(&[("a b", DataType::Int32, true)])).err().unwrap().to_string();
    assert!(error.contains("letters, digits"), "{error}");
}

#[test]
fn options_are_checked() {
    let made = |options: &[(&str, &str)]| Format::named("protobuf", &options.iter().copied().collect());
    let error = made(&[("protobuf.schema", "message {")]).unwrap_err().to_string();
    assert!(error.contains("TM-FORMAT-0008"), "{error}");
    let error = made(&[("protobuf.schema", ORDERS), ("protobuf.message", "Bill")]).unwrap_err().to_string();
    assert!(error.contains("shop.Order, shop.Order.Address, shop.Other"), "{error}");
    let other = protobuf(&[("protobuf.schema", ORDERS), ("protobuf.message", "Other")]);
    let columns = schema(&[("id", DataType::Int32, true)]);
    assert_eq!(rows(&decode(&other, columns.clone(), &[&[8, 3]]).rows), ["3"]);
    let wrong = schema(&[("id", DataType::Boolean, true)]);
    let error = other.decoder(wrong).err().unwrap().to_string();
    assert!(error.contains("field `id`: int32 does not fit a boolean"), "{error}");
}

#[test]
fn a_message_is_named_by_its_java_class_too() {
    let columns = schema(&[("id", DataType::Int32, true), ("city", DataType::Utf8, true)]);
    let file = |options: &str| {
        format!(
            "syntax = \"proto3\"; package shop; {options} message Order {{ bool x = 1; message Address {{ string city = 1; }} }} message Other {{ int32 id = 1; }}"
        )
    };
    let read = |options: &str, class: &str, record: &[u8]| {
        let format = Format::named(
            "protobuf",
            &[("protobuf.schema", &*file(options)), ("protobuf.message-class-name", class)].into_iter().collect(),
        );
        format.map(|format| rows(&decode(&format, columns.clone(), &[record]).rows).join(""))
    };
    let java = "option java_package = \"com.example\";";
    let outer = "option java_package = \"com.example\"; option java_outer_classname = \"Shop\";";
    for (options, class) in [
        ("", "shop.Other"),
        ("", "shop.Orders$Other"),
        (java, "com.example.Other"),
        (java, "com.example.Anything$Other"),
        (outer, "com.example.Shop$Other"),
    ] {
        assert_eq!(read(options, class, &[8, 3]).unwrap(), "3 | NULL", "{class}");
    }
    assert_eq!(read(outer, "com.example.Shop$Order$Address", b"\x0a\x01G").unwrap(), "NULL | G");
    for (options, class) in
        [("", "Other"), (java, "shop.Other"), (outer, "com.example.Orders$Other"), (java, "com.example.A$B$Other")]
    {
        let error = read(options, class, &[]).unwrap_err().to_string();
        assert!(error.contains("protobuf.message-class-name") && error.contains("shop.Other"), "{error}");
    }
    let both =
        [("protobuf.schema", ORDERS), ("protobuf.message", "Order"), ("protobuf.message-class-name", "shop.Order")];
    let error = Format::named("protobuf", &both.into_iter().collect()).unwrap_err().to_string();
    assert!(error.contains("leave it out"), "{error}");
}

#[test]
fn defaults_of_proto2_are_read_where_they_are_asked_for() {
    let text = "syntax = \"proto2\"; message T { optional sint32 a = 1 [default = -7]; optional string b = 2 [default = \"x\"]; }";
    let columns = schema(&[("a", DataType::Int32, true), ("b", DataType::Utf8, true)]);
    let plain = protobuf(&[("protobuf.schema", text)]);
    assert_eq!(rows(&decode(&plain, columns.clone(), &[&[]]).rows), ["NULL | NULL"]);
    let defaults = protobuf(&[("protobuf.schema", text), ("protobuf.read-default-values", "true")]);
    assert_eq!(rows(&decode(&defaults, columns, &[&[]]).rows), ["-7 | x"]);
}

#[test]
fn numbers_that_do_not_fit_are_rejected_with_their_place() {
    let format =
        protobuf(&[("protobuf.schema", "syntax = \"proto3\"; message T { message I { uint64 n = 1; } I inner = 1; }")]);
    let inner = DataType::Struct([Field::new("n", DataType::Int8, true)].into_iter().collect());
    let columns = schema(&[("inner", inner, true)]);
    let decoded = decode(&format, columns, &[&[10, 3, 8, 0xac, 2]]);
    assert_eq!(reasons(&decoded), ["$.inner.n: 300 is out of the range of an integer of -128 to 127"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rows_survive_the_way_there_and_back_and_others_read_them(seed: u64, all: u64) {
        let rng = &mut rng(seed);
        let columns = random_schema(rng, PROTOBUF_TYPES);
        let batch: RecordBatch = random_batch(rng, &columns);
        let format = protobuf(&[]);
        let (mut encoder, mut decoder) = (format.encoder(columns.clone()).unwrap(), format.decoder(columns.clone()).unwrap());
        round_trip(&batch, None, &mut *encoder, &mut *decoder);
        let mut records = Records::new();
        encoder.encode(&batch, None, &mut records).unwrap();
        let message = descriptor(&super::columns::schema_of(&columns).unwrap());
        for record in records.iter() {
            let read = DynamicMessage::decode(message.clone(), record).unwrap();
            // Written again by the other library, it is read as the same row.
            let again = read.encode_to_vec();
            let both = decoder.decode(&[record, &again]).unwrap();
            prop_assert_eq!(rows(&both.rows.slice(0, 1)), rows(&both.rows.slice(1, 1)));
        }
        let hostile = hostile(&mut self::rng(all), &records.iter().collect::<Vec<_>>());
        stands(&mut *decoder, &hostile);
    }

    #[test]
    fn no_bytes_are_too_strange(seed: u64) {
        let message = descriptor(ORDERS);
        let good = record(&message, FULL);
        let hostile = hostile(&mut rng(seed), &[&good]);
        stands(&mut *orders().decoder(columns()).unwrap(), &hostile);
    }
}
