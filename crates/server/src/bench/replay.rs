//! How fast beacons go from the log to summaries and lake: a server finds a log that nobody has processed.
//!
//! The log is that of a large deployment: so many beacons a second, stamped as they would have come in, that sessions open,
//! grow and close as they did.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tidemill_streams::{BatchFuture, Clock, IngestionTime, Options, Record, Stream, Streams};
use tidemill_web_analytics::envelope::{BodyKind, Envelope, VisitorHash, partition_key};
use tidemill_web_analytics::simulator::{Arrival, Expected};
use tidemill_web_analytics::summary::cell::SiteId;

use super::traffic::simulator;
use super::{Bench, Figures, SITE, said};
use crate::app::BEACON_STREAM;
use crate::error::{Error, Result};
use crate::observe::{Observer, now_ms};

const BEACONS: u64 = 8_000_000;
const BEACONS_PER_SECOND: f64 = 1_080.0;
/// Beacons that get the same stamp: half a second's.
const BATCH: usize = 512;
/// Batches under way to the disk.
const IN_FLIGHT: usize = 8;
/// Each look is a query that takes time from the replay: only near the end it has to be exact.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_EVERY_NEAR_THE_END: Duration = Duration::from_millis(100);
const REPLAY_MAX: Duration = Duration::from_secs(300);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("replay");
    let Log { expected, from_ms } = fill_log(bench, "replay", BEACONS).await?;
    let begun = Instant::now();
    let server = bench.server("replay", &["pipeline.workers=2"]).await?;
    let ready = begun.elapsed();
    let observer = Observer::since(server.client().clone(), SITE, from_ms);
    let mut observed = Expected::default();
    while observed.beacons < expected.beacons {
        if begun.elapsed() > REPLAY_MAX {
            let said = format!("{} of {} beacons after {REPLAY_MAX:?}", observed.beacons, expected.beacons);
            return Err(Error::part("the replay", said));
        }
        let is_near = observed.beacons > expected.beacons / 100 * 95;
        tokio::time::sleep(if is_near { LOOK_EVERY_NEAR_THE_END } else { LOOK_EVERY }).await;
        observed = observer.observed().await.map_err(said)?;
    }
    let took = begun.elapsed();
    if observed != expected {
        return Err(Error::part("the replay", format!("wrong counts: expected {expected:?}, observed {observed:?}")));
    }
    figures.add("beacons_per_second", expected.beacons as f64 / took.as_secs_f64());
    figures.add("beacons", expected.beacons as f64);
    figures.add("start_ms", ready.as_secs_f64() * 1e3);
    figures.add("replay_s", took.as_secs_f64());
    Ok(figures)
}

/// A log that nobody has processed.
pub(super) struct Log {
    /// What its beacons come to.
    pub(super) expected: Expected,
    /// When they began to come in.
    pub(super) from_ms: u64,
}

/// Makes a data folder with a site whose log holds so many beacons (and a little garbage), none of them processed.
pub(super) async fn fill_log(bench: &Bench, folder: &str, beacons: u64) -> Result<Log> {
    let server = bench.server(folder, &[]).await?;
    server.ensure_site(SITE).await?;
    let site = server.client().get(&format!("/api/v1/sites/{SITE}")).await.map_err(said)?;
    let id = site["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| Error::part("the server's sites", "the answer has no id"))?;
    server.stop()?;
    let data = bench.scratch.path().join(folder);
    let filled = tokio::task::spawn_blocking(move || append(&data, SiteId(id), beacons)).await;
    filled.map_err(|error| Error::part("the log", error))?
}

fn append(data: &Path, site: SiteId, beacons: u64) -> Result<Log> {
    let lasts = Duration::from_secs_f64(beacons as f64 / BEACONS_PER_SECOND) + Duration::from_secs(60);
    let from_ms = now_ms() - lasts.as_millis() as u64;
    let time_us = Arc::new(AtomicI64::new(from_ms as i64 * 1_000));
    let clock = Clock::from_fn({
        let time_us = time_us.clone();
        move || IngestionTime::from_micros(time_us.load(Ordering::Acquire))
    });
    let options = Options { clock, ..Options::default() };
    let streams = Streams::open(data.join("streams"), options).map_err(Error::from_streams)?;
    // The stream that the server made begins today.
    let config = streams.get(BEACON_STREAM).map_err(Error::from_streams)?.describe().config;
    streams.delete(BEACON_STREAM).map_err(Error::from_streams)?;
    let stream = streams.create(BEACON_STREAM, config).map_err(Error::from_streams)?;
    let mut simulator = simulator(1, BEACONS_PER_SECOND, from_ms);
    let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(BATCH);
    let mut waiting = VecDeque::with_capacity(IN_FLIGHT);
    while simulator.expected().beacons < beacons {
        if let Some(arrival) = simulator.next_arrival() {
            time_us.store(from_ms as i64 * 1_000 + arrival.at.as_micros() as i64, Ordering::Release);
            batch.push(record(site, &arrival));
        }
        if batch.len() == BATCH {
            waiting.push_back(store(&stream, &mut batch));
        }
        if waiting.len() == IN_FLIGHT
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.wait().map_err(Error::from_streams)?;
        }
    }
    waiting.push_back(store(&stream, &mut batch));
    waiting.into_iter().try_for_each(|batch| batch.wait().map(drop)).map_err(Error::from_streams)?;
    streams.close();
    Ok(Log { expected: simulator.expected(), from_ms })
}

/// Partition key and data, as the collector writes them.
fn record(site: SiteId, arrival: &Arrival<'_>) -> (Vec<u8>, Vec<u8>) {
    let mut visitor = [0; 16];
    visitor[..4].copy_from_slice(&arrival.address.octets());
    let envelope = Envelope {
        site,
        visitor: VisitorHash(visitor),
        kind: BodyKind::Json,
        country: arrival.country.as_bytes().try_into().ok(),
        user_agent: arrival.user_agent,
        body: arrival.body,
    };
    let mut data = Vec::new();
    envelope.encode(&mut data);
    (partition_key(&envelope).into_owned(), data)
}

fn store(stream: &Stream, batch: &mut Vec<(Vec<u8>, Vec<u8>)>) -> BatchFuture {
    let records: Vec<Record<'_>> =
        batch.iter().map(|(partition_key, data)| Record { partition_key, explicit_hash_key: None, data }).collect();
    let ack = stream.append_batch(&records);
    batch.clear();
    ack
}
