//! Official clients of AWS against the real binary: over HTTP/2 and TLS, with access keys, and through `kill -9`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;
use tidemill_server::child::{ChildServer, ChildSettings};

use crate::child;

const BINARY: &str = env!("CARGO_BIN_EXE_tidemill");

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a command that must succeed; gives what it printed.
fn run(command: &mut Command) -> String {
    let run = command.output().expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{command:?}: {}\n{out}\n{err}", run.status);
    out.trim().to_owned()
}

/// What a script of `tests/services` prints: a program.
fn service(script: &str, name: &str) -> String {
    run(Command::new(repository().join("tests/services").join(script)).arg(name))
}

/// The interpreter that has boto3.
fn python() -> Command {
    Command::new(service("pypi.sh", "boto3"))
}

fn program(name: &str) -> PathBuf {
    repository().join("crates/aws-api/tests/boto3").join(name)
}

/// The JavaScript SDK's program; it is installed first.
fn javascript() -> Command {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let folder = repository().join("tests/clients");
    let mut installed = INSTALLED.lock().expect("no other panicked");
    if !*installed {
        run(Command::new("npm").args(["ci", "--silent"]).current_dir(&folder));
        *installed = true;
    }
    let mut node = Command::new("node");
    node.arg(folder.join("kinesis.mjs"));
    node
}

fn unlimited(data: &Path) -> ChildSettings {
    ChildSettings { set: vec!["kinesis.unlimited=true".into()], ..child(data) }
}

#[tokio::test]
async fn the_javascript_sdk_over_http2_and_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = ChildServer::start(&unlimited(&data)).await.expect("a server");
    let port = server.address().port();
    assert_eq!(run(javascript().arg(format!("http://127.0.0.1:{port}"))), "ok");
    let certificate = data.join("tls.pem");
    let url = format!("https://localhost:{port}");
    assert_eq!(run(javascript().arg(url).env("NODE_EXTRA_CA_CERTS", certificate)), "ok");
    server.stop().expect("a stop");
}

#[tokio::test]
async fn the_java_sdk_in_cbor_over_http2_and_tls() {
    let program = service("java.sh", "tests/clients/java/kinesis");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = ChildServer::start(&unlimited(&data)).await.expect("a server");
    let port = server.address().port();
    assert_eq!(run(Command::new(&program).arg("Kinesis").arg(format!("http://127.0.0.1:{port}"))), "ok");
    // Its HTTP/2 begins without ALPN.
    let url = format!("https://localhost:{port}");
    assert_eq!(run(Command::new(&program).arg("Kinesis").arg(url).arg(data.join("tls.pem"))), "ok");
    server.stop().expect("a stop");
}

#[tokio::test]
async fn glues_serializers_for_java() {
    let program = service("java.sh", "tests/clients/java/glue");
    let folder = tempfile::tempdir().expect("a folder");
    let server = ChildServer::start(&unlimited(&folder.path().join("data"))).await.expect("a server");
    assert_eq!(run(Command::new(program).arg("Glue").arg(format!("http://{}", server.address()))), "ok");
    server.stop().expect("a stop");
}

/// Article 2's programs, over a stream and over a real Kafka.
#[test]
fn the_demo_of_schema_evolution() {
    let said = run(Command::new(repository().join("demos/schema-evolution/run.sh")).arg(BINARY));
    println!("{said}");
    for told in ["\"full_name\": \"Grace Hopper\"", "Refused: ", "READER_FIELD_MISSING_DEFAULT_VALUE"] {
        assert_eq!(said.matches(told).count(), 2, "{told} in {said}");
    }
    // The consumer in SQL read both schemas.
    let of_sql = |told: &str| said.lines().filter(|line| line.starts_with("SQL: ") && line.contains(told)).count();
    assert_eq!((of_sql("\"full_name\":null"), of_sql("\"full_name\":\"Grace Hopper\"")), (5, 1), "{said}");
}

#[tokio::test]
async fn the_aws_cli() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = ChildServer::start(&unlimited(&folder.path().join("data"))).await.expect("a server");
    let mut script = Command::new(repository().join("tests/clients/awscli.sh"));
    assert_eq!(run(script.arg(service("pypi.sh", "awscli")).arg(format!("http://{}", server.address()))), "ok");
    server.stop().expect("a stop");
}

#[tokio::test]
async fn from_the_first_access_key_on_requests_have_to_be_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = ChildServer::start(&unlimited(&folder.path().join("data"))).await.expect("a server");
    let url = format!("http://127.0.0.1:{}", server.address().port());
    let keys = |arguments: &[&str]| -> Value {
        let said = run(Command::new(BINARY).args(["--output", "json", "--server", &url, "access-key"]).args(arguments));
        serde_json::from_str(&said).expect("JSON")
    };
    let mut pairs = Vec::new();
    for role in ["admin", "producer", "consumer"] {
        let made = keys(&["create", role, "--role", role]);
        pairs.extend([made["id"].clone(), made["secret"].clone()]);
    }
    let pairs: Vec<&str> = pairs.iter().map(|text| text.as_str().expect("a text")).collect();
    run(python().arg(program("access.py")).arg(&url).args(&pairs));
    let listed = keys(&["list"]);
    let names: Vec<_> = listed["access_keys"].as_array().expect("a list").iter().map(|key| &key["name"]).collect();
    assert_eq!(names, ["admin", "producer", "consumer"]);
    assert!(!listed.to_string().contains(pairs[1]), "a secret is told twice");
    keys(&["delete", "admin"]);
    let refused = javascript().arg(&url).args(&pairs[..2]).output().expect("it starts");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("UnrecognizedClientException"), "{said}");
    server.stop().expect("a stop");
}

/// `CRASH_ROUNDS=100 cargo test … kill_9 -- --nocapture` is what `make crash` does.
#[test]
fn acknowledged_records_survive_kill_9_during_puts_splits_and_merges() {
    let folder = tempfile::tempdir().expect("a folder");
    let rounds = std::env::var("CRASH_ROUNDS").unwrap_or_else(|_| "5".into());
    let said = run(python().arg(program("crash.py")).arg(BINARY).arg(folder.path().join("data")).arg(rounds));
    println!("{said}");
}
