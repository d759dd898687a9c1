//! Schemas from samples.

use proptest::prelude::*;

use super::{column_name, discover};
use crate::testing::{hostile, rng, rows};
use crate::{Discovery, Error, Format};

fn types(discovery: &Discovery) -> Vec<String> {
    let show = |column: &super::DiscoveredColumn| match &column.mapping {
        Some(path) => format!("{} {} {path}", column.name, column.sql_type),
        None => format!("{} {}", column.name, column.sql_type),
    };
    discovery.columns.iter().map(show).collect()
}

#[test]
fn names_follow_the_rules() {
    for (given, name) in [
        ("orderId", "orderId"),
        ("year", "COL_year"),
        ("Month", "COL_Month"),
        ("timestamp", "COL_timestamp"),
        ("table-name", "tablename"),
        ("2nd", "COL_2nd"),
        ("é!", "COL_7"),
        ("", "COL_7"),
    ] {
        assert_eq!(column_name(given, 7), name);
    }
    assert_eq!(column_name(&"a".repeat(300), 1).len(), 100);
}

#[test]
fn the_article_s_change_records_come_to_its_schema() {
    let sample = br#"{"data":{"orderId":10000001,"orderAmount":300.5,"orderStatus":"New","orderDateTime":"2020-05-01T17:11:49.973Z"},
        "metadata":{"timestamp":"2022-12-18T19:28:42.524922Z","record-type":"data","operation":"insert",
        "partition-key-type":"schema-table","schema-name":"orders","table-name":"order","transaction-id":36454700000}}"#;
    let discovery = discover(&[sample]).unwrap();
    assert_eq!(
        types(&discovery),
        [
            "orderId INTEGER $.data.orderId",
            "orderAmount DOUBLE $.data.orderAmount",
            "orderStatus VARCHAR(4) $.data.orderStatus",
            "orderDateTime TIMESTAMP $.data.orderDateTime",
            "COL_timestamp VARCHAR(32) $.metadata.timestamp",
            "recordtype VARCHAR(4) $.metadata.record-type",
            "operation VARCHAR(8) $.metadata.operation",
            "partitionkeytype VARCHAR(16) $.metadata.partition-key-type",
            "schemaname VARCHAR(8) $.metadata.schema-name",
            "tablename VARCHAR(8) $.metadata.table-name",
            "transactionid BIGINT $.metadata.transaction-id",
        ]
    );
    let mut decoder = Format::from_options(&discovery.options()).unwrap().decoder(discovery.schema()).unwrap();
    assert!(
        rows(&decoder.decode(&[sample]).unwrap().rows)[0]
            .starts_with("10000001 | 300.5 | New | 2020-05-01T17:11:49.973 |")
    );
}

#[test]
fn an_array_of_objects_becomes_rows_and_what_is_deep_becomes_text() {
    let samples: [&[u8]; 2] = [
        br#"{"id":1,"items":[{"sku":"A","n":1},{"sku":"B","n":2.5}],"tags":["x"],"deep":{"a":{"b":1}},"no":null}"#,
        br#"{"id":"x","items":[],"other":[{"y":1}],"deep":{"id":true}}"#,
    ];
    let discovery = discover(&samples).unwrap();
    assert_eq!(
        types(&discovery),
        [
            "id VARCHAR(4) $.id",
            "sku VARCHAR(4) $.items[0:].sku",
            "n DOUBLE $.items[0:].n",
            "tags VARCHAR(8) $.tags[0:]",
            "a VARCHAR(8) $.deep.a",
            "COL_no VARCHAR(4) $.no",
            "other VARCHAR(16) $.other[0:]",
            "id_2 BOOLEAN $.deep.id",
        ]
    );
    let mut decoder = Format::from_options(&discovery.options()).unwrap().decoder(discovery.schema()).unwrap();
    let decoded = decoder.decode(&samples).unwrap();
    assert_eq!((decoded.rows.num_rows(), decoded.rejected.len()), (3, 0));
}

#[test]
fn csv_with_a_header_is_named_by_it_and_measured_without_it() {
    // The developer guide's sample: the header's text does not count for the lengths.
    let file = "year,month,state,producer_type,energy_source,units,consumption\r\n\
        2001,1,AK,TotalElectricPowerIndustry,Coal,ShortTons,47615\r\n\
        2001,1,AK,\"ElectricGenerators,ElectricUtilities\",Coal,ShortTons,16535\r\n";
    let discovery = discover(&[file.as_bytes()]).unwrap();
    assert_eq!(
        types(&discovery),
        [
            "COL_year INTEGER",
            "COL_month INTEGER",
            "state VARCHAR(4)",
            "producer_type VARCHAR(64)",
            "energy_source VARCHAR(4)",
            "units VARCHAR(16)",
            "consumption INTEGER",
        ]
    );
    assert_eq!(
        (discovery.column_delimiter, discovery.row_delimiter, discovery.header),
        (Some(','), Some("\r\n"), true)
    );
}

#[test]
fn csv_without_a_header_has_numbered_names() {
    let discovery = discover(&[b"AMZN\t1.5\t2026-02-14 18:35:44", b"TSLA\t2\t"]).unwrap();
    assert_eq!(types(&discovery), ["COL_1 VARCHAR(4)", "COL_2 DOUBLE", "COL_3 TIMESTAMP"]);
    assert_eq!((discovery.column_delimiter, discovery.header), (Some('\t'), false));
    let mut decoder = Format::from_options(&discovery.options()).unwrap().decoder(discovery.schema()).unwrap();
    assert_eq!(rows(&decoder.decode(&[b"TSLA\t2\t"]).unwrap().rows), ["TSLA | 2.0 | NULL"]);
}

#[test]
fn where_there_is_nothing_to_tell_that_is_said() {
    for samples in [&[][..], &[b"".as_slice()], &[b"\xff\xfe"], &[b"{}"], &[b"{oops"]] {
        assert!(matches!(discover(samples), Err(Error::NoSchemaFound { .. })), "{samples:?}");
    }
}

proptest! {
    #[test]
    fn no_sample_panics_and_what_is_discovered_can_be_read(seed: u64) {
        let rng = &mut rng(seed);
        let good: [&[u8]; 3] =
            [br#"{"a":{"b":[{"c":1}]},"d":"2026-02-14 18:35:44","e":[1,2],"":1}"#, b"year,b\n1,\"x,y\"\n", b"a|b|c"];
        for sample in hostile(rng, &good) {
            if let Ok(discovery) = discover(&[&sample, &sample]) {
                let format = Format::from_options(&discovery.options()).unwrap();
                format.decoder(discovery.schema()).unwrap().decode(&[&sample]).unwrap();
            }
        }
    }
}
