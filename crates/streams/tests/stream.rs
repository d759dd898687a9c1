//! A stream as its producers and consumers see it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidemill_streams::{
    Error, HashRange, Options, Position, ReadRecord, Record, Sequence, ShardId, Stream, StreamConfig, Streams, hash_key,
};

fn config(shards: u32) -> StreamConfig {
    StreamConfig { shards, ..StreamConfig::default() }
}

fn put(stream: &Stream, key: &str, data: &str) -> tidemill_streams::Appended {
    let record = Record { partition_key: key.as_bytes(), data: data.as_bytes(), ..Record::default() };
    stream.append(record).wait().unwrap()
}

fn read_from(stream: &Stream, shard: u32, position: Position) -> Vec<ReadRecord> {
    let mut records = Vec::new();
    stream.shard(ShardId(shard)).unwrap().reader(position).unwrap().read(usize::MAX, &mut records).unwrap();
    records
}

fn texts(records: &[ReadRecord]) -> Vec<&str> {
    records.iter().map(|record| std::str::from_utf8(&record.data).unwrap()).collect()
}

#[test]
fn records_come_back_in_order_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    let first = put(&stream, "k", "one");
    let second = put(&stream, "k", "two");
    assert_eq!((first.sequence, second.sequence), (Sequence(0), Sequence(1)));
    assert!(second.time > first.time);
    assert_eq!(texts(&read_from(&stream, 0, Position::Oldest)), ["one", "two"]);

    drop((stream, streams));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    let third = put(&stream, "k", "three");
    assert_eq!(third.sequence, Sequence(2));
    let records = read_from(&stream, 0, Position::Oldest);
    assert_eq!(texts(&records), ["one", "two", "three"]);
    assert_eq!(records[1].time, second.time);
    assert_eq!(&records[1].partition_key[..], b"k");
}

#[test]
fn a_reader_begins_where_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    let appended: Vec<_> = ["a", "b", "c"].iter().map(|data| put(&stream, "k", data)).collect();
    let from = |position| read_from(&stream, 0, position).iter().map(|r| r.sequence.0).collect::<Vec<_>>();
    assert_eq!(from(Position::Oldest), [0, 1, 2]);
    assert!(from(Position::Latest).is_empty());
    assert_eq!(from(Position::At(Sequence(1))), [1, 2]);
    assert_eq!(from(Position::After(Sequence(1))), [2]);
    assert_eq!(from(Position::AtTime(appended[1].time)), [1, 2]);
    let later = tidemill_streams::IngestionTime::from_micros(appended[1].time.as_micros() + 1);
    assert_eq!(from(Position::AtTime(later)), [2]);
    let ahead = stream.shard(ShardId(0)).unwrap().reader(Position::At(Sequence(4))).unwrap_err();
    assert!(matches!(ahead, Error::SequenceAhead { .. }), "{ahead}");
}

#[test]
fn a_record_goes_to_the_shard_that_owns_its_hash_key() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(4)).unwrap();
    for shard in stream.describe().shards {
        for hash_key in [shard.range.start, shard.range.middle(), shard.range.end] {
            let record = Record { explicit_hash_key: Some(hash_key), ..Record::default() };
            assert_eq!(stream.append(record).wait().unwrap().shard, shard.id);
        }
    }
    for key in ["visitor-1", "visitor-2", "visitor-3"] {
        let owner = stream.describe().shards.into_iter().find(|s| s.range.contains(hash_key(key.as_bytes())));
        assert_eq!(put(&stream, key, "x").shard, owner.unwrap().id);
    }
}

#[test]
fn a_batch_is_acknowledged_as_a_whole_and_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(2)).unwrap();
    let keys: Vec<String> = (0..100).map(|i| format!("key-{i}")).collect();
    let batch: Vec<_> =
        keys.iter().map(|k| Record { partition_key: k.as_bytes(), data: b"x", ..Record::default() }).collect();
    let appended = stream.append_batch(&batch).wait().unwrap();
    assert_eq!(appended.len(), 100);
    for (key, to) in keys.iter().zip(&appended) {
        let read = read_from(&stream, to.shard.0, Position::At(to.sequence));
        assert_eq!(&read[0].partition_key[..], key.as_bytes());
    }
    assert!(stream.append_batch(&[]).wait().unwrap().is_empty());
}

#[test]
fn children_go_on_above_their_parents() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    let before = put(&stream, "k", "before");

    let [low, high] = stream.split(ShardId(0), HashRange::ALL.middle()).unwrap();
    let after = put(&stream, "k", "after");
    assert!(after.shard == low || after.shard == high);
    assert!(after.sequence > before.sequence && after.time > before.time);

    let merged = stream.merge(high, low).unwrap();
    let last = put(&stream, "k", "last");
    assert_eq!(last.shard, merged);
    assert!(last.sequence > after.sequence && last.time > after.time);

    // A consumer finds all of it by following the children.
    drop((stream, streams));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    let mut found = Vec::new();
    let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    let end = reader.read(usize::MAX, &mut found).unwrap().end.unwrap();
    assert_eq!(end.children, [low, high]);
    assert_eq!(reader.tail_time(), None);
    for child in end.children {
        let mut reader = stream.shard(child).unwrap().reader(Position::Oldest).unwrap();
        assert_eq!(reader.read(usize::MAX, &mut found).unwrap().end.unwrap().children, [merged]);
    }
    found.extend(read_from(&stream, merged.0, Position::Oldest));
    assert_eq!(texts(&found), ["before", "after", "last"]);
    let described = stream.describe();
    assert_eq!(described.shards[3].parents, [high, low]);
    assert_eq!(described.shards[3].range, HashRange::ALL);
}

#[test]
fn what_cannot_be_split_or_merged_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options { shards_max: 7, ..Options::default() }).unwrap();
    let stream = streams.create("s", config(3)).unwrap();
    let code = |error: Error| error.to_string().chars().take(14).collect::<String>();
    assert_eq!(code(stream.split(ShardId(0), 0).unwrap_err()), "TM-STREAM-0013");
    assert_eq!(code(stream.split(ShardId(9), 5).unwrap_err()), "TM-STREAM-0012");
    assert_eq!(code(stream.merge(ShardId(0), ShardId(2)).unwrap_err()), "TM-STREAM-0013");
    stream.split(ShardId(0), 5).unwrap();
    assert_eq!(code(stream.split(ShardId(0), 5).unwrap_err()), "TM-STREAM-0013");
    stream.split(ShardId(1), HashRange::ALL.middle()).unwrap();
    assert_eq!(code(stream.split(ShardId(2), u128::MAX).unwrap_err()), "TM-STREAM-0014");
    assert_eq!(put(&stream, "k", "still works").sequence, Sequence(0));
}

#[test]
fn waiting_readers_are_told_of_new_records() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    let shard = stream.shard(ShardId(0)).unwrap();
    let mut reader = shard.reader(Position::Latest).unwrap();
    assert!(!reader.wait(Duration::from_millis(5)));
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    reader.on_data(Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    }));

    let blocking = {
        let reader = shard.reader(Position::Latest).unwrap();
        std::thread::spawn(move || reader.wait(Duration::from_secs(30)))
    };
    let waiting = {
        let reader = shard.reader(Position::Latest).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(reader.wait_async());
            reader.records_behind()
        })
    };
    put(&stream, "k", "news");
    assert!(blocking.join().unwrap());
    assert!(waiting.join().unwrap() <= 1);
    assert!(reader.wait(Duration::ZERO));
    assert_eq!(calls.load(Ordering::SeqCst), 1);

    let mut records = Vec::new();
    reader.read(1, &mut records).unwrap();
    assert_eq!(texts(&records), ["news"]);
    assert!(!reader.wait(Duration::ZERO));
    stream.split(ShardId(0), 1).unwrap();
    assert!(reader.wait(Duration::ZERO), "the end of a shard is news too");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_read_stops_after_the_bytes_it_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    let batch = [Record { data: b"0123456789", ..Record::default() }; 10];
    let _ = stream.append_batch(&batch).wait().unwrap();
    let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    let mut records = Vec::new();
    let sizes: Vec<_> = (0..4).map(|_| reader.read(35, &mut records).unwrap().records).collect();
    assert_eq!(sizes, [4, 4, 2, 0]);
    assert_eq!(reader.position(), Sequence(10));
    assert_eq!(records.iter().map(|r| r.sequence.0).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn too_much_is_refused_with_the_limit_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { streams_max: 2, queue_bytes_max: 4_000, ..Options::default() };
    let streams = Streams::open(dir.path(), options).unwrap();
    let small = StreamConfig { record_bytes_max: 1_000, ..StreamConfig::default() };
    let stream = streams.create("s", small.clone()).unwrap();
    let fails = |record| stream.append(record).wait().unwrap_err().to_string();
    assert!(fails(Record { data: &[0; 1_001], ..Record::default() }).contains("limit of 1000"));
    assert!(fails(Record { partition_key: &[0; 1_025], ..Record::default() }).contains("limit of 1024"));
    let batch = [Record { data: &[0; 1_000], ..Record::default() }; 3];
    assert!(stream.append_batch(&batch).wait().unwrap_err().to_string().starts_with("TM-STREAM-0010"));
    for name in ["", ".hidden", "a/b", "..", "ü", &"x".repeat(129)] {
        assert!(matches!(streams.create(name, config(1)), Err(Error::InvalidName { .. })), "{name}");
    }
    assert!(matches!(streams.create("s", config(1)), Err(Error::StreamExists { .. })));
    streams.create("t", config(1)).unwrap();
    assert!(matches!(streams.create("u", config(1)), Err(Error::LimitReached { .. })));
    assert!(matches!(streams.create("u", config(0)), Err(Error::InvalidSetting { .. })));
}

#[test]
fn a_full_queue_refuses_at_once_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    // The first record waits out the commit interval, so that the queue fills behind it.
    let options = Options { queue_bytes_max: 1_000, commit_interval: Duration::from_millis(200), ..Options::default() };
    let streams = Streams::open(dir.path(), options).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    put(&stream, "k", "starts the interval");
    let record = Record { data: &[7; 400], ..Record::default() };
    let accepted = [stream.append(record), stream.append(record)];
    let refused = stream.append(record).wait().unwrap_err();
    assert!(matches!(refused, Error::QueueFull { .. }) && refused.is_retryable(), "{refused}");
    for future in accepted {
        future.wait().unwrap();
    }
    stream.append(record).wait().unwrap();
    assert_eq!(read_from(&stream, 0, Position::Oldest).len(), 4);
}

#[test]
fn a_deleted_stream_is_gone_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    put(&stream, "k", "old");
    let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Latest).unwrap();
    streams.delete("s").unwrap();
    assert!(matches!(streams.get("s"), Err(Error::StreamNotFound { .. })));
    assert!(matches!(stream.append(Record::default()).wait(), Err(Error::StreamDeleted { .. })));
    assert!(matches!(reader.read(1, &mut Vec::new()), Err(Error::StreamDeleted { .. })));
    let again = streams.create("s", config(1)).unwrap();
    assert!(read_from(&again, 0, Position::Oldest).is_empty());
}

#[test]
fn a_closed_folder_can_be_opened_again_and_an_open_one_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", config(1)).unwrap();
    assert!(matches!(Streams::open(dir.path(), Options::default()), Err(Error::InUse { .. })));
    let last = stream.append(Record { data: b"last", ..Record::default() });
    streams.close();
    last.wait().unwrap();
    assert!(matches!(stream.append(Record::default()).wait(), Err(Error::Closed { .. })));
    drop((stream, streams));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    assert_eq!(texts(&read_from(&streams.get("s").unwrap(), 0, Position::Oldest)), ["last"]);
}

#[test]
fn the_limit_of_a_record_can_be_changed_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", StreamConfig { record_bytes_max: 10, ..StreamConfig::default() }).unwrap();
    let put =
        |stream: &Stream, bytes: usize| stream.append(Record { data: &vec![0; bytes], ..Record::default() }).wait();
    assert!(matches!(put(&stream, 11), Err(Error::TooLarge { limit_bytes: 10, .. })));
    stream.set_record_bytes_max(11).unwrap();
    put(&stream, 11).unwrap();
    assert!(matches!(stream.set_record_bytes_max(0), Err(Error::InvalidSetting { .. })));
    drop((stream, streams));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    assert_eq!(stream.config().record_bytes_max, 11);
    put(&stream, 11).unwrap();
}

#[test]
fn children_are_a_second_younger_and_take_their_hash_keys() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    assert_eq!(stream.shard_of(7), Some(ShardId(0)));
    let [low, high] = stream.split(ShardId(0), 100).unwrap();
    assert_eq!((stream.shard_of(99), stream.shard_of(100)), (Some(low), Some(high)));
    let created = |shard| stream.shard(shard).unwrap().created().as_micros();
    assert!(created(low) >= created(ShardId(0)) + 1_000_000);
}
