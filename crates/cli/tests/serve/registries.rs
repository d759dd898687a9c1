//! Tables whose schemas are in the registry of another server: by Confluent's protocol and by Glue's, with TLS and without.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::Cli;

/// How a table gets to a registry.
struct Way {
    /// `schema.registry`
    registry: String,
    /// What the server's certificate is trusted by, if it has to be.
    ca_bundle: Option<String>,
}

impl Cli {
    fn ways(&self) -> Vec<(&'static str, Way)> {
        let port = self.server.address().port();
        let certificate = self.folder.path().join("data/tls.pem").to_str().expect("text").to_owned();
        let plain = |scheme: &str| Way { registry: format!("{scheme}http://127.0.0.1:{port}"), ca_bundle: None };
        let tls = |scheme: &str| Way {
            registry: format!("{scheme}https://localhost:{port}"),
            ca_bundle: Some(certificate.clone()),
        };
        vec![("confluent", plain("")), ("confluent_tls", tls("")), ("glue", plain("glue+")), ("glue_tls", tls("glue+"))]
    }

    /// The script of a table over the stream, and what is done with it.
    fn script(&self, way: &Way, name: &str, format: &str, columns: &str, options: &str, statement: &str) -> String {
        let bundle = way.ca_bundle.as_ref().map(|file| format!(", 'schema.registry.ca-bundle' = '{file}'"));
        let sql = format!(
            "CREATE TABLE t ({columns}) WITH ('connector' = 'kinesis', 'stream.arn' = '{name}', 'aws.endpoint' = 'http://{}',
               'source.init.position' = 'TRIM_HORIZON', 'format' = '{format}', 'schema.registry' = '{}', 'schema.subject' = '{name}'{}{options});\n{statement}",
            self.server.address(),
            way.registry,
            bundle.unwrap_or_default(),
        );
        // An application goes on where the one of its name was: each is one of its own.
        static SCRIPTS: AtomicUsize = AtomicUsize::new(0);
        let file = format!("{name}-{}.sql", SCRIPTS.fetch_add(1, Ordering::Relaxed));
        self.file(&file, &sql);
        file
    }

    /// The first rows that a script prints, which would go on.
    fn rows(&self, script: &str, count: usize) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.args(["--output", "json", "run", script]).current_dir(self.folder.path());
        let mut running = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(running.stdout.take().expect("its output")).lines().take(count);
        let rows = lines.map(|line| serde_json::from_str(&line.expect("text")).expect("a row")).collect();
        running.kill().expect("it is killed");
        running.wait().expect("it ends");
        rows
    }
}

#[tokio::test]
async fn a_table_registers_evolves_and_reads_in_a_registry_elsewhere() {
    let cli = Cli::start().await;
    for format in ["avro", "json", "protobuf"] {
        for (way_name, way) in cli.ways() {
            let name = format!("{way_name}_{format}");
            cli.ok(&["stream", "create", &name]);
            let first = cli.script(&way, &name, format, "id BIGINT", "", "INSERT INTO t VALUES (1);");
            cli.ok(&["run", &first]);
            let columns = "id BIGINT, city STRING";
            let second = cli.script(&way, &name, format, columns, "", "INSERT INTO t VALUES (2, 'Graz');");
            cli.ok(&["run", &second]);
            // Both are registered there, each record names its own, and both are read into the wider table.
            let versions = cli.json(&["schema", "get", &name]);
            assert_eq!(versions["versions"].as_array().map(Vec::len), Some(2), "{name}: {versions}");
            let tail = cli.ok(&["stream", "tail", &name, "--from", "oldest", "--no-follow"]);
            // Equal schemas share a number, so that Confluent's may be told as another subject's.
            let told: Vec<&str> = tail.lines().filter_map(|line| Some(line.split_once(", version ")?.1)).collect();
            assert_eq!(told, ["1", "2"], "{tail}");
            // The same, read here by the registry as one elsewhere.
            let mut elsewhere = vec!["stream", "tail", &name, "--from", "oldest", "--no-follow"];
            elsewhere.extend(["--schema-registry", &way.registry]);
            elsewhere.extend(way.ca_bundle.iter().flat_map(|file| ["--schema-registry-ca-bundle", file]));
            let contents = |told: &str| -> Vec<String> {
                told.lines().filter_map(|line| Some(line.split_once("  # ")?.0.to_owned())).collect()
            };
            assert_eq!(contents(&cli.ok(&elsewhere)), contents(&tail));
            elsewhere.extend(["--limit", "1"]);
            let first = cli.json(&elsewhere);
            assert_eq!((&first["value"]["id"], first["schema"]["id"].is_string()), (&Value::from(1), true), "{first}");
            let read = cli.script(&way, &name, format, columns, "", "SELECT id, city FROM t;");
            let mut rows: Vec<String> =
                cli.rows(&read, 2).iter().map(|row| format!("{} {}", row["id"], row["city"])).collect();
            rows.sort();
            assert_eq!(rows[1], "2 \"Graz\"", "{name}: {rows:?}");
            assert!(rows[0] == "1 null" || (format == "protobuf" && rows[0].starts_with("1 ")), "{name}: {rows:?}");
        }
    }
    cli.stop();
}

#[tokio::test]
async fn what_a_registry_elsewhere_refuses_is_told() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s"]);
    let insert = "INSERT INTO t VALUES (true);";
    for (name, way) in cli.ways() {
        cli.file("taken.avsc", r#"{"type":"record","name":"record","fields":[{"name":"id","type":"long"}]}"#);
        cli.ok(&["schema", "register", name, "taken.avsc"]);
        cli.ok(&["stream", "create", name]);
        // A schema that clashes.
        let script = cli.script(&way, name, "avro", "id BOOLEAN", "", insert);
        let said = cli.run(&["run", &script]);
        assert!(said.code != Some(0) && said.err.contains(name), "{name}: {said:?}");
        // One that is not there, and may not be registered.
        let script = cli.script(
            &way,
            name,
            "avro",
            "id BIGINT, more STRING",
            ", 'schema.auto-register' = 'false'",
            "INSERT INTO t VALUES (1, 'x');",
        );
        let said = cli.run(&["run", &script]);
        assert!(said.code != Some(0) && said.err.contains("ot found"), "{name}: {said:?}");
        assert_eq!(cli.json(&["stream", "describe", name])["records"], 0);
        assert!(!cli.ok(&["schema", "list"]).contains("more"));
    }
    // A certificate that nobody vouches for, and one that is of another name.
    let port = cli.server.address().port();
    for scheme in ["", "glue+"] {
        let way = Way { registry: format!("{scheme}https://localhost:{port}"), ca_bundle: None };
        let said = cli.run(&["run", &cli.script(&way, "s", "avro", "id BOOLEAN", "", insert)]);
        assert!(said.code != Some(0) && said.err.contains("TLS: ") && said.err.contains("ertificate"), "{said:?}");
        let way = Way { registry: format!("{scheme}http://127.0.0.1:1"), ca_bundle: None };
        let said = cli.run(&["run", &cli.script(&way, "s", "avro", "id BOOLEAN", "", insert)]);
        assert!(said.code != Some(0) && said.err.contains("127.0.0.1:1: "), "{said:?}");
    }
    cli.stop();
}

#[tokio::test]
async fn a_registry_of_glues_protocol_takes_an_access_key() {
    let cli = Cli::start().await;
    cli.ok(&["stream", "create", "s"]);
    let key = cli.json(&["access-key", "create", "jobs"]);
    let of = |name: &str| key[name].as_str().expect("a text").to_owned();
    let (id, secret) = (of("id"), of("secret"));
    let stream =
        format!(", 'aws.credentials.basic.accesskeyid' = '{id}', 'aws.credentials.basic.secretkey' = '{secret}'");
    let registry = format!("{stream}, 'schema.registry.user' = '{id}', 'schema.registry.password' = '{secret}'");
    let wrong = format!("{stream}, 'schema.registry.user' = '{id}', 'schema.registry.password' = 'no'");
    let (_, way) = cli.ways().into_iter().find(|(name, _)| *name == "glue_tls").expect("it is one");
    let insert = "INSERT INTO t VALUES (1);";
    let said = cli.run(&["run", &cli.script(&way, "s", "avro", "id BIGINT", &wrong, insert)]);
    assert!(said.code != Some(0) && said.err.contains("InvalidSignatureException"), "{said:?}");
    assert_eq!(cli.json(&["schema", "list"])["schemas"].as_array().map(Vec::len), Some(0));
    cli.ok(&["run", &cli.script(&way, "s", "avro", "id BIGINT", &registry, insert)]);
    assert_eq!(cli.json(&["schema", "get", "s"])["latest_version"], 1);
    cli.stop();
}
