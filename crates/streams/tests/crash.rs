//! `kill -9` in the middle of appends: what was acknowledged is there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tidemill_streams::{HashRange, Options, Position, Record, ShardId, StreamConfig, Streams};

const FOLDER: &str = "TIDEMILL_TEST_APPEND_TO";

/// Not a test of its own: the process that is killed. It prints each acknowledged record's place and number.
#[test]
fn child_that_appends() {
    let Ok(dir) = std::env::var(FOLDER) else { return };
    let streams = Streams::open(dir, Options { segment_bytes: 64 << 10, ..Options::default() }).unwrap();
    let stream =
        streams.get("s").or_else(|_| streams.create("s", StreamConfig { shards: 2, ..StreamConfig::default() }));
    let stream = stream.unwrap();
    let mut out = std::io::stdout().lock();
    let from = std::process::id() as u64 * 1_000_000;
    for round in 0.. {
        let data: Vec<String> = (0..50).map(|i| format!("{}:{}", from + round * 50 + i, "x".repeat(300))).collect();
        let record = |data: &'_ String| {
            stream.append(Record { partition_key: &data.as_bytes()[..9], data: data.as_bytes(), ..Record::default() })
        };
        let waiting: Vec<_> = data.iter().map(record).collect();
        for (data, ack) in data.iter().zip(waiting) {
            let to = ack.wait().unwrap();
            writeln!(out, "acked {} {} {data}", to.shard.0, to.sequence).unwrap();
        }
        if round == 10 {
            // The split may or may not be there after the kill, but never by half.
            let widest = stream.describe().shards.into_iter().find(|shard| !shard.closed).unwrap();
            stream.split(widest.id, widest.range.middle()).unwrap();
        }
    }
}

#[test]
fn every_acknowledged_record_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for round in 0..8_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_appends", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.by_ref().take(37 * (round + 1) + 300 * round) {
            note(&line.unwrap(), &mut acknowledged);
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        // What it had printed before it died counts too; a torn last line doesn't.
        lines
            .map_while(Result::ok)
            .filter(|line| line.ends_with("xxx"))
            .for_each(|line| note(&line, &mut acknowledged));
        assert_stored(dir.path(), &acknowledged);
    }
    assert!(acknowledged.len() > 8 * 37);
}

fn note(line: &str, acknowledged: &mut BTreeMap<(u32, u64), String>) {
    let mut words = line.split(' ');
    if words.next().is_some_and(|word| word.ends_with("acked")) {
        let mut number = || words.next().unwrap().parse::<u64>().unwrap();
        let place = (number() as u32, number());
        let data = words.next().unwrap();
        if data.len() > 300 {
            acknowledged.insert(place, data.to_owned());
        }
    }
}

fn assert_stored(dir: &Path, acknowledged: &BTreeMap<(u32, u64), String>) {
    let streams = Streams::open(dir, Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    let mut stored = BTreeMap::new();
    for shard in stream.shards() {
        let mut records = Vec::new();
        shard.reader(Position::Oldest).unwrap().read(usize::MAX, &mut records).unwrap();
        for record in records {
            let data = String::from_utf8(record.data.to_vec()).unwrap();
            stored.insert((shard.id().0, record.sequence.0), data);
        }
    }
    for (place, data) in acknowledged {
        assert_eq!(stored.get(place), Some(data), "{place:?}");
    }
    let open: Vec<HashRange> = stream.describe().shards.iter().filter(|s| !s.closed).map(|s| s.range).collect();
    let start: u128 = open.iter().map(|range| range.start).min().unwrap();
    assert_eq!(start, 0);
    assert!(stream.shard(ShardId(0)).is_ok());
}
