//! A registry elsewhere, by Confluent's protocol.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup};
use tidemill_schemas::{DataFormat, Definition, Reference};

use super::Use;
use super::http::{Answer, Endpoint};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// Schemas that one refers to, directly or not.
const REFERENCES_MAX: usize = 1_000;

pub(super) struct Confluent {
    endpoint: Endpoint,
    /// `Basic …`
    authorization: Option<String>,
    used: Use,
}

impl Confluent {
    pub(super) fn new(endpoint: Endpoint, user: Option<(&str, &str)>, used: Use) -> Self {
        let basic =
            |(user, password): (&str, &str)| format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        Confluent { endpoint, authorization: user.map(basic), used }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, LookupError> {
        let mut request = Request::builder().method(method).uri(self.endpoint.path(path));
        request = request.header(ACCEPT, MEDIA_TYPE).header(CONTENT_TYPE, MEDIA_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body)));
        self.endpoint.ask(request.map_err(|error| LookupError::Unavailable(error.to_string()))?)
    }

    fn said(&self, Answer { status, body }: &Answer) -> String {
        let message = body.get("message").and_then(Value::as_str).unwrap_or("it says no more");
        format!("{} answered with status {status}: {message}", self.endpoint.authority())
    }

    /// All that a schema refers to, each once, what others refer to first.
    fn collect(&self, schema: &Value, found: &mut Vec<Reference>) -> Result<(), LookupError> {
        for reference in schema.get("references").and_then(Value::as_array).into_iter().flatten() {
            let text = |member: &str| reference.get(member).and_then(Value::as_str).unwrap_or_default();
            let name = text("name").to_owned();
            if found.iter().any(|known| known.name == name) {
                continue;
            }
            if found.len() >= REFERENCES_MAX {
                return Err(LookupError::Unusable(format!("it refers to more than {REFERENCES_MAX} schemas")));
            }
            let subject = utf8_percent_encode(text("subject"), NON_ALPHANUMERIC);
            let version = reference.get("version").and_then(Value::as_i64).unwrap_or(-1);
            let answer = self.ask("GET", &format!("/subjects/{subject}/versions/{version}?deleted=true"), None)?;
            let Some(schema) = answer.body.get("schema").and_then(Value::as_str).filter(|_| answer.status == 200)
            else {
                return Err(LookupError::Unavailable(self.said(&answer)));
            };
            self.collect(&answer.body, found)?;
            found.push(Reference { name, text: schema.to_owned() });
        }
        Ok(())
    }

    /// Which version of what a schema is: of the table's own subject, if it is one of it. Older registries do not tell.
    fn version(&self, id: u32) -> String {
        let Ok(answer) = self.ask("GET", &format!("/schemas/ids/{id}/versions"), None) else { return String::new() };
        let versions = answer.body.as_array().map_or(&[][..], Vec::as_slice);
        let subject = |version: &&Value| version.get("subject").and_then(Value::as_str) == Some(&self.used.subject);
        let found = versions.iter().find(subject).or_else(|| versions.first());
        let told =
            found.and_then(|version| Some((version.get("subject")?.as_str()?, version.get("version")?.as_i64()?)));
        told.map(|(subject, version)| format!("{subject}, version {version}")).unwrap_or_default()
    }
}

impl SchemaLookup for Confluent {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        let SchemaId::Confluent(number) = id else { return Err(LookupError::NotFound) };
        let answer = self.ask("GET", &format!("/schemas/ids/{number}"), None)?;
        let text = match (answer.status, answer.body.get("schema").and_then(Value::as_str)) {
            (200, Some(text)) => text,
            (404, _) => return Err(LookupError::NotFound),
            _ => return Err(LookupError::Unavailable(self.said(&answer))),
        };
        let language = answer.body.get("schemaType").and_then(Value::as_str).unwrap_or(DataFormat::Avro.name());
        let language: DataFormat = language.parse().map_err(LookupError::Unusable)?;
        let mut references = Vec::new();
        self.collect(&answer.body, &mut references)?;
        let definition = Definition::parse(language, text, &references);
        let definition = definition.map_err(|invalid| LookupError::Unusable(invalid.to_string()))?;
        Ok(RegisteredSchema { definition: Arc::new(definition), version: self.version(number) })
    }

    fn id(&self, format: DataFormat, schema: &str) -> Result<SchemaId, LookupError> {
        let subject = utf8_percent_encode(&self.used.subject, NON_ALPHANUMERIC);
        let path = match self.used.registers {
            true => format!("/subjects/{subject}/versions"),
            false => format!("/subjects/{subject}"),
        };
        let answer = self.ask("POST", &path, Some(&json!({ "schema": schema, "schemaType": format.name() })))?;
        let id = answer.body.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        match (answer.status, id) {
            (200, Some(id)) => Ok(SchemaId::Confluent(id)),
            (500.., _) => Err(LookupError::Unavailable(self.said(&answer))),
            _ => Err(LookupError::Refused(self.said(&answer))),
        }
    }
}
