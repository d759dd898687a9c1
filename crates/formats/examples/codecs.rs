//! Measures decoding and encoding: `cargo run --release -p tidemill-formats --example codecs [SECONDS]`.
//!
//! One thread, batches of 4,096 records, three kinds of records: a flat event of ten fields, the same among forty
//! fields that are not asked for, and an order with a nested row and an array. The peers are arrow's own readers and
//! writers on the same bytes, into the same columns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tidemill_formats::{Format, Options, Records};

const BATCH: usize = 4_096;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let seconds: f64 = std::env::args().nth(1).map_or(Ok(1.0), |text| text.parse())?;
    let time = Duration::from_secs_f64(seconds);
    for case in cases() {
        println!("{}: {} bytes a record as JSON", case.name, case.lines.iter().map(String::len).sum::<usize>() / BATCH);
        json(&case, time)?;
        if case.flat {
            csv(&case, time)?;
        }
        avro(&case, time)?;
    }
    Ok(())
}

struct Case {
    name: &'static str,
    schema: SchemaRef,
    lines: Vec<String>,
    flat: bool,
}

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn event_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        field("event_time", DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("user_id", DataType::Int64),
        field("session", DataType::Utf8),
        field("page", DataType::Utf8),
        field("country", DataType::Utf8),
        field("device", DataType::Utf8),
        field("duration_ms", DataType::Int32),
        field("price", DataType::Float64),
        field("converted", DataType::Boolean),
        field("referrer", DataType::Utf8),
    ]))
}

fn event(rng: &mut SmallRng) -> String {
    let country = ["DE", "US", "FR", "IN", "BR"][rng.random_range(0..5)];
    let device = ["desktop", "mobile", "tablet"][rng.random_range(0..3)];
    let referrer =
        if rng.random_bool(0.3) { "null".into() } else { format!("\"https://example.org/{}\"", rng.random::<u16>()) };
    format!(
        r#"{{"event_time":"2026-11-22T{:02}:{:02}:{:02}.{:03}","user_id":{},"session":"{:016x}","page":"/products/{}?q=a%20b","country":"{country}","device":"{device}","duration_ms":{},"price":{:.2},"converted":{},"referrer":{referrer}}}"#,
        rng.random_range(0..24),
        rng.random_range(0..60),
        rng.random_range(0..60),
        rng.random_range(0..1000),
        rng.random_range(0..100_000_000u32),
        rng.random::<u64>(),
        rng.random_range(0..10_000),
        rng.random_range(0..60_000),
        rng.random_range(0.0..500.0),
        rng.random::<bool>(),
    )
}

fn cases() -> Vec<Case> {
    let rng = &mut SmallRng::seed_from_u64(1);
    let events: Vec<String> = (0..BATCH).map(|_| event(rng)).collect();
    let wide = events.iter().map(|line| {
        let more: String = (0..40).map(|n| format!(r#","attribute_{n}":"{:x}""#, rng.random::<u32>())).collect();
        format!("{}{more}}}", line.trim_end_matches('}'))
    });
    let wide = wide.collect();
    let item = Fields::from(vec![
        field("sku", DataType::Utf8),
        field("quantity", DataType::Int32),
        field("price", DataType::Decimal128(10, 2)),
    ]);
    let address = Fields::from(vec![field("city", DataType::Utf8), field("zip", DataType::Utf8)]);
    let order_schema = Arc::new(Schema::new(vec![
        field("orderId", DataType::Int64),
        field("orderDateTime", DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("shipTo", DataType::Struct(address)),
        field("items", DataType::List(Arc::new(field("item", DataType::Struct(item))))),
    ]));
    let orders = (0..BATCH).map(|_| {
        let items: Vec<String> = (0..rng.random_range(1..5))
            .map(|_| format!(r#"{{"sku":"P-{}","quantity":{},"price":{:.2}}}"#, rng.random::<u16>(), rng.random_range(1..9), rng.random_range(1.0..99.0)))
            .collect();
        format!(
            r#"{{"orderId":{},"orderDateTime":"2020-05-01T17:11:{:02}.973Z","shipTo":{{"city":"Hamburg","zip":"{}"}},"items":[{}]}}"#,
            rng.random::<u32>(),
            rng.random_range(0..60),
            rng.random::<u16>(),
            items.join(",")
        )
    });
    let orders = orders.collect();
    vec![
        Case { name: "event", schema: event_schema(), lines: events, flat: true },
        Case { name: "wide", schema: event_schema(), lines: wide, flat: false },
        Case { name: "order", schema: order_schema, lines: orders, flat: false },
    ]
}

/// How long this thread has been on a processor, where the system tells (Linux): the figures then hold on a busy
/// machine, too. Elsewhere the time of the clock is taken.
fn cpu_nanos() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// Runs until the time is up; what one record cost, and how many bytes of records a second that is.
fn measure(
    what: &str,
    bytes: usize,
    time: Duration,
    mut run: impl FnMut() -> Result<usize, Failure>,
) -> Result<(), Failure> {
    run()?;
    let (start, begin, mut records) = (Instant::now(), cpu_nanos(), 0);
    while start.elapsed() < time {
        records += run()?;
    }
    let cpu = begin.zip(cpu_nanos()).map(|(begin, end)| end.saturating_sub(begin) as f64);
    let nanos = cpu.unwrap_or(start.elapsed().as_nanos() as f64) / records as f64;
    let rate = bytes as f64 / BATCH as f64 / nanos * 1e3;
    println!("  {what:<28} {nanos:>7.0} ns a record {rate:>7.0} MB/s");
    Ok(())
}

fn decode_encode(
    format: &Format,
    name: &str,
    schema: &SchemaRef,
    rows: &RecordBatch,
    time: Duration,
) -> Result<Records, Failure> {
    let mut encoder = format.encoder(schema.clone())?;
    let mut records = Records::new();
    encoder.encode(rows, None, &mut records)?;
    let bytes = records.bytes().len();
    let mut out = Records::new();
    measure(&format!("{name} encode"), bytes, time, || {
        out.clear();
        encoder.encode(rows, None, &mut out)?;
        Ok(out.len())
    })?;
    let slices: Vec<&[u8]> = records.iter().collect();
    let mut decoder = format.decoder(schema.clone())?;
    measure(&format!("{name} decode"), bytes, time, || Ok(decoder.decode(&slices)?.rows.num_rows()))?;
    Ok(records)
}

fn json(case: &Case, time: Duration) -> Result<(), Failure> {
    let format = Format::named("json", &Options::new())?;
    let slices: Vec<&[u8]> = case.lines.iter().map(|line| line.as_bytes()).collect();
    let joined = case.lines.join("\n").into_bytes();
    let mut decoder = format.decoder(case.schema.clone())?;
    measure("json decode", joined.len(), time, || Ok(decoder.decode(&slices)?.rows.num_rows()))?;
    let mut theirs = arrow::json::ReaderBuilder::new(case.schema.clone()).with_batch_size(BATCH).build_decoder()?;
    measure("arrow-json decode", joined.len(), time, || {
        theirs.decode(&joined)?;
        Ok(theirs.flush()?.map_or(0, |rows| rows.num_rows()))
    })?;
    let decoded = decoder.decode(&slices)?;
    assert_eq!(decoded.rejected, vec![]);
    let mut encoder = format.encoder(case.schema.clone())?;
    let mut out = Records::new();
    encoder.encode(&decoded.rows, None, &mut out)?;
    let bytes = out.bytes().len();
    measure("json encode", bytes, time, || {
        out.clear();
        encoder.encode(&decoded.rows, None, &mut out)?;
        Ok(out.len())
    })?;
    measure("arrow-json encode", bytes, time, || {
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::with_capacity(bytes * 2));
        writer.write(&decoded.rows)?;
        writer.finish()?;
        Ok(decoded.rows.num_rows())
    })
}

fn rows(case: &Case) -> Result<RecordBatch, Failure> {
    let slices: Vec<&[u8]> = case.lines.iter().map(|line| line.as_bytes()).collect();
    Ok(Format::named("json", &Options::new())?.decoder(case.schema.clone())?.decode(&slices)?.rows)
}

fn csv(case: &Case, time: Duration) -> Result<(), Failure> {
    let rows = rows(case)?;
    let format = Format::named("csv", &Options::new())?;
    let records = decode_encode(&format, "csv", &case.schema, &rows, time)?;
    let joined = records.iter().flat_map(|record| [record, b"\n"].concat()).collect::<Vec<u8>>();
    let builder = arrow::csv::ReaderBuilder::new(case.schema.clone()).with_batch_size(BATCH);
    let mut theirs = builder.build_decoder();
    measure("arrow-csv decode", records.bytes().len(), time, || {
        theirs.decode(&joined)?;
        Ok(theirs.flush()?.map_or(0, |rows| rows.num_rows()))
    })?;
    measure("arrow-csv encode", records.bytes().len(), time, || {
        let mut writer =
            arrow::csv::WriterBuilder::new().with_header(false).build(Vec::with_capacity(joined.len() * 2));
        writer.write(&rows)?;
        Ok(rows.num_rows())
    })
}

fn avro(case: &Case, time: Duration) -> Result<(), Failure> {
    decode_encode(&Format::named("avro", &Options::new())?, "avro", &case.schema, &rows(case)?, time)?;
    Ok(())
}
