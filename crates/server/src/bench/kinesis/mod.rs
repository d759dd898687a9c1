//! How fast records are put and read by Kinesis' protocol: 500 × 1 KiB a call and one by one, and how soon a put record
//! is pushed to a subscriber. The same calls measure any other server, by its address.

mod caller;
mod disk;
pub(super) mod load;

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{Bench, Figures, quantile};
use crate::error::{Error, Result};
use caller::{Caller, Request};

const STREAM: &str = "bench";
/// Shards, each read by a connection.
const SHARDS: usize = 4;
/// Connections that put batches.
const PUTTING: usize = 16;
/// What single records and their delays are measured on.
const QUIET_STREAM: &str = "bench-quiet";
const BATCH: usize = 500;
const RECORD_BYTES: usize = 1 << 10;
const WARM_UP: Duration = Duration::from_secs(1);
const RUN: Duration = Duration::from_secs(5);
/// Reading everything back may take this long; what was read until then counts.
const READ_MAX: Duration = Duration::from_secs(20);
const SINGLE_PUTS: usize = 3_000;
const EVENTS: usize = 500;
/// Either of them takes at most so long; what was measured until then counts.
const SINGLE_MAX: Duration = Duration::from_secs(10);
/// Between two records whose way to a subscriber is measured.
const EVENT_PAUSE: Duration = Duration::from_millis(5);
/// A stream that is being made is there after this at the latest.
const CREATED_MAX: Duration = Duration::from_secs(30);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    if let Some(target) = bench.options.endpoint {
        return measured(target).await;
    }
    let server = bench.server("kinesis", &["kinesis.unlimited=true"]).await?;
    let mut figures = measured(server.address()).await?;
    server.stop()?;
    let folder = bench.scratch.path().join("disk");
    let disk = tokio::task::spawn_blocking(move || disk::append(&folder)).await;
    let disk = disk.map_err(|error| Error::part("the benchmark", error))??;
    figures.add("append_mib_per_second", disk.mib_per_second);
    figures.add("append_kib_per_sync", disk.kib_per_sync);
    Ok(figures)
}

async fn measured(target: SocketAddr) -> Result<Figures> {
    let measured = tokio::task::spawn_blocking(move || measure(target)).await;
    measured.map_err(|error| Error::part("the benchmark", error))?
}

fn measure(target: SocketAddr) -> Result<Figures> {
    let mut figures = Figures::new("kinesis");
    let mut caller = Caller::open(target)?;
    create(&mut caller, QUIET_STREAM, 1)?;
    let mut puts = put_singly(&mut caller)?;
    figures.add("put_record_p50_ms", quantile(&mut puts, 0.5));
    figures.add("put_record_p99_ms", quantile(&mut puts, 0.99));
    match delays(target, &mut caller) {
        Ok(mut delays) => {
            figures.add("event_p50_ms", quantile(&mut delays, 0.5));
            figures.add("event_p99_ms", quantile(&mut delays, 0.99));
        }
        Err(error) => tracing::error!(%error, "no subscription could be measured"),
    }
    // Servers may close a connection that has been silent for some seconds.
    let mut caller = Caller::open(target)?;
    create(&mut caller, STREAM, SHARDS)?;
    let shards = shards(&mut caller, STREAM)?;
    put_batches(target, WARM_UP)?;
    figures.add("put_records_per_second", put_batches(target, RUN)?);
    figures.add("get_records_per_second", read_all(target, &shards)?);
    Ok(figures)
}

fn create(caller: &mut Caller, stream: &str, shards: usize) -> Result<()> {
    caller.call_done("CreateStream", &json!({ "StreamName": stream, "ShardCount": shards }))?;
    let begun = Instant::now();
    while description(caller, stream)?["StreamStatus"] != "ACTIVE" {
        if begun.elapsed() > CREATED_MAX {
            return Err(Error::part("the server that is measured", "its stream does not become ACTIVE"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn description(caller: &mut Caller, stream: &str) -> Result<Value> {
    Ok(caller.call("DescribeStream", &json!({ "StreamName": stream }))?["StreamDescription"].take())
}

/// The shards' names.
fn shards(caller: &mut Caller, stream: &str) -> Result<Vec<String>> {
    let description = description(caller, stream)?;
    let shards = description["Shards"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(shards.iter().filter_map(|shard| shard["ShardId"].as_str().map(str::to_owned)).collect())
}

/// Puts as many batches as are acknowledged in the time, and gives records a second.
fn put_batches(target: SocketAddr, time: Duration) -> Result<f64> {
    #[derive(Deserialize)]
    struct Put {
        #[serde(rename = "FailedRecordCount", default)]
        failed: usize,
    }
    let data = STANDARD.encode(data());
    let records: Vec<Value> =
        (0..BATCH).map(|at| json!({ "Data": data, "PartitionKey": format!("key-{at}") })).collect();
    let request = Request::new("PutRecords", &json!({ "StreamName": STREAM, "Records": records }));
    let request = &request;
    at_once(PUTTING, |_| {
        let mut caller = Caller::open(target)?;
        Ok(move |begun: Instant| {
            let mut put = 0;
            while begun.elapsed() < time {
                let answer: Put = caller.send(request)?;
                if answer.failed > 0 {
                    let said = format!("{} of {BATCH} records were refused", answer.failed);
                    return Err(Error::part("the server that is measured", said));
                }
                put += BATCH;
            }
            Ok(put)
        })
    })
}

/// Reads what is in the shards, and gives records a second.
fn read_all(target: SocketAddr, shards: &[String]) -> Result<f64> {
    at_once(shards.len(), |at| {
        let mut caller = Caller::open(target)?;
        let from = json!({ "StreamName": STREAM, "ShardId": shards.get(at), "ShardIteratorType": "TRIM_HORIZON" });
        let answer = caller.call("GetShardIterator", &from)?;
        let mut iterator = answer["ShardIterator"].as_str().map(str::to_owned);
        Ok(move |begun: Instant| {
            let mut read = 0;
            while let Some(from) = &iterator
                && begun.elapsed() < READ_MAX
            {
                let request = Request::new("GetRecords", &json!({ "ShardIterator": from }));
                let (records, next) = caller.get_records(&request)?;
                if records == 0 {
                    break;
                }
                read += records;
                iterator = next;
            }
            Ok(read)
        })
    })
}

/// Runs what `prepare` gives on as many threads, and gives what all of them did, a second.
fn at_once<W>(threads: usize, prepare: impl Fn(usize) -> Result<W> + Sync) -> Result<f64>
where
    W: FnMut(Instant) -> Result<usize>,
{
    let barrier = Barrier::new(threads);
    let work = |at| {
        let prepared = prepare(at);
        barrier.wait();
        let begun = Instant::now();
        prepared?(begun).map(|done| (done, begun.elapsed()))
    };
    let work = &work;
    let done: Vec<Result<(usize, Duration)>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|at| scope.spawn(move || work(at))).collect();
        let panicked = |_| Err(Error::part("the benchmark", "a thread panicked"));
        running.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    });
    let done = done.into_iter().collect::<Result<Vec<_>>>()?;
    let longest = done.iter().map(|(_, time)| *time).max().unwrap_or_default();
    Ok(done.iter().map(|(done, _)| done).sum::<usize>() as f64 / longest.as_secs_f64())
}

/// Milliseconds of each of many puts of one record, one after the other.
fn put_singly(caller: &mut Caller) -> Result<Vec<f64>> {
    let input = json!({ "StreamName": QUIET_STREAM, "PartitionKey": "single", "Data": STANDARD.encode(data()) });
    let request = Request::new("PutRecord", &input);
    let mut times = Vec::new();
    let all = Instant::now();
    for _ in 0..SINGLE_PUTS {
        if all.elapsed() > SINGLE_MAX {
            break;
        }
        let begun = Instant::now();
        let _: IgnoredAny = caller.send(&request)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Milliseconds from before each put to its event at a subscriber.
fn delays(target: SocketAddr, caller: &mut Caller) -> Result<Vec<f64>> {
    let put = |caller: &mut Caller, key: String| {
        let begun = Instant::now();
        let input = json!({ "StreamName": QUIET_STREAM, "PartitionKey": key, "Data": "AAAA" });
        caller.call("PutRecord", &input).map(|_| begun)
    };
    let arn = description(caller, QUIET_STREAM)?["StreamARN"].take();
    let consumer = caller.call("RegisterStreamConsumer", &json!({ "StreamARN": arn, "ConsumerName": "bench" }))?;
    let consumer = consumer["Consumer"]["ConsumerARN"].clone();
    // Where registering goes on in the background.
    thread::sleep(Duration::from_secs(1));
    let shard = shards(caller, QUIET_STREAM)?.into_iter().next();
    let start = json!({ "ConsumerARN": consumer, "ShardId": shard, "StartingPosition": { "Type": "LATEST" } });
    let mut events = Caller::open(target)?.subscribe(&start)?;
    let (arrived, arrivals) = mpsc::channel();
    let listening = thread::spawn(move || {
        while let Ok(Some(event)) = events.next() {
            let now = Instant::now();
            for record in event["Records"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let key = record["PartitionKey"].as_str().unwrap_or_default().to_owned();
                if key == "end" || arrived.send((key, now)).is_err() {
                    return;
                }
            }
        }
    });
    thread::sleep(Duration::from_secs(1));
    let mut delays = Vec::new();
    let all = Instant::now();
    for number in 0..EVENTS {
        if all.elapsed() > SINGLE_MAX {
            break;
        }
        let begun = put(caller, number.to_string())?;
        let missing = |_| Error::part("the server that is measured", "a put record was not pushed");
        let (key, at) = arrivals.recv_timeout(CREATED_MAX).map_err(missing)?;
        if key != number.to_string() {
            return Err(Error::part("the server that is measured", format!("record {key} came instead of {number}")));
        }
        delays.push(at.saturating_duration_since(begun).as_secs_f64() * 1e3);
        thread::sleep(EVENT_PAUSE);
    }
    put(caller, "end".to_owned())?;
    listening.join().map_err(|_| Error::part("the benchmark", "the subscriber panicked"))?;
    Ok(delays)
}

/// Bytes that do not repeat.
fn data() -> Vec<u8> {
    (0..RECORD_BYTES).map(|_| rand::random()).collect()
}
