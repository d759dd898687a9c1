//! Every decoder under bytes that no one vouches for, as long as one likes: `FUZZ_SECONDS=1800 cargo test
//! --release -p tidemill-formats fuzz`. A failure names its seed, which `TIDEMILL_FUZZ_SEED` runs again.

use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, SchemaRef};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::value::RawValue;

use crate::testing::{
    PROTOBUF_TYPES, Registry, TEXT_SCALARS, Types, hostile, random_batch, random_schema, rng, schema, stands,
};
use crate::{Format, Options, Records, discover, legible};

const LOGS: &[(&str, &str, &str)] = &[
    ("regex", "regex.pattern", r"(\S+) (?<b>\d*).*"),
    ("w3c", "w3c.pattern", "COMMON"),
    ("w3c", "w3c.pattern", "NCSA EXTENDED"),
    ("w3c", "w3c.pattern", "%t %{x}i|%U"),
    ("syslog", "syslog.standard", "auto"),
    ("syslog", "syslog.standard", "rfc3164"),
    ("fixed-columns", "fixed-columns.columns", "a TYPE VARCHAR(3) START 1 FOR 4, b TYPE TIMESTAMP START 4 FOR 19"),
    ("variable-columns", "variable-columns.columns", "a TYPE VARCHAR(3), b TYPE DECIMAL(5,2)"),
];

const LINES: &[&[u8]] = &[
    br#"192.168.254.30 - John [24/May/2004:22:01:02 -0700] "GET /a \"b\" HTTP/1.1" 304 0 "-" "Mozilla""#,
    b"<165>1 2003-10-11T22:14:15.003Z h app - ID47 [a@1 k=\"v\\]\"][b] \xef\xbb\xbftext",
    b"<34>Oct 11 22:14:15 mymachine su[17]: failed",
    b"ab;12;2026-02-14 18:35:44|x",
];

const CHANGES: &[&[u8]] = &[
    br#"{"schema":{},"payload":{"before":{"id":1},"after":{"id":2,"w":1.5},"op":"u","ts_ms":1,"source":{"ts_ms":2}}}"#,
    br#"{"data":{"id":1,"w":2},"before-image":{"id":1,"w":3},"metadata":{"record-type":"data","operation":"update"}}"#,
];

#[test]
fn no_decoder_panics_loses_a_record_or_lets_one_disturb_another() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("TIDEMILL_FUZZ_SEED") {
        return one_of_each(seed);
    }
    let time = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(2));
    let start = Instant::now();
    let mut seed = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    while start.elapsed() < time {
        seed = seed.wrapping_add(1);
        if std::panic::catch_unwind(|| one_of_each(seed)).is_err() {
            panic!("run it again with TIDEMILL_FUZZ_SEED={seed}");
        }
    }
}

fn one_of_each(seed: u64) {
    let rng = &mut rng(seed);
    let types = |nested| Types { scalars: TEXT_SCALARS, nested, lists_of_scalars: !nested };
    let ignore = if rng.random() { "true" } else { "false" };
    let coercion = if rng.random() { "kinesis" } else { "standard" };
    let nested = random_schema(rng, types(true));
    let batch = random_batch(rng, &nested);
    for name in ["json", "avro"] {
        let mut options = Options::new().with(format!("{name}.ignore-parse-errors"), ignore);
        if name == "json" {
            options = options.with("json.coercion", coercion);
        }
        let Ok(plain) = Format::named(name, &options) else { panic!("{name}") };
        // Avro has plainer names and fewer types: what it refuses is tried with another seed.
        let Ok(mut encoder) = plain.encoder(nested.clone()) else { continue };
        let mut records = Records::new();
        if encoder.encode(&batch, None, &mut records).is_err() {
            continue;
        }
        let hostile = hostile(rng, &records.iter().collect::<Vec<_>>());
        stand(&plain, nested.clone(), &hostile);
        if name == "json" {
            let path = ["$.c0[0:].x", "$.c1.x", "$['c0'][0:]", "$"][rng.random_range(0..4)];
            let row = ["$", "$.c0[0:]", "$.c1"][rng.random_range(0..3)];
            let mapped = options.with("json.path.c0", path).with("json.row-path", row);
            stand(&Format::named("json", &mapped).unwrap(), nested.clone(), &hostile);
        }
        for sample in &hostile {
            let _ = discover(&[sample]);
        }
    }
    protobuf_and_headers(rng, ignore);
    let flat = random_schema(rng, types(false));
    let batch = random_batch(rng, &flat);
    let csv = Options::new().with("csv.ignore-parse-errors", ignore).with("csv.coercion", coercion);
    let csv = csv.with("csv.null-literal", "N").with("csv.allow-comments", ignore).with("csv.header", ignore);
    let csv = if rng.random() { csv.with("csv.escape-character", "x") } else { csv };
    let csv = if rng.random() { csv.with("csv.disable-quote-character", "true") } else { csv };
    let mut records = Records::new();
    let _ = Format::named("csv", &Options::new()).unwrap().encoder(flat.clone()).unwrap().encode(
        &batch,
        None,
        &mut records,
    );
    let lines = hostile(rng, &records.iter().collect::<Vec<_>>());
    stand(&Format::named("csv", &csv).unwrap(), flat, &lines);
    for (name, option, value) in LOGS {
        let format = Format::named(name, &Options::new().with(*option, *value)).unwrap();
        let columns = format.own_schema().unwrap();
        stand(&format, columns, &hostile(rng, LINES));
    }
    let columns = schema(&[("id", DataType::Int32, true), ("w", DataType::Float64, true)]);
    for name in ["debezium-json", "dms-json"] {
        let format = Format::named(name, &Options::new().with(format!("{name}.ignore-parse-errors"), ignore)).unwrap();
        stand(&format, columns.clone(), &hostile(rng, CHANGES));
    }
}

/// Protobuf, and every language behind each registry's header: headers are changed and cut, too.
fn protobuf_and_headers(rng: &mut SmallRng, ignore: &str) {
    let nested = rng.random();
    let columns = random_schema(rng, Types { nested, ..PROTOBUF_TYPES });
    let batch = random_batch(rng, &columns);
    for name in ["avro", "json", "protobuf"] {
        for header in ["none", "confluent", "glue"] {
            let compression = if rng.random() { "zlib" } else { "none" };
            let options = Options::new().with(format!("{name}.ignore-parse-errors"), ignore);
            let options =
                options.with(format!("{name}.header"), header).with(format!("{name}.compression"), compression);
            let format = Format::named(name, &options).unwrap();
            let registry = Registry::new(header == "glue");
            let Ok(mut encoder) = format.encoder_with(columns.clone(), registry.clone()) else { continue };
            let mut records = Records::new();
            if encoder.encode(&batch, None, &mut records).is_err() {
                continue;
            }
            let hostile = hostile(rng, &records.iter().collect::<Vec<_>>());
            if let Ok(mut decoder) = format.decoder_with(columns.clone(), registry.clone()) {
                stands(&mut *decoder, &hostile);
            }
            for record in &hostile {
                if let Some(Ok(told)) = legible(record, &*registry) {
                    // Not as a value: JSON's numbers have no limit.
                    assert!(serde_json::from_str::<&RawValue>(&told.json).is_ok(), "{}", told.json);
                }
            }
        }
    }
}

fn stand(format: &Format, columns: SchemaRef, records: &[Vec<u8>]) {
    if let Ok(mut decoder) = format.decoder(columns) {
        stands(&mut *decoder, records);
    }
}
