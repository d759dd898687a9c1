//! Measures how fast records go in and come out: `cargo run --release -p tidemill-streams --example log`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tidemill_streams::{AppendFuture, Error, Options, Position, Record, Result, Stream, StreamConfig, Streams};

const RECORD_BYTES: usize = 500;
const IN_FLIGHT: usize = 10_000;
const BATCH: usize = 500;
const RATE: usize = 10_000;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let seconds: u64 = args.next().map_or(Ok(3), |text| text.parse())?;
    let dir = match args.next() {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let streams = Streams::open(dir.path(), Options::default())?;
    let duration = Duration::from_secs(seconds);
    let config = StreamConfig { shards: 2, ..StreamConfig::default() };

    let stream = streams.create("single", config.clone())?;
    let (records, elapsed, latencies) = append_singly(&stream, duration)?;
    report("append, single records in flight", records, elapsed);
    report_latencies(&format!("append, {IN_FLIGHT} in flight"), latencies);

    let stream = streams.create("batched", config)?;
    let (records, elapsed) = append_batches(&stream, duration)?;
    report(&format!("append, batches of {BATCH}"), records, elapsed);

    let latencies = append_at_rate(&stream, duration.min(Duration::from_secs(2)))?;
    report_latencies(&format!("append, {RATE} records/s"), latencies);

    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < duration.min(Duration::from_secs(2)) {
        stream.append(Record { partition_key: b"one", data: &[7; RECORD_BYTES], ..Record::default() }).wait()?;
        calls += 1;
    }
    report("append, one at a time", calls, start.elapsed());

    let (records, elapsed) = read_slices(&stream)?;
    report("read, slices", records, elapsed);
    let (records, elapsed) = read_in_place(&stream)?;
    report("read, in place", records, elapsed);
    Ok(())
}

fn report(what: &str, records: usize, elapsed: Duration) {
    let rate = records as f64 / elapsed.as_secs_f64();
    println!("{what}: {rate:.0} records/s, {:.0} MB/s", rate * RECORD_BYTES as f64 / 1e6);
}

fn report_latencies(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: usize| latencies.get(latencies.len() * share / 100).map_or(0.0, |at| at.as_secs_f64() * 1e3);
    println!("{what}: acknowledgement p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

fn append_singly(stream: &Stream, duration: Duration) -> Result<(usize, Duration, Vec<Duration>)> {
    let data = [7; RECORD_BYTES];
    let mut in_flight: VecDeque<(Instant, AppendFuture)> = VecDeque::new();
    let (mut records, mut latencies) = (0_usize, Vec::new());
    let start = Instant::now();
    while start.elapsed() < duration {
        let key = (records as u64).to_le_bytes();
        in_flight.push_back((
            Instant::now(),
            stream.append(Record { partition_key: &key, data: &data, ..Record::default() }),
        ));
        records += 1;
        if in_flight.len() >= IN_FLIGHT
            && let Some((sent, oldest)) = in_flight.pop_front()
        {
            oldest.wait()?;
            latencies.push(sent.elapsed());
        }
    }
    for (_, future) in in_flight {
        future.wait()?;
    }
    Ok((records, start.elapsed(), latencies))
}

fn append_batches(stream: &Stream, duration: Duration) -> Result<(usize, Duration)> {
    let data = [7; RECORD_BYTES];
    let mut in_flight = VecDeque::new();
    let mut records = 0;
    let start = Instant::now();
    while start.elapsed() < duration {
        let keys: Vec<[u8; 8]> = (0..BATCH).map(|i| ((records + i) as u64).to_le_bytes()).collect();
        let batch: Vec<_> =
            keys.iter().map(|key| Record { partition_key: key, data: &data, ..Record::default() }).collect();
        in_flight.push_back(stream.append_batch(&batch));
        records += BATCH;
        if in_flight.len() >= 64
            && let Some(oldest) = in_flight.pop_front()
        {
            match oldest.wait() {
                Err(Error::QueueFull { .. }) => records -= BATCH,
                other => drop(other?),
            }
        }
    }
    for future in in_flight {
        future.wait()?;
    }
    Ok((records, start.elapsed()))
}

/// Single records at a steady rate; how long each acknowledgement took.
fn append_at_rate(stream: &Stream, duration: Duration) -> Result<Vec<Duration>> {
    let (sent, acknowledged) = std::sync::mpsc::channel::<(Instant, AppendFuture)>();
    let waiting = std::thread::spawn(move || {
        acknowledged.iter().map(|(at, future)| future.wait().map(|_| at.elapsed())).collect::<Result<Vec<_>>>()
    });
    let start = Instant::now();
    let mut records = 0;
    while start.elapsed() < duration {
        while records < (start.elapsed().as_secs_f64() * RATE as f64) as usize {
            let key = (records as u64).to_le_bytes();
            let record = Record { partition_key: &key, data: &[7; RECORD_BYTES], ..Record::default() };
            let _ = sent.send((Instant::now(), stream.append(record)));
            records += 1;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    drop(sent);
    waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read_slices(stream: &Stream) -> Result<(usize, Duration)> {
    let start = Instant::now();
    let (mut records, mut out) = (0, Vec::new());
    for shard in stream.shards() {
        let mut reader = shard.reader(Position::Oldest)?;
        while reader.read(256 << 10, &mut out)?.records > 0 {
            records += out.len();
            out.clear();
        }
    }
    Ok((records, start.elapsed()))
}

fn read_in_place(stream: &Stream) -> Result<(usize, Duration)> {
    let start = Instant::now();
    let (mut records, mut bytes) = (0, 0);
    for shard in stream.shards() {
        let mut reader = shard.reader(Position::Oldest)?;
        while reader.read_each(256 << 10, |record| bytes += record.data.len())?.records > 0 {}
        records += reader.position().0 as usize;
    }
    assert_eq!(bytes, records * RECORD_BYTES);
    Ok((records, start.elapsed()))
}
