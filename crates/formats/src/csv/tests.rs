//! CSV as its users meet it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use proptest::prelude::*;

use crate::testing::{
    TEXT_SCALARS, Types, hostile, pretty, random_batch, random_schema, reasons, rng, round_trip, rows, schema, stands,
};
use crate::{Decoded, Format, Records};

fn csv(options: &[(&str, &str)]) -> Format {
    Format::named("csv", &options.iter().copied().collect()).unwrap()
}

fn decode(options: &[(&str, &str)], schema: SchemaRef, records: &[&str]) -> Decoded {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    csv(options).decoder(schema).unwrap().decode(&records).unwrap()
}

fn encode(options: &[(&str, &str)], rows: &Decoded) -> String {
    let mut records = Records::new();
    let schema = rows.rows.schema();
    csv(options).encoder(schema).unwrap().encode(&rows.rows, None, &mut records).unwrap();
    records.iter().map(|record| String::from_utf8_lossy(record).into_owned()).collect::<Vec<_>>().join("\n")
}

fn abc() -> SchemaRef {
    schema(&[("a", DataType::Utf8, true), ("b", DataType::Int32, true), ("c", DataType::Utf8, true)])
}

#[test]
fn quotes_hold_delimiters_newlines_and_quotes() {
    let records = ["x,1,y", "\"a,\"\"b\"\"\n\",2,", " p , 3 ,\"\"\r\n", "é,,z"];
    let decoded = decode(&[], abc(), &records);
    assert_eq!(rows(&decoded.rows), ["x | 1 | y", "a,\"b\"\n | 2 | ", " p  | 3 | ", "é | NULL | z"]);
    assert!(decoded.origins.is_none());
}

#[test]
fn what_does_not_fit_is_rejected_with_the_column() {
    let records = ["x,one,y", "x,1", "x,1,y,z", "\"x,1,y", "\"x\"y,1,z"];
    assert_eq!(
        reasons(&decode(&[], abc(), &records)),
        [
            "$.b: expected an integer of -2147483648 to 2147483647, found `one`",
            "the line has 2 columns, declared are 3",
            "the line has more than the declared 3 columns",
            "the quote at byte 0 is not closed",
            "text follows the closing quote at byte 2",
        ]
    );
    let decoded = decode(&[("csv.ignore-parse-errors", "true")], abc(), &records);
    assert_eq!(rows(&decoded.rows), ["x | NULL | y", "x | 1 | NULL", "x | 1 | y"]);
    assert_eq!(decoded.skipped.unreadable, 2);
}

#[test]
fn a_record_may_hold_lines_and_rows_may_end_as_one_says() {
    let decoded = decode(&[], abc(), &["x,1,y\r\n\r\n\"p\",2,q\n", "z,3,z\nz,oops,z"]);
    assert_eq!(rows(&decoded.rows), ["x | 1 | y", "p | 2 | q"]);
    assert_eq!((decoded.origins, decoded.skipped.empty), (Some(vec![0, 0]), 1));
    assert!(decoded.rejected[0].reason.starts_with("line 2: $.b: "), "{}", decoded.rejected[0].reason);
    let options = [("csv.row-delimiter", "|"), ("csv.field-delimiter", "\\t")];
    assert_eq!(rows(&decode(&options, abc(), &["x\t1\ty|p\t2\tq"]).rows), ["x | 1 | y", "p | 2 | q"]);
}

#[test]
fn kinesis_drops_trailing_columns_and_takes_a_header_for_data() {
    let options = [("csv.coercion", "kinesis")];
    let columns = schema(&[("YEAR", DataType::Int32, true), ("STATE", DataType::Utf8, true)]);
    let decoded = decode(&options, columns.clone(), &["2016,AK,more", "2017", "YEAR,STATE"]);
    assert_eq!(rows(&decoded.rows), ["2016 | AK", "2017 | NULL"]);
    assert_eq!(decoded.rejected.len(), 1);
    let decoded = decode(&[("csv.header", "true")], columns, &["YEAR,STATE", "2016,AK"]);
    assert_eq!((rows(&decoded.rows), decoded.skipped.empty), (vec!["2016 | AK".to_owned()], 1));
}

#[test]
fn comments_nulls_and_escapes_are_as_chosen() {
    let options = [
        ("csv.allow-comments", "true"),
        ("csv.null-literal", "n/a"),
        ("csv.escape-character", "\\\\"),
        ("csv.quote-character", "'"),
    ];
    let decoded = decode(&options, abc(), &["# 1,2,3", "a\\,b,n/a,'n/a'", "'it\\'s',1,n/a"]);
    assert_eq!(rows(&decoded.rows), ["a,b | NULL | n/a", "it's | 1 | NULL"]);
    assert_eq!(encode(&options, &decoded), "'a,b',n/a,'n/a'\n'it\\'s',1,n/a");
    assert_eq!(decoded.skipped.empty, 1);
}

#[test]
fn arrays_are_fields_with_a_delimiter_of_their_own() {
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let columns = Arc::new(Schema::new(vec![Field::new("a", DataType::List(item), true)]));
    let decoded = decode(&[], columns.clone(), &["1;2;3", "\"\"", "", "1;x"]);
    assert_eq!(rows(&decoded.rows), ["[1, 2, 3]", "[]", "NULL"]);
    assert_eq!(reasons(&decoded)[0], "$.a[1]: expected an integer of -2147483648 to 2147483647, found `x`");
    assert_eq!(encode(&[], &decoded), "1;2;3\n\"\"\n");
    let nested = DataType::Struct(columns.fields().clone());
    assert!(csv(&[]).decoder(schema(&[("s", nested, true)])).is_err());
}

#[test]
fn the_header_is_written_once_by_who_writes_the_file() {
    let encoder = csv(&[("csv.header", "true")]).encoder(abc()).unwrap();
    assert_eq!(encoder.header().unwrap(), b"a,b,c");
    assert_eq!(csv(&[]).encoder(abc()).unwrap().header(), None);
}

#[test]
fn delimiters_must_differ_and_be_single() {
    let refused = |options: &[(&str, &str)]| Format::named("csv", &options.iter().copied().collect()).unwrap_err();
    assert!(refused(&[("csv.field-delimiter", "\"")]).to_string().contains("must differ"));
    assert!(refused(&[("csv.field-delimiter", ";;")]).to_string().contains("one ASCII character"));
}

const SCALARS: Types = Types { scalars: TEXT_SCALARS, nested: false, lists_of_scalars: false };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_again(seed: u64) {
        let rng = &mut rng(seed);
        let lists = Types { scalars: &[DataType::Int32, DataType::Boolean, DataType::Float64], nested: false, lists_of_scalars: true };
        let schema = random_schema(rng, if seed % 2 == 0 { SCALARS } else { lists });
        let batch = random_batch(rng, &schema);
        let mut options = vec![("csv.null-literal", "\\N"), ("csv.allow-comments", "true")];
        if seed % 3 == 0 {
            options.push(("csv.escape-character", "'"));
        }
        let format = csv(&options);
        round_trip(&batch, None, &mut *format.encoder(schema.clone()).unwrap(), &mut *format.decoder(schema).unwrap());
    }

    #[test]
    fn arrow_s_reader_reads_the_same(seed: u64) {
        const SHARED: Types = Types {
            scalars: &[
                DataType::Boolean, DataType::Int8, DataType::Int64, DataType::UInt64, DataType::Float32,
                DataType::Float64, DataType::Utf8, DataType::Decimal128(38, 10), DataType::Date32,
                DataType::Timestamp(TimeUnit::Microsecond, None),
            ],
            nested: false,
            lists_of_scalars: false,
        };
        let rng = &mut rng(seed);
        let schema = random_schema(rng, SHARED);
        let batch = random_batch(rng, &schema);
        // Arrow takes each empty field for null, in quotes too.
        let format = csv(&[("csv.null-literal", "")]);
        let mut records = Records::new();
        format.encoder(schema.clone()).unwrap().encode(&batch, None, &mut records).unwrap();
        let doubled = |record: &&[u8]| memchr::memmem::find(record, b"\"\"").is_some();
        let records: Vec<&[u8]> = records.iter().filter(|record| !doubled(record)).collect();
        let one_column = schema.fields().len() == 1; // where arrow passes over empty lines, and we don't
        let file: Vec<u8> = records.iter().filter(|_| !one_column).flat_map(|record| [*record, b"\n"].concat()).collect();
        let reader = arrow::csv::ReaderBuilder::new(schema.clone()).build(&file[..]).unwrap();
        let theirs: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
        if let [theirs] = &theirs[..] {
            let ours = format.decoder(schema).unwrap().decode(&records).unwrap().rows;
            prop_assert_eq!(pretty(&ours), pretty(theirs));
        }
    }

    #[test]
    fn no_bytes_panic(seed: u64) {
        let rng = &mut rng(seed);
        let schema = random_schema(rng, SCALARS);
        let batch = random_batch(rng, &schema);
        let mut records = Records::new();
        csv(&[]).encoder(schema.clone()).unwrap().encode(&batch, None, &mut records).unwrap();
        let hostile = hostile(rng, &records.iter().collect::<Vec<_>>());
        let mut options = vec![("csv.ignore-parse-errors", if seed % 3 == 0 { "true" } else { "false" })];
        if seed % 2 == 0 {
            options.extend([("csv.escape-character", "\\\\"), ("csv.allow-comments", "true"), ("csv.header", "true")]);
        }
        stands(&mut *csv(&options).decoder(schema).unwrap(), &hostile);
    }
}
