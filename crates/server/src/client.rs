//! A small client of a running server's HTTP API, for the command line, the simulator and tests.
//!
//! One connection a request: a command makes one or two. Plain `http://` only, as the server speaks it.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Bytes of an answer that is held in memory.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Why the server gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address can't be understood.
    #[error("TM-CLIENT-0001: {url:?} is no server address: {said}; write it as http://127.0.0.1:7171")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        said: String,
    },
    /// Nobody answers there.
    #[error(
        "TM-CLIENT-0002: no tidemill answers at {url} ({error}); start one with `tidemill serve`, or name another with --server"
    )]
    Unreachable {
        /// The server's address.
        url: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The server says no.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its message, with code and hint.
        message: String,
    },
    /// The connection broke, or what answered is no tidemill.
    #[error("TM-CLIENT-0003: the answer of {url} can't be used: {said}")]
    Broken {
        /// The server's address.
        url: String,
        /// What is wrong with it.
        said: String,
    },
}

/// A server's address.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    authority: String,
    prefix: String,
}

impl Client {
    /// A client of the server at `http://HOST:PORT`; nothing is sent yet.
    pub fn new(url: &str) -> Result<Client, Error> {
        let wrong = |said: &str| Error::Url { url: url.to_owned(), said: said.to_owned() };
        let uri: hyper::Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("it must begin with http://"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it has no host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        Ok(Client { url: url.to_owned(), authority, prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// A text as one segment of a path, or one value of a query.
    pub fn segment(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
                byte => escaped.push_str(&format!("%{byte:02X}")),
            }
        }
        escaped
    }

    /// `GET`, and the answer's JSON.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        self.json(Method::GET, path, None).await
    }

    /// `POST` of JSON, and the answer's JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// `PUT` of JSON, and the answer's JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.json(Method::PUT, path, Some(body)).await
    }

    /// `PATCH` with JSON, and the answer's JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`, and the answer's JSON; null when it has none.
    pub async fn delete(&self, path: &str) -> Result<Value, Error> {
        self.json(Method::DELETE, path, None).await
    }

    /// `GET`, and the answer's lines as they come.
    pub async fn lines(&self, path: &str) -> Result<Lines, Error> {
        let answer = self.accepted(Method::GET, path, None).await?;
        Ok(Lines { url: self.url.clone(), body: answer.into_body(), read: Vec::new() })
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let answer = self.accepted(method, path, body).await?;
        let bytes = self.whole(answer.into_body()).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| self.broken(error))
    }

    async fn accepted(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response<Incoming>, Error> {
        let answer = self.send(method, path, body).await?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let bytes = self.whole(answer.into_body()).await?;
        let said: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let part = |name: &str| said.pointer(&format!("/error/{name}")).and_then(Value::as_str);
        let message = match (part("code"), part("message"), part("hint")) {
            (Some(code), Some(message), Some(hint)) if !hint.is_empty() => format!("{code}: {message}; {hint}"),
            (Some(code), Some(message), _) => format!("{code}: {message}"),
            _ => format!("{} answered with status {status}; is it a tidemill?", self.url),
        };
        Err(Error::Refused { status, message })
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response<Incoming>, Error> {
        let unreachable = |error| Error::Unreachable { url: self.url.clone(), error };
        let stream = TcpStream::connect(&self.authority).await.map_err(unreachable)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(hyper::header::HOST, &self.authority);
        let body = match body {
            Some(body) => {
                request = request.header(hyper::header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).map_err(|error| self.broken(error))?;
        sender.send_request(request).await.map_err(|error| self.broken(error))
    }

    async fn whole(&self, body: Incoming) -> Result<Bytes, Error> {
        let limited = http_body_util::Limited::new(body, ANSWER_BYTES_MAX);
        Ok(limited.collect().await.map_err(|error| self.broken(error))?.to_bytes())
    }

    fn broken(&self, error: impl std::fmt::Display) -> Error {
        Error::Broken { url: self.url.clone(), said: error.to_string() }
    }
}

/// The lines of an answer that may not end.
#[derive(Debug)]
pub struct Lines {
    url: String,
    body: Incoming,
    read: Vec<u8>,
}

impl Lines {
    /// The next line without its end; `None` when the server has ended the answer.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.read.iter().skip(searched).position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=searched + end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()));
            }
            searched = self.read.len();
            if searched > ANSWER_BYTES_MAX {
                return Err(Error::Broken { url: self.url.clone(), said: "a line is too long".into() });
            }
            match self.body.frame().await {
                None if self.read.is_empty() => return Ok(None),
                None => self.read.push(b'\n'),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.read.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => {
                    return Err(Error::Broken { url: self.url.clone(), said: error.to_string() });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_used_are_refused_at_once() {
        for url in ["", "localhost", "https://x", "http://"] {
            assert!(matches!(Client::new(url), Err(Error::Url { .. })), "{url}");
        }
        assert_eq!(Client::new("http://h/sub/").unwrap().authority, "h:80");
    }

    #[test]
    fn a_segment_holds_no_separator() {
        let client = Client::new("http://h").unwrap();
        assert_eq!(client.segment("a/b?c ü"), "a%2Fb%3Fc%20%C3%BC");
    }

    #[tokio::test]
    async fn nobody_there_is_said_so() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = Client::new(&format!("http://{free}")).unwrap();
        assert!(matches!(client.get("/").await, Err(Error::Unreachable { .. })));
    }
}
