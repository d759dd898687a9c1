//! The registries of schemas behind the server's port.

mod support;

use serde_json::json;
use support::{Running, post};

#[tokio::test(flavor = "multi_thread")]
async fn schemas_survive_a_restart() {
    let running = Running::start().await;
    let body = r#"{"schema":"\"string\""}"#;
    let kind = "application/vnd.schemaregistry.v1+json";
    let made = running.send(post("/subjects/kept/versions", kind, body)).await;
    assert_eq!((made.status, made.json()["id"].as_i64()), (200, Some(1)));
    let again = running.again(|_| {}).await;
    let found = again.send(support::get("/schemas/ids/1", &[])).await;
    assert_eq!(found.json()["schema"], "\"string\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_elsewhere_cannot_write() {
    let running = Running::start().await;
    let plain = running.send(post("/subjects/s/versions", "text/plain", r#"{"schema":"\"string\""}"#)).await;
    assert_eq!(plain.status, 415);
    let foreign = running.send("GET /subjects HTTP/1.1\r\nhost: evil.example\r\n\r\n").await;
    assert_eq!(foreign.status, 421);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_registers_checks_and_compares() {
    let running = Running::start().await;
    let record = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let body = |fields: &str| json!({ "format": "AVRO", "definition": record(fields) });
    let (a, ab) = (r#"{"name":"a","type":"int"}"#, r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#);
    let optional = r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":0}"#;
    let client = &running.client;
    let first = client.post("/api/v1/schemas/orders/versions", &body(a)).await.unwrap();
    assert_eq!((&first["version"], &first["status"]), (&json!(1), &json!("AVAILABLE")));
    let verdict = client.post("/api/v1/schemas/orders/check", &body(ab)).await.unwrap();
    assert_eq!(verdict["compatible"], false);
    assert_eq!(verdict["clashes"][0]["differences"][0]["path"], "/fields/1");
    let refused = client.post("/api/v1/schemas/orders/versions", &body(ab)).await.unwrap_err().to_string();
    assert!(refused.starts_with("TM-SCHEMA-0011") && refused.contains("give b a default"), "{refused}");
    client.post("/api/v1/schemas/orders/versions", &body(optional)).await.unwrap();
    let diff = client.get("/api/v1/schemas/orders/diff?from=1").await.unwrap();
    assert!(diff["diff"].as_str().unwrap().contains("+      \"name\": \"b\""), "{diff}");
    let found = client.get("/api/v1/schemas/orders").await.unwrap();
    assert_eq!(found["versions"].as_array().unwrap().len(), 2);
    client.post("/api/v1/schemas/shop%2Forders/versions", &body(a)).await.unwrap();
    let listed = client.get("/api/v1/schemas").await.unwrap();
    assert_eq!(listed["schemas"][1]["registry"], "shop");
    client.delete("/api/v1/schemas/orders").await.unwrap();
    assert!(client.get("/api/v1/schemas/orders").await.unwrap_err().to_string().contains("TM-SCHEMA-0005"));
}
