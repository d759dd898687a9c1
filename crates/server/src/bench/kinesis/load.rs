//! Many at once: 500 connections, of which 250 put, 50 poll and 200 are subscriptions of 50 consumers, on 1,000 shards with
//! limits on. Nothing but throttling may be refused, and every subscription must get what was acknowledged.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::caller::{Caller, Events, Request, Said};
use super::{STREAM, create, data, description};
use crate::bench::{Bench, Figures};
use crate::child::peak_bytes;
use crate::error::{Error, Result};

const SHARDS: usize = 1_000;
/// With those of the server's own streams.
const SHARDS_MAX: usize = SHARDS + 100;
const PUTTING: usize = 250;
const POLLING: usize = 50;
const CONSUMERS: usize = 50;
/// Shards that a consumer subscribes to.
const SUBSCRIBED: usize = 4;
/// Records of a put.
const BATCH: usize = 10;
const RUN: Duration = Duration::from_secs(30);
/// How long the last records may take to their subscribers.
const DRAIN: Duration = Duration::from_secs(20);
/// Pause of one that was throttled.
const PAUSE: Duration = Duration::from_millis(200);
const MEGABYTE: f64 = 1e6;

pub(crate) async fn run(bench: &Bench) -> Result<Figures> {
    let (shards, consumers) =
        (format!("kinesis.shards_max={SHARDS_MAX}"), format!("kinesis.consumers_max={CONSUMERS}"));
    let server = bench.server("load", &[&shards, &consumers]).await?;
    let target = server.address();
    let load = tokio::task::spawn_blocking(move || Load::default().run(target)).await;
    let mut figures = load.map_err(|error| Error::part("the load", error))??;
    figures.add("resident_peak_mb", peak_bytes(server.id())? as f64 / MEGABYTE);
    server.stop()?;
    Ok(figures)
}

/// What all threads share.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    calls: AtomicU64,
    throttled: AtomicU64,
    /// By shard.
    acknowledged: Mutex<HashMap<String, u64>>,
    received: Mutex<HashMap<(usize, String), u64>>,
    /// Refusals that are no throttling, and what broke.
    wrong: Mutex<Vec<String>>,
}

#[derive(Deserialize)]
struct Put {
    #[serde(rename = "Records")]
    records: Vec<PutRecord>,
}

#[derive(Deserialize)]
struct PutRecord {
    #[serde(rename = "ShardId")]
    shard: Option<String>,
    #[serde(rename = "ErrorCode")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Got {
    #[serde(rename = "NextShardIterator")]
    next: Option<String>,
}

impl Load {
    fn run(self, target: SocketAddr) -> Result<Figures> {
        let mut caller = Caller::open(target)?;
        create(&mut caller, STREAM, SHARDS)?;
        let consumers = self.register(&mut caller)?;
        let begun = Instant::now();
        thread::scope(|scope| {
            let load = &self;
            for (number, consumer) in consumers.iter().enumerate() {
                for place in 0..SUBSCRIBED {
                    let shard = shard((number * SUBSCRIBED + place) * SHARDS / (CONSUMERS * SUBSCRIBED));
                    scope.spawn(move || load.note(load.subscribe(target, number, consumer, shard)));
                }
            }
            for _ in 0..PUTTING {
                scope.spawn(move || load.note(load.put(target)));
            }
            for number in 0..POLLING {
                scope.spawn(move || load.note(load.poll(target, number)));
            }
            thread::sleep(RUN);
            load.stop.store(true, Ordering::Relaxed);
        });
        let seconds = begun.elapsed().as_secs_f64();
        let wrong = self.wrong.into_inner();
        wrong.iter().take(10).for_each(|wrong| tracing::error!(wrong, "under load"));
        let acknowledged = self.acknowledged.into_inner();
        let undelivered = |((_, shard), received): (&(usize, String), &u64)| {
            acknowledged.get(shard).copied().unwrap_or_default().abs_diff(*received)
        };
        let mut figures = Figures::new("load");
        figures.add("errors", wrong.len() as f64);
        figures.add("undelivered_records", self.received.into_inner().iter().map(undelivered).sum::<u64>() as f64);
        figures.add("calls_per_second", self.calls.into_inner() as f64 / seconds);
        figures.add("records_per_second", acknowledged.values().sum::<u64>() as f64 / seconds);
        figures.add("throttled", self.throttled.into_inner() as f64);
        Ok(figures)
    }

    fn note(&self, ended: Result<()>) {
        if let Err(error) = ended {
            self.wrong.lock().push(error.to_string());
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Counts a refusal; `None` where it is one that should not be.
    fn refused(&self, error: &str) -> Option<()> {
        match error {
            "ProvisionedThroughputExceededException" | "LimitExceededException" => {
                self.throttled.fetch_add(1, Ordering::Relaxed);
                Some(())
            }
            error => {
                self.wrong.lock().push(error.to_owned());
                None
            }
        }
    }

    /// Calls until it is not throttled.
    fn insist<T: serde::de::DeserializeOwned>(&self, caller: &mut Caller, request: &Request) -> Result<T> {
        loop {
            self.calls.fetch_add(1, Ordering::Relaxed);
            match caller.try_send(request)? {
                Said::Done(answer) => return Ok(answer),
                Said::Refused(error) if self.refused(&error).is_some() => thread::sleep(PAUSE),
                Said::Refused(error) => return Err(Error::part("a call under load", error)),
            }
        }
    }

    fn register(&self, caller: &mut Caller) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Registered {
            #[serde(rename = "Consumer")]
            consumer: Consumer,
        }
        #[derive(Deserialize)]
        struct Consumer {
            #[serde(rename = "ConsumerARN")]
            arn: String,
        }
        let stream = description(caller, STREAM)?["StreamARN"].take();
        let mut consumers = Vec::new();
        for number in 0..CONSUMERS {
            let input = json!({ "StreamARN": stream, "ConsumerName": format!("consumer-{number}") });
            let registered: Registered = self.insist(caller, &Request::new("RegisterStreamConsumer", &input))?;
            consumers.push(registered.consumer.arn);
        }
        Ok(consumers)
    }

    fn put(&self, target: SocketAddr) -> Result<()> {
        let mut caller = Caller::open(target)?;
        let data = STANDARD.encode(data());
        while !self.is_over() {
            let record = |_| json!({ "Data": data, "PartitionKey": rand::random::<u64>().to_string() });
            let records: Vec<_> = (0..BATCH).map(record).collect();
            let input = json!({ "StreamName": STREAM, "Records": records });
            let put: Put = self.insist(&mut caller, &Request::new("PutRecords", &input))?;
            for record in put.records {
                match (record.shard, record.error) {
                    (Some(shard), _) => *self.acknowledged.lock().entry(shard).or_default() += 1,
                    (None, error) => drop(self.refused(&error.unwrap_or_default())),
                }
            }
        }
        Ok(())
    }

    /// Polls shards in turn.
    fn poll(&self, target: SocketAddr, number: usize) -> Result<()> {
        #[derive(Deserialize)]
        struct Iterator {
            #[serde(rename = "ShardIterator")]
            iterator: String,
        }
        let mut caller = Caller::open(target)?;
        let mut iterators = Vec::new();
        for at in (number..SHARDS).step_by(POLLING) {
            let from = json!({ "StreamName": STREAM, "ShardId": shard(at), "ShardIteratorType": "TRIM_HORIZON" });
            let found: Iterator = self.insist(&mut caller, &Request::new("GetShardIterator", &from))?;
            iterators.push(found.iterator);
        }
        for at in (0..iterators.len()).cycle() {
            let Some(iterator) = iterators.get_mut(at).filter(|_| !self.is_over()) else { break };
            let request = Request::new("GetRecords", &json!({ "ShardIterator": iterator }));
            let got: Got = self.insist(&mut caller, &request)?;
            *iterator = got.next.ok_or_else(|| Error::part("a call under load", "a shard has ended"))?;
        }
        Ok(())
    }

    fn subscribe(&self, target: SocketAddr, number: usize, consumer: &str, shard: String) -> Result<()> {
        #[derive(Deserialize)]
        struct Event {
            #[serde(rename = "Records", default)]
            records: Vec<IgnoredAny>,
        }
        let start =
            json!({ "ConsumerARN": consumer, "ShardId": shard, "StartingPosition": { "Type": "TRIM_HORIZON" } });
        let mut events: Events = Caller::open(target)?.subscribe(&start)?;
        let key = (number, shard);
        self.received.lock().insert(key.clone(), 0);
        let mut over = None;
        // There is an event every few seconds at least, so that the end is noticed.
        while let Some(event) = events.next()? {
            let event: Event = serde_json::from_value(event).map_err(|error| Error::part("an event", error))?;
            *self.received.lock().entry(key.clone()).or_default() += event.records.len() as u64;
            if self.is_over() && event.records.is_empty() {
                return Ok(());
            }
            let over = over.get_or_insert_with(Instant::now);
            if !self.is_over() {
                *over = Instant::now();
            } else if over.elapsed() > DRAIN {
                return Err(Error::part("a subscription", "it does not come to an end"));
            }
        }
        Err(Error::part("a subscription", "the server ended it"))
    }
}

fn shard(number: usize) -> String {
    format!("shardId-{number:012}")
}
