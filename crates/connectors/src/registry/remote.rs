//! A registry elsewhere, by Confluent's protocol. Decoders ask once for each schema, so each question has a connection
//! of its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tidemill_formats::{LookupError, SchemaId, SchemaLookup};

use super::Use;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Remote {
    authority: String,
    prefix: String,
    used: Use,
}

impl Remote {
    pub(super) fn new(url: &str, used: Use) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("the URL has no host")?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        Ok(Remote { authority, prefix: uri.path().trim_end_matches('/').to_owned(), used })
    }

    /// Asks, and gives the status and the answer.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), LookupError> {
        let unavailable = |said: String| LookupError::Unavailable(format!("{}: {said}", self.authority));
        let answer = self.exchange(method, path, body).map_err(|error| unavailable(error.to_string()))?;
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| unavailable("its answer is no HTTP".into()))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| unavailable("its answer is no HTTP".into()))?;
        Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// HTTP/1.0: the answer comes as it is and ends with the connection.
    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Vec<u8>> {
        let address = self.authority.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| std::io::Error::other("its name has no address"))?;
        let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {}{path} HTTP/1.0\r\nhost: {}\r\naccept: application/vnd.schemaregistry.v1+json\r\n\
             content-type: application/vnd.schemaregistry.v1+json\r\ncontent-length: {}\r\n\r\n{body}",
            self.prefix,
            self.authority,
            body.len()
        );
        connection.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        connection.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }

    fn said(&self, status: u16, answer: &Value) -> LookupError {
        let message = answer.get("message").and_then(Value::as_str).unwrap_or("it says no more");
        LookupError::Unavailable(format!("{} answered with status {status}: {message}", self.authority))
    }
}

impl SchemaLookup for Remote {
    fn schema(&self, id: SchemaId) -> Result<Arc<str>, LookupError> {
        let SchemaId::Confluent(number) = id else { return Err(LookupError::NotFound) };
        let (status, answer) = self.ask("GET", &format!("/schemas/ids/{number}"), None)?;
        match (status, answer.get("schema").and_then(Value::as_str)) {
            (200, Some(schema)) => Ok(schema.into()),
            (404, _) => Err(LookupError::NotFound),
            _ => Err(self.said(status, &answer)),
        }
    }

    fn id(&self, schema: &str) -> Result<SchemaId, LookupError> {
        let subject = utf8_percent_encode(&self.used.subject, NON_ALPHANUMERIC);
        let path = match self.used.registers {
            true => format!("/subjects/{subject}/versions"),
            false => format!("/subjects/{subject}"),
        };
        let (status, answer) = self.ask("POST", &path, Some(&json!({ "schema": schema })))?;
        let id = answer.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        match (status, id) {
            (200, Some(id)) => Ok(SchemaId::Confluent(id)),
            _ => Err(self.said(status, &answer)),
        }
    }
}
