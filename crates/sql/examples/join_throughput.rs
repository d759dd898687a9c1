//! How many rows a second joins, top-n and de-duplication take on one core, and what a key costs in memory: time inside the
//! operator, state in memory. Each measurement is a process of its own.
//!
//! ```text
//! cargo run --release -p tidemill-sql --example join_throughput [NAME]
//! ```

use std::{sync::Arc, time::Duration};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    compute::SortOptions,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use tidemill_engine::{
    Batch, EventTime, Guarantee, Job, Operator, OperatorContext, Output, Port, Replay, Result, Routing, SnapshotReader,
    SnapshotWriter, Source, SourceOutput, SourceStatus, Waker, runtime::local::LocalRuntime,
};
use tidemill_sql::operators::{
    deduplicate::{Deduplicate, DeduplicateConfig, Keep, Order},
    join::{IntervalJoin, IntervalJoinConfig, JoinInput, JoinType, RegularJoin, RegularJoinConfig, RegularJoinInput},
    rows::RowCodec,
    top_n::{TopN, TopNConfig},
};

const ROWS: usize = 4096;
/// So much event time passes in a batch: a second holds some 100,000 rows.
const BATCH_MICROS: i64 = 40_000;

/// Sends rows (k, v) with their key: batches go round its ports.
struct Player {
    ports: usize,
    keys: u64,
    rows: u64,
    sent: u64,
    codec: RowCodec,
    schema: SchemaRef,
}

impl Player {
    fn batch(&self) -> Result<Batch> {
        let round = self.sent / ROWS as u64 / self.ports as u64;
        // A step that has no divisor in common with the number of keys meets each key once before any twice.
        let key = |row: u64| ((row + round * ROWS as u64) * 7_368_787 % self.keys) as i64;
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS as u64).map(key)));
        let value = |row: u64| ((row + self.sent).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as i64;
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS as u64).map(value)));
        let encoded = self.codec.encode_column(std::slice::from_ref(&keys), ROWS)?;
        let rows = RecordBatch::try_new(self.schema.clone(), vec![keys, values, encoded])?;
        let start = round as i64 * BATCH_MICROS;
        let times: Vec<i64> = (0..ROWS as i64).map(|row| start + row * BATCH_MICROS / ROWS as i64).collect();
        Batch::new(rows, times)
    }
}

impl Source for Player {
    fn open(&mut self, _context: &OperatorContext, _waker: Waker) -> Result<()> {
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let batches = self.sent / ROWS as u64;
        out.emit_to((batches % self.ports as u64) as usize, self.batch()?);
        self.sent += ROWS as u64;
        let round = batches / self.ports as u64;
        out.watermark(EventTime((round as i64 - 1) * BATCH_MICROS));
        Ok(if self.sent >= self.rows { SourceStatus::Waiting } else { SourceStatus::More })
    }

    fn snapshot(&mut self, _writer: &mut SnapshotWriter) -> Result<()> {
        Ok(())
    }

    fn restore(&mut self, _reader: &SnapshotReader) -> Result<()> {
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

struct Nowhere;

impl Operator for Nowhere {
    fn on_batch(&mut self, _port: usize, _batch: Batch, _out: &mut Output<'_>) -> Result<()> {
        Ok(())
    }
}

fn schema(columns: &[&str]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect::<Vec<_>>()))
}

/// Memory of this process, where the system tells.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// Plays so many rows of so many keys on each port.
fn measure<O: Operator + 'static>(
    name: &str,
    ports: usize,
    keys: u64,
    rows: u64,
    make: impl Fn() -> Result<O> + Send + Sync + 'static,
) -> Result<()> {
    let mut job = Job::new("throughput").with_guarantee(Guarantee::AtLeastOnce);
    let source = job.source("player", Replay::FromPosition, move |_| {
        let mut fields = schema(&["k", "v"]).fields().to_vec();
        fields.push(Arc::new(Field::new("__key", DataType::Binary, false)));
        let schema = Arc::new(Schema::new(fields));
        Ok(Player { ports, keys, rows: rows * ports as u64, sent: 0, codec: RowCodec::new([DataType::Int64])?, schema })
    });
    let inputs: Vec<_> =
        (0..ports).map(|port| (Port { node: source.node, output: port }, port, Routing::Forward)).collect();
    let node = job.operator("measured", &inputs, move |_| make());
    job.operator("nowhere", &[(Port { node, output: 0 }, 0, Routing::Forward)], |_| Ok(Nowhere));
    let mut runtime = LocalRuntime::start(job, 1)?.with_budget(1);
    let before = resident();
    runtime.run()?;
    let grown = resident().saturating_sub(before);
    for figures in runtime.metrics().read().into_iter().filter(|figures| figures.operator == "measured") {
        let seconds = Duration::from_nanos(figures.busy_ns).as_secs_f64();
        println!(
            "{name:<34} {:>6.2} M rows/s in, {:>5.2} rows out a row in, {:>5} bytes a key and input",
            figures.rows_in as f64 / seconds / 1e6,
            figures.rows_out as f64 / figures.rows_in as f64,
            grown / keys / ports as u64,
        );
    }
    Ok(())
}

fn input() -> JoinInput {
    JoinInput { schema: schema(&["k", "v"]), null_never_equals: vec![0] }
}

fn regular(join: JoinType) -> Result<RegularJoin> {
    RegularJoin::new(RegularJoinConfig {
        join,
        left: RegularJoinInput { input: input(), ttl: None },
        right: RegularJoinInput { input: input(), ttl: None },
        condition: None,
        schema: schema(&["k", "v", "k2", "w"]),
    })
}

fn interval(join: JoinType) -> Result<IntervalJoin> {
    IntervalJoin::new(IntervalJoinConfig {
        join,
        left: input(),
        right: input(),
        lower: -5_000_000,
        lower_inclusive: true,
        upper: 5_000_000,
        upper_inclusive: true,
        processing_time: false,
        condition: None,
        schema: schema(&["k", "v", "k2", "w"]),
    })
}

fn top_10(append_only: bool) -> Result<TopN> {
    TopN::new(TopNConfig {
        input: schema(&["k", "v"]),
        sort: vec![(1, SortOptions { descending: true, nulls_first: false })],
        start: 1,
        end: 10,
        rank_number: false,
        append_only,
        schema: schema(&["k", "v"]),
        ttl: None,
    })
}

fn deduplicate(keep: Keep, order: Order) -> Result<Deduplicate> {
    Deduplicate::new(DeduplicateConfig { schema: schema(&["k", "v"]), keep, order, ttl: None })
}

const MILLION: u64 = 1_000_000;

fn run(name: &str) -> Result<()> {
    match name {
        "inner join" => measure(name, 2, MILLION, MILLION, || regular(JoinType::Inner)),
        "left join" => measure(name, 2, MILLION, MILLION, || regular(JoinType::Left)),
        "interval join" => measure(name, 2, MILLION, 4 * MILLION, || interval(JoinType::Inner)),
        "interval left join" => measure(name, 2, MILLION, 4 * MILLION, || interval(JoinType::Left)),
        "top 10" => measure(name, 1, 10_000, 4 * MILLION, || top_10(true)),
        "top 10 of a changelog" => measure(name, 1, 10_000, 2 * MILLION, || top_10(false)),
        "first row, 1 M keys" => measure(name, 1, MILLION, 8 * MILLION, || deduplicate(Keep::First, Order::Processing)),
        "first row, 10 M keys" => {
            measure(name, 1, 10 * MILLION, 20 * MILLION, || deduplicate(Keep::First, Order::Processing))
        }
        "last row, 1 M keys" => measure(name, 1, MILLION, 8 * MILLION, || deduplicate(Keep::Last, Order::Event)),
        "last row, 10 M keys" => measure(name, 1, 10 * MILLION, 20 * MILLION, || deduplicate(Keep::Last, Order::Event)),
        other => {
            println!("there is no measurement '{other}'");
            Ok(())
        }
    }
}

const ALL: [&str; 10] = [
    "inner join",
    "left join",
    "interval join",
    "interval left join",
    "top 10",
    "top 10 of a changelog",
    "first row, 1 M keys",
    "first row, 10 M keys",
    "last row, 1 M keys",
    "last row, 10 M keys",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(name) = std::env::args().nth(1) {
        return Ok(run(&name)?);
    }
    for name in ALL {
        std::process::Command::new(std::env::current_exe()?).arg(name).status()?;
    }
    Ok(())
}
