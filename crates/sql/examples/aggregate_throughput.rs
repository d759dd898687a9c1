//! How many rows a second the aggregating operators take on one core: time inside the operator, state in memory.
//!
//! ```text
//! cargo run --release -p tidemill-sql --example aggregate_throughput
//! ```

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use tidemill_engine::{
    Batch, EventTime, Guarantee, Job, Operator, OperatorContext, Output, Replay, Result, Routing, SnapshotReader,
    SnapshotWriter, Source, SourceOutput, SourceStatus, Waker, runtime::local::LocalRuntime,
};
use tidemill_sql::{
    aggregate::{AggregateCall, AggregateFunction},
    operators::{
        group_aggregate::{GroupAggregate, GroupAggregateConfig},
        over_aggregate::{OverAggregate, OverAggregateConfig, OverFrame, OverOrder},
        rows::RowCodec,
        session_window_aggregate::{SessionWindowAggregate, SessionWindowAggregateConfig},
        window_aggregate::{TimeAttribute, WindowAggregate, WindowAggregateConfig, WindowAssignment},
        windows::Windows,
    },
};

const ROWS: usize = 4096;
const BATCHES: usize = 1000;
const KEYS: u64 = 10_000;
/// So much event time passes in a batch: a second holds some 100,000 rows.
const BATCH_MICROS: i64 = 40_000;

/// Plays batches that were made before, each at a later time, with a watermark behind it.
struct Player {
    batches: Arc<Vec<Batch>>,
    at: usize,
}

impl Source for Player {
    fn open(&mut self, _context: &OperatorContext, _waker: Waker) -> Result<()> {
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let Some(batch) = self.batches.get(self.at % self.batches.len()) else { return Ok(SourceStatus::Finished) };
        let shift = self.at as i64 * BATCH_MICROS;
        let times: Vec<i64> = batch.times().iter().map(|time| time + shift).collect();
        out.emit(batch.clone().with_times(times)?);
        out.watermark(EventTime(shift - BATCH_MICROS));
        self.at += 1;
        Ok(if self.at == BATCHES { SourceStatus::Finished } else { SourceStatus::More })
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

/// Rows (key, value) with the encoded key behind them, keys at random.
fn batches() -> Result<Vec<Batch>> {
    let codec = RowCodec::new([DataType::Int64])?;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    (0..50)
        .map(|_| {
            let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS).map(|_| (next() % KEYS) as i64)));
            let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS).map(|_| (next() % 1000) as i64)));
            let key = codec.encode_column(std::slice::from_ref(&keys), ROWS)?;
            let fields = vec![
                Field::new("key", DataType::Int64, false),
                Field::new("value", DataType::Int64, false),
                Field::new("__key", DataType::Binary, false),
            ];
            let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![keys, values, key])?;
            let times: Vec<i64> = (0..ROWS as i64).map(|row| row * BATCH_MICROS / ROWS as i64).collect();
            Batch::new(rows, times)
        })
        .collect()
}

fn schema(columns: &[&str], timestamps: usize) -> SchemaRef {
    let timestamp = DataType::Timestamp(TimeUnit::Millisecond, None);
    let fields = columns.iter().enumerate().map(|(at, name)| {
        let is_number = at < columns.len() - timestamps;
        Field::new(*name, if is_number { DataType::Int64 } else { timestamp.clone() }, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

struct Nowhere;

impl Operator for Nowhere {
    fn on_batch(&mut self, _port: usize, _batch: Batch, _out: &mut Output<'_>) -> Result<()> {
        Ok(())
    }
}

fn measure<O: Operator + 'static>(
    name: &str,
    batches: &Arc<Vec<Batch>>,
    make: impl Fn() -> Result<O> + Send + Sync + 'static,
) -> Result<()> {
    let mut job = Job::new("throughput").with_guarantee(Guarantee::AtLeastOnce);
    let batches = batches.clone();
    let source = job.source("player", Replay::FromPosition, move |_| Ok(Player { batches: batches.clone(), at: 0 }));
    let node = job.operator("measured", &[(source, 0, Routing::Forward)], move |_| make());
    job.operator("nowhere", &[(tidemill_engine::Port { node, output: 0 }, 0, Routing::Forward)], |_| Ok(Nowhere));
    let mut runtime = LocalRuntime::start(job, 1)?.with_budget(1);
    runtime.run()?;
    for figures in runtime.metrics().read().into_iter().filter(|figures| figures.operator == "measured") {
        let seconds = figures.busy_ns as f64 / 1e9;
        println!(
            "{name:<34} {:>6.1} M rows/s in, {:>6.2} rows out a row in",
            figures.rows_in as f64 / seconds / 1e6,
            figures.rows_out as f64 / figures.rows_in as f64,
        );
    }
    Ok(())
}

fn main() -> Result<()> {
    let batches = Arc::new(batches()?);
    let input = schema(&["key", "value"], 0);
    let key = vec![DataType::Int64];
    let aggregates = vec![
        AggregateCall::new(AggregateFunction::CountAll, []),
        AggregateCall::new(AggregateFunction::Sum, [1]),
        AggregateCall::new(AggregateFunction::Max, [1]),
    ];
    for (name, retracts) in [("group by", false), ("group by, input with retractions", true)] {
        let config = GroupAggregateConfig {
            input: input.clone(),
            key: key.clone(),
            aggregates: aggregates.clone(),
            retracts,
            state_ttl: None,
            output: schema(&["key", "count", "sum", "max"], 0),
        };
        measure(name, &batches, move || GroupAggregate::new(config.clone()))?;
    }
    let second = 1_000_000;
    let windows = [
        ("tumble 1 s", Windows::Tumble { size: second, offset: 0 }),
        ("hop 5 s by 1 s", Windows::Hop { size: 5 * second, slide: second, offset: 0 }),
        ("cumulate 10 s by 1 s", Windows::Cumulate { size: 10 * second, step: second, offset: 0 }),
    ];
    let windowed = schema(&["key", "count", "sum", "max", "start", "end", "time"], 3);
    for (name, windows) in windows {
        let config = WindowAggregateConfig {
            input: input.clone(),
            key: key.clone(),
            aggregates: aggregates.clone(),
            retracts: false,
            windows: WindowAssignment::Assigned { windows, time: TimeAttribute::Rows },
            output: windowed.clone(),
        };
        measure(name, &batches, move || WindowAggregate::new(config.clone()))?;
    }
    let config = SessionWindowAggregateConfig {
        input: input.clone(),
        key: key.clone(),
        aggregates: aggregates.clone(),
        gap: second / 10,
        time: TimeAttribute::Rows,
        output: windowed,
    };
    measure("session with a gap of 100 ms", &batches, move || SessionWindowAggregate::new(config.clone()))?;
    let frames = [
        ("over rows unbounded", OverFrame::Rows(None), OverOrder::Sorted(TimeAttribute::Rows)),
        ("over 10 rows", OverFrame::Rows(Some(10)), OverOrder::Sorted(TimeAttribute::Rows)),
        ("over 1 s", OverFrame::Range(Some(second)), OverOrder::Sorted(TimeAttribute::Rows)),
        ("over 1 s by arrival", OverFrame::Range(Some(second)), OverOrder::Arrival(TimeAttribute::Rows)),
    ];
    for (name, frame, order) in frames {
        let config = OverAggregateConfig {
            input: input.clone(),
            aggregates: aggregates.clone(),
            frame,
            order,
            state_ttl: None,
            output: schema(&["key", "value", "count", "sum", "max"], 0),
        };
        measure(name, &batches, move || OverAggregate::new(config.clone()))?;
    }
    Ok(())
}
