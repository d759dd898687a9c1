//! Producers, readers that follow the tail, splits and retention, all at once.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use tidemill_streams::{
    AppendFuture, HashRange, Options, Position, ReadRecord, Record, ShardId, Stream, StreamConfig, Streams,
};

const PRODUCERS: u64 = 3;
const RECORDS: u64 = 4_000;
/// Longer than the test may take: a wake-up that is lost shows as a reader that found nothing.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn followers_see_every_record_once_and_each_producer_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    // Small segments, so that readers cross from one to the next while it is written.
    let options = Options { segment_bytes: 20_000, ..Options::default() };
    let streams = Streams::open(dir.path(), options).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();

    let follower = {
        let stream = stream.clone();
        thread::spawn(move || follow(&stream, ShardId(0)))
    };
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let stream = stream.clone();
            thread::spawn(move || produce(&stream, producer))
        })
        .collect();
    let [low, high] = stream.split(ShardId(0), HashRange::ALL.middle()).unwrap();
    stream.enforce_retention().unwrap();
    let middle = stream.shard(high).unwrap().describe().range.middle();
    stream.split(high, middle).unwrap();
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    // Everything that is still open ends here, so that the followers do.
    let open: Vec<_> = stream.describe().shards.into_iter().filter(|shard| !shard.closed).collect();
    assert_eq!(open.len(), 3);
    assert!(open.iter().any(|shard| shard.id == low));
    for shard in open {
        stream.split(shard.id, shard.range.middle()).unwrap();
    }

    let found = follower.join().unwrap();
    assert_eq!(found.len() as u64, PRODUCERS * RECORDS);
    let mut numbers = BTreeMap::<u64, Vec<u64>>::new();
    for record in &found {
        numbers.entry(number(&record.partition_key)).or_default().push(number(&record.data));
    }
    for (producer, mut numbers) in numbers {
        numbers.sort_unstable();
        assert_eq!(numbers, (0..RECORDS).collect::<Vec<_>>(), "producer {producer}");
    }
}

/// Records whose numbers grow, some acknowledged one by one and some many at a time.
fn produce(stream: &Stream, producer: u64) {
    let key = producer.to_le_bytes();
    let mut waiting = Vec::new();
    for number in 0..RECORDS {
        let data = number.to_le_bytes();
        // Spread over all shards, whatever the key.
        let explicit_hash_key = Some(u128::from(number % 64) << 122);
        waiting.push(stream.append(Record { partition_key: &key, explicit_hash_key, data: &data }));
        if number % 500 < 20 || waiting.len() == 200 {
            waiting.drain(..).for_each(acknowledged);
        }
    }
    waiting.into_iter().for_each(acknowledged);
}

fn acknowledged(future: AppendFuture) {
    future.wait().unwrap();
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

/// Sequence numbers, stamps, and each producer's own numbers grow.
fn assert_in_order(records: &[ReadRecord]) {
    assert!(records.windows(2).all(|pair| pair[0].sequence < pair[1].sequence && pair[0].time <= pair[1].time));
    let mut last = BTreeMap::new();
    for record in records {
        let number = number(&record.data);
        let earlier = last.insert(record.partition_key.clone(), number);
        assert!(earlier.is_none_or(|earlier| earlier < number));
    }
}

/// Everything in a shard as it comes, and then everything in its children that were made while producers ran.
fn follow(stream: &Stream, shard: ShardId) -> Vec<ReadRecord> {
    let mut reader = stream.shard(shard).unwrap().reader(Position::Oldest).unwrap();
    let mut records = Vec::new();
    loop {
        let read = reader.read(3_000, &mut records).unwrap();
        assert_eq!(read.expired, 0);
        if let Some(end) = read.end {
            assert_in_order(&records);
            let children = end.children.into_iter().filter(|child| child.0 < 5);
            let followers: Vec<_> = children
                .map(|child| {
                    let stream = stream.clone();
                    thread::spawn(move || follow(&stream, child))
                })
                .collect();
            records.extend(followers.into_iter().flat_map(|follower| follower.join().unwrap()));
            return records;
        }
        if read.records == 0 {
            assert!(reader.wait(PATIENCE), "{shard} has had nothing for too long");
        }
    }
}
