//! `tidemill demo blocked-addresses`: a firewall's log, and the application that puts each blocked address out once a minute.
//!
//! ```text
//!  visitors, attackers ──► stream waf-logs ──► app.sql ──► stream blocked-addresses
//!          │                                                        │
//!          └──► blocked addresses by minute ◄── must be equal ──► rows
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;
use tidemill_streams::{IngestionTime, Position, ReadRecord, Record, ShardReader, Streams};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::error::{Error, Result};
use crate::run::{JobState, RunError, RunOptions, Script, StartFrom};

const APP_TOML: &str = include_str!("../../../../demos/blocked-addresses/app.toml");
const APP_SQL: &str = include_str!("../../../../demos/blocked-addresses/app.sql");
const LOG: &str = "waf-logs";
const BLOCKED: &str = "blocked-addresses";

/// Requests are sent, and rows are looked for, so often.
const TICK: Duration = Duration::from_millis(10);
/// How long rows may take at the end.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);
/// Of so many requests one is blocked.
const BLOCKED_OF: u32 = 20;
const ATTACKERS: u32 = 50;
const READ_BYTES: usize = 1 << 20;
const MINUTE_MS: i64 = 60_000;

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Requests a second.
    pub rate: f64,
    /// How long; without it until it is stopped.
    pub duration: Option<Duration>,
    /// Seed of the visitors.
    pub seed: u64,
}

/// An address that came out.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The address.
    pub address: String,
    /// The minute in which it was blocked.
    pub minute: String,
    /// From the log record to the output.
    pub took_ms: f64,
}

/// What the demo found.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Records in the log.
    pub requests: u64,
    /// Those that were blocked.
    pub blocked: u64,
    /// Blocked addresses, each once for each minute.
    pub expected: usize,
    /// Rows that came out.
    pub rows: usize,
    /// Addresses and minutes that did not come out.
    pub missing: usize,
    /// Rows that came twice, or that nobody was blocked for.
    pub unexpected: usize,
    /// From the log record to the output: half of the rows took no longer.
    pub took_p50_ms: f64,
    /// 99 of 100 rows took no longer.
    pub took_p99_ms: f64,
}

/// A row of the output stream.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "clientIp")]
    address: String,
    #[serde(rename = "time_stamp")]
    minute: String,
}

/// Runs the demo.
///
/// # Errors
/// Where the application can't run, or fails.
pub async fn run(demo: Demo, stop: impl Future<Output = ()>, mut show: impl FnMut(&Row)) -> Result<Outcome> {
    let folder = TempDir::new().map_err(|error| Error::part("the demo's folder", error))?;
    let path = folder.path();
    std::fs::write(path.join("app.sql"), APP_SQL).map_err(|error| Error::io("writing", path, error))?;
    let options = RunOptions {
        data: path.join("data"),
        folder: path.to_owned(),
        name: BLOCKED.to_owned(),
        from: StartFrom::Latest,
        settings: Vec::new(),
        dialect: None,
    };
    let script = Script::read_application(APP_TOML, options).map_err(said)?;
    let streams = script.streams().ok_or_else(|| Error::part("the demo", "it has no streams"))?;
    let running = script.start().map_err(said)?;
    let mut traffic = Traffic::new(&demo);
    let mut found = Found::new(&streams)?;
    let log = streams.get(LOG).map_err(Error::from_streams)?;
    let begun = Instant::now();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = tick.tick() => {}
        }
        let passed = begun.elapsed();
        if demo.duration.is_some_and(|duration| passed >= duration) {
            break;
        }
        let due = (passed.as_secs_f64() * demo.rate) as u64;
        let records = traffic.until(due);
        let batch: Vec<Record<'_>> =
            records.iter().map(|data| Record { partition_key: b"waf", explicit_hash_key: None, data }).collect();
        if !batch.is_empty() {
            log.append_batch(&batch).await.map_err(Error::from_streams)?;
        }
        found.look(&mut show)?;
        if let JobState::Failed(error) = running.state() {
            return Err(Error::part("the application", error));
        }
    }
    let expected = found.expected()?;
    let catch_up = Instant::now();
    while found.rows.len() < expected.len() && catch_up.elapsed() < CATCH_UP_MAX {
        tokio::time::sleep(TICK).await;
        found.look(&mut show)?;
    }
    // What should not come would come now.
    tokio::time::sleep(10 * TICK).await;
    found.look(&mut show)?;
    running.handle().stop();
    Ok(found.outcome(traffic.requests, &expected))
}

fn said(error: RunError) -> Error {
    Error::part("the application", error)
}

/// Requests, as the firewall logs them.
struct Traffic {
    random: SmallRng,
    requests: u64,
}

impl Traffic {
    fn new(demo: &Demo) -> Self {
        Self { random: SmallRng::seed_from_u64(demo.seed), requests: 0 }
    }

    /// Log records up to so many requests.
    fn until(&mut self, requests: u64) -> Vec<Vec<u8>> {
        (self.requests..requests).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> Vec<u8> {
        self.requests += 1;
        let is_blocked = self.random.random_ratio(1, BLOCKED_OF);
        let address = match is_blocked {
            true => Ipv4Addr::from(0xcb00_7100 + self.random.random_range(0..ATTACKERS)),
            false => Ipv4Addr::from(0xc633_6400 + self.random.random_range(0..256)),
        };
        let record = json!({
            "timestamp": crate::observe::now_ms(),
            "formatVersion": 1,
            "webaclId": "shop",
            "terminatingRuleId": if is_blocked { "too-many-requests" } else { "Default_Action" },
            "terminatingRuleType": if is_blocked { "RATE_BASED" } else { "REGULAR" },
            "action": if is_blocked { "BLOCK" } else { "ALLOW" },
            "httpSourceName": "ALB",
            "httpRequest": {
                "clientIp": address.to_string(),
                "country": "DE",
                "headers": [{ "name": "Host", "value": "shop.example" }],
                "uri": "/login",
                "args": "",
                "httpVersion": "HTTP/2.0",
                "httpMethod": "POST",
                "requestId": format!("{:016x}", self.requests),
            },
        });
        record.to_string().into_bytes()
    }
}

/// What came out.
struct Found {
    log: ShardReader,
    output: ShardReader,
    /// When an address was blocked first in a minute.
    first: BTreeMap<(String, i64), IngestionTime>,
    blocked: u64,
    rows: Vec<(String, i64)>,
    took_ms: Vec<f64>,
}

impl Found {
    fn new(streams: &Streams) -> Result<Self> {
        let reader = |name: &str| -> Result<ShardReader> {
            let stream = streams.get(name).map_err(Error::from_streams)?;
            let shard =
                stream.shards().into_iter().next().ok_or_else(|| Error::part("the demo", "a stream has no shard"))?;
            shard.reader(Position::Oldest).map_err(Error::from_streams)
        };
        let (log, output) = (reader(LOG)?, reader(BLOCKED)?);
        Ok(Self { log, output, first: BTreeMap::new(), blocked: 0, rows: Vec::new(), took_ms: Vec::new() })
    }

    /// Reads what is new in the log and in the output.
    fn look(&mut self, show: &mut impl FnMut(&Row)) -> Result<()> {
        let log = read(&mut self.log)?;
        for record in log {
            let Ok(request) = serde_json::from_slice::<serde_json::Value>(&record.data) else { continue };
            if request["action"] == "BLOCK" {
                self.blocked += 1;
                let address = request["httpRequest"]["clientIp"].as_str().unwrap_or_default().to_owned();
                let minute = record.time.as_micros() / 1_000 / MINUTE_MS;
                self.first.entry((address, minute)).or_insert(record.time);
            }
        }
        let output = read(&mut self.output)?;
        for record in output {
            let written: Written =
                serde_json::from_slice(&record.data).map_err(|error| Error::part("the output", error))?;
            let minute = minute_of(&written.minute)?;
            let took = match self.first.get(&(written.address.clone(), minute)) {
                Some(first) => (record.time.as_micros() - first.as_micros()) as f64 / 1e3,
                None => f64::NAN,
            };
            self.took_ms.push(took);
            self.rows.push((written.address.clone(), minute));
            show(&Row { address: written.address, minute: written.minute, took_ms: took });
        }
        Ok(())
    }

    fn expected(&mut self) -> Result<BTreeSet<(String, i64)>> {
        self.look(&mut |_| ())?;
        Ok(self.first.keys().cloned().collect())
    }

    fn outcome(mut self, requests: u64, expected: &BTreeSet<(String, i64)>) -> Outcome {
        let rows: BTreeSet<(String, i64)> = self.rows.iter().cloned().collect();
        let right = rows.intersection(expected).count();
        self.took_ms.sort_by(f64::total_cmp);
        let quantile = |of: f64| {
            let at = ((self.took_ms.len() as f64 * of).ceil() as usize).saturating_sub(1);
            self.took_ms.get(at).copied().unwrap_or_default()
        };
        Outcome {
            requests,
            blocked: self.blocked,
            expected: expected.len(),
            rows: self.rows.len(),
            missing: expected.len() - right,
            unexpected: self.rows.len() - right,
            took_p50_ms: quantile(0.5),
            took_p99_ms: quantile(0.99),
        }
    }
}

fn read(reader: &mut ShardReader) -> Result<Vec<ReadRecord>> {
    let mut records = Vec::new();
    loop {
        let before = records.len();
        reader.read(READ_BYTES, &mut records).map_err(Error::from_streams)?;
        if records.len() == before {
            return Ok(records);
        }
    }
}

/// The number of a minute, of its begin as it is written.
fn minute_of(written: &str) -> Result<i64> {
    let time: jiff::civil::DateTime =
        written.trim_end_matches('Z').parse().map_err(|error| Error::part("the output", error))?;
    let at = jiff::tz::TimeZone::UTC.to_timestamp(time).map_err(|error| Error::part("the output", error))?;
    Ok(at.as_millisecond() / MINUTE_MS)
}
