//! Simulated traffic for benchmarks, on threads of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemill_web_analytics::simulator::{Population, Settings, Simulator};
use tokio::task::JoinHandle;

use super::{SITE, said};
use crate::child::ChildServer;
use crate::error::{Error, Result};
use crate::load::{self, Load, Pacing, Progress, Report, Simulated, Source};
use crate::observe::{Observer, now_ms};

/// Connections of the load generator: as many beacons can wait for their acknowledgement at once.
pub(super) const CONNECTIONS: usize = 512;

/// Endless traffic of this seed and rate.
pub(super) fn endless(seed: u64, rate: f64) -> Simulator {
    simulator(seed, rate, now_ms())
}

/// Endless traffic from some moment on.
pub(super) fn simulator(seed: u64, rate: f64, start_ms: u64) -> Simulator {
    Simulator::new(Settings { seed, rate, start_ms, ..Settings::default() }, Population::built_in())
}

/// Traffic under way.
pub(super) struct Traffic {
    pub(super) progress: Arc<Progress>,
    sending: JoinHandle<std::io::Result<Report>>,
}

impl Traffic {
    /// Sends a simulation to a server in the background, for as long as `limit` says.
    pub(super) fn start(
        target: SocketAddr,
        key: &str,
        mut simulator: Simulator,
        pacing: Pacing,
        limit: Option<Duration>,
    ) -> Self {
        let (progress, keys) = (Arc::new(Progress::default()), vec![key.to_owned()]);
        let load = Load { target, connections: CONNECTIONS, pacing, retry: true, limit };
        let watched = progress.clone();
        let sending =
            tokio::task::spawn_blocking(move || load::run(&load, &mut Simulated::new(&mut simulator, keys), &watched));
        Self { progress, sending }
    }

    /// Waits until all is acknowledged.
    pub(super) async fn finish(self) -> Result<Report> {
        let report = self.sending.await.map_err(|error| Error::part("the load generator", error))?;
        report.map_err(|error| Error::part("the load generator", error))
    }

    /// Sends nothing more, and waits until all is acknowledged.
    pub(super) async fn stop(self) -> Result<Report> {
        self.progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.finish().await
    }
}

/// Sessions that a large deployment has open.
pub(super) const OPEN_SESSIONS: u64 = 113_000;
/// How long the pipeline may take to have them.
const OPEN_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Opens them with one beacon each, and waits until the pipeline has them.
pub(super) async fn open_sessions(server: &ChildServer, key: &str) -> Result<()> {
    let mut openings = Openings { simulator: endless(1, 50_000.0), key: key.to_owned(), left: OPEN_SESSIONS };
    let target = server.address();
    let load = Load { target, connections: CONNECTIONS, pacing: Pacing::Closed, retry: true, limit: None };
    let sent = tokio::task::spawn_blocking(move || load::run(&load, &mut openings, &Progress::default()));
    let sent = sent.await.map_err(|error| Error::part("the load generator", error))?;
    sent.map_err(|error| Error::part("the load generator", error))?;
    let begun = Instant::now();
    let observer = Observer::from_now(server.client().clone(), SITE).await.map_err(said)?;
    while observer.behind_beacons().await.map_err(said)? > 0 {
        if begun.elapsed() > OPEN_MAX {
            return Err(Error::part("the benchmark", "the sessions did not open in time"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// The beacons that open sessions, and none that follow.
struct Openings {
    simulator: Simulator,
    key: String,
    left: u64,
}

impl Source for Openings {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let arrival = self.simulator.next_arrival()?;
            if arrival.opens_session {
                load::write_beacon(request, &self.key, &arrival);
                return Some(arrival.at);
            }
        }
    }
}

/// One page impression, by a session of its own.
pub(super) struct Marker<'a> {
    key: &'a str,
    number: u32,
    sent: bool,
}

impl Marker<'_> {
    /// Sends the marker of this number, and returns when it is acknowledged.
    pub(super) fn send(target: SocketAddr, key: &str, number: u32) -> Result<()> {
        let load = Load { target, connections: 1, pacing: Pacing::Closed, retry: true, limit: None };
        let mut marker = Marker { key, number, sent: false };
        let sent = load::run(&load, &mut marker, &Progress::default());
        sent.map(drop).map_err(|error| Error::part("a marker", error))
    }
}

impl Source for Marker<'_> {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Duration> {
        if std::mem::replace(&mut self.sent, true) {
            return None;
        }
        let (key, number) = (self.key, self.number);
        let body = format!(
            r#"{{"v":1,"s":"marker-{number}","p":"marker-{number}","n":0,"t":"nav","url":"https://markers.example/"}}"#
        );
        request.clear();
        // Writing into a vector can't fail.
        let _ = write!(
            request,
            "POST /b/{key} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Some(Duration::ZERO)
    }
}
