//! Tells requests apart by `X-Amz-Target`, checks who makes them and what they hold, and calls their service.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};

use crate::access::{Access, AccessKeys, Caller, Claim, verify};
use crate::protocol::{Encoding, Fault, Frame, Model, Value};
use crate::sts::{self, Sts};

/// The header that names a request's service and operation.
pub const TARGET_HEADER: &str = "x-amz-target";

/// A service that speaks the JSON 1.1 protocol.
pub trait Service: Send + Sync + std::fmt::Debug {
    /// What stands before the operation in `X-Amz-Target`, such as `Kinesis_20131202`.
    fn target(&self) -> &'static str;

    /// Its name in signatures, such as `kinesis`.
    fn signing_name(&self) -> &'static str;

    /// Its operations and shapes.
    fn model(&self) -> &Model;

    /// What an operation does, by which roles may or may not call it.
    fn access(&self, operation: &str) -> Access;

    /// Why an operation is refused that the model says is not served.
    fn refusal(&self, operation: &str) -> Fault;

    /// Does an operation. What it takes was checked against the model.
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>>;
}

/// A call of an operation.
#[derive(Debug)]
pub struct Call<'a> {
    /// Which.
    pub operation: &'a str,
    /// What it takes.
    pub input: Value<'a>,
    /// Who calls.
    pub caller: Caller,
}

/// What an operation answers.
pub enum Answer {
    /// Nothing but that it is done.
    Done,
    /// A structure.
    Value(Value<'static>),
    /// Events, until the stream ends.
    Events(BoxStream<'static, Frame>),
}

/// The body of an answer.
pub enum Reply {
    /// All of it.
    Whole(Bytes),
    /// Parts as they come.
    Parts(BoxStream<'static, Bytes>),
}

/// The services behind one port.
#[derive(Debug)]
pub struct Gateway {
    services: Vec<Arc<dyn Service>>,
    keys: AccessKeys,
    /// Whether any signature is accepted while there is no access key.
    open: bool,
    sts: Sts,
}

impl Gateway {
    /// `open` says that any signature is accepted as long as there is no access key: for a port on loopback. `account` is
    /// whose the services are.
    pub fn new(services: Vec<Arc<dyn Service>>, keys: AccessKeys, open: bool, account: &str) -> Self {
        if open && keys.is_empty() {
            tracing::warn!(
                "there is no access key: AWS requests are accepted with any signature, since only this machine can connect"
            );
        }
        Self { services, keys, open, sts: Sts::new(account) }
    }

    /// The access keys that signatures are checked with.
    pub fn keys(&self) -> &AccessKeys {
        &self.keys
    }

    /// Whether signatures are not checked at the moment.
    pub fn is_open(&self) -> bool {
        self.open && self.keys.is_empty()
    }

    /// Answers a request.
    pub async fn answer(&self, head: &Parts, body: Bytes) -> Response<Reply> {
        let encoding = header_text(head, header::CONTENT_TYPE.as_str()).and_then(Encoding::of);
        let ids = request_ids();
        let (status, content_type, reply) = match encoding {
            None if sts::is_form(header_text(head, header::CONTENT_TYPE.as_str()).unwrap_or_default()) => {
                let caller = self.caller(head, &body, Sts::SIGNING_NAME);
                let (status, xml) = self.sts.answer(&body, caller, &ids.0);
                (status, Some(Sts::CONTENT_TYPE), Reply::Whole(xml.into()))
            }
            None => {
                let fault = undeclared(head);
                (fault.status, None, Reply::Whole(fault.xml().into()))
            }
            Some(encoding) => match self.call(head, &body, encoding).await {
                Ok(Answer::Done) => (200, Some(encoding.content_type()), Reply::Whole(Bytes::new())),
                Ok(Answer::Value(value)) => (200, Some(encoding.content_type()), Reply::Whole(encoding.encode(&value))),
                Ok(Answer::Events(frames)) => {
                    let parts = frames.map(move |frame| frame.encode(encoding)).boxed();
                    (200, Some(Frame::CONTENT_TYPE), Reply::Parts(parts))
                }
                Err(fault) => {
                    (fault.status, Some(encoding.content_type()), Reply::Whole(encoding.encode(&fault.body())))
                }
            },
        };
        let mut response = Response::new(reply);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in [("x-amzn-requestid", ids.0), ("x-amz-id-2", ids.1)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }

    async fn call(&self, head: &Parts, body: &Bytes, encoding: Encoding) -> Result<Answer, Fault> {
        let (prefix, name) = target(head);
        if head.method != Method::POST {
            return Err(undetermined());
        }
        let service = self.services.iter().find(|service| service.target() == prefix);
        let known =
            service.filter(|service| service.model().operation(name).is_some() || service.model().refuses(name));
        let unknown = || Fault::bare("UnknownOperationException");
        // A body that is none is told first, unless there is nothing of a request at all.
        let input = encoding.decode(body).filter(|value| matches!(value, Value::Map(_) | Value::List(_)));
        let input = match (input, known) {
            (None, None) if body.is_empty() => return Err(unknown()),
            (None, _) => return Err(Fault::bare("SerializationException")),
            (Some(input), _) => input,
        };
        let service = known.ok_or_else(unknown)?;
        let model = service.model();
        let caller = self.caller(head, body, service.signing_name())?;
        check_role(&caller, service.as_ref(), name)?;
        let Some(operation) = model.operation(name) else { return Err(service.refusal(name)) };
        let input = model.conform(operation, input)?;
        model.validate(operation, &input)?;
        service.call(Call { operation: operation.name(), input, caller }).await
    }

    /// Who signed a request to a service.
    fn caller(&self, head: &Parts, body: &[u8], service: &str) -> Result<Caller, Fault> {
        let claim = Claim::read(head)?;
        let region = Some(claim.region.to_owned()).filter(|region| !region.is_empty());
        if self.is_open() {
            return Ok(Caller { region, key: None });
        }
        if self.keys.is_empty() {
            let said = "There is no access key on this server; make one with `tidemill access-key create`.";
            return Err(Fault::new("UnrecognizedClientException", said));
        }
        let key = verify(&claim, head, body, service, &self.keys, jiff::Timestamp::now())?;
        Ok(Caller { region, key: Some((key.name, key.role)) })
    }
}

/// Whether a caller's role lets it call an operation.
fn check_role(caller: &Caller, service: &dyn Service, operation: &str) -> Result<(), Fault> {
    match &caller.key {
        Some((name, role)) if !role.may(service.access(operation)) => {
            let action = format!("{}:{operation}", service.signing_name());
            let said = format!(
                "User: {name} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
            );
            Err(Fault::new("AccessDeniedException", said))
        }
        _ => Ok(()),
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Value(value) => value.fmt(f),
            Self::Events(_) => f.write_str("events"),
        }
    }
}

/// The service and the operation that a request names.
fn target(head: &Parts) -> (&str, &str) {
    let target = header_text(head, TARGET_HEADER).unwrap_or_default();
    target.split_once('.').unwrap_or((target, ""))
}

fn undetermined() -> Fault {
    let said = "Unable to determine service/operation name to be authorized";
    Fault { status: 403, ..Fault::new("AccessDeniedException", said) }
}

/// What is wrong with a request whose body is declared as nothing that the services read.
fn undeclared(head: &Parts) -> Fault {
    match target(head) {
        (prefix, name) if head.method == Method::POST && !prefix.is_empty() && !name.is_empty() => {
            Fault { status: 404, ..Fault::bare("UnknownOperationException") }
        }
        _ => undetermined(),
    }
}

fn header_text<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

/// A random UUID, and the longer id that the service adds.
fn request_ids() -> (String, String) {
    let mut random = [0; 88];
    // Without random numbers the ids are zeros: no reason to fail a request.
    let _ = getrandom::fill(&mut random);
    let (uuid, id) = random.split_at(16);
    let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let uuid = format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32));
    (uuid, STANDARD.encode(id))
}
