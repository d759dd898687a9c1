//! The REST protocol of Confluent's Schema Registry, over the `schemas` crate.
//!
//! A context is a registry (`.` is the default one), a subject is a schema, an id is a content's. Answers are JSON;
//! errors have Confluent's codes, which its clients look at.

mod answer;
mod compatibility;
mod config;
mod fault;
mod mode;
mod query;
mod schemas;
mod subject;
mod subjects;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tidemill_schemas::Registries;

use fault::Fault;
use query::Query;

/// What its clients send and expect.
pub const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// The registry, as Confluent's clients see it.
#[derive(Clone)]
pub struct Confluent {
    registries: Arc<Registries>,
}

/// What an operation answers.
type Answer = Result<Value, Fault>;

impl Confluent {
    /// The face of these registries.
    pub fn new(registries: Arc<Registries>) -> Self {
        Confluent { registries }
    }

    /// Whether a path is one of this protocol's.
    pub fn serves(path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        matches!(first, "subjects" | "schemas" | "config" | "mode" | "contexts" | "compatibility")
            || path.starts_with("/v1/metadata/")
    }

    /// Answers a request. What changes something waits for the disk: call it where that may be.
    pub fn answer(&self, method: &Method, uri: &Uri, body: &[u8]) -> Response<Bytes> {
        let path: Vec<String> = uri
            .path()
            .split('/')
            .filter(|step| !step.is_empty())
            .map(|step| percent_decode_str(step).decode_utf8_lossy().into_owned())
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let query = Query::parse(uri.query().unwrap_or_default());
        let (status, body) = match self.route(method, &path, &query, body) {
            Ok(answer) => (StatusCode::OK, answer.to_string()),
            Err(fault) => (fault.status(), fault.body().to_string()),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        response
    }

    fn route(&self, method: &Method, path: &[&str], query: &Query, body: &[u8]) -> Answer {
        match (method.as_str(), path) {
            ("GET", ["subjects"]) => self.subjects(query),
            ("GET", ["subjects", subject, "versions"]) => self.versions(subject, query),
            ("POST", ["subjects", subject, "versions"]) => self.register(subject, body),
            ("GET", ["subjects", subject, "versions", version]) => self.version(subject, version, query),
            ("GET", ["subjects", subject, "versions", version, "schema"]) => self.version_text(subject, version, query),
            ("GET", ["subjects", subject, "versions", version, "referencedby"]) => self.referrers(subject, version),
            ("DELETE", ["subjects", subject, "versions", version]) => self.delete_version(subject, version, query),
            ("GET", ["subjects", subject, "metadata"]) => self.version(subject, "latest", query),
            ("POST", ["subjects", subject]) => self.look_up(subject, query, body),
            ("DELETE", ["subjects", subject]) => self.delete_subject(subject, query),
            ("GET", ["schemas"]) => self.schemas(query),
            ("GET", ["schemas", "types"]) => Ok(json!(["JSON", "PROTOBUF", "AVRO"])),
            ("GET", ["schemas", "ids", id]) => self.by_id(id, query),
            ("GET", ["schemas", "ids", id, "schema"]) => self.text_by_id(id, query),
            ("GET", ["schemas", "ids", id, "subjects"]) => self.subjects_by_id(id, query),
            ("GET", ["schemas", "ids", id, "versions"]) => self.versions_by_id(id, query),
            ("GET", ["schemas", "guids", guid]) => self.by_guid(guid, query),
            ("GET", ["schemas", "guids", guid, "ids"]) => self.ids_by_guid(guid),
            ("POST", ["compatibility", "subjects", subject, "versions"]) => self.compatible(subject, None, query, body),
            ("POST", ["compatibility", "subjects", subject, "versions", version]) => {
                self.compatible(subject, Some(version), query, body)
            }
            ("GET", ["config"]) => self.config(None, query),
            ("PUT", ["config"]) => self.set_config(None, body),
            ("DELETE", ["config"]) => self.delete_config(None),
            ("GET", ["config", subject]) => self.config(Some(subject), query),
            ("PUT", ["config", subject]) => self.set_config(Some(subject), body),
            ("DELETE", ["config", subject]) => self.delete_config(Some(subject)),
            ("GET", ["mode"]) => self.mode(None, query),
            ("PUT", ["mode"]) => self.set_mode(None, query, body),
            ("DELETE", ["mode"]) => self.delete_mode(None),
            ("GET", ["mode", subject]) => self.mode(Some(subject), query),
            ("PUT", ["mode", subject]) => self.set_mode(Some(subject), query, body),
            ("DELETE", ["mode", subject]) => self.delete_mode(Some(subject)),
            ("GET", ["contexts"]) => Ok(self.contexts()),
            ("GET", ["v1", "metadata", "id"]) => {
                let clusters = json!({"kafka-cluster": "tidemill", "schema-registry-cluster": "schema-registry"});
                Ok(json!({"scope": {"path": [], "clusters": clusters}}))
            }
            ("GET", ["v1", "metadata", "version"]) => Ok(json!({"version": env!("CARGO_PKG_VERSION"), "commitId": ""})),
            _ => Err(Fault::new(404, "HTTP 404 Not Found")),
        }
    }
}

impl std::fmt::Debug for Confluent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Confluent")
    }
}
