//! A server in a process of its own, for benchmarks and crash tests: its memory can be measured and it can be killed.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::error::{Error, Result};

/// What the load generator's headers need the server to believe.
const BEHIND_A_PROXY: [&str; 2] = ["http.address_header=x-forwarded-for", "http.country_header=cf-ipcountry"];
/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How a child is started.
#[derive(Clone, Debug)]
pub struct ChildSettings {
    /// The `tidemill` binary.
    pub binary: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Its port; 0 takes a free one.
    pub port: u16,
    /// More keys of its configuration, `KEY=VALUE`.
    pub set: Vec<String>,
}

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct ChildServer {
    process: Child,
    address: SocketAddr,
    client: Client,
}

impl ChildServer {
    /// Starts it and waits until it serves.
    pub async fn start(settings: &ChildSettings) -> Result<Self> {
        let mut process = spawn(settings)?;
        let line = match process.stdout.take() {
            Some(stdout) => tokio::task::spawn_blocking(move || first_line(stdout)).await,
            None => Ok(Ok(String::new())),
        };
        let line = line.map_err(|error| Error::part("the child server", error))?;
        let started = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok());
        let Some(url) = started.as_ref().and_then(|started| started["url"].as_str()) else {
            let _ = process.kill();
            let status = process.wait().map(|status| status.to_string()).unwrap_or_default();
            return Err(Error::part(
                "the child server",
                format!("it did not start ({status}); see its messages above"),
            ));
        };
        let address = url.trim_start_matches("http://").parse();
        let address = address.map_err(|error| Error::part("the child server", format!("{url}: {error}")))?;
        let client = Client::new(url).map_err(|error| Error::part("the child server", error))?;
        let child = Self { process, address, client };
        child.wait_healthy().await?;
        Ok(child)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory in bytes, as the system counts it.
    pub fn resident_bytes(&self) -> Result<u64> {
        resident_bytes(self.id())
    }

    /// `kill -9`: nothing is flushed, nothing is closed.
    pub fn kill(mut self) -> Result<()> {
        self.end(Child::kill)
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        let id = self.id();
        self.end(|_| {
            let status = Command::new("kill").args(["-TERM", &id.to_string()]).status()?;
            if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill: {status}"))) }
        })
    }

    /// Creates a site, or finds it, and gives its key.
    pub async fn ensure_site(&self, name: &str) -> Result<String> {
        ensure_site(&self.client, name).await
    }

    fn end(&mut self, how: impl FnOnce(&mut Child) -> io::Result<()>) -> Result<()> {
        let ended = how(&mut self.process).and_then(|()| self.process.wait());
        ended.map(drop).map_err(|error| Error::part("the child server", error))
    }

    async fn wait_healthy(&self) -> Result<()> {
        let begun = Instant::now();
        // `/healthz` answers with text: that it answers is what counts.
        while let Err(error @ crate::client::Error::Unreachable { .. }) = self.client.get("/healthz").await {
            if begun.elapsed() > START_MAX {
                return Err(Error::part("the child server", error));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Creates a site on a server, or finds it, and gives its key. Its rate is not limited.
pub async fn ensure_site(client: &Client, name: &str) -> Result<String> {
    let said = |error: crate::client::Error| Error::part("the server's sites", error);
    let site = match client.get(&format!("/api/v1/sites/{name}")).await {
        Ok(site) => site,
        Err(crate::client::Error::Refused { status: 404, .. }) => {
            let new = json!({ "name": name, "rate_per_second": 1_000_000 });
            client.post("/api/v1/sites", &new).await.map_err(said)?
        }
        Err(error) => return Err(said(error)),
    };
    let key = site["key"].as_str().map(str::to_owned);
    key.ok_or_else(|| Error::part("the server's sites", "the answer has no key"))
}

/// Memory that a process has resident.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    memory(process, "VmRSS:")
}

/// The most memory that a process has had resident.
pub(crate) fn peak_bytes(process: u32) -> Result<u64> {
    memory(process, "VmHWM:")
}

/// A line of what the kernel says about a process.
fn memory(process: u32, line: &str) -> Result<u64> {
    let path = PathBuf::from(format!("/proc/{process}/status"));
    let status = std::fs::read_to_string(&path).map_err(|error| Error::io("reading", &path, error))?;
    let kilobytes = status
        .lines()
        .find_map(|each| each.strip_prefix(line))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| Error::part("the child process", "it has ended"))
}

fn spawn(settings: &ChildSettings) -> Result<Child> {
    let mut command = Command::new(&settings.binary);
    command.args(["--output", "json", "--log", "error", "serve", "--port", &settings.port.to_string(), "--data"]);
    command.arg(&settings.data);
    for key in BEHIND_A_PROXY.into_iter().chain(settings.set.iter().map(String::as_str)) {
        command.args(["--set", key]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().map_err(|error| Error::io("starting", &settings.binary, error))
}

fn first_line(stdout: impl io::Read) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line)
}

/// A new folder for a benchmark's or demo's data, removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    pub fn new(name: &str) -> Result<Self> {
        let number = rand::random::<u32>();
        let path = std::env::temp_dir().join(format!("tidemill-{name}-{}-{number:08x}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| Error::io("making a folder", &path, error))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
