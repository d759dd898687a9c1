//! Streams as tables.

use arrow::datatypes::DataType;
use tidemill_engine::CheckpointStore;
use tidemill_engine::runtime::local::LocalRuntime;
use tidemill_formats::{Aggregator, UserRecord};
use tidemill_streams::{HashRange, Options, Record, ShardId, StreamConfig, Streams};

use crate::connector::TableDeclaration;
use crate::testing::{Seen, column, declare, metadata, read, read_with_crash, reading, write};
use crate::{Environment, sink, source};

struct World {
    _folder: tempfile::TempDir,
    environment: Environment,
}

impl World {
    fn new(shards: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let streams = Streams::open(folder.path(), Options::default()).unwrap();
        streams.create("s", StreamConfig { shards, ..StreamConfig::default() }).unwrap();
        World { _folder: folder, environment: Environment { streams: Some(streams), ..Environment::default() } }
    }

    fn stream(&self) -> tidemill_streams::Stream {
        self.environment.streams.as_ref().unwrap().get("s").unwrap()
    }

    fn put(&self, records: &[(&str, &str)]) {
        for (key, data) in records {
            let record = Record { partition_key: key.as_bytes(), data: data.as_bytes(), ..Record::default() };
            self.stream().append(record).wait().unwrap();
        }
    }

    fn numbers(&self, range: std::ops::Range<i32>) {
        let records: Vec<(String, String)> =
            range.map(|n| (format!("key-{}", n % 7), format!("{{\"n\":{n}}}"))).collect();
        self.put(&records.iter().map(|(key, data)| (key.as_str(), data.as_str())).collect::<Vec<_>>());
    }
}

fn table(options: &[(&str, &str)]) -> TableDeclaration {
    let mut declaration = declare(&[("n", DataType::Int32)], options);
    for (name, value) in [("connector", "stream"), ("stream", "s"), ("format", "json")] {
        declaration.options = declaration.options.with(name, value);
    }
    declaration
}

const BOUNDED: (&str, &str) = ("scan.bounded.mode", "latest-offset");

#[test]
fn records_are_rows_with_what_the_stream_knows_of_them() {
    let world = World::new(2);
    // One record may be several rows, or none.
    world.put(&[("a", "{\"n\":1}"), ("a", "[{\"n\":2},{\"n\":3}]"), ("a", "{"), ("a", "{\"n\":4}")]);
    let mut declaration = table(&[BOUNDED]);
    declaration.columns.push(metadata("key", DataType::Utf8, "partition-key"));
    declaration.columns.push(metadata("number", DataType::Int64, "sequence-number"));
    declaration.columns.push(metadata("shard", DataType::Utf8, "shard-id"));
    let table = source(&declaration, &world.environment).unwrap();
    assert!(table.is_bounded());
    let (seen, rejects) = read(&table, &[2, 0, 1], 2);
    assert_eq!(seen.rows(), ["0 | 1 | a", "1 | 2 | a", "1 | 3 | a", "3 | 4 | a"]);
    assert_eq!(rejects.reasons().len(), 1);
    let shard = read(&table, &[3], 1).0.rows();
    assert!(shard[0].starts_with("shardId-00000000000"), "{shard:?}");
    let mut times = seen.times();
    assert!(times.is_sorted() && times.len() == 4);
    times.dedup();
    assert!(times.len() <= 3, "rows of a record have its time");
}

#[test]
fn records_that_a_producer_aggregated_are_rows_of_their_own() {
    let world = World::new(1);
    let middle = world.stream().describe().shards[0].range.middle();
    let packed = |numbers: std::ops::Range<i32>| {
        let mut aggregator = Aggregator::default();
        for n in numbers {
            let data = format!("{{\"n\":{n}}}");
            let hash_key = if n % 2 == 0 { 0 } else { u128::MAX };
            aggregator.push(&UserRecord {
                partition_key: "p",
                explicit_hash_key: Some(hash_key),
                data: data.as_bytes(),
            });
        }
        aggregator.finish()
    };
    let append = |data: &[u8]| {
        let record = Record { partition_key: b"a", explicit_hash_key: Some(0), data };
        world.stream().append(record).wait().unwrap();
    };
    append(&packed(0..3));
    append(b"{\"n\":10}");
    // Packed by one who did not know yet that the shard is split.
    world.stream().split(ShardId(0), middle).unwrap();
    append(&packed(20..24));
    let mut declaration = table(&[BOUNDED]);
    declaration.columns.push(metadata("key", DataType::Utf8, "partition-key"));
    let rows = read(&source(&declaration, &world.environment).unwrap(), &[0, 1], 1).0.rows();
    assert_eq!(rows, ["0 | p", "1 | p", "2 | p", "10 | a", "20 | p", "22 | p"]);
}

#[test]
fn a_bounded_table_ends_where_the_stream_ended_at_its_first_start() {
    let world = World::new(3);
    world.numbers(0..500);
    let table = source(&table(&[BOUNDED]), &world.environment).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::local(folder.path(), "test").unwrap();
    let (seen, none) = (Seen::default(), Seen::default());
    let mut run = LocalRuntime::restore(reading(&table, &[0], &seen, &none), 2, &store, None).unwrap().with_budget(500);
    run.step().unwrap();
    world.numbers(500..600);
    let first = ShardId(0);
    let range = world.stream().shard(first).unwrap().describe().range;
    world.stream().split(first, HashRange::middle(range)).unwrap();
    world.numbers(600..700);
    run.checkpoint().unwrap();
    drop(run);
    let mut run = LocalRuntime::restore(reading(&table, &[0], &seen, &none), 3, &store, None).unwrap();
    run.run().unwrap();
    let mut numbers: Vec<i32> = seen.rows().iter().map(|row| row.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
}

#[test]
fn a_crash_repeats_nothing() {
    let world = World::new(4);
    world.numbers(0..1_000);
    let table = source(&table(&[BOUNDED]), &world.environment).unwrap();
    for (steps, workers) in [((0, 2), (1, 3)), ((1, 1), (3, 2)), ((2, 0), (2, 1))] {
        let mut rows = read_with_crash(&table, &[0], steps, workers);
        rows.sort_by_key(|row| row.parse::<i32>().unwrap());
        assert_eq!(rows, (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn a_table_begins_where_it_is_told() {
    let world = World::new(1);
    world.numbers(0..10);
    let rows = |options: &[(&str, &str)]| {
        let mut all = vec![BOUNDED];
        all.extend(options);
        read(&source(&table(&all), &world.environment).unwrap(), &[0], 1).0.rows()
    };
    let at = [("scan.startup.mode", "specific-offsets"), ("scan.startup.specific-offsets", "partition:0,offset:8")];
    assert_eq!(rows(&at), ["8", "9"]);
    assert_eq!(rows(&[("scan.startup.mode", "latest-offset")]), [""; 0]);
    let past = [("scan.startup.mode", "timestamp"), ("scan.startup.timestamp-millis", "1000")];
    assert_eq!(rows(&past).len(), 10);
    let said = source(&table(&[("scan.startup.mode", "timestamp")]), &world.environment).err().unwrap().to_string();
    assert!(said.contains("it needs the option `scan.startup.timestamp-millis`"), "{said}");
    let said = source(&table(&[("stream", "x")]), &Environment::default()).err().unwrap().to_string();
    assert!(said.starts_with("TM-CONNECTOR-0007: connector `stream` needs the embedded streams"), "{said}");
    let mut other = table(&[]);
    other.options = other.options.with("stream", "other");
    let said = source(&other, &world.environment).err().unwrap().to_string();
    assert!(said.contains("there is no stream `other`"), "{said}");
    other.options = other.options.with("stream.shards", "2");
    assert!(source(&other, &world.environment).is_ok(), "it is made");
}

#[test]
fn rows_of_a_key_go_to_the_same_shard() {
    let world = World::new(4);
    world.numbers(0..100);
    let rows = read(&source(&table(&[BOUNDED]), &world.environment).unwrap(), &[0], 1).0;
    let batches = rows.batches.lock().clone();
    let write_to = |name: &str, keys: &[&str], options: &[(&str, &str)]| {
        let mut declaration = table(options);
        declaration.options = declaration.options.with("stream", name).with("stream.shards", "4");
        declaration.primary_key = keys.iter().map(|key| (*key).to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        write(&sink(&declaration, &world.environment).unwrap(), batches.clone(), folder.path());
        let mut back = declaration.clone();
        back.options = back.options.with(BOUNDED.0, BOUNDED.1);
        back.columns.push(metadata("key", DataType::Utf8, "partition-key"));
        back.columns.push(metadata("shard", DataType::Utf8, "shard-id"));
        let table = source(&back, &world.environment).unwrap();
        (read(&table, &[0], 1).0.sorted(), read(&table, &[1], 1).0.rows(), read(&table, &[2], 1).0.sorted())
    };
    let (numbers, keys, mut shards) = write_to("keyed", &["n"], &[]);
    assert_eq!(numbers, rows.sorted());
    assert!(keys.iter().all(|key| key.parse::<i32>().is_ok()));
    shards.dedup();
    assert_eq!(shards.len(), 4);
    let (numbers, keys, mut shards) = write_to("spread", &[], &[]);
    assert_eq!(numbers, rows.sorted());
    assert!(keys.iter().all(String::is_empty));
    shards.dedup();
    assert_eq!(shards.len(), 4, "spread evenly");
    let said = sink(&table(&[("sink.partition-key", "m")]), &world.environment).err().unwrap().to_string();
    assert!(said.contains("name columns that are written"), "{said}");
}

#[test]
fn changes_come_and_go_with_their_kinds() {
    let world = World::new(1);
    let insert = "{\"before\":null,\"after\":{\"n\":1},\"op\":\"c\"}";
    let update = "{\"before\":{\"n\":1},\"after\":{\"n\":2},\"op\":\"u\",\"source\":{\"table\":\"orders\"}}";
    world.put(&[("k", insert), ("k", update), ("k", "{\"before\":{\"n\":2},\"after\":null,\"op\":\"d\"}")]);
    let mut declaration = declare(
        &[("n", DataType::Int32)],
        &[("connector", "stream"), ("stream", "s"), ("format", "debezium-json"), BOUNDED],
    );
    let from = metadata("from", DataType::Utf8, "value.source.table");
    declaration.columns.push(from);
    let table = source(&declaration, &world.environment).unwrap();
    assert!(table.has_changes());
    let seen = read(&table, &[0, 1], 1).0;
    assert_eq!(seen.rows(), ["1 | NULL", "-U 1 | orders", "+U 2 | orders", "-D 2 | NULL"]);

    let mut copy = declare(
        &[],
        &[("connector", "stream"), ("stream", "copy"), ("stream.shards", "1"), ("format", "debezium-json")],
    );
    copy.columns.push(column("n", DataType::Int32));
    let folder = tempfile::tempdir().unwrap();
    let table = sink(&copy, &world.environment).unwrap();
    let numbers: Vec<_> = read(&source(&declaration, &world.environment).unwrap(), &[0], 1).0.batches.lock().clone();
    write(&table, numbers, folder.path());
    copy.options = copy.options.with(BOUNDED.0, BOUNDED.1);
    let rows = read(&source(&copy, &world.environment).unwrap(), &[0], 1).0.rows();
    assert_eq!(rows.first().map(String::as_str), Some("1"), "{rows:?}");
    assert_eq!(rows.last().map(String::as_str), Some("-D 2"), "{rows:?}");
}
