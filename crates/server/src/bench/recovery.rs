//! How soon a server that was killed under load is back, and tells of what came after: with as many open sessions as a
//! large deployment has, whose state it must read again.

use std::time::{Duration, Instant};

use super::traffic::{Marker, OPEN_SESSIONS, Traffic, endless, open_sessions};
use super::{Bench, Figures, SITE, said};
use crate::child::ChildServer;
use crate::error::{Error, Result};
use crate::load::Pacing;
use crate::observe::Observer;

/// A site of its own: a query for it counts little.
const MARKERS: &str = "markers";
const ROUNDS: u32 = 5;
const BEACONS_PER_SECOND: f64 = 5_000.0;
const UNDER_LOAD: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const FRESH_MAX: Duration = Duration::from_secs(60);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("recovery");
    let mut settings = bench.settings("recovery", &[]);
    let mut server = ChildServer::start(&settings).await?;
    // The next ones must be found where the load goes.
    settings.port = server.address().port();
    let (key, marker_key) = (server.ensure_site(SITE).await?, server.ensure_site(MARKERS).await?);
    open_sessions(&server, &key).await?;
    let simulator = endless(2, BEACONS_PER_SECOND);
    let traffic = Traffic::start(server.address(), &key, simulator, Pacing::Natural, None);
    let (mut healthy, mut fresh) = (Duration::ZERO, Duration::ZERO);
    for round in 1..=ROUNDS {
        tokio::time::sleep(UNDER_LOAD).await;
        server.kill()?;
        let killed = Instant::now();
        server = ChildServer::start(&settings).await?;
        healthy = healthy.max(killed.elapsed());
        wait_for_news(&server, &marker_key, round).await?;
        fresh = fresh.max(killed.elapsed());
    }
    let report = traffic.stop().await?;
    figures.add("healthy_max_ms", healthy.as_secs_f64() * 1e3);
    figures.add("recovered_max_ms", fresh.as_secs_f64() * 1e3);
    figures.add("rounds", f64::from(ROUNDS));
    figures.add("open_sessions", OPEN_SESSIONS as f64);
    figures.add("unacknowledged_beacons", report.failed as f64);
    Ok(figures)
}

/// Until the query API tells of a beacon that came after the restart.
async fn wait_for_news(server: &ChildServer, key: &str, number: u32) -> Result<()> {
    let begun = Instant::now();
    let observer = Observer::from_now(server.client().clone(), MARKERS).await.map_err(said)?;
    let (target, key) = (server.address(), key.to_owned());
    let sent = tokio::task::spawn_blocking(move || Marker::send(target, &key, number)).await;
    sent.map_err(|error| Error::part("a marker", error))??;
    while observer.observed().await.map_err(said)?.impressions == 0 {
        if begun.elapsed() > FRESH_MAX {
            return Err(Error::part("the benchmark", "the restarted server tells nothing new"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
