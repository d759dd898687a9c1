//! Beacons a second through decode and join on one core, and the memory of open sessions.
//!
//! `cargo run --release -p tidemill-web-analytics --example join_throughput [BEACONS]`

use std::time::{Duration, Instant};

use tidemill_web_analytics::beacon::Beacon;
use tidemill_web_analytics::envelope::{BodyKind, Envelope, VisitorHash};
use tidemill_web_analytics::message::Message;
use tidemill_web_analytics::simulator::{Population, Settings, Simulator};
use tidemill_web_analytics::sites::Site;
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::summary::codec;
use tidemill_web_analytics::user_agent::UserAgents;
use tidemill_web_analytics::visits::{Join, Visits};

const BATCH: usize = 4_096;

/// Records as the collector writes them, with their times.
fn records(count: usize) -> Vec<(i64, Vec<u8>)> {
    let settings = Settings { rate: 1_080.0, pace: 1.0, ..Settings::default() };
    let start_ms = settings.start_ms as i64;
    let mut simulator = Simulator::new(settings, Population::built_in());
    let mut records = Vec::with_capacity(count);
    while let Some(arrival) = simulator.next_arrival().filter(|_| records.len() < count) {
        let mut visitor = [0; 16];
        visitor.iter_mut().zip(arrival.address.octets()).for_each(|(to, from)| *to = from);
        let (site, visitor) = (SiteId(u32::from(arrival.site)), VisitorHash(visitor));
        let (country, user_agent, body) = (Some(*b"DE"), arrival.user_agent, arrival.body);
        let mut record = Vec::new();
        Envelope { site, visitor, kind: BodyKind::Json, country, user_agent, body }.encode(&mut record);
        records.push((start_ms + arrival.at.as_millis() as i64, record));
    }
    records
}

/// Resident memory in MB.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let records = records(count);
    let bytes: usize = records.iter().map(|(_, record)| record.len()).sum();
    println!("{} beacons, {} bytes each", records.len(), bytes / records.len().max(1));
    let site = Site {
        id: SiteId(0),
        name: "shop".into(),
        session_gap_ms: 30 * 60_000,
        dimensions: Vec::new(),
        groups: None,
        order_salt: [0; 32],
    };
    let (mut agents, mut join) = (UserAgents::default(), Join::default());
    let mut visits = hashbrown::HashMap::<[u8; 16], Visits, ahash::RandomState>::default();
    let (mut decoding, mut joining, mut encoding) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut sequence, mut delta_bytes, mut statics) = (0, 0, Vec::new());
    let before = resident_mb();
    for batch in records.chunks(BATCH) {
        let started = Instant::now();
        let mut messages = Vec::with_capacity(batch.len());
        for (time_ms, record) in batch {
            sequence += 1;
            let envelope = Envelope::decode(record)?;
            let Ok(beacon) = Beacon::parse(envelope.kind, envelope.body) else { continue };
            let agent = agents.read(envelope.user_agent);
            let at = (*time_ms, sequence);
            let message = Message::new(&site, &envelope, &beacon, &agent, at, &mut statics)?;
            let mut bytes = Vec::with_capacity(512);
            message.encode(&mut bytes)?;
            messages.push((message.session_key(), *time_ms, bytes));
        }
        decoding += started.elapsed();
        let started = Instant::now();
        for (key, time_ms, bytes) in &messages {
            let message = Message::decode(bytes)?;
            let visits = visits.entry(*key).or_insert_with(|| Visits::new(&site, &message));
            join.observe(visits, &message, *time_ms)?;
        }
        joining += started.elapsed();
        let started = Instant::now();
        delta_bytes += codec::encode(&join.deltas.drain()).len();
        encoding += started.elapsed();
    }
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / records.len() as f64;
    println!("decode {:.2} µs, join {:.2} µs, deltas {:.2} µs a beacon", each(decoding), each(joining), each(encoding));
    println!("{:.0} beacons a second on one core", 1e6 / each(decoding + joining + encoding));
    println!("{:.1} bytes of deltas a beacon", delta_bytes as f64 / records.len() as f64);
    println!("{} visitors open, {:.0} MB", visits.len(), resident_mb() - before);
    Ok(())
}
