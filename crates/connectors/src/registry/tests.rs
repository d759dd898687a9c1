//! Tables whose records name their schemas.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
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

#[test]
fn a_registry_elsewhere_is_asked_by_its_protocol() {
    use std::io::{Read as _, Write as _};
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}"#;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/registry", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in
            [format!("200 OK\r\n\r\n{}", serde_json::json!({ "schema": schema })), "404 Not Found\r\n\r\n{}".into()]
        {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let read = connection.read(&mut request).unwrap();
            asked.push(String::from_utf8_lossy(&request[..read]).lines().next().unwrap().to_owned());
            connection.write_all(format!("HTTP/1.0 {answer}").as_bytes()).unwrap();
        }
        asked
    });
    let world = World::new();
    world.put(&[0, 0, 0, 0, 7, 2]);
    world.put(&[0, 0, 0, 0, 8, 4]);
    let source = source(&table(&[ID], &[("schema.registry", &url)]), &world.environment).unwrap();
    let (seen, rejects) = read(&source, &[0], 1);
    assert_eq!(seen.rows(), ["1"]);
    assert_eq!(rejects.reasons(), ["schema 8 is not in the registry"]);
    let asked = ["GET /registry/schemas/ids/7 HTTP/1.0", "GET /registry/schemas/ids/8 HTTP/1.0"];
    assert_eq!(server.join().unwrap(), asked);
}

#[test]
fn what_can_t_be_is_refused_by_name() {
    let world = World::new();
    for (options, said) in [
        (vec![("schema.registry", "somewhere")], "say `embedded` or the URL"),
        (vec![("schema.registry", "http://127.0.0.1:1"), ("avro.header", "glue")], "Confluent's protocol"),
        (vec![("format", "json")], "only the format avro"),
    ] {
        let error = source(&table(&[ID], &options), &world.environment).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
    let without = Environment { registries: None, ..world.environment.clone() };
    let error = source(&table(&[ID], &[]), &without).err().unwrap().to_string();
    assert!(error.contains("the embedded schema registry"), "{error}");
}
