//! Changes of a table as they are captured.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use proptest::prelude::*;

use crate::testing::{TEXT_SCALARS, Types, hostile, random_batch, random_schema, reasons, rng, rows, schema, stands};
use crate::{Decoded, Format, Records, RowKind};
use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};

fn change(format: &str, options: &[(&str, &str)]) -> Format {
    Format::named(format, &options.iter().copied().collect()).unwrap()
}

fn decode(format: &Format, schema: SchemaRef, records: &[&str]) -> Decoded {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    format.decoder(schema).unwrap().decode(&records).unwrap()
}

fn products() -> SchemaRef {
    schema(&[("id", DataType::Int32, true), ("weight", DataType::Float64, true)])
}

const UPDATE: &str = r#"{"before":{"id":111,"weight":5.18},"after":{"id":111,"weight":5.15},
    "source":{"db":"inventory","table":"products","ts_ms":1589362330000},"op":"u","ts_ms":1589362330904}"#;

#[test]
fn debezium_s_operations_become_row_kinds() {
    let records = [
        r#"{"before":null,"after":{"id":1,"weight":1.5},"op":"c"}"#,
        r#"{"after":{"id":2},"op":"r"}"#,
        UPDATE,
        r#"{"op":"d","before":{"id":1,"weight":1.5},"after":null}"#,
        "null",
        "",
        r#"{"op":"m","message":{}}"#,
    ];
    let decoded = decode(&change("debezium-json", &[]), products(), &records);
    assert_eq!(rows(&decoded.rows), ["1 | 1.5", "2 | NULL", "111 | 5.18", "111 | 5.15", "1 | 1.5"]);
    assert_eq!(decoded.kinds, Some(vec![Insert, Insert, UpdateBefore, UpdateAfter, Delete]));
    assert_eq!(decoded.origins, Some(vec![0, 1, 2, 2, 3]));
    assert_eq!((decoded.skipped.empty, decoded.skipped.control, decoded.rejected.len()), (2, 1, 0));
}

#[test]
fn debezium_s_records_may_be_wrapped_with_their_schema() {
    let wrapped = format!(r#"{{"schema":{{"type":"struct","op":"x"}},"payload":{UPDATE}}}"#);
    let tombstone = r#"{"schema":null,"payload":null}"#;
    let decoded = decode(&change("debezium-json", &[]), products(), &[&wrapped, tombstone]);
    assert_eq!(rows(&decoded.rows), ["111 | 5.18", "111 | 5.15"]);
    assert_eq!(decoded.skipped.empty, 1);
    let required = change("debezium-json", &[("debezium-json.schema-include", "true")]);
    let decoded = decode(&required, products(), &[UPDATE]);
    assert_eq!(reasons(&decoded), ["there is no `payload`, which `debezium-json.schema-include` promises"]);
}

#[test]
fn what_is_no_change_is_rejected_with_what_to_do() {
    let records = [
        r#"{"after":{"id":1},"op":"u"}"#,
        r#"{"id":1}"#,
        r#"{"op":"t"}"#,
        r#"{"after":{"id":"x"},"op":"c"}"#,
        r#"{"before":{"id":1},"after":{"id":"x"},"op":"u"}"#,
        "[1",
    ];
    let decoded = decode(&change("debezium-json", &[]), products(), &records);
    assert_eq!(decoded.rows.num_rows(), 0);
    let reasons = reasons(&decoded);
    assert!(reasons[0].contains("REPLICA IDENTITY"));
    assert_eq!(reasons[1], "there is no `op`: it is no change record of Debezium");
    assert_eq!(reasons[2], "$.op: the operation `t` is none of c, r, u, d");
    assert_eq!(reasons[4], "$.after.id: expected an integer of -2147483648 to 2147483647, found `x`");
}

#[test]
fn what_is_said_about_a_change_can_be_columns() {
    let columns = schema(&[
        ("id", DataType::Int32, true),
        ("table", DataType::Utf8, true),
        ("at", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]);
    let options =
        [("debezium-json.metadata.table", "source.table"), ("debezium-json.metadata.at", "ingestion-timestamp")];
    let decoded = decode(&change("debezium-json", &options), columns.clone(), &[UPDATE]);
    let row = "111 | products | 2020-05-13T09:32:10.904";
    assert_eq!(rows(&decoded.rows), [row, row]);
    assert!(change("debezium-json", &options).encoder(columns).is_err());
    let refused = [("debezium-json.metadata.at", "source.tabel")].into_iter().collect();
    assert!(Format::named("debezium-json", &refused).unwrap_err().to_string().contains("did you mean `source.table`"));
}

/// As AWS DMS writes it for the article's database (source-systems A1).
fn dms(operation: &str, table: &str, data: &str, before: &str) -> String {
    format!(
        r#"{{"data":{data},{before}"metadata":{{"timestamp":"2022-12-18T19:28:42.524922Z","record-type":"data",
        "operation":"{operation}","partition-key-type":"schema-table","schema-name":"orders","table-name":"{table}",
        "transaction-id":364547}}}}"#
    )
}

#[test]
fn dms_s_operations_become_row_kinds() {
    let columns = schema(&[("orderId", DataType::Int64, true), ("orderStatus", DataType::Utf8, true)]);
    let new = r#"{"orderId":10000001,"orderStatus":"New","orderAmount":300}"#;
    let shipped = r#"{"orderId":10000001,"orderStatus":"Shipped"}"#;
    let records = [
        dms("load", "order", new, ""),
        dms("insert", "order", new, ""),
        dms("update", "order", shipped, r#""before-image":{"orderStatus":"New","orderId":10000001},"#),
        dms("update", "order", shipped, r#""before-image":{"orderId":10000001},"#),
        dms("delete", "order", shipped, ""),
        dms("insert", "order_item", "{\"orderId\":\"of another type\"}", ""),
        r#"{"metadata":{"record-type":"control","operation":"create-table","table-name":"order"}}"#.into(),
        dms("insert", "order", "null", ""),
        dms("merge", "order", new, ""),
    ];
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let format = change("dms-json", &[("dms-json.table.include", "order|product")]);
    let decoded = decode(&format, columns, &records);
    assert_eq!(
        rows(&decoded.rows),
        ["New", "New", "New", "Shipped", "Shipped", "Shipped"].map(|status| format!("10000001 | {status}"))
    );
    assert_eq!(decoded.kinds, Some(vec![Insert, Insert, UpdateBefore, UpdateAfter, UpdateAfter, Delete]));
    assert_eq!((decoded.skipped.other_tables, decoded.skipped.control), (1, 1));
    assert_eq!(
        reasons(&decoded),
        ["there is no `data`", "$.metadata.operation: the operation is none of load, insert, update, delete: `merge`"]
    );
}

#[test]
fn dms_records_are_written_with_their_metadata() {
    let columns = schema(&[("id", DataType::Int32, true), ("table", DataType::Utf8, true)]);
    let format = change("dms-json", &[("dms-json.metadata.table", "table-name")]);
    let decoded = decode(&format, columns.clone(), &[&dms("update", "order", "{\"id\":7}", "")]);
    assert_eq!(rows(&decoded.rows), ["7 | order"]);
    let mut records = Records::new();
    format.encoder(columns).unwrap().encode(&decoded.rows, decoded.kinds.as_deref(), &mut records).unwrap();
    assert_eq!(
        std::str::from_utf8(records.bytes()).unwrap(),
        r#"{"data":{"id":7},"metadata":{"table-name":"order","record-type":"data","operation":"update"}}"#
    );
}

const TYPES: Types = Types { scalars: TEXT_SCALARS, nested: true, lists_of_scalars: false };

proptest! {
    #[test]
    fn changes_that_are_written_are_read_again(seed: u64, debezium: bool) {
        let rng = &mut rng(seed);
        let schema = random_schema(rng, TYPES);
        let batch = random_batch(rng, &schema);
        let format = change(if debezium { "debezium-json" } else { "dms-json" }, &[]);
        let kinds: Vec<RowKind> = (0..batch.num_rows()).map(|row| [Insert, Delete, UpdateBefore, UpdateAfter][row % 4]).collect();
        let mut records = Records::new();
        format.encoder(schema.clone()).unwrap().encode(&batch, Some(&kinds), &mut records).unwrap();
        let slices: Vec<&[u8]> = records.iter().collect();
        let decoded = format.decoder(schema.clone()).unwrap().decode(&slices).unwrap();
        prop_assert_eq!(decoded.rejected, vec![]);
        prop_assert_eq!(rows(&decoded.rows), rows(&batch));
        let read = |kind: &RowKind| match (kind, debezium) {
            (Insert, _) | (UpdateAfter, true) => Insert,
            (UpdateAfter, false) => UpdateAfter,
            (Delete | UpdateBefore, _) => Delete,
        };
        prop_assert_eq!(decoded.kinds.unwrap(), kinds.iter().map(read).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_panic(seed: u64) {
        let rng = &mut rng(seed);
        let whole = dms("update", "order", "{\"id\":1,\"weight\":2}", "\"before-image\":{\"id\":1,\"weight\":3},");
        let good: [&[u8]; 3] = [UPDATE.as_bytes(), whole.as_bytes(), b"{\"schema\":{},\"payload\":{\"op\":\"c\",\"after\":{}}}"];
        let hostile = hostile(rng, &good);
        for format in ["debezium-json", "dms-json"] {
            for ignore in ["true", "false"] {
                let option = format!("{format}.ignore-parse-errors");
                let format = change(format, &[(option.as_str(), ignore)]);
                stands(&mut *format.decoder(products()).unwrap(), &hostile);
            }
        }
    }
}
