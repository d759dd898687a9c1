//! A server on a free port with a data folder of its own, and a client that speaks HTTP by hand.

// Not every test file uses all of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidemill_server::client::Client;
use tidemill_server::{Config, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A configuration for the folder, on a free port.
pub fn config(folder: &TempDir) -> Config {
    let mut config = Config { data: folder.path().join("data"), ..Config::default() };
    config.http.port = 0;
    config
}

/// A running server.
pub struct Running {
    pub server: Server,
    pub client: Client,
    pub folder: TempDir,
}

impl Running {
    pub async fn start() -> Running {
        Running::with(|_| {}).await
    }

    /// Started with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        Running { server, client, folder }
    }

    /// Stopped and started again over the same folder.
    pub async fn again(self, change: impl FnOnce(&mut Config)) -> Running {
        let Running { server, folder, .. } = self;
        server.stop().await.unwrap();
        let mut config = config(&folder);
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        Running { server, client, folder }
    }

    /// Creates a site and gives its key.
    pub async fn site(&self, name: &str) -> String {
        self.site_with(json!({ "name": name })).await
    }

    pub async fn site_with(&self, body: Value) -> String {
        let site = self.client.post("/api/v1/sites", &body).await.unwrap();
        site["key"].as_str().unwrap().to_owned()
    }

    pub async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut connection = Connection::open(self.server.address()).await;
        connection.send(request).await
    }

    /// `POST` of a body to a site's collector.
    pub async fn beacon(&self, key: &str, kind: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send(post(&format!("/b/{key}"), kind, body)).await
    }
}

/// A request with a body.
pub fn post(path: &str, kind: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: test\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A request without a body.
pub fn get(path: &str, headers: &[(&str, &str)]) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

/// One connection.
pub struct Connection(pub TcpStream);

impl Connection {
    pub async fn open(address: SocketAddr) -> Connection {
        Connection(TcpStream::connect(address).await.unwrap())
    }

    pub async fn send(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.0.write_all(request.as_ref()).await.unwrap();
        self.answer().await
    }

    /// Reads one answer.
    pub async fn answer(&mut self) -> Answer {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("no answer in 20 s")
    }

    async fn read(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return Answer { status: 0, head: String::from_utf8_lossy(&head).into(), body: Vec::new() },
            }
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        answer.body = vec![0; length];
        self.0.read_exact(&mut answer.body).await.unwrap();
        answer
    }
}

/// What came back; status 0 when the connection was closed without an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}
