//! A Glue Schema Registry, of AWS or of another server that speaks its protocol.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_kinesis::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup};
use tidemill_schemas::{DEFAULT_REGISTRY, DataFormat, Definition, Mode};

use super::Use;
use super::http::{Answer, Endpoint};

const MEDIA_TYPE: &str = "application/x-amz-json-1.1";
/// How often, and how many times, it is looked whether a new version has been checked.
const CHECKED_EVERY: Duration = Duration::from_millis(500);
const CHECKS_MAX: usize = 20;

pub(super) struct Glue {
    endpoint: Endpoint,
    region: String,
    credentials: Credentials,
    registry: String,
    schema: String,
    registers: bool,
}

/// Why an operation was not done.
enum Failure {
    /// The service's error: its type and text.
    Service(String, String),
    Other(LookupError),
}

impl Glue {
    pub(super) fn new(endpoint: Endpoint, region: String, credentials: Credentials, used: &Use) -> Self {
        let (registry, schema) = used.subject.split_once('/').unwrap_or((DEFAULT_REGISTRY, &used.subject));
        let (registry, schema) = (registry.to_owned(), schema.to_owned());
        Glue { endpoint, region, credentials, registry, schema, registers: used.registers }
    }

    fn call(&self, operation: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.signed(operation, body.to_string());
        let request = request.map_err(|said| Failure::Other(LookupError::Unavailable(said)))?;
        let Answer { status, body } = self.endpoint.ask(request).map_err(Failure::Other)?;
        if status == 200 {
            return Ok(body);
        }
        let of = |names: [&str; 2]| names.iter().find_map(|name| body.get(name)?.as_str()).unwrap_or_default();
        let kind = of(["__type", "code"]);
        let kind = kind.rsplit('#').next().unwrap_or(kind).to_owned();
        let said = of(["Message", "message"]).to_owned();
        if status >= 500 || kind.is_empty() || kind.contains("Throttling") {
            let said = format!("{} answered with status {status}: {kind} {said}", self.endpoint.authority());
            return Err(Failure::Other(LookupError::Unavailable(said)));
        }
        Err(Failure::Service(kind, said))
    }

    fn signed(&self, operation: &str, body: String) -> Result<Request<Full<Bytes>>, String> {
        let (url, target) = (self.endpoint.url("/"), format!("AWSGlue.{operation}"));
        let authority = self.endpoint.authority();
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("glue")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = [("host", authority.as_str()), ("x-amz-target", &target), ("content-type", MEDIA_TYPE)];
        let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(|error| error.to_string())?, &params).map_err(|error| error.to_string())?;
        let (instructions, _) = signed.into_parts();
        let request = Request::post(self.endpoint.path("/")).header("x-amz-target", target);
        let request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(Full::new(Bytes::from(body)));
        let mut request = request.map_err(|error| error.to_string())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn schema_id(&self) -> Value {
        json!({ "RegistryName": self.registry, "SchemaName": self.schema })
    }

    fn create(&self, format: DataFormat, definition: &str) -> Result<Value, Failure> {
        let mut body = json!({
            "SchemaName": self.schema, "DataFormat": format.name(), "SchemaDefinition": definition,
            "Compatibility": Mode::default().glue_name(),
        });
        // The service makes its default registry when no other is named.
        if let (true, Some(members)) = (self.registry != DEFAULT_REGISTRY, body.as_object_mut()) {
            members.insert("RegistryId".into(), json!({ "RegistryName": self.registry }));
        }
        match self.call("CreateSchema", &body) {
            // Another one was quicker.
            Err(Failure::Service(kind, _)) if kind == "AlreadyExistsException" => self.register(definition),
            created => created,
        }
    }

    fn register(&self, definition: &str) -> Result<Value, Failure> {
        self.call("RegisterSchemaVersion", &json!({ "SchemaId": self.schema_id(), "SchemaDefinition": definition }))
    }

    /// The version that a definition is, which is made if it is to be.
    fn version_of(&self, format: DataFormat, definition: &str) -> Result<Value, Failure> {
        let body = json!({ "SchemaId": self.schema_id(), "SchemaDefinition": definition });
        match self.call("GetSchemaByDefinition", &body) {
            Err(Failure::Service(kind, said)) if kind == "EntityNotFoundException" && self.registers => {
                match said.contains("Schema version is not found") {
                    true => self.register(definition),
                    false => self.create(format, definition),
                }
            }
            found => found,
        }
    }

    /// Waits until a version has been checked against the older ones.
    fn checked(&self, version: &Value) -> Result<SchemaId, Failure> {
        let text =
            |of: &Value, names: [&str; 2]| names.iter().find_map(|name| Some(of.get(name)?.as_str()?.to_owned()));
        let id = text(version, ["SchemaVersionId", "SchemaVersionId"]);
        let uuid = id.as_deref().and_then(|id| u128::from_str_radix(&id.replace('-', ""), 16).ok());
        let (Some(id), Some(uuid)) = (id, uuid) else {
            let said = format!("{} named no version", self.endpoint.authority());
            return Err(Failure::Other(LookupError::Unavailable(said)));
        };
        let mut status = text(version, ["Status", "SchemaVersionStatus"]);
        for _ in 0..CHECKS_MAX {
            match status.as_deref() {
                Some("AVAILABLE") => return Ok(SchemaId::Glue(uuid)),
                Some("PENDING") | None => {}
                Some(status) => {
                    let said =
                        format!("version {id} of schema {} is {status}: it clashes with older ones", self.schema);
                    return Err(Failure::Other(LookupError::Refused(said)));
                }
            }
            std::thread::sleep(CHECKED_EVERY);
            status = text(&self.call("GetSchemaVersion", &json!({ "SchemaVersionId": id }))?, ["Status", "Status"]);
        }
        Err(Failure::Other(LookupError::Unavailable(format!("version {id} is still not checked"))))
    }
}

impl SchemaLookup for Glue {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        let SchemaId::Glue(_) = id else { return Err(LookupError::NotFound) };
        let found = match self.call("GetSchemaVersion", &json!({ "SchemaVersionId": id.to_string() })) {
            Ok(found) => found,
            Err(Failure::Service(kind, _)) if kind == "EntityNotFoundException" => return Err(LookupError::NotFound),
            Err(failure) => return Err(failure.into()),
        };
        let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
        let language: DataFormat = text("DataFormat").parse().map_err(LookupError::Unusable)?;
        let definition = Definition::parse(language, text("SchemaDefinition"), &[]);
        let definition = definition.map_err(|invalid| LookupError::Unusable(invalid.to_string()))?;
        let name = text("SchemaArn").rsplit('/').next().unwrap_or_default().to_owned();
        let version = found.get("VersionNumber").and_then(Value::as_u64).unwrap_or_default();
        Ok(RegisteredSchema { definition: Arc::new(definition), version: format!("{name}, version {version}") })
    }

    fn id(&self, format: DataFormat, schema: &str) -> Result<SchemaId, LookupError> {
        Ok(self.version_of(format, schema).and_then(|version| self.checked(&version))?)
    }
}

impl From<Failure> for LookupError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Service(kind, said) => LookupError::Refused(format!("{kind}: {said}")),
            Failure::Other(error) => error,
        }
    }
}
