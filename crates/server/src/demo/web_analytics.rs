//! `tidemill demo web-analytics`: a server, a shop and its simulated visitors.
//!
//! ```text
//!  simulator ──► load generator ──HTTP──► collector ──► stream ──► pipeline ──► summaries ──► query API
//!      │                                                                                         │
//!      └──► expected ◄──────────────────────────── must be equal ───────────────────► observed ◄─┘
//! ```

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidemill_web_analytics::simulator::{Expected, Population, Settings, Simulator};

use crate::child::{Scratch, ensure_site};
use crate::client::{self, Client};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::load::{self, Load, Pacing, Progress, Report, Simulated};
use crate::observe::{Observer, now_ms};
use crate::server::Server;

/// The site that is visited.
pub const SITE: &str = "demo";
/// Connections to the collector: requests that may wait for their acknowledgement at once.
const CONNECTIONS: usize = 64;
/// Time between two progress lines.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the pipeline may take to catch up at the end.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);
/// A short run must hold whole sessions: its visitors move so fast.
const PACE: f64 = 0.1;

/// The settings of the demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Configuration of the server that is started.
    pub config: Config,
    /// Use this running server instead of starting one.
    pub server: Option<String>,
    /// Beacons a second.
    pub rate: f64,
    /// How long; without it until it is stopped.
    pub duration: Option<Duration>,
    /// Seed of the visitors; without it every run has others.
    pub seed: Option<u64>,
}

/// What is told while it runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Status {
    /// Beacons sent in the last second.
    pub beacons_per_second: f64,
    /// Beacons sent.
    pub sent: u64,
    /// Beacons acknowledged.
    pub acknowledged: u64,
    /// Beacons that are accepted and not in the answers yet.
    pub behind_beacons: u64,
    /// Impressions that the query API tells of.
    pub observed_impressions: u64,
}

/// What the demo found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Requests sent.
    pub sent: u64,
    /// Requests acknowledged.
    pub acknowledged: u64,
    /// What the simulator knows to be true.
    pub expected: Expected,
    /// What the query API gives once the pipeline has caught up.
    pub observed: Expected,
}

/// Something to tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// The server answers at this URL.
    Ready {
        /// Where it is.
        url: String,
    },
    /// A second has passed.
    Progress(Status),
    /// All is sent; the pipeline catches up.
    CatchingUp,
}

/// Runs the demo until its duration is over or `stop` resolves, and tells what happens meanwhile.
pub async fn run(demo: Demo, stop: impl Future<Output = ()>, mut tell: impl FnMut(Event)) -> Result<Outcome> {
    let mut config = demo.config.clone();
    // Nobody named a folder: the demo leaves none behind.
    let scratch = if config.data == Config::default().data { Some(Scratch::new("demo")?) } else { None };
    if let Some(scratch) = &scratch {
        config.data = scratch.path().to_owned();
    }
    // The simulated visitors' addresses and countries come as a proxy would tell them.
    config.http.address_header = "x-forwarded-for".into();
    config.http.country_header = "cf-ipcountry".into();
    let (server, url) = match &demo.server {
        Some(url) => (None, url.clone()),
        None => {
            let server = Server::start(config).await?;
            let url = server.url();
            (Some(server), url)
        }
    };
    let outcome = visit(&demo, &url, stop, &mut tell).await;
    if let Some(server) = server {
        server.stop().await?;
    }
    outcome
}

async fn visit(
    demo: &Demo,
    url: &str,
    stop: impl Future<Output = ()>,
    tell: &mut impl FnMut(Event),
) -> Result<Outcome> {
    let client = Client::new(url).map_err(said)?;
    let key = ensure_site(&client, SITE).await?;
    let observer = Observer::from_now(client, SITE).await.map_err(said)?;
    tell(Event::Ready { url: url.to_owned() });

    let progress = Arc::new(Progress::default());
    let mut visitors = {
        let (settings, target, progress) = (settings(demo), address(url)?, progress.clone());
        tokio::task::spawn_blocking(move || send(settings, target, key, &progress))
    };
    let mut stop = std::pin::pin!(stop);
    let mut looks = Looks::new(progress.clone());
    let (report, expected) = loop {
        tokio::select! {
            sent = &mut visitors => break sent.map_err(|error| Error::part("the load generator", error))??,
            () = stop.as_mut(), if !progress.stop.load(Ordering::Relaxed) => {
                progress.stop.store(true, Ordering::Relaxed);
            }
            () = tokio::time::sleep(LOOK_EVERY) => tell(Event::Progress(looks.look(&observer).await)),
        }
    };
    tell(Event::CatchingUp);
    let observed = observer.settled(CATCH_UP_MAX).await.map_err(said)?;
    Ok(Outcome { sent: report.sent, acknowledged: report.acknowledged, expected, observed })
}

fn settings(demo: &Demo) -> Settings {
    Settings {
        seed: demo.seed.unwrap_or_else(rand::random),
        rate: demo.rate.max(0.1),
        duration: demo.duration,
        pace: PACE,
        start_ms: now_ms(),
        ..Settings::default()
    }
}

fn send(settings: Settings, target: SocketAddr, key: String, progress: &Progress) -> Result<(Report, Expected)> {
    let mut simulator = Simulator::new(settings, Population::built_in());
    let load = Load { target, connections: CONNECTIONS, pacing: Pacing::Natural, retry: true, limit: None };
    let report = load::run(&load, &mut Simulated::new(&mut simulator, vec![key]), progress);
    Ok((report.map_err(|error| Error::part("the load generator", error))?, simulator.expected()))
}

fn address(url: &str) -> Result<SocketAddr> {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let resolved = authority.to_socket_addrs().map_err(|error| Error::part("the server's address", error))?.next();
    resolved.ok_or_else(|| Error::part("the server's address", format!("{url} has none")))
}

fn said(error: client::Error) -> Error {
    Error::part("the query API", error)
}

/// Looks at the run now and then.
struct Looks {
    progress: Arc<Progress>,
    last: (Instant, u64),
}

impl Looks {
    fn new(progress: Arc<Progress>) -> Self {
        Self { progress, last: (Instant::now(), 0) }
    }

    async fn look(&mut self, observer: &Observer) -> Status {
        let sent = self.progress.sent.load(Ordering::Relaxed);
        let (then, before) = std::mem::replace(&mut self.last, (Instant::now(), sent));
        Status {
            beacons_per_second: (sent - before) as f64 / then.elapsed().as_secs_f64().max(1e-3),
            sent,
            acknowledged: self.progress.acknowledged.load(Ordering::Relaxed),
            behind_beacons: observer.behind_beacons().await.unwrap_or(0),
            observed_impressions: observer.observed().await.map_or(0, |observed| observed.impressions),
        }
    }
}
