//! One keep-alive connection that calls Kinesis in JSON over HTTP/1.1, so that every server is measured alike.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memmem;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

/// An answer that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(120);
/// An answer longer than this is no answer of ours.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection; it carries a call at a time.
pub(super) struct Caller {
    target: SocketAddr,
    stream: BufReader<TcpStream>,
    answer: Vec<u8>,
    /// The server takes no further call on this connection.
    closed: bool,
}

/// A request, ready to be sent many times.
pub(super) struct Request(Vec<u8>);

/// What a server says to a call.
pub(super) enum Said<T> {
    Done(T),
    /// By the name of the error.
    Refused(String),
}

impl Request {
    pub(super) fn new(operation: &str, input: &Value) -> Self {
        let body = input.to_string();
        // Some servers want a signature to be there; none of them checks this one.
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: Kinesis_20131202.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/kinesis/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature={:064}\r\nContent-Length: {}\r\n\r\n",
            0,
            body.len()
        );
        Self((head + &body).into_bytes())
    }
}

/// How an answer's body comes.
enum Length {
    Bytes(usize),
    Chunks,
}

fn connect(target: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(target)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(64 << 10, stream))
}

impl Caller {
    pub(super) fn open(target: SocketAddr) -> Result<Self> {
        let stream = connect(target).map_err(|error| broken("a connection", &error))?;
        Ok(Self { target, stream, answer: Vec::new(), closed: false })
    }

    /// Calls an operation; what it refuses is an error.
    pub(super) fn call(&mut self, operation: &str, input: &Value) -> Result<Value> {
        self.send(&Request::new(operation, input))
    }

    /// Calls an operation that answers nothing.
    pub(super) fn call_done(&mut self, operation: &str, input: &Value) -> Result<()> {
        self.succeed(&Request::new(operation, input))
    }

    /// Sends a request and reads the answer as a `T`.
    pub(super) fn send<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T> {
        self.succeed(request)?;
        serde_json::from_slice(&self.answer).map_err(|error| Error::part("the server's answer", error))
    }

    /// Sends a GetRecords; gives how many records came and where to go on. The answer is searched and not parsed: the less
    /// is done here, the more of the machine is the server's.
    pub(super) fn get_records(&mut self, request: &Request) -> Result<(usize, Option<String>)> {
        self.succeed(request)?;
        let records = memmem::find_iter(&self.answer, b"\"SequenceNumber\"").count();
        let key = b"\"NextShardIterator\"";
        let next = memmem::rfind(&self.answer, key).and_then(|at| {
            let rest = self.answer.get(at + key.len()..)?;
            let value = std::str::from_utf8(rest.get(..rest.len().min(2_000))?).ok()?;
            let value = value.trim_start_matches([':', ' ']).strip_prefix('"')?;
            value.split('"').next().map(str::to_owned)
        });
        Ok((records, next))
    }

    /// Sends a request that may be refused.
    pub(super) fn try_send<T: DeserializeOwned>(&mut self, request: &Request) -> Result<Said<T>> {
        let answer = |error| Error::part("the server's answer", error);
        if self.status(request)? == 200 {
            return serde_json::from_slice(&self.answer).map(Said::Done).map_err(answer);
        }
        let fault: Value = serde_json::from_slice(&self.answer).map_err(answer)?;
        Ok(Said::Refused(fault["__type"].as_str().unwrap_or_default().to_owned()))
    }

    fn status(&mut self, request: &Request) -> Result<u16> {
        self.answer.clear();
        self.exchange(request).map_err(|error| broken("an answer", &error))
    }

    fn succeed(&mut self, request: &Request) -> Result<()> {
        let status = self.status(request)?;
        if status != 200 {
            let said = String::from_utf8_lossy(&self.answer).chars().take(500).collect::<String>();
            return Err(Error::part("the server that is measured", format!("status {status}: {said}")));
        }
        Ok(())
    }

    fn exchange(&mut self, request: &Request) -> io::Result<u16> {
        if std::mem::take(&mut self.closed) {
            self.stream = connect(self.target)?;
        }
        self.stream.get_mut().write_all(&request.0)?;
        let (status, length) = self.read_head()?;
        match length {
            Length::Bytes(bytes) => self.read_body(bytes)?,
            Length::Chunks => while self.read_chunk()? > 0 {},
        }
        Ok(status)
    }

    fn read_head(&mut self) -> io::Result<(u16, Length)> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.get(9..12).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {line:?}")))?;
        let mut length = Length::Bytes(0);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((status, length)) };
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Bytes(value.trim().parse().map_err(io::Error::other)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunks;
            } else if name.eq_ignore_ascii_case("connection") {
                self.closed = value.trim().eq_ignore_ascii_case("close");
            }
        }
    }

    /// Adds so many bytes to the answer.
    fn read_body(&mut self, bytes: usize) -> io::Result<()> {
        let from = self.answer.len();
        if from + bytes > ANSWER_BYTES_MAX {
            return Err(io::Error::other(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes")));
        }
        self.answer.resize(from + bytes, 0);
        self.stream.read_exact(self.answer.get_mut(from..).unwrap_or_default())
    }

    /// Adds the next chunk to the answer; 0 bytes are the end.
    fn read_chunk(&mut self) -> io::Result<usize> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let bytes = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        self.read_body(bytes)?;
        line.clear();
        self.stream.read_line(&mut line)?;
        Ok(bytes)
    }

    /// Begins to read events; each chunk of the answer is added to what [`Events::next`] takes frames from.
    pub(super) fn subscribe(mut self, input: &Value) -> Result<Events> {
        let mut begin = || {
            self.stream.get_mut().write_all(&Request::new("SubscribeToShard", input).0)?;
            self.answer.clear();
            let (status, length) = self.read_head()?;
            match (status, length) {
                (200, Length::Chunks) => Ok(()),
                (200, Length::Bytes(_)) => Err(io::Error::other("the events do not come in chunks")),
                _ => Err(io::Error::other(format!("status {status}"))),
            }
        };
        begin().map_err(|error| broken("a subscription", &error))?;
        Ok(Events(self))
    }
}

/// The events of a subscription.
pub(super) struct Events(Caller);

impl Events {
    /// The payload of the next event; `None` when the subscription is over.
    pub(super) fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(payload) = self.frame()? {
                return Ok(Some(payload));
            }
            if self.0.read_chunk().map_err(|error| broken("an event", &error))? == 0 {
                return Ok(None);
            }
        }
    }

    /// Takes the first frame, if it is whole: lengths of all and of the headers, their checksum, headers, payload, checksum.
    fn frame(&mut self) -> Result<Option<Value>> {
        let number = |at: usize| {
            let bytes = self.0.answer.get(at..at + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?) as usize)
        };
        let (Some(total), Some(headers)) = (number(0), number(4)) else { return Ok(None) };
        if self.0.answer.len() < total {
            return Ok(None);
        }
        let payload = self.0.answer.get(12 + headers..total.saturating_sub(4)).unwrap_or_default();
        let payload = serde_json::from_slice(payload).map_err(|error| Error::part("an event", error))?;
        self.0.answer.drain(..total);
        Ok(Some(payload))
    }
}

fn broken(what: &str, error: &io::Error) -> Error {
    Error::part("the server that is measured", format!("{what}: {error}"))
}
