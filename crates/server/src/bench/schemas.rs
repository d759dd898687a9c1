//! How many schemas a second are looked up by their id over HTTP, and how long a new version is checked against a
//! thousand old ones.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Bench, Figures, said};
use crate::child::ChildServer;
use crate::error::{Error, Result};
use crate::load::{self, Load, Pacing, Progress, Source};

const SCHEMAS: u32 = 1_000;
const VERSIONS: u32 = 1_000;
const FIELDS: u32 = 20;
const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
const RUN: Duration = Duration::from_secs(10);
/// Checks of each format; the slowest counts.
const CHECKS: u32 = 5;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("schemas");
    let server = bench.server("schemas", &[]).await?;
    for number in 0..SCHEMAS {
        register(&server, &format!("lookup-{number}"), "AVRO", &avro(number)).await?;
    }
    look_up(&server, WARM_UP).await?;
    let found = look_up(&server, RUN).await?;
    figures.add("lookups_per_second", found.acknowledged as f64 / found.elapsed.as_secs_f64());
    figures.add("lookup_p50_ms", found.latencies.quantile_ms(0.5));
    figures.add("lookup_p99_ms", found.latencies.quantile_ms(0.99));
    figures.add("failed_lookups", found.failed as f64);
    let formats: [(&str, fn(u32) -> String); 3] = [("AVRO", avro), ("JSON", json_schema), ("PROTOBUF", protobuf)];
    for (format, definition) in formats {
        let figure = format!("check_{}_{VERSIONS}_versions_ms", format.to_lowercase());
        figures.add(figure, check(&server, format, definition).await?);
    }
    server.stop()?;
    Ok(figures)
}

/// Milliseconds of the slowest check, the first of which reads all versions anew.
async fn check(server: &ChildServer, format: &str, definition: fn(u32) -> String) -> Result<f64> {
    let subject = format!("checked-{}", format.to_lowercase());
    let config = format!("/config/{subject}");
    server.client().put(&config, &json!({ "compatibility": "NONE" })).await.map_err(said)?;
    for number in 0..VERSIONS {
        register(server, &subject, format, &definition(number)).await?;
    }
    server.client().put(&config, &json!({ "compatibility": "FULL_TRANSITIVE" })).await.map_err(said)?;
    let body = json!({ "schema": definition(VERSIONS), "schemaType": format });
    let mut slowest = Duration::ZERO;
    for _ in 0..CHECKS {
        let begun = Instant::now();
        let path = format!("/compatibility/subjects/{subject}/versions");
        let verdict = server.client().post(&path, &body).await.map_err(said)?;
        slowest = slowest.max(begun.elapsed());
        if verdict.get("is_compatible") != Some(&Value::Bool(true)) {
            return Err(Error::part("the benchmark", format!("{format} should be compatible: {verdict}")));
        }
    }
    Ok(slowest.as_secs_f64() * 1e3)
}

async fn register(server: &ChildServer, subject: &str, format: &str, definition: &str) -> Result<()> {
    let body = json!({ "schema": definition, "schemaType": format });
    server.client().post(&format!("/subjects/{subject}/versions"), &body).await.map(|_| ()).map_err(said)
}

async fn look_up(server: &ChildServer, limit: Duration) -> Result<load::Report> {
    let target = server.address();
    let ran = tokio::task::spawn_blocking(move || {
        let load = Load { target, connections: CONNECTIONS, pacing: Pacing::Closed, retry: false, limit: Some(limit) };
        load::run(&load, &mut Ids(0), &Progress::default())
    });
    let ran = ran.await.map_err(|error| Error::part("the load", error))?;
    ran.map_err(|error| Error::part("the load", error))
}

/// Asks for one id after the other.
struct Ids(u32);

impl Source for Ids {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Duration> {
        self.0 = self.0 % SCHEMAS + 1;
        request.clear();
        let head = format!("GET /schemas/ids/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.0);
        request.extend_from_slice(head.as_bytes());
        Some(Duration::ZERO)
    }
}

fn avro(number: u32) -> String {
    let fields: Vec<Value> = (0..FIELDS)
        .map(|field| json!({ "name": format!("field_{field}"), "type": ["null", "string"], "default": null }))
        .collect();
    json!({ "type": "record", "name": "Record", "doc": format!("version {number}"), "fields": fields }).to_string()
}

fn json_schema(number: u32) -> String {
    let properties: serde_json::Map<String, Value> =
        (0..FIELDS).map(|field| (format!("field_{field}"), json!({ "type": "string", "maxLength": 100 }))).collect();
    let title = format!("version {number}");
    json!({ "type": "object", "title": title, "properties": properties, "additionalProperties": false }).to_string()
}

fn protobuf(number: u32) -> String {
    let fields: String = (1..=FIELDS).map(|field| format!("string field_{field} = {field}; ")).collect();
    format!("syntax = \"proto3\"; message Record {{ {fields} int64 field_{number}_more = {}; }}", FIELDS + 1)
}
