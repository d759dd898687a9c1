//! Retention by time and by size, by whole segments.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tidemill_streams::{
    Clock, Error, HashRange, IngestionTime, Options, Position, Record, Sequence, ShardId, Stream, StreamConfig, Streams,
};

const HOUR: i64 = 3_600_000_000;

/// A clock that the test moves, and no retention but when the test says so.
fn options(now: &Arc<AtomicI64>, segment_bytes: u64) -> Options {
    let now = Arc::clone(now);
    let clock = Clock::from_fn(move || IngestionTime::from_micros(now.load(Ordering::SeqCst)));
    Options { clock, segment_bytes, retention_interval: Duration::from_secs(3_600), ..Options::default() }
}

fn put(stream: &Stream, data: &[u8]) -> Sequence {
    stream.append(Record { data, ..Record::default() }).wait().unwrap().sequence
}

fn sequences(stream: &Stream, shard: u32) -> Vec<u64> {
    let mut records = Vec::new();
    let mut reader = stream.shard(ShardId(shard)).unwrap().reader(Position::Oldest).unwrap();
    reader.read(usize::MAX, &mut records).unwrap();
    records.iter().map(|record| record.sequence.0).collect()
}

fn log_files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("streams/s/shards/0000000000")).unwrap().count()
}

#[test]
fn records_older_than_the_retention_go_and_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let streams = Streams::open(dir.path(), options(&now, 1)).unwrap();
    let config = StreamConfig { retention_hours: Some(24), ..StreamConfig::default() };
    let stream = streams.create("s", config).unwrap();
    for hour in 0..30 {
        now.store(hour * HOUR, Ordering::SeqCst);
        put(&stream, b"x");
    }
    stream.enforce_retention().unwrap();
    // At hour 29, what is older than hour 5 may go.
    assert_eq!(sequences(&stream, 0), (5..30).collect::<Vec<_>>());
    assert_eq!(log_files(dir.path()), 25);

    now.store(1_000 * HOUR, Ordering::SeqCst);
    stream.enforce_retention().unwrap();
    assert!(sequences(&stream, 0).is_empty(), "also what was in the active segment");
    drop((stream, streams));
    let streams = Streams::open(dir.path(), options(&now, 1)).unwrap();
    let stream = streams.get("s").unwrap();
    let described = stream.describe();
    assert_eq!((described.records, described.shards[0].next_sequence), (0, Sequence(30)));
    assert_eq!(put(&stream, b"y"), Sequence(30));
}

#[test]
fn a_stream_is_kept_below_its_size_by_dropping_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let streams = Streams::open(dir.path(), options(&now, 1 << 20)).unwrap();
    let limit = 4 << 20;
    let config = StreamConfig { retention_bytes: Some(limit), retention_hours: None, ..StreamConfig::default() };
    let stream = streams.create("s", config).unwrap();
    for _ in 0..100 {
        put(&stream, &[7; 100_000]);
    }
    stream.enforce_retention().unwrap();
    let described = stream.describe();
    assert!(described.bytes <= limit && described.bytes > limit / 2, "{} bytes", described.bytes);
    let kept = sequences(&stream, 0);
    assert_eq!(kept.last(), Some(&99));
    assert!(kept.len() > 20);
}

#[test]
fn a_reader_that_was_too_slow_is_told_how_much_it_missed() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let streams = Streams::open(dir.path(), options(&now, 1)).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    for _ in 0..3 {
        put(&stream, b"old");
    }
    let shard = stream.shard(ShardId(0)).unwrap();
    let mut slow = shard.reader(Position::Oldest).unwrap();
    let mut records = Vec::new();
    slow.read(1, &mut records).unwrap();
    now.store(100 * HOUR, Ordering::SeqCst);
    let new = put(&stream, b"new");
    stream.enforce_retention().unwrap();
    let mut missed = 0;
    let mut read = slow.read(usize::MAX, &mut records).unwrap();
    missed += read.expired;
    while read.records > 0 {
        read = slow.read(usize::MAX, &mut records).unwrap();
        missed += read.expired;
    }
    assert_eq!(missed, 2);
    assert_eq!(records.iter().map(|r| r.sequence.0).collect::<Vec<_>>(), [0, 3]);
    let mut again = shard.reader(Position::At(Sequence(1))).unwrap();
    assert_eq!(again.read(usize::MAX, &mut records).unwrap().expired, 2);
    assert_eq!(records.last().unwrap().sequence, new);
}

#[test]
fn a_closed_shard_is_forgotten_when_all_of_it_has_expired() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let streams = Streams::open(dir.path(), options(&now, 1 << 20)).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    put(&stream, b"parent");
    let [low, high] = stream.split(ShardId(0), HashRange::ALL.middle()).unwrap();
    stream.enforce_retention().unwrap();
    assert_eq!(sequences(&stream, 0), [0], "not yet");
    now.store(25 * HOUR, Ordering::SeqCst);
    put(&stream, b"child");
    stream.enforce_retention().unwrap();
    assert!(matches!(stream.shard(ShardId(0)), Err(Error::ShardNotFound { .. })));
    assert!(!dir.path().join("streams/s/shards/0000000000").exists());
    drop((stream, streams));
    let streams = Streams::open(dir.path(), options(&now, 1 << 20)).unwrap();
    let ids: Vec<_> = streams.get("s").unwrap().shards().iter().map(|shard| shard.id()).collect();
    assert_eq!(ids, [low, high]);
}

#[test]
fn the_retention_can_be_changed_and_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    stream.set_retention(Some(48), Some(1 << 30)).unwrap();
    assert!(matches!(stream.set_retention(Some(0), None), Err(Error::InvalidSetting { .. })));
    drop((stream, streams));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let config = streams.get("s").unwrap().describe().config;
    assert_eq!((config.retention_hours, config.retention_bytes), (Some(48), Some(1 << 30)));
}

#[test]
fn what_has_expired_goes_by_itself_and_never_keeps_a_folder_locked() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let often = || Options { retention_interval: Duration::from_micros(10), ..options(&now, 1) };
    let streams = Streams::open(dir.path(), often()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    put(&stream, b"old");
    now.store(100 * HOUR, Ordering::SeqCst);
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while stream.describe().records > 0 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(stream.describe().records, 0);
    drop((stream, streams));
    for _ in 0..50 {
        let streams = Streams::open(dir.path(), often()).unwrap();
        put(&streams.get("s").unwrap(), b"x");
    }
}
