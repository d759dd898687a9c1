//! The source and the sink in small jobs on the local runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{UInt32Type, UInt64Type};
use parking_lot::Mutex;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::runtime::supervisor::JobState;
use tidemill_engine::runtime::timely::{TimelyOptions, TimelyRuntime};
use tidemill_engine::{
    Batch, CheckpointStore, Delivery, Epoch, EventTime, Guarantee, Job, Replay, Result, Routing, Sink, SnapshotWriter,
};
use tidemill_streams::{
    Clock, HashRange, IngestionTime, Options, Position, Record, ShardId, Stream, StreamConfig, Streams,
};

use super::*;

/// Key, data, shard, sequence number, time.
type Row = (String, String, u32, u64, i64);

/// What came out.
#[derive(Clone, Default)]
struct Seen {
    rows: Arc<Mutex<Vec<Row>>>,
    watermarks: Arc<Mutex<Vec<EventTime>>>,
}

impl Seen {
    fn rows(&self) -> Vec<Row> {
        self.rows.lock().clone()
    }

    fn data(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.1).collect()
    }

    fn watermark(&self) -> Option<EventTime> {
        self.watermarks.lock().last().copied()
    }
}

impl Sink for Seen {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let text = |column, row| String::from_utf8(batch.binary(column).unwrap().value(row).to_vec()).unwrap();
        let (shards, sequences) = (batch.rows().column(2), batch.rows().column(3));
        for row in 0..batch.num_rows() {
            let shard = shards.as_primitive::<UInt32Type>().value(row);
            let sequence = sequences.as_primitive::<UInt64Type>().value(row);
            self.rows.lock().push((text(1, row), text(0, row), shard, sequence, batch.times()[row]));
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        self.watermarks.lock().push(time);
        Ok(())
    }

    fn prepare(&mut self, _: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}

/// A folder with one stream whose clock the test moves.
struct World {
    dir: tempfile::TempDir,
    stream: Stream,
    now: Arc<Mutex<i64>>,
    _streams: Streams,
}

impl World {
    fn new(shards: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(Mutex::new(1_000_000));
        let clock = Arc::clone(&now);
        let clock = Clock::from_fn(move || IngestionTime::from_micros(*clock.lock()));
        let streams = Streams::open(dir.path().join("streams"), Options { clock, ..Options::default() }).unwrap();
        let config = StreamConfig { shards, retention_hours: None, ..StreamConfig::default() };
        let stream = streams.create("s", config).unwrap();
        Self { dir, stream, now, _streams: streams }
    }

    fn put(&self, key: &str, data: &str) {
        *self.now.lock() += 1_000;
        let record = Record { partition_key: key.as_bytes(), data: data.as_bytes(), ..Record::default() };
        self.stream.append(record).wait().unwrap();
    }

    /// `count` records for each of eight keys, numbered from `from`.
    fn put_numbers(&self, from: usize, count: usize) {
        for number in from..from + count {
            for key in 0..8 {
                self.put(&format!("key-{key}"), &format!("{key}:{number}"));
            }
        }
    }

    fn job(&self, seen: &Seen, start: StartFrom) -> Job {
        let config = StreamSourceConfig { start, ..StreamSourceConfig::default() };
        let mut job = Job::new("read");
        let port = job.source("in", Replay::FromPosition, StreamSource::factory(self.stream.clone(), config));
        let seen = seen.clone();
        job.sink("out", &[(port, Routing::Key(1))], Delivery::Upsert, move |_| Ok(seen.clone()));
        job
    }

    fn store(&self) -> CheckpointStore {
        CheckpointStore::local(&self.dir.path().join("checkpoints"), "read").unwrap()
    }
}

/// Each key's numbers in the order in which they came.
fn by_key(rows: &[Row]) -> BTreeMap<String, Vec<usize>> {
    let mut numbers = BTreeMap::<String, Vec<usize>>::new();
    for (key, data, ..) in rows {
        let number = data.split(':').nth(1).unwrap().parse().unwrap();
        numbers.entry(key.clone()).or_default().push(number);
    }
    numbers
}

fn assert_whole(rows: &[Row], count: usize) {
    let numbers = by_key(rows);
    assert_eq!(numbers.len(), 8);
    for (key, numbers) in numbers {
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{key}");
    }
}

#[test]
fn every_record_becomes_a_row_with_its_place_and_its_time() {
    let world = World::new(2);
    world.put("a", "one");
    world.put("a", "two");
    let seen = Seen::default();
    LocalRuntime::start(world.job(&seen, StartFrom::Oldest), 1).unwrap().run().unwrap();
    let rows = seen.rows();
    let shard = world.stream.describe().shards.into_iter().find(|shard| shard.records == 2).unwrap().id;
    assert_eq!(
        rows,
        [("a".into(), "one".into(), shard.0, 0, 1_001_000), ("a".into(), "two".into(), shard.0, 1, 1_002_000),]
    );
}

#[test]
fn the_watermark_follows_the_records_and_then_the_clock() {
    let world = World::new(2);
    world.put("a", "x");
    let seen = Seen::default();
    let mut runtime = LocalRuntime::start(world.job(&seen, StartFrom::Oldest), 2).unwrap();
    runtime.run().unwrap();
    assert_eq!(seen.watermark(), Some(EventTime(1_001_001)));
    *world.now.lock() = 9_000_000;
    runtime.step().unwrap();
    assert_eq!(seen.watermark(), Some(EventTime(9_000_001)));
    // The clock goes back, and still nothing that comes is late.
    *world.now.lock() = 5_000_000;
    world.put("a", "y");
    runtime.run().unwrap();
    assert_eq!(seen.rows().last().unwrap().4, 9_000_001);
}

#[test]
fn a_job_begins_where_it_is_told() {
    let world = World::new(1);
    world.put("a", "before");
    let then = *world.now.lock() + 1;
    world.put("a", "after");
    let texts = |start| {
        let seen = Seen::default();
        let mut runtime = LocalRuntime::start(world.job(&seen, start), 1).unwrap();
        runtime.run().unwrap();
        world.put("a", "new");
        runtime.run().unwrap();
        seen.data()
    };
    assert_eq!(texts(StartFrom::Oldest), ["before", "after", "new"]);
    assert_eq!(texts(StartFrom::Latest), ["new"]);
    assert_eq!(texts(StartFrom::At(IngestionTime::from_micros(then))), ["after", "new", "new", "new"]);
}

#[test]
fn children_come_after_their_parents_and_keys_stay_in_order() {
    let world = World::new(2);
    world.put_numbers(0, 20);
    let seen = Seen::default();
    let mut runtime = LocalRuntime::start(world.job(&seen, StartFrom::Oldest), 3).unwrap().with_budget(500);
    runtime.step().unwrap();
    let halves = world.stream.describe().shards[0].range;
    world.stream.split(ShardId(0), halves.middle()).unwrap();
    world.put_numbers(20, 20);
    runtime.step().unwrap();
    // Shard 3 of worker 0 and shard 1 of worker 1 become one.
    world.stream.merge(ShardId(3), ShardId(1)).unwrap();
    world.put_numbers(40, 20);
    runtime.run().unwrap();
    assert_whole(&seen.rows(), 60);
    let shards: BTreeSet<u32> = seen.rows().iter().map(|row| row.2).collect();
    assert_eq!(shards, BTreeSet::from([0, 1, 2, 3, 4]));
    let watermark = seen.watermark().unwrap();
    assert!(watermark.0 > *world.now.lock(), "ended parents hold nothing back: {watermark:?}");
}

#[test]
fn shares_of_the_shards_are_read_by_several_sources_once_each() {
    let world = World::new(2);
    let seen = Seen::default();
    let mut job = Job::new("read");
    let shares = ["1/2", "2/2"].map(|share| {
        let config = StreamSourceConfig { share: share.parse().unwrap(), ..StreamSourceConfig::default() };
        let name = format!("in-{}", &share[..1]);
        (job.source(&name, Replay::FromPosition, StreamSource::factory(world.stream.clone(), config)), Routing::Key(1))
    });
    let out = seen.clone();
    job.sink("out", &shares, Delivery::Upsert, move |_| Ok(out.clone()));
    world.put_numbers(0, 20);
    let mut runtime = LocalRuntime::start(job, 2).unwrap().with_budget(500);
    runtime.step().unwrap();
    // The children, 2 and 3, are in both shares.
    let halves = world.stream.describe().shards[0].range;
    world.stream.split(ShardId(0), halves.middle()).unwrap();
    world.put_numbers(20, 20);
    runtime.run().unwrap();
    for (key, mut numbers) in by_key(&seen.rows()) {
        numbers.sort_unstable();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>(), "{key}");
    }
    let times: Vec<i64> = seen.rows().iter().map(|row| row.4).collect();
    assert!(seen.watermark().unwrap().0 > *times.iter().max().unwrap());
}

#[test]
fn a_crash_repeats_nothing_and_loses_nothing_with_any_number_of_workers() {
    let world = World::new(3);
    let mut rows = Vec::new();
    let mut count = 0;
    for (round, workers) in [1, 3, 2, 4].into_iter().enumerate() {
        let seen = Seen::default();
        let job = world.job(&seen, StartFrom::Oldest);
        let mut runtime = LocalRuntime::restore(job, workers, &world.store(), None).unwrap().with_budget(300);
        world.put_numbers(count, 10);
        count += 10;
        for _ in 0..3 {
            runtime.step().unwrap();
        }
        if round == 1 {
            let range = world.stream.describe().shards[1].range;
            world.stream.split(ShardId(1), range.middle()).unwrap();
        }
        runtime.step().unwrap();
        runtime.checkpoint().unwrap();
        rows.extend(seen.rows());
        // What is read after the checkpoint is lost with the crash, and read again by the next start.
        runtime.step().unwrap();
    }
    let seen = Seen::default();
    LocalRuntime::restore(world.job(&seen, StartFrom::Oldest), 2, &world.store(), None).unwrap().run().unwrap();
    rows.extend(seen.rows());
    assert_whole(&rows, count);
}

/// Until so many rows have come, or the test has waited for too long.
fn wait_for(seen: &Seen, rows: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while seen.rows().len() < rows && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(seen.rows().len(), rows);
}

#[test]
fn worker_threads_read_splits_and_merges_as_they_happen_and_go_on_when_rescaled() {
    let world = World::new(2);
    let seen = Seen::default();
    let options = TimelyOptions { workers: 3, ..TimelyOptions::default() };
    let handle = TimelyRuntime::start(world.job(&seen, StartFrom::Oldest), options, world.store()).unwrap();
    world.put_numbers(0, 10);
    let range = world.stream.describe().shards[0].range;
    world.stream.split(ShardId(0), range.middle()).unwrap();
    world.put_numbers(10, 10);
    wait_for(&seen, 8 * 20);

    handle.rescale(1).unwrap();
    world.put_numbers(20, 10);
    wait_for(&seen, 8 * 30);
    handle.rescale(2).unwrap();
    world.stream.merge(ShardId(3), ShardId(1)).unwrap();
    world.put_numbers(30, 10);
    wait_for(&seen, 8 * 40);
    assert_eq!(handle.stop(), JobState::Stopped);
    for (key, mut numbers) in by_key(&seen.rows()) {
        numbers.sort_unstable();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>(), "{key}");
    }
}

#[test]
fn a_bounded_job_ends_at_the_tail() {
    let world = World::new(4);
    world.put_numbers(0, 5);
    let seen = Seen::default();
    let config = StreamSourceConfig { bounded: true, ..StreamSourceConfig::default() };
    let mut job = Job::new("read");
    let port = job.source("in", Replay::FromPosition, StreamSource::factory(world.stream.clone(), config));
    let out = seen.clone();
    job.sink("out", &[(port, Routing::Key(1))], Delivery::Upsert, move |_| Ok(out.clone()));
    let options = TimelyOptions { workers: 2, ..TimelyOptions::default() };
    let handle = TimelyRuntime::start(job, options, world.store()).unwrap();
    assert_eq!(handle.wait_for(Duration::from_secs(60)), JobState::Finished);
    assert_whole(&seen.rows(), 5);
}

#[test]
fn shards_are_spread_evenly_over_the_workers() {
    let world = World::new(8);
    let board = shard_plan::PlanBoard::default();
    let wake: tidemill_engine::Waker = Arc::new(|| ());
    let loads: Vec<usize> = (0..3)
        .scan(Vec::new(), |plans, worker| {
            let seat = shard_plan::Seat { worker, workers: 3, generation: 1 };
            let plan = board.join(&world.stream, seat, &wake, &StreamSourceConfig::default(), None).unwrap();
            let load = plan.of(worker).len();
            plans.push(plan);
            Some(load)
        })
        .collect();
    assert_eq!(loads.iter().sum::<usize>(), 8);
    assert!(loads.iter().all(|load| (2..=3).contains(load)), "{loads:?}");
}

#[test]
fn a_sink_appends_what_another_stream_holds() {
    let world = World::new(2);
    world.put_numbers(0, 10);
    let config = StreamConfig { shards: 3, ..StreamConfig::default() };
    let copy = world._streams.create("copy", config).unwrap();
    let mut job = Job::new("copy").with_guarantee(Guarantee::AtLeastOnce);
    let source = StreamSource::factory(world.stream.clone(), StreamSourceConfig::default());
    let port = job.source("in", Replay::FromPosition, source);
    let into = copy.clone();
    job.sink("out", &[(port, Routing::Forward)], Delivery::Append, move |_| {
        Ok(StreamSink::new(into.clone(), StreamSinkConfig::default()))
    });
    let store = CheckpointStore::local(&world.dir.path().join("copying"), "copy").unwrap();
    let mut runtime = LocalRuntime::restore(job, 2, &store, None).unwrap();
    runtime.run().unwrap();
    runtime.checkpoint().unwrap();

    let mut found = Vec::new();
    for shard in copy.shards() {
        let mut records = Vec::new();
        shard.reader(Position::Oldest).unwrap().read(usize::MAX, &mut records).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        found.extend(records.iter().map(|r| (text(&r.partition_key), text(&r.data), 0, 0, 0)));
    }
    assert_whole(&found, 10);
    assert_eq!(copy.describe().shards[2].range.end, HashRange::ALL.end);
}
