//! Event time over the shards of a stream: one that is read later than another is not late, and one that is silent holds nobody back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure to run a case fails it")]

#[allow(dead_code, reason = "a part of what cases need")]
mod support {
    pub(crate) mod case;
    pub(crate) mod run;
}

use std::sync::Arc;

use support::run::{Way, play, texts};
use tidemill_connectors::Environment;
use tidemill_engine::CheckpointStore;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_sql::{Outcome, Prepared, Session};
use tidemill_streams::{Options, Record, Stream, StreamConfig, Streams};

/// A partition key of each of the first two shards.
fn keys(stream: &Stream) -> [Vec<u8>; 2] {
    let append = |key: &[u8]| {
        let record = Record { partition_key: key, data: b"", ..Record::default() };
        stream.append(record).wait().unwrap().shard.0
    };
    let mut keys: [Option<Vec<u8>>; 2] = [None, None];
    for n in 0..100u32 {
        let key = n.to_string().into_bytes();
        let shard = append(&key);
        keys[shard as usize].get_or_insert(key);
    }
    keys.map(Option::unwrap)
}

#[test]
fn a_shard_that_is_read_later_is_not_late() {
    let folder = tempfile::tempdir().unwrap();
    let streams = Streams::open(folder.path().join("streams"), Options::default()).unwrap();
    let stream = streams.create("ticks", StreamConfig { shards: 2, ..StreamConfig::default() }).unwrap();
    let keys = keys(&stream);
    // A row each second in both, which come together; but one is written, and read, after the other.
    let mut pending = Vec::new();
    for key in &keys {
        for n in 0..3_000u32 {
            let line =
                format!("{{\"n\": {n}, \"ts\": \"2026-01-01 {:02}:{:02}:{:02}\"}}", n / 3_600, n / 60 % 60, n % 60);
            let record = Record { partition_key: key, data: line.as_bytes(), ..Record::default() };
            pending.push(stream.append(record));
        }
    }
    for appended in pending {
        appended.wait().unwrap();
    }
    let environment = Environment { streams: Some(streams), ..Environment::default() };
    let mut session = Session::new(Arc::new(environment));
    let sql = "CREATE TABLE ticks (n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
      WITH ('connector' = 'stream', 'stream' = 'ticks', 'format' = 'json', 'scan.bounded.mode' = 'latest-offset');
      SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '10' MINUTE)) GROUP BY window_start, window_end;";
    let mut tasks = Vec::new();
    for statement in tidemill_sql::parse::parse(sql).unwrap() {
        if let Outcome::Work(more) = session.execute(statement).unwrap() {
            tasks.extend(more);
        }
    }
    let prepare = || -> Result<Prepared, String> { session.prepare("shards", &tasks).map_err(|e| e.to_string()) };
    let expected: Vec<String> = (0..5).map(|n| format!("2026-01-01 00:{}0:00 | 1200", n)).collect();
    for (n, way) in Way::all().into_iter().enumerate() {
        let store = CheckpointStore::local(folder.path(), &format!("checkpoints-{n}")).unwrap();
        assert_eq!(play(&prepare, way, &store).unwrap(), expected, "{way}");
    }
    // Read in pieces of many minutes.
    for workers in [1, 2] {
        let Prepared { job, rows, .. } = prepare().unwrap();
        let mut runtime = LocalRuntime::start(job, workers).unwrap();
        runtime.run().unwrap();
        let mut found: Vec<String> = rows.unwrap().batches.try_iter().flat_map(|batch| texts(batch.rows())).collect();
        found.sort();
        assert_eq!(found, expected, "{workers} workers");
    }
}
