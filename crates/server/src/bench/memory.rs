//! Resident memory: at the rate of a large deployment with as many open sessions, and while the pipeline has a long way
//! to catch up, when everything between the log and the sinks is as full as it gets.

use std::time::{Duration, Instant};

use super::replay::fill_log;
use super::traffic::{OPEN_SESSIONS, Traffic, endless, open_sessions};
use super::{Bench, Figures, SITE, said};
use crate::child::ChildServer;
use crate::error::Result;
use crate::load::Pacing;
use crate::observe::Observer;

const BEACONS_PER_SECOND: f64 = 1_080.0;
const RUN: Duration = Duration::from_secs(30);
const BACKLOG_BEACONS: u64 = 2_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the pipeline may take to catch up.
const CATCH_UP_MAX: Duration = Duration::from_secs(120);
const MEGABYTE: f64 = 1e6;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("memory");
    let server = bench.server("memory", &[]).await?;
    let key = server.ensure_site(SITE).await?;
    figures.add("resident_at_start_mb", server.resident_bytes()? as f64 / MEGABYTE);

    open_sessions(&server, &key).await?;
    let observer = Observer::from_now(server.client().clone(), SITE).await.map_err(said)?;
    let (visitors, pacing) = (endless(2, BEACONS_PER_SECOND), Pacing::Constant(BEACONS_PER_SECOND));
    let traffic = Traffic::start(server.address(), &key, visitors, pacing, Some(RUN));
    let most = watch(&server, |elapsed, _| elapsed >= RUN, &observer).await?;
    let report = traffic.finish().await?;
    figures.add("resident_mb", most / MEGABYTE);
    figures.add("open_sessions", OPEN_SESSIONS as f64);
    figures.add("beacons_per_second", report.acknowledged as f64 / report.elapsed.as_secs_f64());
    server.stop()?;

    fill_log(bench, "backlog", BACKLOG_BEACONS).await?;
    let server = bench.server("backlog", &[]).await?;
    let observer = Observer::from_now(server.client().clone(), SITE).await.map_err(said)?;
    let most = watch(&server, |elapsed, behind| behind == 0 || elapsed >= CATCH_UP_MAX, &observer).await?;
    figures.add("resident_catching_up_mb", most / MEGABYTE);
    Ok(figures)
}

/// The most bytes seen until it is over, which is told from the time passed and the beacons behind.
async fn watch(server: &ChildServer, over: impl Fn(Duration, u64) -> bool, observer: &Observer) -> Result<f64> {
    let (begun, mut most) = (Instant::now(), 0);
    loop {
        most = most.max(server.resident_bytes()?);
        let behind = observer.behind_beacons().await.map_err(said)?;
        if over(begun.elapsed(), behind) {
            return Ok(most as f64);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
