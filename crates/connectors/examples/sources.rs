//! How fast sources make their rows, on one core: `cargo run --release -p tidemill-connectors --example sources`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // what stands beside the code

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use tidemill_connectors::connector::{TableColumn, TableDeclaration};
use tidemill_connectors::{Environment, source};
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{Batch, Delivery, Epoch, Job, Result, Routing, Sink, SnapshotWriter};

#[derive(Clone, Default)]
struct Count {
    rows: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Sink for Count {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(batch.bytes() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn prepare(&mut self, _: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}

const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

fn measure(what: &str, columns: &[(&str, DataType)], options: &[(&str, &str)]) {
    let columns = columns.iter().map(|(name, data_type)| TableColumn {
        field: Arc::new(Field::new(*name, data_type.clone(), true)),
        metadata: None,
        read_only: false,
    });
    let declaration = TableDeclaration {
        name: "t".into(),
        columns: columns.collect(),
        primary_key: Vec::new(),
        partitioned_by: Vec::new(),
        options: options.iter().copied().collect(),
    };
    let table = source(&declaration, &Environment::default()).unwrap();
    let projection: Vec<usize> = (0..declaration.columns.len()).collect();
    let count = Count::default();
    let mut job = Job::new("measure");
    let replay = table.replay();
    let rows = job.source("source", replay, move |context| table.open(&projection, context));
    let sink = count.clone();
    job.sink("count", &[(rows, Routing::Forward)], Delivery::Upsert, move |_| Ok(sink.clone()));
    let begun = Instant::now();
    LocalRuntime::start(job, 1).unwrap().with_budget(4 << 20).run().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let (rows, bytes) = (count.rows.load(Ordering::Relaxed) as f64, count.bytes.load(Ordering::Relaxed) as f64);
    println!("{what:<42} {:>8.2} million rows/s {:>8.0} MB/s", rows / seconds / 1e6, bytes / seconds / 1e6);
}

fn main() {
    let bid: Vec<(&str, DataType)> = vec![
        ("auction", DataType::Int64),
        ("bidder", DataType::Int64),
        ("price", DataType::Int64),
        ("channel", DataType::Utf8),
        ("url", DataType::Utf8),
        ("dateTime", TIME),
        ("extra", DataType::Utf8),
    ];
    let row = |fields: &[(&str, DataType)]| {
        let fields = fields.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
        DataType::Struct(fields.collect::<Fields>())
    };
    let text = |names: &[&'static str]| names.iter().map(|name| (*name, DataType::Utf8)).collect::<Vec<_>>();
    let number = |names: &[&'static str]| names.iter().map(|name| (*name, DataType::Int64)).collect::<Vec<_>>();
    let mut person = number(&["id"]);
    person.extend(text(&["name", "emailAddress", "creditCard", "city", "state", "extra"]));
    person.push(("dateTime", TIME));
    let mut auction = number(&["id", "initialBid", "reserve", "seller", "category"]);
    auction.extend(text(&["itemName", "description", "extra"]));
    auction.extend([("dateTime", TIME), ("expires", TIME)]);

    let nexmark = [("connector", "nexmark"), ("events.num", "5000000")];
    let all =
        [("event_type", DataType::Int32), ("person", row(&person)), ("auction", row(&auction)), ("bid", row(&bid))];
    measure("nexmark, all columns", &all, &nexmark);
    measure("nexmark, event_type and bid", &[all[0].clone(), all[3].clone()], &nexmark);
    let bids = [nexmark[0], nexmark[1], ("nexmark.event", "bid")];
    measure("nexmark bids, all columns", &bid, &bids);
    measure("nexmark bids, auction, price, dateTime", &[bid[0].clone(), bid[2].clone(), bid[5].clone()], &bids);

    let datagen = [("connector", "datagen"), ("rows-per-second", "0"), ("number-of-rows", "10000000")];
    measure("datagen, a BIGINT", &[("n", DataType::Int64)], &datagen);
    let mixed = [("n", DataType::Int64), ("f", DataType::Float64), ("t", DataType::Utf8), ("at", TIME)];
    let length = [datagen[0], datagen[1], datagen[2], ("fields.t.length", "16")];
    measure("datagen, BIGINT, DOUBLE, STRING(16), TIMESTAMP", &mixed, &length);

    let folder = tempfile::tempdir().unwrap();
    let mut json = std::io::BufWriter::new(std::fs::File::create(folder.path().join("a.json")).unwrap());
    for n in 0..2_000_000 {
        writeln!(
            json,
            "{{\"auction\":{},\"bidder\":{},\"price\":{},\"channel\":\"channel-{}\",\"url\":\"https://example.com/{n}\",\"dateTime\":\"2026-11-22 10:{:02}:{:02}.{:03}\"}}",
            n % 977, n % 1013, n * 31 % 100_000, n % 100, n / 60_000 % 60, n / 1_000 % 60, n % 1_000
        )
        .unwrap();
    }
    json.flush().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let files = [("connector", "filesystem"), ("path", path.as_str()), ("format", "json")];
    measure("JSON file, 6 columns", &bid[..6], &files);
    measure("JSON file, 2 of 6 columns", &[bid[0].clone(), bid[2].clone()], &files);

    let folder = tempfile::tempdir().unwrap();
    let mut csv = std::io::BufWriter::new(std::fs::File::create(folder.path().join("a.csv")).unwrap());
    for n in 0..2_000_000 {
        let (auction, bidder, price, channel) = (n % 977, n % 1013, n * 31 % 100_000, n % 100);
        writeln!(csv, "{auction},{bidder},{price},channel-{channel},https://example.com/{n}").unwrap();
    }
    csv.flush().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    measure("CSV file, 5 columns", &bid[..5], &[files[0], ("path", path.as_str()), ("format", "csv")]);
}
