//! How fast beacons go from the log to the summaries: a server finds a log that nobody has processed.

use std::path::Path;
use std::time::{Duration, Instant};

use tidemill_streams::{Options, Record, Stream, Streams};
use tidemill_web_analytics::envelope::{BodyKind, Envelope, VisitorHash, partition_key};
use tidemill_web_analytics::simulator::{Arrival, Expected};
use tidemill_web_analytics::summary::cell::SiteId;

use super::traffic::endless;
use super::{Bench, Figures, SITE, said};
use crate::app::BEACON_STREAM;
use crate::error::{Error, Result};
use crate::observe::Observer;

const BEACONS: u64 = 4_000_000;
const BATCH: usize = 4_096;
/// Each look is a query that takes time from the replay.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const REPLAY_MAX: Duration = Duration::from_secs(300);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("replay");
    let expected = fill_log(bench, "replay", BEACONS).await?;
    let begun = Instant::now();
    let server = bench.server("replay", &["pipeline.workers=2"]).await?;
    let ready = begun.elapsed();
    // The log was written a moment ago: its minutes are those of the answers.
    let observer = Observer::of_the_last_hour(server.client().clone(), SITE);
    let mut observed = Expected::default();
    while observed.beacons < expected.beacons {
        if begun.elapsed() > REPLAY_MAX {
            let said = format!("{} of {} beacons after {REPLAY_MAX:?}", observed.beacons, expected.beacons);
            return Err(Error::part("the replay", said));
        }
        tokio::time::sleep(LOOK_EVERY).await;
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

/// Makes a data folder with a site whose log holds so many beacons (and a little garbage), none of them processed.
pub(super) async fn fill_log(bench: &Bench, folder: &str, beacons: u64) -> Result<Expected> {
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

fn append(data: &Path, site: SiteId, beacons: u64) -> Result<Expected> {
    let streams = Streams::open(data.join("streams"), Options::default()).map_err(Error::from_streams)?;
    let stream = streams.get(BEACON_STREAM).map_err(Error::from_streams)?;
    let mut simulator = endless(1, 100_000.0);
    let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(BATCH);
    while simulator.expected().beacons < beacons {
        if let Some(arrival) = simulator.next_arrival() {
            batch.push(record(site, &arrival));
        }
        if batch.len() == BATCH {
            store(&stream, &mut batch)?;
        }
    }
    store(&stream, &mut batch)?;
    streams.close();
    Ok(simulator.expected())
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

fn store(stream: &Stream, batch: &mut Vec<(Vec<u8>, Vec<u8>)>) -> Result<()> {
    let records: Vec<Record<'_>> =
        batch.iter().map(|(partition_key, data)| Record { partition_key, explicit_hash_key: None, data }).collect();
    stream.append_batch(&records).wait().map_err(Error::from_streams)?;
    batch.clear();
    Ok(())
}
