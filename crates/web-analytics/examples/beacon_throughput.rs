//! Beacons a second through decode and join on one core, and the memory of open sessions.
//!
//! `cargo run --release -p tidemill-web-analytics --example beacon_throughput [BEACONS] [BEACONS_A_SECOND]`
//!
//! Times are those of the processor, so that other programs don't count. The simulator's own work is not timed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidemill_web_analytics::beacon::Beacon;
use tidemill_web_analytics::envelope::{BodyKind, Envelope, VisitorHash};
use tidemill_web_analytics::lake::Closed;
use tidemill_web_analytics::message::Message;
use tidemill_web_analytics::simulator::{Population, Settings, Simulator};
use tidemill_web_analytics::sites::{Site, SitesSnapshot};
use tidemill_web_analytics::summary::cell::SiteId;
use tidemill_web_analytics::user_agent::UserAgents;
use tidemill_web_analytics::visits::{Join, Visits};

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 16_384;

type Key = [u8; 16];

/// Records in one piece of memory, as a batch has them.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<(i64, Key, usize)>,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn end(&mut self, time_ms: i64, key: Key) {
        self.ends.push((time_ms, key, self.bytes.len()));
    }

    fn records(&self) -> impl Iterator<Item = (i64, Key, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(time_ms, key, end)| {
            let record = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (*time_ms, *key, record)
        })
    }
}

/// Records as the collector writes them.
fn arrive(simulator: &mut Simulator, start_ms: i64, records: &mut Batch) {
    records.clear();
    while records.ends.len() < BATCH
        && let Some(arrival) = simulator.next_arrival()
    {
        let mut visitor = [0; 16];
        visitor.iter_mut().zip(arrival.address.octets()).for_each(|(to, from)| *to = from);
        let (site, visitor) = (SiteId(u32::from(arrival.site)), VisitorHash(visitor));
        let (country, user_agent, body) = (Some(*b"DE"), arrival.user_agent, arrival.body);
        let envelope = Envelope { site, visitor, kind: BodyKind::Json, country, user_agent, body };
        envelope.encode(&mut records.bytes);
        records.end(start_ms + arrival.at.as_millis() as i64, [0; 16]);
    }
}

/// All open visits, and when the next of each has to be closed.
#[derive(Default)]
struct Open {
    visits: hashbrown::HashMap<Key, Box<Visits>, ahash::RandomState>,
    timers: BinaryHeap<Reverse<(i64, Key)>>,
    closed: Closed,
}

impl Open {
    fn schedule(visits: &mut Visits, key: Key, timers: &mut BinaryHeap<Reverse<(i64, Key)>>) {
        if let Some(due_ms) = visits.due_ms().filter(|due| visits.timer_ms.is_none_or(|timer| *due < timer)) {
            visits.timer_ms = Some(due_ms);
            timers.push(Reverse((due_ms, key)));
        }
    }

    fn close(&mut self, join: &mut Join, now_ms: i64) -> Result<(), Box<dyn std::error::Error>> {
        while let Some(Reverse((due_ms, key))) = self.timers.peek().copied().filter(|timer| timer.0.0 <= now_ms) {
            self.timers.pop();
            let Some(visits) = self.visits.get_mut(&key) else { continue };
            join.close(visits, due_ms, &mut self.closed)?;
            visits.timer_ms = None;
            if visits.is_empty() {
                self.visits.remove(&key);
            } else {
                Self::schedule(visits, key, &mut self.timers);
            }
        }
        Ok(())
    }
}

/// Nanoseconds that this thread has run.
fn spent_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Resident memory in MB.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let rate = arguments.next().map_or(Ok(1_080.0), |text| text.parse())?;
    let settings = Settings { rate, pace: 1.0, ..Settings::default() };
    let start_ms = settings.start_ms as i64;
    let mut simulator = Simulator::new(settings, Population::built_in());
    let site = Site {
        id: SiteId(0),
        name: "shop".into(),
        session_gap_ms: 30 * 60_000,
        dimensions: Vec::new(),
        groups: None,
        order_salt: [0; 32],
    };
    let sites = SitesSnapshot::new([site.clone()]);
    let (mut agents, mut join, mut open) = (UserAgents::default(), Join::default(), Open::default());
    let (mut records, mut messages) = (Batch::default(), Batch::default());
    let (mut decoding, mut joining, mut encoding) = (0, 0, 0);
    let (mut sequence, mut bytes, mut delta_bytes, mut statics) = (0, 0, 0, Vec::new());
    // User agents seen for the first time are read at length; a server has seen nearly all of them.
    let mut warm = 0;
    agents.read("");
    let before = resident_mb();
    while sequence < count {
        arrive(&mut simulator, start_ms, &mut records);
        bytes += records.bytes.len();
        let started = spent_ns();
        for (.., record) in records.records() {
            agents.read(Envelope::decode(record)?.user_agent);
        }
        warm += spent_ns() - started;
        let started = spent_ns();
        messages.clear();
        for (time_ms, _, record) in records.records() {
            sequence += 1;
            let envelope = Envelope::decode(record)?;
            let Ok(beacon) = Beacon::parse(envelope.kind, envelope.body) else { continue };
            let agent = agents.read(envelope.user_agent);
            let at = (time_ms, sequence);
            let message = Message::new(&site, &envelope, &beacon, &agent, at, &mut statics);
            message.encode(&mut messages.bytes)?;
            messages.end(time_ms, message.session_key());
        }
        decoding += spent_ns() - started;
        let started = spent_ns();
        let mut now_ms = start_ms;
        let mut order: Vec<(Key, usize, i64, &[u8])> = Vec::with_capacity(BATCH);
        for (place, (time_ms, key, bytes)) in messages.records().enumerate() {
            order.push((key, place, time_ms, bytes));
            now_ms = time_ms;
        }
        order.sort_unstable();
        for beacons in order.chunk_by(|a, b| a.0 == b.0) {
            let [(key, .., first), ..] = beacons else { continue };
            let first = Message::decode(first)?;
            let visits = open.visits.entry(*key).or_insert_with(|| Visits::new(&site, &first).into());
            join.observe(visits, beacons.iter().map(|beacon| Ok((Message::decode(beacon.3)?, beacon.2))))?;
            Open::schedule(visits, *key, &mut open.timers);
        }
        open.close(&mut join, now_ms)?;
        let rows = (open.closed.impressions.take(&sites)?, open.closed.sessions.take(&sites)?);
        std::hint::black_box(rows);
        joining += spent_ns() - started;
        let started = spent_ns();
        delta_bytes += join.deltas.encode().map_or(0, |deltas| deltas.len());
        encoding += spent_ns() - started;
    }
    let each = |spent: u64| spent as f64 / 1e3 / sequence as f64;
    println!("{sequence} beacons, {} bytes each", bytes / sequence as usize);
    println!("user agents {:.2} µs a beacon", each(warm));
    println!("decode {:.2} µs, join {:.2} µs, deltas {:.2} µs a beacon", each(decoding), each(joining), each(encoding));
    println!("{:.0} beacons a second on one core", 1e6 / each(decoding + joining + encoding));
    println!("{:.1} bytes of deltas a beacon", delta_bytes as f64 / sequence as f64);
    println!("{} sessions open, {:.0} MB", open.visits.len(), resident_mb() - before);
    Ok(())
}
