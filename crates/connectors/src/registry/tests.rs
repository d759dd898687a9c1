//! Tables whose records name their schemas.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use serde_json::json;
use tidemill_engine::Batch;
use tidemill_schemas::{DataFormat, Registration, Registries, SchemaName};
use tidemill_streams::{Options, Record, StreamConfig, Streams};

use crate::connector::TableDeclaration;
use crate::testing::{declare, read, write};
use crate::{Environment, sink, source};

struct World {
    folder: tempfile::TempDir,
    registries: Arc<Registries>,
    environment: Environment,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let streams = Streams::open(folder.path().join("streams"), Options::default()).unwrap();
        streams.create("s", StreamConfig { shards: 1, ..StreamConfig::default() }).unwrap();
        let registries = Arc::new(Registries::open(folder.path().join("schemas")).unwrap());
        let environment =
            Environment { streams: Some(streams), registries: Some(registries.clone()), ..Environment::default() };
        World { folder, registries, environment }
    }

    fn write(&self, declaration: &TableDeclaration, columns: Vec<(&str, ArrayRef)>) {
        let rows = Batch::new(RecordBatch::try_from_iter(columns).unwrap(), vec![0]).unwrap();
        let checkpoints = tempfile::tempdir_in(self.folder.path()).unwrap();
        write(&sink(declaration, &self.environment).unwrap(), vec![rows], checkpoints.path());
    }

    fn put(&self, record: &[u8]) {
        let stream = self.environment.streams.as_ref().unwrap().get("s").unwrap();
        stream.append(Record { partition_key: b"k", data: record, ..Record::default() }).wait().unwrap();
    }
}

fn table(columns: &[(&str, DataType)], options: &[(&str, &str)]) -> TableDeclaration {
    let mut all = vec![
        ("connector", "stream"),
        ("stream", "s"),
        ("format", "avro"),
        ("scan.bounded.mode", "latest-offset"),
        ("schema.registry", "embedded"),
        ("schema.subject", "customers"),
    ];
    all.extend(options);
    declare(columns, &all)
}

const ID: (&str, DataType) = ("id", DataType::Int64);
const CITY: (&str, DataType) = ("city", DataType::Utf8);

fn ids(id: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![id]))
}

fn customers() -> SchemaName {
    SchemaName::new("default-registry", "customers").unwrap()
}

#[test]
fn a_table_reads_schemas_that_evolve_while_it_is_there() {
    for header in ["confluent", "glue"] {
        let world = World::new();
        let given = [("avro.header", header)];
        world.write(&table(&[ID], &given), vec![("id", ids(1))]);
        world.write(
            &table(&[ID, CITY], &given),
            vec![("id", ids(2)), ("city", Arc::new(StringArray::from(vec!["Graz"])))],
        );
        assert_eq!(world.registries.versions(&customers()).unwrap().len(), 2);
        // One that registered itself although it can't be read: its type is another.
        let other =
            r#"{"type":"record","name":"record","fields":[{"name":"id","type":{"type":"array","items":"int"}}]}"#;
        let registered = world.registries.register(
            &SchemaName::new("default-registry", "others").unwrap(),
            Registration { create: Some(None), ..Registration::new(DataFormat::Avro, other) },
        );
        let version = registered.unwrap().version;
        let mut record = match header {
            "glue" => [vec![3, 0], version.uuid.to_be_bytes().to_vec()].concat(),
            _ => [vec![0], version.content.id.to_be_bytes().to_vec()].concat(),
        };
        record.push(0);
        world.put(&record);
        let source = source(&table(&[ID, CITY], &given), &world.environment).unwrap();
        let (seen, rejects) = read(&source, &[0, 1], 1);
        assert_eq!(seen.rows(), ["1 | NULL", "2 | Graz"], "{header}");
        let reasons = rejects.reasons();
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].starts_with("schema ") && reasons[0].contains("field `id`"), "{reasons:?}");
    }
}

#[test]
fn confluents_header_stands_before_records_unless_another_is_asked_for() {
    let world = World::new();
    world.write(&table(&[ID], &[]), vec![("id", ids(-1))]);
    let raw = declare(
        &[("data", DataType::Binary)],
        &[("connector", "stream"), ("stream", "s"), ("format", "raw"), ("scan.bounded.mode", "latest-offset")],
    );
    let seen = read(&source(&raw, &world.environment).unwrap(), &[0], 1).0.rows();
    // Header, number of the schema, branch of the union, zigzag.
    assert_eq!(seen, ["00000000010201"]);
}

#[test]
fn a_schema_that_is_not_to_be_registered_must_be_there() {
    let world = World::new();
    let strict = table(&[ID], &[("schema.auto-register", "false")]);
    assert!(sink(&strict, &world.environment).is_err());
    world.write(&table(&[ID], &[]), vec![("id", ids(1))]);
    world.write(&strict, vec![("id", ids(2))]);
    // What clashes is refused when the table is made.
    let clash = sink(&table(&[("id", DataType::Boolean)], &[]), &world.environment);
    let error = clash.err().unwrap().to_string();
    assert!(error.contains("MISSING_UNION_BRANCH"), "{error}");
}

/// A server that gives these answers, one a connection, and tells what it was asked: the lines of each request's head, and its body.
fn server(answers: Vec<(u16, serde_json::Value)>) -> (String, std::thread::JoinHandle<Vec<(Vec<String>, String)>>) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, answer) in answers {
            let (connection, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(connection);
            let lines = reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty());
            let head: Vec<String> = lines.collect();
            let length =
                head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            asked.push((head, String::from_utf8(body).unwrap()));
            let answer = answer.to_string();
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", answer.len());
            reader.into_inner().write_all((head + &answer).as_bytes()).unwrap();
        }
        asked
    });
    (url, answering)
}

#[test]
fn a_registry_of_confluents_protocol_is_asked_with_user_and_password() {
    let address = r#"{"type":"record","name":"Address","fields":[{"name":"city","type":"string"}]}"#;
    let schema =
        r#"{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"home","type":"Address"}]}"#;
    let (url, answering) = server(vec![
        (200, json!({ "schema": schema, "references": [{ "name": "Address", "subject": "address", "version": 2 }] })),
        (200, json!({ "schema": address, "subject": "address", "version": 2 })),
        (200, json!([{ "subject": "others", "version": 1 }, { "subject": "customers", "version": 4 }])),
        (404, json!({ "error_code": 40403 })),
    ]);
    let world = World::new();
    world.put(&[0, 0, 0, 0, 7, 2, 8, b'G', b'r', b'a', b'z']);
    world.put(&[0, 0, 0, 0, 7, 2]);
    world.put(&[0, 0, 0, 0, 8, 4]);
    let options = [
        ("schema.registry", &*format!("{url}/registry")),
        ("schema.registry.user", "u"),
        ("schema.registry.password", "p"),
    ];
    let source = source(&table(&[ID], &options), &world.environment).unwrap();
    let (seen, rejects) = read(&source, &[0], 1);
    assert_eq!(seen.rows(), ["1"]);
    let reasons = rejects.reasons();
    assert!(reasons[0].starts_with("schema 7 (customers, version 4): "), "{reasons:?}");
    assert_eq!(reasons[1], "schema 8 is not in the registry");
    let asked = answering.join().unwrap();
    let lines: Vec<&str> = asked.iter().map(|(head, _)| head[0].as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /registry/schemas/ids/7 HTTP/1.1",
            "GET /registry/subjects/address/versions/2?deleted=true HTTP/1.1",
            "GET /registry/schemas/ids/7/versions HTTP/1.1",
            "GET /registry/schemas/ids/8 HTTP/1.1"
        ]
    );
    assert!(asked[0].0.contains(&"authorization: Basic dTpw".to_owned()), "{:?}", asked[0].0);
}

#[test]
fn a_registry_of_glue_is_asked_with_signatures_and_registers() {
    let uuid = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63";
    let missing = |said: &str| (400, json!({ "__type": "EntityNotFoundException", "Message": said }));
    let schema = r#"{"type":"record","name":"record","fields":[{"name":"id","type":["null","long"],"default":null}]}"#;
    let (url, answering) = server(vec![
        missing("Schema is not found."),
        (200, json!({ "SchemaVersionId": uuid, "SchemaVersionStatus": "PENDING" })),
        (200, json!({ "SchemaVersionId": uuid, "Status": "AVAILABLE" })),
        missing("Schema version is not found."),
        (200, json!({ "SchemaVersionId": uuid, "Status": "FAILURE" })),
        (200, json!({ "SchemaVersionId": uuid, "Status": "AVAILABLE" })),
        (
            200,
            json!({ "SchemaVersionId": uuid, "SchemaDefinition": schema, "DataFormat": "AVRO", "VersionNumber": 1,
            "SchemaArn": "arn:aws:glue:eu-central-1:1:schema/shop/customers", "Status": "AVAILABLE" }),
        ),
    ]);
    let registry = format!("glue+{url}");
    let options = [
        ("schema.registry", &*registry),
        ("schema.subject", "shop/customers"),
        ("schema.registry.region", "eu-central-1"),
        ("schema.registry.user", "AKIDEXAMPLE"),
        ("schema.registry.password", "secret"),
    ];
    let world = World::new();
    let written = sink(&table(&[ID], &options), &world.environment).map(drop);
    written.unwrap();
    let clash = sink(&table(&[CITY], &options), &world.environment).map(drop);
    let error = clash.unwrap_err().to_string();
    assert!(error.contains("FAILURE") && error.contains("customers"), "{error}");
    let found = sink(&table(&[ID], &options), &world.environment).map(drop);
    found.unwrap();
    let mut record = vec![3, 0];
    record.extend(u128::from_str_radix(&uuid.replace('-', ""), 16).unwrap().to_be_bytes());
    record.extend([2, 6]);
    world.put(&record);
    let (seen, rejects) = read(&source(&table(&[ID], &options), &world.environment).unwrap(), &[0], 1);
    assert_eq!((seen.rows(), rejects.reasons()), (vec!["3".to_owned()], Vec::new()));
    let asked = answering.join().unwrap();
    let target = |head: &Vec<String>| {
        head.iter().find_map(|line| line.strip_prefix("x-amz-target: AWSGlue.").map(str::to_owned))
    };
    let targets: Vec<String> = asked.iter().filter_map(|(head, _)| target(head)).collect();
    assert_eq!(
        targets,
        [
            "GetSchemaByDefinition",
            "CreateSchema",
            "GetSchemaVersion",
            "GetSchemaByDefinition",
            "RegisterSchemaVersion",
            "GetSchemaByDefinition",
            "GetSchemaVersion"
        ]
    );
    let created: serde_json::Value = serde_json::from_str(&asked[1].1).unwrap();
    assert_eq!(created["RegistryId"], json!({ "RegistryName": "shop" }));
    assert_eq!(created["DataFormat"], "AVRO");
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/";
    assert!(
        asked
            .iter()
            .all(|(head, _)| head.iter().any(|line| line.contains(signed) && line.contains("/eu-central-1/glue/")))
    );
}

#[test]
fn registries_behind_the_first_may_have_another_user() {
    for (secondary, told) in [(false, "dTpw"), (true, "djpx")] {
        let (first, first_answers) = server(vec![(404, json!({ "error_code": 40403 }))]);
        let (second, second_answers) = server(vec![
            (200, json!({ "schema": r#"{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}"# })),
            (200, json!([])),
        ]);
        let world = World::new();
        world.put(&[0, 0, 0, 0, 7, 2]);
        let both = format!("{first}, {second}");
        let mut options =
            vec![("schema.registry", &*both), ("schema.registry.user", "u"), ("schema.registry.password", "p")];
        if secondary {
            options.extend([("schema.registry.secondary.user", "v"), ("schema.registry.secondary.password", "q")]);
        }
        let table = source(&table(&[ID], &options), &world.environment).unwrap();
        assert_eq!(read(&table, &[0], 1).0.rows(), ["1"]);
        let asked = |answers: std::thread::JoinHandle<Vec<(Vec<String>, String)>>| answers.join().unwrap().remove(0).0;
        assert!(asked(first_answers).contains(&"authorization: Basic dTpw".to_owned()));
        assert!(asked(second_answers).contains(&format!("authorization: Basic {told}")), "{secondary}");
    }
}

#[test]
fn tables_of_all_formats_go_through_the_registry() {
    for (format, header) in [("json", "confluent"), ("json", "glue"), ("protobuf", "confluent"), ("protobuf", "glue")] {
        let world = World::new();
        let (header_option, compression) = (format!("{format}.header"), format!("{format}.compression"));
        let given = [("format", format), (&*header_option, header), (&*compression, "zlib")];
        world.write(&table(&[ID], &given), vec![("id", ids(1))]);
        world.write(
            &table(&[ID, CITY], &given),
            vec![("id", ids(2)), ("city", Arc::new(StringArray::from(vec!["Graz"])))],
        );
        assert_eq!(world.registries.versions(&customers()).unwrap().len(), 2, "{format} {header}");
        let wide = source(&table(&[ID, CITY], &given), &world.environment).unwrap();
        assert_eq!(read(&wide, &[0, 1], 1).0.rows(), ["1 | NULL", "2 | Graz"], "{format} {header}");
        // Columns that nobody asks for are left out, whatever their places.
        assert_eq!(read(&wide, &[1], 1).0.rows(), ["NULL", "Graz"]);
        let narrow = source(&table(&[("city", DataType::Boolean)], &given), &world.environment).unwrap();
        let reasons = read(&narrow, &[0], 1).1.reasons();
        assert!(reasons.last().unwrap().contains("(customers, version 2): "), "{reasons:?}");
    }
}

#[test]
fn what_can_t_be_is_refused_by_name() {
    let world = World::new();
    for (options, said) in [
        (vec![("schema.registry", "somewhere")], "say `embedded`, the URL"),
        (vec![("schema.registry", "http://127.0.0.1:1"), ("avro.header", "glue")], "Confluent's protocol"),
        (vec![("schema.registry", "glue+http://127.0.0.1:1"), ("avro.header", "confluent")], "by the header `glue`"),
        (vec![("schema.registry", "http://u:p@127.0.0.1:1")], "`schema.registry.user`"),
        (vec![("schema.registry.user", "u")], "go together"),
        (vec![("schema.registry.secondary.password", "p")], "`schema.registry.secondary.user` and"),
        (vec![("schema.registry", "https://127.0.0.1:1"), ("schema.registry.ca-bundle", "/no/file")], "ca-bundle"),
        (vec![("format", "csv")], "only the formats avro, json and protobuf"),
    ] {
        let error = source(&table(&[ID], &options), &world.environment).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
    let without = Environment { registries: None, ..world.environment.clone() };
    let error = source(&table(&[ID], &[]), &without).err().unwrap().to_string();
    assert!(error.contains("the embedded schema registry"), "{error}");
}
