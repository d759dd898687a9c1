//! The zeros that a growing log keeps ahead of itself are never seen: not by readers, not after a kill, not in what is sealed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use tidemill_streams::{Options, Position, Record, ShardId, Stream, StreamConfig, Streams};

const RECORD_BYTES: usize = 10_000;

fn append(stream: &Stream, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let mut data = vec![7; RECORD_BYTES];
        data[..8].copy_from_slice(&number.to_le_bytes());
        stream.append(Record { data: &data, ..Record::default() }).wait().unwrap();
    }
}

fn numbers(stream: &Stream) -> Vec<u64> {
    let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    let mut records = Vec::new();
    while reader.read(1 << 20, &mut records).unwrap().records > 0 {}
    records.iter().map(|record| u64::from_le_bytes(record.data[..8].try_into().unwrap())).collect()
}

/// The segments of the only shard, oldest first.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(dir.join("streams/s/shards/0000000000")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn bytes(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_killed_log_is_whole_without_its_room_and_a_stopped_one_has_none() {
    let (dir, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    append(&stream, 0..50);
    let durable = stream.describe().bytes;
    let segment = &segments(dir.path())[0];
    assert!(bytes(segment) > durable, "a log of {durable} bytes has room ahead");
    assert_eq!(numbers(&stream).len(), 50, "readers see no room");

    // What a kill leaves is what another process sees now.
    copy(dir.path(), killed.path());
    drop((stream, streams));
    assert_eq!(bytes(segment), durable, "a clean stop leaves no room");

    let streams = Streams::open(killed.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    append(&stream, 50..100);
    assert_eq!(numbers(&stream), (0..100).collect::<Vec<_>>());
    drop((stream, streams));
    let streams = Streams::open(killed.path(), Options::default()).unwrap();
    assert_eq!(numbers(&streams.get("s").unwrap()), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_frame_torn_inside_the_room_is_cut_off() {
    let (dir, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    append(&stream, 0..50);
    let durable = stream.describe().bytes as usize;
    copy(dir.path(), killed.path());
    // The start of a frame, and zeros after it, as when only some blocks were written.
    let segment = &segments(killed.path())[0];
    let mut content = fs::read(segment).unwrap();
    content.copy_within(32..3_000, durable);
    fs::write(segment, content).unwrap();
    let streams = Streams::open(killed.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    append(&stream, 50..51);
    assert_eq!(numbers(&stream), (0..51).collect::<Vec<_>>());
}

#[test]
fn sealed_segments_and_closed_shards_end_with_their_last_frame() {
    let dir = tempfile::tempdir().unwrap();
    let streams = Streams::open(dir.path(), Options { segment_bytes: 200_000, ..Options::default() }).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    append(&stream, 0..100);
    stream.split(ShardId(0), 1).unwrap();
    let on_disk: u64 = segments(dir.path()).iter().map(|path| bytes(path)).sum();
    assert_eq!(on_disk, stream.describe().shards[0].bytes);
    assert_eq!(numbers(&stream), (0..100).collect::<Vec<_>>());
    drop((stream, streams));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    assert_eq!(numbers(&streams.get("s").unwrap()), (0..100).collect::<Vec<_>>());
}
