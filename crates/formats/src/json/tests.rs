//! JSON as its users meet it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use proptest::prelude::*;

use crate::testing::{
    TEXT_SCALARS, Types, hostile, pretty, random_batch, random_schema, reasons, rng, round_trip, rows, schema, stands,
    varchar,
};
use crate::{Decoded, Error, Format, Records, RowKind};

const TYPES: Types = Types { scalars: TEXT_SCALARS, nested: true, lists_of_scalars: false };
const KINESIS: (&str, &str) = ("json.coercion", "kinesis");

fn json(options: &[(&str, &str)]) -> Format {
    Format::named("json", &options.iter().copied().collect()).unwrap()
}

fn decode(options: &[(&str, &str)], schema: SchemaRef, records: &[&str]) -> Decoded {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    json(options).decoder(schema).unwrap().decode(&records).unwrap()
}

fn texts(names: &[&str]) -> SchemaRef {
    schema(&names.iter().map(|name| (*name, DataType::Utf8, true)).collect::<Vec<_>>())
}

#[test]
fn fields_are_found_in_any_order_and_others_are_passed_over() {
    let columns = schema(&[("ticker", DataType::Utf8, true), ("price", DataType::Float64, true)]);
    let records = [r#"{"ticker":"A","price":1.5}"#, r#" {"x":[{}],"price":2,"ticker":"\u00e9"} "#, r#"{"price":null}"#];
    let decoded = decode(&[], columns, &records);
    assert_eq!(rows(&decoded.rows), ["A | 1.5", "é | 2.0", "NULL | NULL"]);
    assert!(decoded.rejected.is_empty() && decoded.origins.is_none() && decoded.kinds.is_none());
}

#[test]
fn a_record_is_rejected_whole_with_the_path_and_its_bytes() {
    let item = DataType::Struct(Fields::from(vec![Field::new("price", DataType::Decimal128(5, 2), true)]));
    let items = DataType::List(Arc::new(Field::new("item", item, true)));
    let columns = schema(&[("id", DataType::Int32, false), ("items", items, true)]);
    let bad = r#"{"id":2,"items":[{"price":1},{"price":"many"}]}"#;
    let records =
        [r#"{"id":1,"items":[{"price":0.005}]}"#, bad, r#"{"items":[]}"#, "{", r#"{"id":3e9}"#, "7", "{\"id\":4}"];
    let decoded = decode(&[], columns, &records);
    assert_eq!(rows(&decoded.rows), ["1 | [{price: 0.01}]", "4 | NULL"]);
    assert_eq!(decoded.origins, Some(vec![0, 6]));
    assert_eq!(
        reasons(&decoded),
        [
            "$.items[1].price: expected DECIMAL(5, 2), found `many`",
            "there is no field `id`",
            "malformed JSON: expected `\"` at byte 1, found the end of the record",
            "$.id: 3000000000 is out of the range of an integer of -2147483648 to 2147483647",
            "expected a row, found `7`",
        ]
    );
    assert_eq!((decoded.rejected[0].record, &decoded.rejected[0].bytes[..]), (1, bad.as_bytes()));
}

#[test]
fn with_ignored_errors_values_become_null_and_broken_records_are_counted() {
    let columns = schema(&[("a", DataType::Int32, true), ("b", DataType::Utf8, true)]);
    let records = [r#"{"a":"x","b":"kept"}"#, "{oops", r#"{"a":[1,{"z":"}"}],"b":"kept"}"#];
    let decoded = decode(&[("json.ignore-parse-errors", "true")], columns, &records);
    assert_eq!(rows(&decoded.rows), ["NULL | kept", "NULL | kept"]);
    assert_eq!((decoded.skipped.unreadable, decoded.rejected.len()), (1, 0));
}

#[test]
fn a_missing_field_is_null_unless_it_must_be_there() {
    let decoded = decode(&[("json.fail-on-missing-field", "true")], texts(&["a"]), &["{}", r#"{"a":null}"#]);
    assert_eq!(reasons(&decoded), ["there is no field `a`"]);
    assert_eq!(rows(&decoded.rows), ["NULL"]);
}

#[test]
fn a_record_may_hold_several_documents() {
    let columns = schema(&[("a", DataType::Int64, true)]);
    let records = ["{\"a\":1}{\"a\":2}\n{\"a\":3}", "", "[{\"a\":4},{\"a\":5}]", "{\"a\":6}{\"a\":\"x\"}"];
    let decoded = decode(&[], columns, &records);
    assert_eq!(rows(&decoded.rows), ["1", "2", "3", "4", "5"]);
    assert_eq!(decoded.origins, Some(vec![0, 0, 0, 2, 2]));
    assert_eq!((decoded.skipped.empty, decoded.rejected.len()), (1, 1));
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    let decoded = decode(&[], texts(&["a"]), &[r#"{"a":"first","a":"last"}"#]);
    assert_eq!(rows(&decoded.rows), ["last"]);
    let map = DataType::Map(
        Arc::new(Field::new_struct(
            "entries",
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int32, true)],
            false,
        )),
        false,
    );
    let decoded = decode(&[], schema(&[("m", map, true)]), &[r#"{"m":{"x":1,"y":2}}"#, r#"{"m":{"x":1,"x":2}}"#]);
    assert_eq!(rows(&decoded.rows), ["{x: 1, y: 2}"]);
    assert_eq!(reasons(&decoded), ["$.m: the map has the key `x` twice"]);
}

#[test]
fn text_columns_take_any_value_as_it_stands() {
    let decoded = decode(&[], texts(&["a"]), &[r#"{"a":1.50}"#, r#"{"a":{"b": [1]}}"#, r#"{"a":true}"#]);
    assert_eq!(rows(&decoded.rows), ["1.50", "{\"b\": [1]}", "true"]);
}

#[test]
fn the_article_s_orders_are_mapped_by_path() {
    // Article 5's input schema, source-systems A1: hyphens in names, one place for two columns, a misspelt field.
    let columns = Arc::new(Schema::new(vec![
        Field::new("orderId", DataType::Int32, true),
        Field::new("itemQuantity", DataType::Int32, true),
        varchar("recordType", 16),
        varchar("tablename", 16),
        Field::new("orderDateTime", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        varchar("operation", 3),
    ]));
    let options = [
        ("json.row-path", "$"),
        ("json.path.orderId", "$.data.orderId"),
        ("json.path.itemQuantity", "$.data.itemQuantity"),
        ("json.path.recordType", "$.metadata.table-name"),
        ("json.path.tablename", "$.metadata.table-name"),
        ("json.path.orderDateTime", "$.data.orderDateTime"),
        ("json.path.operation", "$.metadata.operation"),
        KINESIS,
    ];
    let record = r#"{"data":{"orderId":10000001,"itemQuanity":10,"orderDateTime":"2020-05-01T17:11:49.973Z"},
        "metadata":{"table-name":"order","operation":"insert"}}"#;
    let decoded = decode(&options, columns, &[record]);
    assert_eq!(rows(&decoded.rows), ["10000001 | NULL | order | order | 2020-05-01T17:11:49.973 | ins"]);
}

#[test]
fn the_article_s_firewall_logs_give_address_and_action() {
    // Article 6 declares VARCHAR(16): an IPv6 address is cut, silently, as it was there.
    let columns = Arc::new(Schema::new(vec![varchar("clientIp", 16), varchar("action", 8)]));
    let options = [("json.path.clientIp", "$.httpRequest.clientIp"), ("json.path.action", "$.action"), KINESIS];
    let record = |address: &str| {
        format!(
            r#"{{"timestamp":1592361810888,"formatVersion":1,"terminatingRuleType":"MANAGED_RULE_GROUP","action":"BLOCK",
            "terminatingRuleMatchDetails":[{{"conditionType":"XSS","matchedData":["<","frameset"]}}],"ruleGroupList":null,
            "httpRequest":{{"clientIp":"{address}","headers":[{{"name":"Host","value":"h"}}],"uri":"/admin","args":""}}}}"#
        )
    };
    let decoded = decode(&options, columns, &[&record("3.3.3.3"), &record("2001:db8:85a3::8a2e:370:7334")]);
    assert_eq!(rows(&decoded.rows), ["3.3.3.3 | BLOCK", "2001:db8:85a3::8 | BLOCK"]);
}

#[test]
fn an_array_becomes_rows_and_the_other_columns_repeat() {
    let columns = texts(&["name", "order", "item", "all"]);
    let options = [
        ("json.path.name", "$.customerName"),
        ("json.path.order", "$.orders[0:].orderId"),
        ("json.path.item", "$.orders[0:].itemName"),
        ("json.path.all", "$.address[0:]"),
        KINESIS,
    ];
    let records = [
        r#"{"customerName":"John Doe","orders":[{"orderId":"23284","itemName":"Widget"},{"orderId":63122}],"address":[1, 2]}"#,
        r#"{"orders":[],"customerName":"none"}"#,
        r#"{"customerName":"null"}"#,
        r#"{"customerName":"bad","orders":{}}"#,
    ];
    let decoded = decode(&options, columns, &records);
    assert_eq!(
        rows(&decoded.rows),
        [
            "John Doe | 23284 | Widget | [1, 2]",
            "John Doe | 63122 | NULL | [1, 2]",
            "none | NULL | NULL | NULL",
            "null | NULL | NULL | NULL"
        ]
    );
    assert_eq!(decoded.origins, Some(vec![0, 0, 1, 2]));
    assert_eq!(reasons(&decoded), ["$.orders: expected an array, found an object"]);
}

#[test]
fn a_small_record_can_t_become_endless_rows() {
    let options = [("json.path.a", "$.a"), ("json.path.x", "$.l[0:].x")];
    let long = "y".repeat(60_000);
    let record = format!(r#"{{"a":"{long}","l":[{}{{}}]}}"#, "{},".repeat(20_000));
    let many = format!(r#"{{"l":[{}{{}}]}}"#, "{},".repeat(100_000));
    let decoded = decode(&options, texts(&["a", "x"]), &[&record, &many]);
    assert_eq!(decoded.rows.num_rows(), 0);
    assert!(reasons(&decoded)[0].contains("together more than"));
    assert!(reasons(&decoded)[1].contains("more than 100000 elements"));
}

#[test]
fn the_row_path_may_lead_into_the_document() {
    let options = [("json.row-path", "$.batch.orders[0:]"), ("json.path.b", "$.batch.orders[0:].x.b")];
    let record = r#"{"batch":{"n":2,"orders":[{"a":1,"x":{"b":"p"}},{"a":2}]}}"#;
    let decoded =
        decode(&options, texts(&["a", "b"]), &[record, r#"{"batch":{}}"#, r#"{"batch":{"orders":[{"a":3}, 4]}}"#]);
    assert_eq!(rows(&decoded.rows), ["1 | p", "2 | NULL"]);
    assert_eq!(
        reasons(&decoded),
        ["$.batch: the row path's member `orders` is not there", "$.batch.orders[1]: expected a row, found `4`"]
    );
}

#[test]
fn two_arrays_can_t_both_become_rows() {
    let options = [("json.path.a", "$.x[0:].a"), ("json.path.b", "$.y[0:].b")];
    let error = json(&options).decoder(texts(&["a", "b"])).err().unwrap();
    assert!(matches!(error, Error::InvalidPath { path, .. } if path == "$.y[0:].b"));
    let error = json(&[("json.path.aa", "$.x")]).decoder(texts(&["a"])).err().unwrap();
    assert!(error.to_string().contains("there is no column `aa`"), "{error}");
}

#[test]
fn kinesis_coerces_as_its_table_says() {
    let columns = Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int32, true),
        Field::new("b", DataType::Boolean, true),
        varchar("v", 3),
        Field::new("x", DataType::Binary, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]));
    let good = [
        r#"{"i":true,"b":0,"v":true,"x":"X'3F67'","t":"1992-02-14"}"#,
        r#"{"i":"7","b":"TRUE","v":12345,"t":"1992-02-14 18:35:44.0"}"#,
        r#"{"b":"yes","v":{"a":1},"x":true,"t":"2018-05-09T12:50:41.337510"}"#,
    ];
    let bad = [r#"{"i":123.4}"#, r#"{"i":"x"}"#, r#"{"b":[]}"#, r#"{"t":5}"#, r#"{"t":true}"#, r#"{"x":"3F67"}"#];
    let decoded = decode(&[KINESIS], columns, &[&good[..], &bad[..]].concat());
    assert_eq!(
        rows(&decoded.rows),
        [
            "1 | false | tru | 3f67 | 1992-02-14T00:00:00",
            "7 | true | 123 | NULL | 1992-02-14T18:35:44",
            "NULL | false | {\"a | 01 | 2018-05-09T12:50:41.337"
        ]
    );
    assert_eq!(decoded.rejected.len(), bad.len(), "{:?}", reasons(&decoded));
}

#[test]
fn timestamps_are_written_in_the_chosen_standard() {
    let zone = Some("UTC".into());
    let columns = schema(&[
        ("plain", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        ("zoned", DataType::Timestamp(TimeUnit::Microsecond, zone), true),
    ]);
    let batch =
        decode(&[], columns.clone(), &[r#"{"plain":"2026-02-14 18:35:44.120","zoned":"2026-02-14T20:35:44+02:00"}"#]);
    let written = |style| {
        let mut records = Records::new();
        let format = json(&[("json.timestamp-format.standard", style)]);
        format.encoder(columns.clone()).unwrap().encode(&batch.rows, None, &mut records).unwrap();
        String::from_utf8(records.bytes().to_vec()).unwrap()
    };
    assert_eq!(written("SQL"), r#"{"plain":"2026-02-14 18:35:44.12","zoned":"2026-02-14 18:35:44Z"}"#);
    assert_eq!(written("iso-8601"), r#"{"plain":"2026-02-14T18:35:44.12","zoned":"2026-02-14T18:35:44Z"}"#);
    assert_eq!(written("EPOCH-MILLIS"), r#"{"plain":1771094144120,"zoned":1771094144000}"#);
    let again =
        decode(&[("json.timestamp-format.standard", "EPOCH-MILLIS")], columns.clone(), &[&written("EPOCH-MILLIS")]);
    assert_eq!(pretty(&again.rows), pretty(&batch.rows));
    let refused = decode(&[], columns.clone(), &[&written("EPOCH-MILLIS")]);
    assert_eq!(refused.rejected.len(), 1);
}

#[test]
fn nulls_may_be_left_out_and_changes_are_refused() {
    let columns = texts(&["a", "b"]);
    let batch = decode(&[], columns.clone(), &[r#"{"b":"x"}"#]).rows;
    let mut records = Records::new();
    let mut encoder = json(&[("json.encode.ignore-null-fields", "true")]).encoder(columns).unwrap();
    encoder.encode(&batch, None, &mut records).unwrap();
    assert_eq!(records.get(0), Some(&br#"{"b":"x"}"#[..]));
    let error = encoder.encode(&batch, Some(&[RowKind::Delete]), &mut records).unwrap_err();
    assert!(matches!(error, Error::Unwritable { row: 0, .. }));
    assert_eq!(records.len(), 1);
}

#[test]
fn options_are_checked_by_name_and_value() {
    let refused = |name: &str, value: &str| {
        Format::named("json", &[(name, value)].into_iter().collect()).unwrap_err().to_string()
    };
    assert!(refused("json.ignore-parse-error", "true").contains("did you mean `json.ignore-parse-errors`"));
    assert!(refused("json.timestamp-format.standard", "RFC").contains("say one of SQL, ISO-8601"));
    assert!(refused("json.ignore-parse-errors", "1").contains("say true or false"));
    Format::named("json", &[("connector", "stream"), ("csv.oops", "1")].into_iter().collect()).unwrap();
    let error = Format::named("jason", &Default::default()).unwrap_err().to_string();
    assert!(error.contains("did you mean `json`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_again(seed: u64) {
        let rng = &mut rng(seed);
        let schema = random_schema(rng, TYPES);
        let batch = random_batch(rng, &schema);
        let format = json(&[("json.timestamp-format.standard", if seed % 2 == 0 { "SQL" } else { "ISO-8601" })]);
        round_trip(&batch, None, &mut *format.encoder(schema.clone()).unwrap(), &mut *format.decoder(schema).unwrap());
    }

    #[test]
    fn arrow_s_reader_reads_the_same(seed: u64) {
        // Arrow reads binary as hexadecimal and dates by other rules: the types whose meaning is the same.
        const SHARED: Types = Types {
            scalars: &[
                DataType::Boolean, DataType::Int8, DataType::Int32, DataType::Int64, DataType::UInt64,
                DataType::Float32, DataType::Float64, DataType::Utf8, DataType::Utf8View, DataType::LargeUtf8,
                DataType::Decimal128(38, 10), DataType::Timestamp(TimeUnit::Microsecond, None),
            ],
            nested: true,
            lists_of_scalars: false,
        };
        let rng = &mut rng(seed);
        let schema = random_schema(rng, SHARED);
        let batch = random_batch(rng, &schema);
        let mut records = Records::new();
        let format = json(&[("json.timestamp-format.standard", "ISO-8601")]);
        format.encoder(schema.clone()).unwrap().encode(&batch, None, &mut records).unwrap();
        let slices: Vec<&[u8]> = records.iter().collect();
        let ours = format.decoder(schema.clone()).unwrap().decode(&slices).unwrap().rows;
        let mut reader = arrow::json::ReaderBuilder::new(schema).build_decoder().unwrap();
        reader.decode(records.bytes()).unwrap();
        if let Some(theirs) = reader.flush().unwrap() {
            prop_assert_eq!(pretty(&ours), pretty(&theirs));
        }
    }

    #[test]
    fn no_bytes_panic(seed: u64) {
        let rng = &mut rng(seed);
        let schema = random_schema(rng, TYPES);
        let batch = random_batch(rng, &schema);
        let mut records = Records::new();
        json(&[]).encoder(schema.clone()).unwrap().encode(&batch, None, &mut records).unwrap();
        let hostile = hostile(rng, &records.iter().collect::<Vec<_>>());
        let mut options = vec![("json.ignore-parse-errors", if seed % 3 == 0 { "true" } else { "false" })];
        if seed % 2 == 0 {
            options.push(("json.path.c0", "$.c0[0:].x"));
            options.push(KINESIS);
        }
        stands(&mut *json(&options).decoder(schema).unwrap(), &hostile);
    }
}
