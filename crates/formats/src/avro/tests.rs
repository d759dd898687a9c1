//! Avro as its users meet it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use proptest::prelude::*;

use super::AvroSchema;
use crate::registry::{LookupError, RegisteredSchema, SchemaId, SchemaLookup, WireHeader, split_header, write_header};
use crate::testing::{Types, hostile, random_batch, random_schema, reasons, rng, round_trip, rows, schema, stands};
use crate::{Decoded, Error, Format, Records};
use tidemill_schemas::{DataFormat, Definition};

const TYPES: Types = Types {
    scalars: &[
        DataType::Boolean,
        DataType::Int8,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt16,
        DataType::UInt32,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal128(38, 10),
        DataType::Decimal128(5, 2),
        DataType::Utf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::Date32,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
    ],
    nested: true,
    lists_of_scalars: false,
};

fn avro(options: &[(&str, &str)]) -> Format {
    Format::named("avro", &options.iter().copied().collect()).unwrap()
}

fn decode(format: &Format, columns: SchemaRef, records: &[&[u8]]) -> Decoded {
    format.decoder(columns).unwrap().decode(records).unwrap()
}

const USER: &str = r#"{"type":"record","name":"User","namespace":"example.avro","fields":[
    {"name":"name","type":"string"},
    {"name":"favorite_number","type":["int","null"]},
    {"name":"favorite_color","type":["string","null"]}]}"#;

fn user() -> SchemaRef {
    avro(&[("avro.schema", USER)]).own_schema().unwrap()
}

#[test]
fn a_schema_says_its_columns() {
    let text = r#"{"type":"record","name":"R","fields":[
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
        {"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}},
        {"name":"tags","type":{"type":"map","values":{"type":"array","items":"int"}}},
        {"name":"inner","type":["null",{"type":"record","name":"I","fields":[{"name":"k","type":"K"}]}]}]}"#;
    let schema = AvroSchema::parse(text).unwrap();
    let names = |legacy| -> Vec<String> {
        super::arrow::columns(&schema, legacy)
            .unwrap()
            .fields()
            .iter()
            .map(|f| format!("{} {} {}", f.name(), f.data_type(), f.is_nullable()))
            .collect()
    };
    let columns = names(true);
    assert_eq!(columns[0], "at Timestamp(ms) false");
    assert_eq!(columns[1], "price Decimal128(9, 2) true");
    assert_eq!(columns[2], "kind Utf8 false");
    assert_eq!(names(false)[0], "at Timestamp(ms, \"UTC\") false");
    for (bad, reason) in [
        ("\"string\"", "must be a record"),
        (r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R2"}]}"#, "there is no type `R2`"),
        (r#"{"type":"record","name":"R","fields":[{"name":"1a","type":"int"}]}"#, "no sound `name`"),
        ("{", "EOF"),
    ] {
        let error = super::record_schema(bad).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    assert!(
        super::arrow::columns(&AvroSchema::parse(list).unwrap(), true)
            .unwrap_err()
            .to_string()
            .contains("lies in itself")
    );
}

#[test]
fn fingerprints_are_those_of_the_specification() {
    // The fingerprint that the Avro project's schema-tests.txt has for the schema "null".
    assert_eq!(crc_64_avro(b"\"null\""), 0x63dd_24e7_cc25_8f8a);
    let schema = AvroSchema::parse(r#"{"fields":[{"type":{"type":"string"},"doc":"x","name":"f"}],"type":"record","namespace":"x.y","name":"foo"}"#).unwrap();
    let canonical = r#"{"name":"x.y.foo","type":"record","fields":[{"name":"f","type":"string"}]}"#;
    assert_eq!(schema.canonical(), canonical);
    assert_eq!(schema.fingerprint(), crc_64_avro(canonical.as_bytes()));
}

/// The specification's algorithm, with its table.
fn crc_64_avro(bytes: &[u8]) -> u64 {
    const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
    let table: Vec<u64> =
        (0..256u64).map(|i| (0..8).fold(i, |fp, _| if fp & 1 == 1 { (fp >> 1) ^ EMPTY } else { fp >> 1 })).collect();
    bytes.iter().fold(EMPTY, |fp, byte| (fp >> 8) ^ table[((fp ^ u64::from(*byte)) & 0xff) as usize])
}

#[test]
fn records_of_the_specification_are_read() {
    // "The object {"a": 27, "b": "foo"} is encoded as 36 06 66 6f 6f"; and the array [3, 27] as 04 06 36 00.
    let text = r#"{"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}"#;
    let format = avro(&[("avro.schema", text)]);
    let decoded =
        decode(&format, format.own_schema().unwrap(), &[&[0x36, 0x06, 0x66, 0x6f, 0x6f], &[0x36], &[0x36, 0, 0]]);
    assert_eq!(rows(&decoded.rows), ["27 | foo"]);
    assert_eq!(
        reasons(&decoded),
        [
            "$.b: malformed Avro: a number does not end",
            "malformed Avro: 1 bytes follow the record; it was written with another schema"
        ]
    );
    let text = r#"{"type":"record","name":"t","fields":[{"name":"l","type":{"type":"array","items":"long"}}]}"#;
    let format = avro(&[("avro.schema", text)]);
    let blocks: &[u8] = &[0x03, 0x04, 0x06, 0x36, 0x02, 0x02, 0x00]; // a block of two with its bytes, one of one
    let decoded = decode(&format, format.own_schema().unwrap(), &[&[0x04, 0x06, 0x36, 0x00], blocks]);
    assert_eq!(rows(&decoded.rows), ["[3, 27]", "[3, 27, 1]"]);
}

#[test]
fn another_implementation_s_record_is_read_and_written_the_same() {
    // Made with fastavro 1.13.1: schemaless_writer, and fingerprint(…, "CRC-64-AVRO") of the canonical form.
    let text = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
        {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","SHIPPED"]}},
        {"name":"tags","type":{"type":"map","values":"string"}},
        {"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
            {"name":"sku","type":"string"},{"name":"weight","type":"float"}]}}},
        {"name":"day","type":{"type":"int","logicalType":"date"}}]}"#;
    let record = "a9b4de75f0d1ffd68b670206fe1dc00202026104c3a9000406502d310000c03f06502d32000080be0001";
    let record: Vec<u8> =
        (0..record.len()).step_by(2).map(|at| u8::from_str_radix(&record[at..at + 2], 16).unwrap()).collect();
    assert_eq!(AvroSchema::parse(text).unwrap().fingerprint().to_le_bytes(), 0x2a83_1505_439e_55ef_u64.to_be_bytes());
    let format = avro(&[("avro.schema", text)]);
    let columns = format.own_schema().unwrap();
    let decoded = decode(&format, columns.clone(), &[&record]);
    assert_eq!(
        rows(&decoded.rows),
        ["-123456789 | 2026-02-14T18:35:44.120 | -1234.56 | SHIPPED | {a: é} | \
          [{sku: P-1, weight: 1.5}, {sku: P-2, weight: -0.25}] | 1969-12-31"]
    );
    let mut records = Records::new();
    format.encoder(columns).unwrap().encode(&decoded.rows, None, &mut records).unwrap();
    assert_eq!(records.get(0), Some(&record[..]));
}

#[test]
fn a_schema_evolves_without_breaking_its_readers() {
    // Article 2: a field more, with a default; one less; one renamed; one widened; a symbol that is not known.
    let writer = r#"{"type":"record","name":"Customer","fields":[
        {"name":"first_name","type":"string"},{"name":"gone","type":{"type":"array","items":"string"}},
        {"name":"visits","type":"int"},{"name":"tier","type":{"type":"enum","name":"T","symbols":["GOLD","NEW"]}}]}"#;
    let reader = r#"{"type":"record","name":"CustomerV2","fields":[
        {"name":"name","aliases":["first_name"],"type":"string"},
        {"name":"full_name","type":["string","null"],"default":null},
        {"name":"visits","type":"double"},
        {"name":"tier","type":{"type":"enum","name":"T","symbols":["GOLD","OTHER"],"default":"OTHER"}},
        {"name":"tags","type":{"type":"map","values":"int"},"default":{"a":1}}]}"#;
    let written = avro(&[("avro.schema", writer)]);
    let columns = written.own_schema().unwrap();
    let json = Format::named("json", &Default::default()).unwrap();
    let batch = json
        .decoder(columns.clone())
        .unwrap()
        .decode(&[br#"{"first_name":"Ada","gone":["x"],"visits":3,"tier":"NEW"}"#])
        .unwrap()
        .rows;
    let mut records = Records::new();
    written.encoder(columns).unwrap().encode(&batch, None, &mut records).unwrap();
    let format = avro(&[("avro.schema", writer), ("avro.reader-schema", reader)]);
    let decoded = decode(&format, format.own_schema().unwrap(), &[records.get(0).unwrap()]);
    assert_eq!(rows(&decoded.rows), ["Ada | NULL | 3.0 | OTHER | {a: 1}"]);
    // What no reader could make up is refused before anything is read.
    let columns = schema(&[("missing", DataType::Int32, false)]);
    let error = avro(&[("avro.schema", writer)]).decoder(columns).err().unwrap();
    assert!(error.to_string().contains("`missing` is NOT NULL"), "{error}");
    let columns = schema(&[("visits", DataType::Boolean, false)]);
    let error = avro(&[("avro.schema", writer)]).decoder(columns).err().unwrap();
    assert!(error.to_string().contains("Avro's int does not fit a boolean"), "{error}");
}

#[test]
fn unions_keep_the_order_that_the_schema_gives_them() {
    let format = avro(&[("avro.schema", USER)]);
    let json = Format::named("json", &Default::default()).unwrap();
    let batch = json.decoder(user()).unwrap().decode(&[br#"{"name":"A","favorite_number":256}"#]).unwrap().rows;
    let mut records = Records::new();
    format.encoder(user()).unwrap().encode(&batch, None, &mut records).unwrap();
    assert_eq!(records.get(0).unwrap(), [2, b'A', 0, 0x80, 4, 2]);
}

/// A registry with one schema, which counts what it is asked.
struct Registry {
    asked: AtomicUsize,
    up: bool,
}

const GLUE: SchemaId = SchemaId::Glue(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);

impl SchemaLookup for Registry {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        let definition = Arc::new(Definition::parse(DataFormat::Avro, USER, &[]).unwrap());
        let user = RegisteredSchema { definition, version: "users, version 3".into() };
        self.asked.fetch_add(1, Ordering::Relaxed);
        match id {
            SchemaId::Confluent(number) if number >= 1_000_000 => Ok(user),
            _ if !self.up => Err(LookupError::Unavailable("connection refused".into())),
            SchemaId::Confluent(7) | GLUE => Ok(user),
            _ => Err(LookupError::NotFound),
        }
    }

    fn id(&self, _: DataFormat, schema: &str) -> Result<SchemaId, LookupError> {
        assert!(schema.contains("favorite_color"));
        Ok(SchemaId::Confluent(7))
    }
}

#[test]
fn records_name_their_schema_and_it_is_asked_for_once() {
    let format = avro(&[("avro.header", "confluent"), ("avro.schema", USER)]);
    assert!(matches!(format.decoder(user()), Err(Error::MissingOption { .. })));
    let registry = Arc::new(Registry { asked: AtomicUsize::new(0), up: true });
    let mut decoder = format.decoder_with(user(), registry.clone()).unwrap();
    let good: &[u8] = &[0, 0, 0, 0, 7, 2, b'A', 2, 2];
    let records = [good, &[0, 0, 0, 0, 8, 1], &[1, 2], good, &[0, 0, 0, 0, 8]];
    for _ in 0..2 {
        let decoded = decoder.decode(&records).unwrap();
        assert_eq!(rows(&decoded.rows), ["A | NULL | NULL", "A | NULL | NULL"]);
        assert_eq!(decoded.rejected[0].reason, "schema 8 is not in the registry");
        assert!(decoded.rejected[1].reason.contains("does not begin with the header of Confluent's registry"));
    }
    assert_eq!(registry.asked.load(Ordering::Relaxed), 2);
    let mut records = Records::new();
    let batch = decoder.decode(&[good]).unwrap().rows;
    format.encoder_with(user(), registry).unwrap().encode(&batch, None, &mut records).unwrap();
    assert_eq!(records.get(0), Some(good));
}

#[test]
fn many_schemas_in_one_batch_are_all_read_and_not_all_remembered() {
    let registry = Arc::new(Registry { asked: AtomicUsize::new(0), up: true });
    let mut decoder = avro(&[("avro.header", "confluent")]).decoder_with(user(), registry.clone()).unwrap();
    let records: Vec<Vec<u8>> =
        (0..3_000u32).map(|n| [&[0][..], &(1_000_000 + n).to_be_bytes(), &[2, b'A', 2, 2]].concat()).collect();
    let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    for round in 1..=2 {
        assert_eq!(decoder.decode(&slices).unwrap().rows.num_rows(), 3_000);
        assert_eq!(registry.asked.load(Ordering::Relaxed), 3_000 * round);
    }
}

#[test]
fn a_registry_that_is_away_fails_the_batch_and_rejects_nothing() {
    let format = avro(&[("avro.header", "confluent")]);
    let registry = Arc::new(Registry { asked: AtomicUsize::new(0), up: false });
    let mut decoder = format.decoder_with(user(), registry).unwrap();
    let error = decoder.decode(&[&[0, 0, 0, 0, 7, 2, b'A', 2, 2]]).unwrap_err();
    assert!(matches!(error, Error::SchemaLookup { .. }), "{error}");
}

#[test]
fn glue_s_payload_may_be_packed() {
    use std::io::Write as _;
    let mut packed = vec![3, 5];
    packed.extend([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef].repeat(2));
    let mut encoder = flate2::write::ZlibEncoder::new(packed, flate2::Compression::default());
    encoder.write_all(&[2, b'A', 2, 2]).unwrap();
    let packed = encoder.finish().unwrap();
    let (id, payload) = split_header(WireHeader::Glue, &packed).unwrap();
    assert_eq!((id, &payload[..]), (Some(GLUE), &[2, b'A', 2, 2][..]));
    assert_eq!(GLUE.to_string(), "01234567-89ab-cdef-0123-456789abcdef");
    let mut plain = Vec::new();
    write_header(GLUE, &mut plain);
    plain.extend([2, b'A', 2, 2]);
    let format = avro(&[("avro.header", "glue")]);
    let registry = Arc::new(Registry { asked: AtomicUsize::new(0), up: true });
    let decoded = format.decoder_with(user(), registry).unwrap().decode(&[&packed, &plain, &packed[..20]]).unwrap();
    assert_eq!(rows(&decoded.rows), ["A | NULL | NULL", "A | NULL | NULL"]);
    assert!(decoded.rejected[0].reason.contains("can't be unpacked"), "{}", decoded.rejected[0].reason);
}

#[test]
fn single_objects_carry_their_schema_s_fingerprint() {
    let format = avro(&[("avro.header", "single-object"), ("avro.schema", USER)]);
    let plain = avro(&[("avro.schema", USER)]);
    let batch = decode(&plain, user(), &[&[2, b'A', 2, 2]]).rows;
    let mut records = Records::new();
    format.encoder(user()).unwrap().encode(&batch, None, &mut records).unwrap();
    assert!(records.get(0).unwrap().starts_with(&[0xc3, 0x01]));
    assert_eq!(rows(&decode(&format, user(), &[records.get(0).unwrap()]).rows), ["A | NULL | NULL"]);
    let other: &[u8] = &[0xc3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 2, b'A', 2, 2];
    assert!(reasons(&decode(&format, user(), &[other]))[0].contains("is not known"));
}

#[test]
fn what_a_schema_can_t_hold_is_refused_with_the_row() {
    let columns = schema(&[
        ("name", DataType::Utf8, true),
        ("favorite_number", DataType::Int32, true),
        ("favorite_color", DataType::Utf8, true),
    ]);
    let json = Format::named("json", &Default::default()).unwrap();
    let batch = json.decoder(columns.clone()).unwrap().decode(&[br#"{"name":"A"}"#, b"{}"]).unwrap().rows;
    let mut records = Records::new();
    let error =
        avro(&[("avro.schema", USER)]).encoder(columns).unwrap().encode(&batch, None, &mut records).unwrap_err();
    assert!(matches!(&error, Error::Unwritable { row: 1, .. }), "{error}");
    assert!(records.is_empty());
}

#[test]
fn an_array_of_nulls_can_t_fill_the_memory() {
    let text = r#"{"type":"record","name":"t","fields":[{"name":"l","type":{"type":"array","items":"null"}}]}"#;
    let format = avro(&[("avro.schema", text)]);
    let huge: &[u8] = &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
    for columns in [format.own_schema().unwrap(), schema(&[("other", DataType::Int32, true)])] {
        assert!(reasons(&decode(&format, columns, &[huge]))[0].contains("more elements in arrays"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_again(seed: u64, legacy: bool) {
        let rng = &mut rng(seed);
        let schema = random_avro_schema(rng);
        let batch = random_batch(rng, &schema);
        let format = avro(&[("avro.timestamp_mapping.legacy", if legacy { "true" } else { "false" })]);
        round_trip(&batch, None, &mut *format.encoder(schema.clone()).unwrap(), &mut *format.decoder(schema).unwrap());
    }

    #[test]
    fn a_schema_s_columns_come_to_the_same_schema(seed: u64, legacy: bool) {
        let rng = &mut rng(seed);
        let columns = random_avro_schema(rng);
        let schema = super::arrow::schema_of(&columns, legacy).unwrap();
        let again = super::arrow::schema_of(&super::arrow::columns(&schema, legacy).unwrap(), legacy).unwrap();
        prop_assert_eq!(schema.canonical(), again.canonical());
        prop_assert_eq!(AvroSchema::parse(&schema.to_string()).unwrap().fingerprint(), schema.fingerprint());
    }

    #[test]
    fn no_bytes_panic(seed: u64) {
        let rng = &mut rng(seed);
        let schema = random_avro_schema(rng);
        let batch = random_batch(rng, &schema);
        let mut records = Records::new();
        let format = avro(&[]);
        format.encoder(schema.clone()).unwrap().encode(&batch, None, &mut records).unwrap();
        let hostile = hostile(rng, &records.iter().collect::<Vec<_>>());
        let fewer = Arc::new(schema.project(&[0]).unwrap());
        stands(&mut *format.decoder(schema.clone()).unwrap(), &hostile);
        let writer = super::arrow::schema_of(&schema, true).unwrap().to_string();
        stands(&mut *avro(&[("avro.schema", &writer)]).decoder(fewer).unwrap(), &hostile);
    }

    #[test]
    fn no_schema_panics(seed: u64) {
        let rng = &mut rng(seed);
        let schema = super::arrow::schema_of(&random_avro_schema(rng), true).unwrap().to_string();
        for text in hostile(rng, &[schema.as_bytes(), USER.as_bytes()]) {
            if let Ok(schema) = AvroSchema::parse(&String::from_utf8_lossy(&text)) {
                schema.fingerprint();
                let _ = super::arrow::columns(&schema, true);
            }
        }
    }
}

/// Avro's names are plainer than columns' may be.
fn random_avro_schema(rng: &mut rand::rngs::SmallRng) -> SchemaRef {
    fn plain(field: &Field) -> Field {
        let data_type = match field.data_type() {
            DataType::Struct(fields) => {
                let named = fields.iter().enumerate().map(|(nth, field)| plain(field).with_name(format!("f{nth}")));
                DataType::Struct(named.collect())
            }
            DataType::List(item) => DataType::List(Arc::new(plain(item))),
            DataType::Map(entries, sorted) => {
                let DataType::Struct(pair) = entries.data_type() else { unreachable!() };
                let pair = DataType::Struct([pair[0].clone(), Arc::new(plain(&pair[1]))].into_iter().collect());
                DataType::Map(Arc::new(entries.as_ref().clone().with_data_type(pair)), *sorted)
            }
            other => other.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    }
    let schema = random_schema(rng, TYPES);
    Arc::new(arrow::datatypes::Schema::new(schema.fields().iter().map(|field| plain(field)).collect::<Vec<_>>()))
}
