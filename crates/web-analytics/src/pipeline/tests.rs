use super::*;
use crate::beacon::Issue;
use crate::envelope::{BodyKind, Envelope, VisitorHash};
use crate::simulator::{Expected, Population, Settings, Simulator};
use crate::sites::{Site, SitesSnapshot};
use crate::summary::cell::{CellKey, Counter, Measures, SiteId};
use crate::summary::dimension::Dimension;
use arrow::array::{UInt64Array, UInt64Builder};
use arrow::util::display::array_value_to_string;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{
    CheckpointStore, Delivery, Epoch, EventTime, OperatorContext, Replay, Sink, SnapshotReader, SnapshotWriter, Source,
    SourceOutput, SourceStatus, Waker,
};

const SHARDS: usize = 3;

/// A record of a shard: time in µs, sequence, bytes.
type Record = (i64, u64, Vec<u8>);

/// A simulated visit to a shop, as the collector would have written it.
fn log(seed: u64, seconds: u64) -> (Vec<Vec<Record>>, Expected) {
    let settings = Settings { seed, duration: Some(Duration::from_secs(seconds)), ..Settings::default() };
    let start_us = settings.start_ms as i64 * 1_000;
    let mut simulator = Simulator::new(settings, Population::built_in());
    let mut shards = vec![Vec::new(); SHARDS];
    let mut sequence = 0;
    while let Some(arrival) = simulator.next_arrival() {
        let mut visitor = [0; 16];
        visitor[..4].copy_from_slice(&arrival.address.octets());
        let (site, visitor) = (SiteId(u32::from(arrival.site)), VisitorHash(visitor));
        let (country, user_agent, body) = (Some(*b"DE"), arrival.user_agent, arrival.body);
        let envelope = Envelope { site, visitor, kind: BodyKind::Json, country, user_agent, body };
        let mut record = Vec::new();
        envelope.encode(&mut record);
        let key = crate::envelope::partition_key(&envelope);
        let shard = xxhash_rust::xxh3::xxh3_64(&key) as usize % SHARDS;
        shards[shard].push((start_us + arrival.at.as_micros() as i64, sequence, record));
        sequence += 1;
    }
    (shards, simulator.expected())
}

/// Reads the shards that fall to its worker.
#[derive(Clone)]
struct Shards {
    log: Arc<Vec<Vec<Record>>>,
    at: BTreeMap<usize, usize>,
}

impl Source for Shards {
    fn open(&mut self, context: &OperatorContext, _waker: Waker) -> Result<()> {
        self.at =
            (0..SHARDS).filter(|shard| shard % context.workers == context.worker).map(|shard| (shard, 0)).collect();
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let mut complete = i64::MAX;
        for (shard, at) in &mut self.at {
            // Shards are read at different speeds.
            let rows: Vec<_> = self.log[*shard].iter().skip(*at).take(31 * (shard + 1)).collect();
            *at += rows.len();
            let data: arrow::array::BinaryArray = rows.iter().map(|(_, _, data)| Some(data)).collect();
            let mut sequences = UInt64Builder::new();
            rows.iter().for_each(|(_, sequence, _)| sequences.append_value(*sequence));
            let sequences: UInt64Array = sequences.finish();
            let columns = [("data", Arc::new(data) as ArrayRef), ("sequence", Arc::new(sequences))];
            let times: Vec<i64> = rows.iter().map(|(time, ..)| *time).collect();
            out.emit(Batch::new(RecordBatch::try_from_iter(columns)?, times)?);
            complete = complete.min(self.log[*shard].get(*at).map_or(i64::MAX, |(time, ..)| *time));
        }
        if complete == i64::MAX {
            return Ok(SourceStatus::Finished);
        }
        out.watermark(EventTime(complete));
        Ok(SourceStatus::More)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        for (shard, at) in &self.at {
            writer.union("at", &shard.to_be_bytes(), Some(&at.to_be_bytes()));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        for (shard, at) in reader.table("at") {
            if let Some(mine) = self.at.get_mut(&usize::from_be_bytes(shard.try_into().unwrap())) {
                *mine = usize::from_be_bytes(at.try_into().unwrap());
            }
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

/// What became visible: rows as text, exactly once.
#[derive(Clone, Default)]
struct Seen {
    visible: Arc<Mutex<(BTreeSet<(Epoch, String)>, Vec<String>, DeltaBuffer)>>,
    held: Vec<String>,
    deltas: Vec<Vec<u8>>,
}

impl Seen {
    fn sink(&self) -> Self {
        Self { visible: self.visible.clone(), ..Self::default() }
    }

    fn rows(&self) -> Vec<String> {
        let mut rows = self.visible.lock().1.clone();
        rows.sort();
        rows
    }

    fn cells(&self) -> BTreeMap<CellKey, Measures> {
        let mut visible = self.visible.lock();
        let deltas = visible.2.drain();
        deltas.iter().cloned().for_each(|delta| visible.2.add(delta));
        let mut cells: BTreeMap<_, _> = deltas.into_iter().map(|delta| (delta.key, delta.measures)).collect();
        cells.values_mut().for_each(|measures| measures.visitors.clear());
        cells.retain(|_, measures| !measures.is_empty());
        cells
    }

    /// How often each issue was found; reasons of quarantine are none.
    fn issues(&self) -> BTreeMap<&'static str, u64> {
        let mut found = BTreeMap::new();
        for (number, by) in self.cells().values().flat_map(|measures| &measures.issues) {
            if let Some(issue) = Issue::from_number(*number) {
                *found.entry(issue.name()).or_default() += *by as u64;
            }
        }
        found
    }

    /// Impressions by declared bots.
    fn bots(&self) -> u64 {
        let cells = self.cells();
        let bots = cells
            .iter()
            .filter(|(key, _)| !key.dimensions.get(Dimension::Bot).is_empty())
            .flat_map(|(_, m)| &m.counters);
        bots.filter(|(counter, _)| *counter == Counter::Impressions).map(|(_, by)| *by as u64).sum()
    }

    fn total(&self, counter: Counter) -> u64 {
        let cells = self.cells();
        cells.values().flat_map(|m| &m.counters).filter(|(c, _)| *c == counter).map(|(_, by)| *by as u64).sum()
    }
}

impl Sink for Seen {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if batch.rows().schema().field(0).name() == "deltas" {
            self.deltas.extend(batch.binary(0)?.iter().flatten().map(<[u8]>::to_vec));
            return Ok(());
        }
        for row in 0..batch.num_rows() {
            let texts = batch.rows().columns().iter().map(|c| array_value_to_string(c, row).unwrap());
            self.held.push(texts.collect::<Vec<_>>().join("|"));
        }
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        let held = (std::mem::take(&mut self.held), std::mem::take(&mut self.deltas));
        Ok((held != Default::default()).then(|| postcard::to_stdvec(&held).unwrap()))
    }

    fn commit(&mut self, epoch: Epoch, id: &str, committable: &[u8]) -> Result<()> {
        let mut visible = self.visible.lock();
        if visible.0.insert((epoch, id.to_owned())) {
            let (rows, deltas): (Vec<String>, Vec<Vec<u8>>) = postcard::from_bytes(committable).unwrap();
            visible.1.extend(rows);
            for chunk in deltas {
                crate::summary::codec::decode(&chunk).unwrap().into_iter().for_each(|delta| visible.2.add(delta));
            }
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }
}

#[derive(Default)]
struct Results {
    deltas: Seen,
    impressions: Seen,
    sessions: Seen,
    quarantine: Seen,
}

fn job_site(id: u32) -> Site {
    Site {
        id: SiteId(id),
        name: format!("shop-{id}").into(),
        session_gap_ms: 30 * 60_000,
        dimensions: Vec::new(),
        groups: None,
        order_salt: [5; 32],
    }
}

fn job(log: &Arc<Vec<Vec<Record>>>, results: &Results) -> Job {
    let sites = Sites::new(SitesSnapshot::new((0..50).map(job_site)));
    let mut job = Job::new("web");
    let shards = Shards { log: log.clone(), at: BTreeMap::new() };
    let source = job.source("beacons", Replay::FromPosition, move |_| Ok(shards.clone()));
    let outputs = add(&mut job, source, &sites);
    let sink = |job: &mut Job, name: &str, ports: &[Port], seen: &Seen| {
        let (seen, inputs) = (seen.clone(), ports.iter().map(|port| (*port, Routing::Forward)).collect::<Vec<_>>());
        job.sink(name, &inputs, Delivery::Transactional, move |_| Ok(seen.sink()));
    };
    sink(&mut job, "summaries", &outputs.deltas, &results.deltas);
    sink(&mut job, "impressions", &[outputs.impressions], &results.impressions);
    sink(&mut job, "sessions", &[outputs.sessions], &results.sessions);
    sink(&mut job, "quarantine", &[outputs.quarantine], &results.quarantine);
    job
}

/// Runs with a number of workers for each stretch; each stretch but the last ends with a crash in the middle of work,
/// every second one before the sinks heard of the last checkpoint.
fn run(log: &Arc<Vec<Vec<Record>>>, stretches: &[usize]) -> Results {
    let results = Results::default();
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "web").unwrap();
    for (stretch, workers) in stretches.iter().enumerate() {
        let mut runtime = LocalRuntime::restore(job(log, &results), *workers, &store, None).unwrap();
        if stretch + 1 == stretches.len() {
            runtime.run().unwrap();
            runtime.checkpoint().unwrap();
            break;
        }
        (0..20).for_each(|_| _ = runtime.step().unwrap());
        if stretch % 2 == 0 {
            runtime.checkpoint().unwrap()
        } else {
            runtime.checkpoint_without_commit().unwrap()
        };
        (0..5).for_each(|_| _ = runtime.step().unwrap());
    }
    results
}

#[test]
fn the_pipeline_says_what_the_simulator_knows_to_be_true() {
    for (seed, seconds) in [(1, 40), (2, 120), (3, 15), (4, 300), (5, 60)] {
        let (log, expected) = log(seed, seconds);
        let results = run(&Arc::new(log), &[1]);
        let total = |counter| results.deltas.total(counter);
        let issues = results.deltas.issues();
        let found = Expected {
            beacons: total(Counter::Beacons),
            impressions: total(Counter::Impressions),
            sessions: total(Counter::Sessions),
            bounces: total(Counter::Bounces),
            orders: total(Counter::Orders),
            revenue_cents: total(Counter::RevenueCents),
            bots: results.deltas.bots(),
            issues: issues.values().sum(),
        };
        assert_eq!(found, expected, "seed {seed}, {seconds} s: {issues:?}");
        assert!(found.issues > 0, "dirty traffic has issues");
        assert_eq!(results.impressions.rows().len() as u64, expected.impressions);
        assert_eq!(results.sessions.rows().len() as u64, expected.sessions);
        assert_eq!(results.quarantine.rows().len() as u64, total(Counter::Quarantined));
    }
}

#[test]
fn beacons_of_a_site_that_was_deleted_on_their_way_are_counted() {
    let (log, expected) = log(3, 5);
    let site = job_site(0);
    let (before, after) = (Sites::new(SitesSnapshot::new([site])), Sites::default());
    let mut job = Job::new("web");
    let shards = Shards { log: Arc::new(log), at: BTreeMap::new() };
    let source = job.source("beacons", Replay::FromPosition, move |_| Ok(shards.clone()));
    let decode = job.operator("decode", &[(source, 0, Routing::Forward)], move |_| Ok(Decode::new(before.clone())));
    let inputs = [0, 1].map(|output| (Port { node: decode, output }, 0, Routing::Key(SESSION_KEY)));
    let join = job.operator("join", &inputs, move |_| Ok(JoinVisits::new(after.clone())));
    let seen = Seen::default();
    let (sink, deltas) = (seen.clone(), Port { node: join, output: 0 });
    job.sink("summaries", &[(deltas, Routing::Forward)], Delivery::Transactional, move |_| Ok(sink.sink()));
    let mut runtime = LocalRuntime::start(job, 1).unwrap();

    runtime.run().unwrap();

    let errors = runtime.metrics().operator("join", 0).errors.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(errors, expected.beacons);
    assert_eq!(seen.total(Counter::Beacons), 0);
}

#[test]
fn crashes_and_other_numbers_of_workers_change_nothing() {
    let (log, _) = log(2, 40);
    let log = Arc::new(log);
    let undisturbed = run(&log, &[1]);
    let disturbed = run(&log, &[1, 3, 2, 2, 1]);
    assert_eq!(disturbed.deltas.cells(), undisturbed.deltas.cells());
    assert_eq!(disturbed.impressions.rows(), undisturbed.impressions.rows());
    assert_eq!(disturbed.sessions.rows(), undisturbed.sessions.rows());
    assert_eq!(disturbed.quarantine.rows(), undisturbed.quarantine.rows());
}
