//! How long a row takes: through a filter to who reads its rows and to another stream, and from the watermark to a window's result.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use tidemill_engine::Batch;
use tidemill_streams::{Position, Record, Stream, Streams};

use super::{Bench, Figures, quantile};
use crate::error::{Error, Result};
use crate::run::{JobState, Rows, RunError, RunOptions, Running, Script, StartFrom};

const RUN: Duration = Duration::from_secs(20);
/// The first are not counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// One of two passes the filter.
const ROWS_PER_SECOND: u32 = 1_000;
/// How long the last may take.
const PATIENCE: Duration = Duration::from_secs(5);
const WINDOW_MS: i64 = 1_000;
const READ_BYTES: usize = 1 << 20;

/// A stream of rows, each of which says when it is put: milliseconds of the event time, and microseconds since the begin.
const TICKS: &str =
    "CREATE TABLE ticks (n BIGINT, put BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'stream', 'stream' = 'ticks', 'stream.shards' = '1', 'format' = 'json');
CREATE TABLE passed (put BIGINT) WITH ('connector' = 'stream', 'stream' = 'passed', 'stream.shards' = '1', 'format' = 'json');
";
const FILTER: &str = "SELECT put FROM ticks WHERE n % 2 = 0";
const WINDOW: &str = "SELECT window_end FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end";

pub(super) fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("latency");
    let mut add = |name: &str, mut took_ms: Vec<f64>| {
        figures.add(format!("{name}_p50_ms"), quantile(&mut took_ms, 0.5));
        figures.add(format!("{name}_p99_ms"), quantile(&mut took_ms, 0.99));
        figures.add(format!("{name}_max_ms"), quantile(&mut took_ms, 1.0));
    };
    let folder = bench.scratch.path();
    add("filter", filter(&folder.join("filter"))?);
    add("filter_to_stream", filter_to_stream(&folder.join("filter-to-stream"))?);
    add("window", window(&folder.join("window"))?);
    Ok(figures)
}

/// Rows of a SELECT, from before they are put.
fn filter(data: &Path) -> Result<Vec<f64>> {
    let (application, rows) = Application::start(data, FILTER)?;
    let rows = rows.ok_or_else(|| Error::part("the application", "it shows no rows"))?;
    let mut took = Vec::new();
    application.put_rows(|begun, _| {
        for batch in received(&rows.batches) {
            let now = begun.elapsed();
            took.extend(longs(&batch)?.into_iter().filter_map(|put| counted(put, now)));
        }
        Ok(())
    })?;
    all_came(took, (RUN - WARM_UP).as_secs() * u64::from(ROWS_PER_SECOND) / 2)
}

/// Rows that an exactly-once sink puts into another stream, from before they are put to when a consumer can read them.
fn filter_to_stream(data: &Path) -> Result<Vec<f64>> {
    let (application, _) = Application::start(data, &format!("INSERT INTO passed {FILTER}"))?;
    let shard = first_shard(&application.streams.get("passed").map_err(Error::from_streams)?)?;
    let mut reader = shard.reader(Position::Oldest).map_err(Error::from_streams)?;
    let (mut took, mut records) = (Vec::new(), Vec::new());
    application.put_rows(|begun, _| {
        records.clear();
        reader.wait(Duration::from_micros(100));
        reader.read(READ_BYTES, &mut records).map_err(Error::from_streams)?;
        let now = begun.elapsed();
        for record in &records {
            let row: serde_json::Value = serde_json::from_slice(&record.data).unwrap_or_default();
            took.extend(row["put"].as_i64().and_then(|put| counted(put, now)));
        }
        Ok(())
    })?;
    all_came(took, (RUN - WARM_UP).as_secs() * u64::from(ROWS_PER_SECOND) / 2)
}

/// Results of windows, from before the first row is put whose time is the window's last millisecond, or later.
fn window(data: &Path) -> Result<Vec<f64>> {
    let (application, rows) = Application::start(data, WINDOW)?;
    let rows = rows.ok_or_else(|| Error::part("the application", "it shows no rows"))?;
    let mut took = Vec::new();
    application.put_rows(|begun, closed_at| {
        for batch in received(&rows.batches) {
            let now = begun.elapsed();
            let ends = longs(&batch)?;
            let reached = ends.iter().filter_map(|end| closed_at.get(end)).filter(|at| **at > WARM_UP);
            took.extend(reached.map(|at| (now - *at).as_secs_f64() * 1e3));
        }
        Ok(())
    })?;
    all_came(took, (RUN - WARM_UP).as_secs() - 1)
}

fn received(batches: &Receiver<Batch>) -> Vec<Batch> {
    match batches.recv_timeout(Duration::from_micros(100)) {
        Ok(batch) => vec![batch],
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Vec::new(),
    }
}

/// The first column.
fn longs(batch: &Batch) -> Result<Vec<i64>> {
    // A timestamp of three digits is a number of milliseconds.
    let column = arrow::compute::cast(batch.rows().column(0), &DataType::Int64);
    let column = column.map_err(|error| Error::part("the application's rows", error))?;
    Ok(column.as_primitive::<Int64Type>().values().to_vec())
}

/// Milliseconds since a row was put, unless it was put too early to count.
fn counted(put_us: i64, now: Duration) -> Option<f64> {
    let put = Duration::from_micros(u64::try_from(put_us).ok()?);
    (put > WARM_UP).then(|| now.saturating_sub(put).as_secs_f64() * 1e3)
}

fn all_came(took: Vec<f64>, at_least: u64) -> Result<Vec<f64>> {
    match took.len() as u64 >= at_least {
        true => Ok(took),
        false => Err(Error::part("the application", format!("{} of {at_least} results came", took.len()))),
    }
}

fn first_shard(stream: &Stream) -> Result<tidemill_streams::ShardHandle> {
    stream.shards().into_iter().next().ok_or_else(|| Error::part("the benchmark", "a stream has no shard"))
}

/// An application that reads the ticks.
struct Application {
    running: Running,
    streams: Streams,
}

impl Application {
    fn start(data: &Path, query: &str) -> Result<(Application, Option<Rows>)> {
        let said = |error: RunError| Error::part("the application", error);
        let options = RunOptions {
            data: data.to_owned(),
            folder: data.to_owned(),
            name: "latency".to_owned(),
            from: StartFrom::Latest,
            settings: Vec::new(),
            dialect: None,
        };
        let script = Script::read(&format!("{TICKS}{query};"), options).map_err(said)?;
        let streams = script.streams().ok_or_else(|| Error::part("the application", "it has no streams"))?;
        let mut running = script.start().map_err(said)?;
        let rows = running.rows();
        Ok((Application { running, streams }, rows))
    }

    /// Puts rows at an even rate, one a call, and looks in between for what comes of them. `look` gets the begin, and when each
    /// window's end was reached, by the end.
    fn put_rows(&self, mut look: impl FnMut(Instant, &BTreeMap<i64, Duration>) -> Result<()>) -> Result<()> {
        let ticks = self.streams.get("ticks").map_err(Error::from_streams)?;
        let begun = Instant::now();
        let begun_ms = crate::observe::now_ms() as i64;
        let (mut put, mut reached) = (0_u32, BTreeMap::new());
        while begun.elapsed() < RUN + PATIENCE {
            let now = begun.elapsed();
            // One that is late is not made up for.
            if now < RUN && now.as_secs_f64() * f64::from(ROWS_PER_SECOND) >= f64::from(put) {
                put += 1;
                let ms = begun_ms + now.as_millis() as i64;
                // A window ends with its last millisecond.
                reached.entry((ms + 1) / WINDOW_MS * WINDOW_MS).or_insert(now);
                let data = format!(r#"{{"n":{put},"put":{},"ms":{ms}}}"#, now.as_micros());
                let record = Record { partition_key: b"tick", data: data.as_bytes(), ..Record::default() };
                // Who looks for it need not wait until it is on disk.
                drop(ticks.append_batch(&[record]));
            }
            look(begun, &reached)?;
            if let JobState::Failed(error) = self.running.state() {
                return Err(Error::part("the application", error));
            }
        }
        Ok(())
    }
}
