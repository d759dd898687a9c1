//! A limit of the operating system is met in the middle of a write.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

use tidemill_streams::{Error, Options, Position, Record, ShardId, Stream, StreamConfig, Streams};

const FOLDER: &str = "TIDEMILL_TEST_FILL";

/// Not a test of its own: runs in a process that may not write files above a size, and meets that limit.
#[test]
fn child_that_fills_the_disk() {
    let Ok(dir) = std::env::var(FOLDER) else { return };
    let streams = Streams::open(dir, Options::default()).unwrap();
    let stream = streams.create("s", StreamConfig::default()).unwrap();
    let mut acknowledged = 0_u64;
    let error = loop {
        match append(&stream, acknowledged) {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("free disk space"), "{error}");
    assert_eq!(count(&stream), acknowledged);
    // A smaller record may still fit, and goes where the failed one would have gone.
    let small = stream.append(Record::default()).wait().unwrap();
    assert_eq!(small.sequence.0, acknowledged);
    assert!(acknowledged > 3);
}

fn append(stream: &Stream, number: u64) -> Result<(), Error> {
    let mut data = vec![7; 9_999];
    data[..8].copy_from_slice(&number.to_le_bytes());
    stream.append(Record { data: &data, ..Record::default() }).wait().map(drop)
}

fn count(stream: &Stream) -> u64 {
    let mut records = Vec::new();
    let mut reader = stream.shard(ShardId(0)).unwrap().reader(Position::Oldest).unwrap();
    reader.read(usize::MAX, &mut records).unwrap();
    records.len() as u64
}

#[test]
fn a_real_limit_refuses_loses_nothing_and_is_forgotten_when_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let limited = r#"trap "" XFSZ; ulimit -f 100; exec "$0" --exact child_that_fills_the_disk --nocapture"#;
    let child = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let streams = Streams::open(dir.path(), Options::default()).unwrap();
    let stream = streams.get("s").unwrap();
    let before = count(&stream);
    for number in 0..50 {
        append(&stream, number).unwrap();
    }
    assert_eq!(count(&stream), before + 50);
    assert!(before > 4);
}
