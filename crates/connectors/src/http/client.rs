//! A client of one server: connections are used again, requests have a time limit and are tried again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use crate::catalog::Settings;
use crate::error::{Error, Result};

/// Bytes of an answer that are held in memory.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Connections that wait for their next request.
const IDLE_MAX: usize = 16;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where requests go, and how.
pub(super) struct Client {
    authority: String,
    /// As the option gives it, for messages.
    url: String,
    /// Path and parameters.
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    retries: u64,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

/// What a server said.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Another try may be answered otherwise.
    fn is_worth_another_try(&self) -> bool {
        self.status == 408 || self.status == 429 || self.status >= 500
    }

    /// For messages: the status and the beginning of the body.
    pub(super) fn said(&self) -> String {
        let head = self.body.get(..200).unwrap_or(&self.body);
        format!("status {}: {}", self.status, String::from_utf8_lossy(head).trim())
    }
}

impl Client {
    /// A client for the option `url`.
    pub(super) fn new(settings: &Settings<'_>) -> Result<Arc<Self>> {
        let about = "where to send requests, `http://host/path`";
        let missing = || Error::MissingOption { connector: "http", option: "url", about };
        let url = settings.given("url").ok_or_else(missing)?;
        let rule = |rule: &str| Error::invalid("url", url, rule);
        // Braces of columns are no part of a URL.
        let uri: Uri = url.replace(['{', '}'], "_").parse().map_err(|_| rule("it is no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(rule("connections are not encrypted yet: say an http:// URL, or one of a local proxy"));
            }
            _ => return Err(rule("it must begin with http://")),
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| rule("it has no host"))?;
        let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
        let path = after_scheme.find(['/', '?']).and_then(|at| after_scheme.get(at..)).unwrap_or("/");
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        let headers = settings.declaration().options.iter().filter_map(|(name, value)| {
            let header = name.strip_prefix("header.")?;
            let parsed = (HeaderName::try_from(header), HeaderValue::try_from(value));
            let (Ok(header), Ok(value)) = parsed else {
                return Some(Err(Error::invalid(name, "…", "it is no header")));
            };
            Some(Ok((header, value)))
        });
        Ok(Arc::new(Client {
            authority: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
            url: url.to_owned(),
            path,
            headers: headers.collect::<Result<_>>()?,
            timeout: settings.duration("request.timeout").unwrap_or(Duration::from_secs(10)),
            retries: settings.integer("request.max-retries").unwrap_or(0),
            idle: Mutex::new(Vec::new()),
        }))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Path and parameters of the URL.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, String> {
        self.send(&Method::GET, path, None).await
    }

    /// Sends a request until there is an answer that will not change, or all tries are used up.
    pub(super) async fn persist(
        &self,
        method: &Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Answer, String> {
        let mut wait = FIRST_WAIT;
        for left in (0..=self.retries).rev() {
            let said = match self.send(method, path, body.clone()).await {
                Ok(answer) if left == 0 || !answer.is_worth_another_try() => return Ok(answer),
                Err(error) if left == 0 => return Err(error),
                Ok(answer) => answer.said(),
                Err(error) => error,
            };
            tracing::debug!(url = self.url, said, left, "a request is sent again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Err(format!("{}: not sent", self.url))
    }

    /// Sends a request once.
    async fn send(&self, method: &Method, path: &str, body: Option<(&'static str, Bytes)>) -> Result<Answer, String> {
        let sent = tokio::time::timeout(self.timeout, self.exchange(method, path, body));
        let failed = |said: String| format!("{}: {said}", self.url);
        match sent.await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(failed(format!("no answer within {:?}", self.timeout))),
        }
    }

    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Answer, String> {
        let idle = self.idle.lock().pop();
        if let Some(mut connection) = idle
            && connection.ready().await.is_ok()
        {
            // The server may close a connection in the moment in which it is used again: then a new one is made.
            if let Ok(answer) = self.request(connection, method, path, body.clone()).await {
                return Ok(answer);
            }
        }
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        self.request(sender, method, path, body).await
    }

    async fn request(
        &self,
        mut connection: SendRequest<Full<Bytes>>,
        method: &Method,
        path: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method.clone()).uri(path).header(HOST, &self.authority);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = body.map_or_else(Bytes::new, |(content_type, body)| {
            if let Some(headers) = request.headers_mut() {
                headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
            }
            body
        });
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let answer = connection.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX && !connection.is_closed() {
            idle.push(connection);
        }
        Ok(Answer { status, body })
    }
}

impl std::fmt::Debug for Client {
    /// Without the headers: they hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}
