//! `tidemill stream`: shards, consumers, and records that are told by the schemas that they name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidemill_formats::{Aggregator, UserRecord};

use crate::Cli;

fn open_shards(stream: &Value) -> Vec<(&str, &str)> {
    let shards = stream["shards"].as_array().expect("shards").iter().filter(|shard| shard["state"] == "open");
    shards
        .map(|shard| (shard["shard"].as_str().expect("an id"), shard["first_hash_key"].as_str().expect("a key")))
        .collect()
}

#[tokio::test]
async fn shards_are_split_merged_and_brought_to_a_number() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s"]);
    cli.ok(&["stream", "put", "s", "before"]);
    let split = cli.json(&["stream", "split", "s", "0"]);
    let middle = (1u128 << 127).to_string();
    assert_eq!(open_shards(&split), [("shardId-000000000001", "0"), ("shardId-000000000002", &*middle)]);
    let split = cli.json(&["stream", "split", "s", "shardId-000000000001", "--at", "1000"]);
    assert!(open_shards(&split).contains(&("shardId-000000000004", "1000")), "{split}");
    let merged = cli.json(&["stream", "merge", "s", "4", "shardId-2"]);
    assert_eq!(open_shards(&merged).last(), Some(&("shardId-000000000005", "1000")));

    // To a number, with even ranges, in one call however far it is.
    let scaled = cli.json(&["stream", "reshard", "s", "8"]);
    let open = open_shards(&scaled);
    let mut starts: Vec<u128> = open.iter().map(|(_, start)| start.parse().expect("a number")).collect();
    starts.sort_unstable();
    assert_eq!(starts, (0..8u128).map(|nth| nth << 125).collect::<Vec<_>>());
    assert_eq!(scaled["resharding"], false);
    assert_eq!(open_shards(&cli.json(&["stream", "reshard", "s", "1"])).len(), 1);
    let told = cli.ok(&["stream", "describe", "s"]);
    assert!(told.contains("open_shards  1\n"), "{told}");

    // Nothing of it lost a record.
    let tailed = cli.json(&["stream", "tail", "s", "--from", "oldest", "--no-follow"]);
    assert_eq!(tailed["data"], "before");
    cli.stop();
}

#[tokio::test]
async fn what_cannot_be_resharded_is_refused_with_what_to_do() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s", "--shards", "3"]);
    for (code, arguments, told) in [
        (4, &["stream", "split", "none", "0"][..], "TM-STREAM-0006: there is no stream `none`; create it first"),
        (4, &["stream", "split", "s", "7"], "TM-STREAM-0012: stream `s` has no shardId-000000000007; list its shards"),
        (4, &["stream", "split", "s", "first"], "\"first\" names no shard; say shardId-000000000003, or just 3"),
        (
            4,
            &["stream", "split", "s", "0", "--at", "x"],
            "\"x\" is no hash key; give the first hash key of the upper child",
        ),
        (4, &["stream", "split", "s", "0", "--at", "0"], "leaves one child of"),
        (4, &["stream", "merge", "s", "0", "2"], "don't touch"),
        (4, &["stream", "merge", "s", "0", "0"], "TM-STREAM-0013"),
        (4, &["stream", "reshard", "s", "0"], "a stream can't have 0 shards; say 1 to 10000"),
        (4, &["stream", "reshard", "s", "10001"], "say 1 to 10000"),
        (2, &["stream", "reshard", "s", "many"], "invalid value 'many'"),
        (4, &["stream", "reshard", "web-beacons", "2"], "TM-API-0013"),
        (4, &["stream", "delete", "web-beacons"], "TM-API-0013"),
        (4, &["stream", "delete", "none"], "TM-STREAM-0006"),
    ] {
        let said = cli.refused(code, arguments);
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    assert_eq!(open_shards(&cli.json(&["stream", "describe", "s"])).len(), 3);
    let said = cli.refused(4, &["--output", "json", "stream", "split", "s", "9"]);
    let said: Value = serde_json::from_str(&said).expect("errors are JSON, too");
    assert!(said["error"]["message"].as_str().expect("a text").contains("TM-STREAM-0012"));
    cli.stop();
}

#[tokio::test]
async fn consumers_are_registered_and_keep_their_stream_from_being_deleted() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s"]);
    assert_eq!(cli.json(&["stream", "consumers", "list", "s"]), json!({ "consumers": [] }));
    let arn = cli.ok(&["stream", "consumers", "register", "s", "alerts"]);
    assert!(arn.starts_with("arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/alerts:"), "{arn}");
    cli.json(&["stream", "consumers", "register", "s", "bills"]);
    let listed = cli.json(&["stream", "consumers", "list", "s"]);
    assert_eq!(listed["consumers"][0]["arn"], arn.trim_end());
    assert_eq!(listed["consumers"][1]["name"], "bills");
    assert!(cli.ok(&["stream", "consumers", "list", "s"]).contains("alerts"));
    for (arguments, told) in [
        (&["stream", "consumers", "register", "s", "alerts"][..], "there is a consumer \"alerts\" already"),
        (&["stream", "consumers", "register", "s", "a b"], "use 1 to 128 of A-Z a-z 0-9 _ . -"),
        (&["stream", "consumers", "register", "none", "a"], "TM-STREAM-0006"),
        (&["stream", "consumers", "deregister", "s", "none"], "there is no consumer \"none\""),
        (&["stream", "consumers", "list", "none"], "TM-STREAM-0006"),
        (&["stream", "delete", "s"], "alerts, bills; deregister them first, or delete it with"),
    ] {
        let said = cli.refused(4, arguments);
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    assert_eq!(cli.ok(&["stream", "consumers", "deregister", "s", "alerts"]), "deregistered consumer alerts\n");
    assert_eq!(cli.ok(&["stream", "delete", "s", "--with-consumers"]), "deleted stream s\n");
    // A new stream of the name has none.
    cli.ok(&["stream", "create", "s"]);
    assert_eq!(cli.json(&["stream", "consumers", "list", "s"]), json!({ "consumers": [] }));
    assert_eq!(cli.json(&["stream", "delete", "s"]), json!({ "deleted": "s" }));
    cli.stop();
}

const AVRO: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"city","type":["null","string"]},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
const PROTO: &str = "syntax = \"proto3\"; message Other {} message Order { int64 id = 1; string city = 2; }";

/// Registers a schema; gives the two headers that name it.
fn registered(cli: &Cli, name: &str, file: &str, text: &str) -> [Vec<u8>; 2] {
    cli.file(file, text);
    let made = cli.json(&["schema", "register", name, file]);
    let id = u32::try_from(made["id"].as_u64().expect("an id")).expect("32 bits");
    let uuid = made["uuid"].as_str().expect("a UUID").replace('-', "");
    let uuid = u128::from_str_radix(&uuid, 16).expect("hexadecimal");
    [[&[0][..], &id.to_be_bytes()].concat(), [&[3, 0][..], &uuid.to_be_bytes()].concat()]
}

async fn put(cli: &Cli, records: &[Vec<u8>]) {
    let records: Vec<Value> =
        records.iter().map(|data| json!({ "data_base64": STANDARD.encode(data), "partition_key": "k" })).collect();
    cli.server.client().post("/api/v1/streams/s/records", &json!({ "records": records })).await.expect("they are put");
}

#[tokio::test]
async fn a_tail_reads_records_by_the_schemas_that_they_name() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s"]);
    let avro = registered(&cli, "s-value", "order.avsc", AVRO);
    let proto = registered(&cli, "orders-proto", "order.proto", PROTO);
    let text = registered(&cli, "orders-json", "order.json", r#"{"type":"object"}"#);
    let order = [&[14, 2, 8][..], b"Graz", &[0xD0, 0x0F]].concat();
    let message = [&[8, 7, 0x12, 4][..], b"Graz"].concat();
    let mut records = Vec::new();
    for (nth, header) in avro.iter().enumerate() {
        records.push([header, &order[..]].concat());
        // Confluent's names the message by a path, Glue's by its place among all names.
        let place: &[u8] = if nth == 0 { &[2, 2] } else { &[0] };
        records.push([&proto[nth], place, &message].concat());
        records.push([&text[nth], &br#"{"id": 7}"#[..]].concat());
    }
    records.push(b"plain".to_vec());
    records.push(vec![0xFF, 0xFE]);
    // A schema that is nowhere, and bytes that are not what the schema says.
    records.push(vec![0, 0, 0, 0, 99, 1]);
    records.push([&avro[0], &order[..3]].concat());
    put(&cli, &records).await;

    let tail = ["stream", "tail", "s", "--from", "oldest", "--no-follow"];
    let told = cli.ok(&tail);
    let lines: Vec<&str> = told.lines().map(|line| line.splitn(3, ' ').nth(2).expect("a content")).collect();
    let row = r#"{"id":7,"city":"Graz","at":"1970-01-01T00:00:01Z"}  # s-value, version 1"#;
    let other = r#"{"id":7,"city":"Graz"}  # orders-proto, version 1"#;
    let document = r#"{"id": 7}  # orders-json, version 1"#;
    assert_eq!(lines[..8], [row, other, document, row, other, document, "plain", "//4="]);
    assert_eq!(lines[8], "AAAAAGMB  # not decoded: schema 99 is not in the registry");
    assert!(
        lines[9].contains("# not decoded: schema 1 (s-value, version 1): ") && lines[9].contains("malformed Avro"),
        "{}",
        lines[9]
    );

    let told = cli.ok(&[&["--output", "json"], &tail[..]].concat());
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["value"], json!({ "id": 7, "city": "Graz", "at": "1970-01-01T00:00:01Z" }));
    assert_eq!(lines[0]["schema"], json!({ "id": "1", "format": "AVRO", "version": "s-value, version 1" }));
    assert!(lines[0].get("data_base64").is_none());
    assert_eq!(lines[3]["schema"]["id"].as_str().expect("a UUID").len(), 36);
    assert_eq!(lines[6]["data"], "plain");
    assert_eq!(lines[8]["data_base64"], "AAAAAGMB");

    // As they are stored.
    let told = cli.ok(&[&["--output", "json"], &tail[..], &["--raw", "--limit", "1"]].concat());
    let line: Value = serde_json::from_str(&told).expect("one line");
    assert_eq!(line["value"], Value::Null);
    let stored = line["data"].as_str().map(|text| text.as_bytes().to_vec());
    let stored = stored.or_else(|| STANDARD.decode(line["data_base64"].as_str()?).ok());
    assert_eq!(stored.as_deref(), Some(&records[0][..]));

    // Numbers are of a registry; another has none of them.
    let said = cli.refused(4, &[&tail[..], &["--registry", "other"]].concat());
    assert!(said.contains("there is no schema registry \"other\""), "{said}");
    cli.file("else.avsc", r#"{"type":"record","name":"Else","fields":[{"name":"x","type":"long"}]}"#);
    cli.ok(&["schema", "register", "other/else", "else.avsc"]);
    let told = cli.ok(&[&tail[..], &["--registry", "other", "--limit", "1"]].concat());
    assert!(told.contains("# not decoded: schema 1 (else, version 1): "), "{told}");
    // One elsewhere is asked from here: what it does not answer is told for each record.
    let nobody = ["--schema-registry", "http://127.0.0.1:1", "--limit", "1"];
    let told = cli.ok(&[&tail[..], &nobody].concat());
    assert!(told.contains("# not decoded: schema 1: the registry does not answer: 127.0.0.1:1"), "{told}");
    let said = cli.refused(2, &[&tail[..], &["--schema-registry", "other"]].concat());
    assert!(said.contains("`glue+` and a URL"), "{said}");
    let said = cli.refused(2, &[&tail[..], &nobody, &["--registry", "other"]].concat());
    assert!(said.contains("cannot be used with"), "{said}");
    let said = cli.refused(4, &["stream", "tail", "s", "--from", "yesterday"]);
    assert!(said.contains("give `oldest`, `latest`, or Unix milliseconds"), "{said}");
    cli.stop();
}

#[tokio::test]
async fn a_tail_unpacks_what_the_producer_library_packed() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s"]);
    let [header, _] = registered(&cli, "s-value", "order.avsc", AVRO);
    let order = [&header[..], &[14, 0, 0]].concat();
    let mut packed = Aggregator::default();
    for (partition_key, data) in [("a", &b"one"[..]), ("b", &order), ("a", b"three")] {
        packed.push(&UserRecord { partition_key, explicit_hash_key: None, data });
    }
    put(&cli, &[packed.finish(), b"alone".to_vec()]).await;
    let tail = ["stream", "tail", "s", "--from", "oldest", "--no-follow"];
    let told = cli.ok(&tail);
    let wanted = "\
shardId-000000000000 0.0 one
shardId-000000000000 0.1 {\"id\":7,\"city\":null,\"at\":\"1970-01-01T00:00:00Z\"}  # s-value, version 1
shardId-000000000000 0.2 three
shardId-000000000000 1 alone
";
    assert_eq!(told, wanted);
    let told = cli.ok(&[&["--output", "json"], &tail[..], &["--limit", "2"]].concat());
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["partition_key"], &lines[1]["sub_sequence_number"]), (&json!("b"), &json!(1)));
    assert_eq!(cli.ok(&[&tail[..], &["--raw"]].concat()).lines().count(), 2);
    let elsewhere = format!("http://{}", cli.server.address());
    let elsewhere = [&tail[..], &["--schema-registry", &elsewhere]].concat();
    assert_eq!(cli.ok(&elsewhere), wanted);
    assert_eq!(cli.ok(&[&elsewhere[..], &["--limit", "2"]].concat()).lines().count(), 2);
    cli.stop();
}
