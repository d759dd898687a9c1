//! Ingestion time never goes back, whatever the clock does.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tidemill_streams::{
    Clock, HashRange, IngestionTime, Options, Position, Record, ShardId, Stream, StreamConfig, Streams,
};

fn at(micros: i64) -> IngestionTime {
    IngestionTime::from_micros(micros)
}

fn open(dir: &Path, now: &Arc<AtomicI64>) -> Streams {
    let now = Arc::clone(now);
    let clock = Clock::from_fn(move || at(now.load(Ordering::SeqCst)));
    Streams::open(dir, Options { clock, ..Options::default() }).unwrap()
}

fn put(stream: &Stream) -> IngestionTime {
    stream.append(Record::default()).wait().unwrap().time
}

#[test]
fn stamps_grow_when_the_clock_goes_back_also_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let streams = open(dir.path(), &now);
    let config = StreamConfig { retention_hours: None, ..StreamConfig::default() };
    let stream = streams.create("s", config).unwrap();
    assert_eq!(put(&stream), at(1_000));
    now.store(500, Ordering::SeqCst);
    assert_eq!(put(&stream), at(1_001));
    drop((stream, streams));
    now.store(-7, Ordering::SeqCst);
    let streams = open(dir.path(), &now);
    let stream = streams.get("s").unwrap();
    assert_eq!(put(&stream), at(1_002));
    let [low, _] = stream.split(ShardId(0), HashRange::ALL.middle()).unwrap();
    let child = stream.append(Record { explicit_hash_key: Some(0), ..Record::default() }).wait().unwrap();
    assert_eq!(child.shard, low);
    assert!(child.time > at(1_002));
    now.store(2_000, Ordering::SeqCst);
    assert_eq!(
        stream.append(Record { explicit_hash_key: Some(0), ..Record::default() }).wait().unwrap().time,
        at(2_000)
    );
}

#[test]
fn the_tail_time_is_a_promise_about_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let streams = open(dir.path(), &now);
    let config = StreamConfig { retention_hours: None, ..StreamConfig::default() };
    let stream = streams.create("s", config).unwrap();
    let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    assert_eq!(reader.tail_time(), Some(at(1_000)));
    now.store(5_000, Ordering::SeqCst);
    assert_eq!(reader.tail_time(), Some(at(5_000)));
    now.store(3_000, Ordering::SeqCst);
    assert_eq!(put(&stream), at(5_001), "later than promised, though the clock went back");
    assert_eq!(reader.tail_time(), None, "a record waits to be read");
    reader.read(1, &mut Vec::new()).unwrap();
    assert_eq!(reader.tail_time(), Some(at(5_001)));
    now.store(9_000, Ordering::SeqCst);
    assert_eq!(reader.tail_time(), Some(at(9_000)));
    drop((reader, stream, streams));
    now.store(0, Ordering::SeqCst);
    let streams = open(dir.path(), &now);
    assert_eq!(put(&streams.get("s").unwrap()), at(9_001), "a clean stop keeps the promise");
}
