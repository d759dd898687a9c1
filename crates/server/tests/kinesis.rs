//! AWS's client for Rust against the server, and the connector that stands on it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::error::ProvideErrorMetadata;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    PutRecordsRequestEntry, ShardIteratorType, StartingPosition, SubscribeToShardEventStream,
};
use aws_sdk_kinesis::{Client, Config};
use parking_lot::Mutex;
use support::Running;
use tidemill_connectors::connector::{SourceTable, TableColumn, TableDeclaration};
use tidemill_connectors::{Environment, sink, source};
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_engine::{Batch, CheckpointStore, Delivery, Epoch, Guarantee, Job, Result, Routing, Sink, SnapshotWriter};
use tidemill_formats::deaggregate;

const PATIENCE: Duration = Duration::from_secs(60);
const HALF: u128 = 1 << 127;

async fn server() -> Running {
    Running::with(|config| config.kinesis.unlimited = true).await
}

fn client(running: &Running) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "test"))
        .endpoint_url(running.server.url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

async fn create(client: &Client, stream: &str, shards: i32) {
    client.create_stream().stream_name(stream).shard_count(shards).send().await.unwrap();
}

/// Puts `{"n":n}` for each number, spread over all hash keys; the partition key is the last digit.
async fn put(client: &Client, stream: &str, numbers: std::ops::Range<u32>) {
    let entry = |n: u32| {
        let spread = u128::from(n % 8) << 125;
        let entry = PutRecordsRequestEntry::builder().data(Blob::new(format!("{{\"n\":{n}}}")));
        entry.partition_key((n % 10).to_string()).explicit_hash_key(spread.to_string()).build().unwrap()
    };
    let entries = numbers.map(entry).collect();
    let put = client.put_records().stream_name(stream).set_records(Some(entries)).send().await.unwrap();
    assert_eq!(put.failed_record_count(), Some(0));
}

async fn split(client: &Client, stream: &str, shard: &str, at: u128) {
    let split = client.split_shard().stream_name(stream).shard_to_split(shard);
    split.new_starting_hash_key(at.to_string()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_puts_reads_reshards_and_subscribes() {
    let running = server().await;
    let client = client(&running);
    create(&client, "s", 1).await;
    put(&client, "s", 0..3).await;
    let shard = "shardId-000000000000";
    let from = client
        .get_shard_iterator()
        .stream_name("s")
        .shard_id(shard)
        .shard_iterator_type(ShardIteratorType::TrimHorizon);
    let iterator = from.send().await.unwrap().shard_iterator.unwrap();
    let got = client.get_records().shard_iterator(iterator).send().await.unwrap();
    let data: Vec<_> = got.records().iter().map(|record| record.data.as_ref().to_vec()).collect();
    assert_eq!(data, [b"{\"n\":0}", b"{\"n\":1}", b"{\"n\":2}"]);

    let arn = client.describe_stream_summary().stream_name("s").send().await.unwrap();
    let arn = arn.stream_description_summary.unwrap().stream_arn;
    let consumer = client.register_stream_consumer().stream_arn(&arn).consumer_name("c").send().await.unwrap();
    let start = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().unwrap();
    let subscribed = client.subscribe_to_shard().consumer_arn(consumer.consumer.unwrap().consumer_arn).shard_id(shard);
    let mut events = subscribed.starting_position(start).send().await.unwrap().event_stream;
    split(&client, "s", shard, HALF).await;
    let (mut records, mut children) = (0, Vec::new());
    while let Some(SubscribeToShardEventStream::SubscribeToShardEvent(event)) = events.recv().await.unwrap() {
        records += event.records().len();
        children.extend(event.child_shards().iter().map(|child| child.shard_id().to_owned()));
    }
    assert_eq!((records, children), (3, vec!["shardId-000000000001".into(), "shardId-000000000002".to_owned()]));
    let merge = client.merge_shards().stream_name("s").shard_to_merge("shardId-000000000001");
    merge.adjacent_shard_to_merge("shardId-000000000002").send().await.unwrap();
    assert_eq!(client.list_shards().stream_name("s").send().await.unwrap().shards().len(), 4);
    let missing = client.describe_stream().stream_name("nowhere").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("ResourceNotFoundException"));
}

/// What came out of a source.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn rows(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    /// The numbers, each key's in the order in which they came.
    fn numbers(&self) -> Vec<u32> {
        let mut rows = self.rows();
        let number = |row: &String| row.split(' ').next().unwrap().parse::<u32>().unwrap();
        rows.sort_by_key(|row| number(row) % 10);
        rows.iter().map(number).collect()
    }
}

impl Sink for Seen {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let options = FormatOptions::new().with_null("NULL");
        let columns: Vec<_> =
            batch.rows().columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" ");
        self.0.lock().extend((0..batch.num_rows()).map(row));
        Ok(())
    }

    fn prepare(&mut self, _: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}

fn table(running: &Running, stream: &str, options: &[(&str, &str)]) -> TableDeclaration {
    let column = |name: &str, data_type, metadata: Option<&str>| TableColumn {
        field: Arc::new(Field::new(name, data_type, true)),
        metadata: metadata.map(str::to_owned),
        read_only: false,
    };
    let url = running.server.url();
    let fixed = [("connector", "kinesis"), ("stream.arn", stream), ("aws.endpoint", &url), ("format", "json")];
    TableDeclaration {
        name: "t".into(),
        columns: vec![column("n", DataType::Int32, None), column("key", DataType::Utf8, Some("partition-key"))],
        primary_key: Vec::new(),
        partitioned_by: Vec::new(),
        options: fixed.iter().chain(options).copied().collect(),
    }
}

fn reading(table: &Arc<dyn SourceTable>, seen: &Seen) -> Job {
    let mut job = Job::new("read");
    let made = Arc::clone(table);
    let port = job.source("in", table.replay(), move |context| made.open(&[0, 1], context));
    let seen = seen.clone();
    job.sink("out", &[(port, Routing::Forward)], Delivery::Upsert, move |_| Ok(seen.clone()));
    job
}

/// Steps until so many rows have come.
fn step_until(runtime: &mut LocalRuntime, seen: &Seen, rows: usize) {
    let begun = Instant::now();
    while seen.rows().len() < rows {
        assert!(begun.elapsed() < PATIENCE, "{} of {rows} rows", seen.rows().len());
        runtime.step().unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
}

async fn a_table_follows_the_shards_through_a_crash(options: &'static [(&'static str, &'static str)]) {
    let running = server().await;
    let client = client(&running);
    create(&client, "s", 2).await;
    put(&client, "s", 0..100).await;
    let table = source(&table(&running, "s", options), &Environment::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "read").unwrap();
    let handle = tokio::runtime::Handle::current();
    let work = move || {
        let (before, lost, after) = (Seen::default(), Seen::default(), Seen::default());
        let mut run = LocalRuntime::restore(reading(&table, &before), 2, &store, None).unwrap();
        step_until(&mut run, &before, 100);
        // Both halves of the first shard, and then one of them with the second shard.
        handle.block_on(split(&client, "s", "shardId-000000000000", HALF / 2));
        handle.block_on(put(&client, "s", 100..200));
        step_until(&mut run, &before, 200);
        run.checkpoint().unwrap();
        let merge = client.merge_shards().stream_name("s").shard_to_merge("shardId-000000000003");
        handle.block_on(merge.adjacent_shard_to_merge("shardId-000000000001").send()).unwrap();
        handle.block_on(put(&client, "s", 200..300));
        let kept = before.rows().len();
        step_until(&mut run, &before, 250);
        // What was read after the checkpoint is read again, by another number of workers.
        drop(run);
        before.0.lock().truncate(kept);
        let mut run = LocalRuntime::restore(reading(&table, &after), 3, &store, None).unwrap();
        step_until(&mut run, &after, 100);
        handle.block_on(put(&client, "s", 300..310));
        step_until(&mut run, &after, 110);
        lost.0.lock().extend(before.rows().into_iter().chain(after.rows()));
        lost
    };
    let seen = tokio::task::spawn_blocking(work).await.unwrap();
    let in_order: Vec<u32> = (0..10).flat_map(|key| (0..31).map(move |n| n * 10 + key)).collect();
    let mut numbers = seen.numbers();
    // Of one key the parts before and after a split may be in different shards: whole, and each once.
    numbers.sort_by_key(|n| (n % 10, *n));
    assert_eq!(numbers, in_order);
    assert!(seen.rows().iter().all(|row| row.split(' ').next().unwrap().ends_with(row.split(' ').nth(1).unwrap())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_table_follows_splits_and_merges_through_a_crash() {
    a_table_follows_the_shards_through_a_crash(&[
        ("source.init.position", "TRIM_HORIZON"),
        ("source.shard.get-records.interval", "10 ms"),
        ("source.shard.get-records.max-record-count", "7"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_table_follows_splits_and_merges_through_a_crash() {
    a_table_follows_the_shards_through_a_crash(&[
        ("source.init.position", "TRIM_HORIZON"),
        ("source.reader.type", "EFO"),
        ("source.efo.consumer.name", "pushed"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_begins_with_the_newest_records_and_keeps_that_over_a_restart() {
    let running = server().await;
    let client = client(&running);
    create(&client, "s", 1).await;
    put(&client, "s", 0..5).await;
    let table = source(&table(&running, "s", &[]), &Environment::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "read").unwrap();
    let handle = tokio::runtime::Handle::current();
    let work = move || {
        let seen = Seen::default();
        let mut run = LocalRuntime::restore(reading(&table, &seen), 1, &store, None).unwrap();
        let begun = Instant::now();
        // Until the shard has been asked where its end is.
        while begun.elapsed() < Duration::from_secs(2) {
            run.step().unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        run.checkpoint().unwrap();
        drop(run);
        handle.block_on(put(&client, "s", 5..8));
        let mut run = LocalRuntime::restore(reading(&table, &seen), 1, &store, None).unwrap();
        step_until(&mut run, &seen, 3);
        seen
    };
    let seen = tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(seen.rows(), ["5 5", "6 6", "7 7"]);
}

/// Copies the numbers of a stream into another one through the sink.
async fn copied(running: &Running, options: &[(&str, &str)], numbers: u32) {
    let from = table(running, "in", &[("source.init.position", "TRIM_HORIZON")]);
    let from = source(&from, &Environment::default()).unwrap();
    let to = sink(&table(running, "out", options), &Environment::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "copy").unwrap();
    let work = move || {
        let mut job = Job::new("copy").with_guarantee(Guarantee::AtLeastOnce);
        let seen = Seen::default();
        let made = from.clone();
        let port = job.source("in", from.replay(), move |context| made.open(&[0, 1], context));
        let made = to.clone();
        job.sink("out", &[(port, Routing::Forward)], to.delivery(), move |context| made.open(context));
        let counted = seen.clone();
        job.sink("seen", &[(port, Routing::Forward)], Delivery::Upsert, move |_| Ok(counted.clone()));
        let mut run = LocalRuntime::restore(job, 1, &store, None).unwrap();
        step_until(&mut run, &seen, numbers as usize);
        run.checkpoint().unwrap();
        run.checkpoint().unwrap();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

/// The records of a stream as they lie in it: for each how many user records it holds.
async fn packed(client: &Client, stream: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for shard in client.list_shards().stream_name(stream).send().await.unwrap().shards() {
        let from = client.get_shard_iterator().stream_name(stream).shard_id(shard.shard_id());
        let from = from.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
        let got = client.get_records().shard_iterator(from.shard_iterator.unwrap()).send().await.unwrap();
        found.extend(
            got.records().iter().map(|record| deaggregate(record.data.as_ref()).map_or(1, |users| users.len())),
        );
    }
    found
}

async fn read_all(running: &Running, stream: &str, rows: usize) -> Vec<u32> {
    let table = table(running, stream, &[("source.init.position", "TRIM_HORIZON")]);
    let table = source(&table, &Environment::default()).unwrap();
    let work = move || {
        let seen = Seen::default();
        let mut run = LocalRuntime::start(reading(&table, &seen), 2).unwrap();
        step_until(&mut run, &seen, rows);
        let mut numbers = seen.numbers();
        numbers.sort_unstable();
        numbers
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_puts_records_one_by_one_or_packed() {
    let running = server().await;
    let client = client(&running);
    create(&client, "in", 1).await;
    create(&client, "out", 3).await;
    put(&client, "in", 0..400).await;
    copied(&running, &[("sink.batch.max-size", "30")], 400).await;
    assert_eq!(packed(&client, "out").await, vec![1; 400]);
    assert_eq!(read_all(&running, "out", 400).await, (0..400).collect::<Vec<_>>());

    copied(&running, &[("sink.aggregation", "true")], 400).await;
    let packed = packed(&client, "out").await;
    assert!(packed.len() < 410 && packed.iter().sum::<usize>() == 800, "{packed:?}");
    let twice: Vec<u32> = (0..400).flat_map(|n| [n, n]).collect();
    assert_eq!(read_all(&running, "out", 800).await, twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_can_not_be_is_said_before_it_runs() {
    let running = server().await;
    let wrong = |options: &[(&str, &str)]| {
        source(&table(&running, "s", options), &Environment::default()).err().unwrap().to_string()
    };
    assert!(wrong(&[("source.init.position", "AT_TIMESTAMP")]).contains("source.init.timestamp"));
    let said = wrong(&[("source.init.position", "AT_TIMESTAMP"), ("source.init.timestamp", "noon")]);
    assert!(said.contains("2026-01-31T12:00:00Z"), "{said}");
    assert!(wrong(&[("source.reader.type", "EFO")]).contains("source.efo.consumer.name"));
    assert!(wrong(&[("aws.endpoint", "http://example.com")]).contains("aws.region"));
    let said = wrong(&[("aws.endpoint", "http://example.com"), ("aws.region", "eu-west-1")]);
    assert!(said.contains("aws.credentials.basic.accesskeyid"), "{said}");

    // A stream that is not there ends the job with the service's reason.
    let table = source(&table(&running, "nowhere", &[]), &Environment::default()).unwrap();
    let work = move || {
        let mut run = LocalRuntime::start(reading(&table, &Seen::default()), 1).unwrap();
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE);
            match run.step() {
                Ok(_) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return error.to_string(),
            }
        }
    };
    let said = tokio::task::spawn_blocking(work).await.unwrap();
    assert!(said.contains("stream nowhere") && said.contains("ResourceNotFoundException"), "{said}");
}
