//! How long after its acknowledgement a beacon is in the query API's answers, at a steady load.
//!
//! Markers are page impressions of a site of their own, sent one after the other beside the load. When the n-th is
//! acknowledged is noted, and the site's overview is asked without pause: when it counts n impressions the n-th is
//! visible.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::traffic::{Marker, Traffic, endless};
use super::{Bench, Figures, SITE, quantile, said};
use crate::error::{Error, Result};
use crate::load::Pacing;
use crate::observe::Observer;

const STEADY_PER_SECOND: f64 = 10_000.0;
const WARM_UP: Duration = Duration::from_secs(3);
const RUN: Duration = Duration::from_secs(20);
const MARKERS_PER_SECOND: f64 = 50.0;
/// How long the last marker may take.
const VISIBLE_MAX: Duration = Duration::from_secs(30);
/// Time between two looks: what a figure may be too high by.
const LOOK_EVERY: Duration = Duration::from_millis(4);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("freshness");
    let server = bench.server("freshness", &[]).await?;
    let (key, marker_key) = (server.ensure_site(SITE).await?, server.ensure_site("markers").await?);
    let simulator = endless(1, STEADY_PER_SECOND);
    let traffic = Traffic::start(server.address(), &key, simulator, Pacing::Constant(STEADY_PER_SECOND), None);
    tokio::time::sleep(WARM_UP).await;

    let observer = Observer::from_now(server.client().clone(), "markers").await.map_err(said)?;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let markers = {
        let (target, acknowledged) = (server.address(), acknowledged.clone());
        tokio::task::spawn_blocking(move || send_markers(target, &marker_key, &acknowledged))
    };
    let mut waits_ms = watch(&observer, &acknowledged, &markers).await?;
    markers.await.map_err(|error| Error::part("the markers", error))??;
    let load = traffic.stop().await?;

    figures.add("freshness_p50_ms", quantile(&mut waits_ms, 0.5));
    figures.add("freshness_p99_ms", quantile(&mut waits_ms, 0.99));
    figures.add("freshness_max_ms", quantile(&mut waits_ms, 1.0));
    figures.add("markers", waits_ms.len() as f64);
    figures.add("steady_beacons_per_second", load.acknowledged as f64 / load.elapsed.as_secs_f64());
    Ok(figures)
}

/// Sends markers one at a time and notes when each was acknowledged.
fn send_markers(target: SocketAddr, key: &str, acknowledged: &Mutex<Vec<Instant>>) -> Result<()> {
    let begun = Instant::now();
    let mut number = 0_u32;
    while begun.elapsed() < RUN {
        number += 1;
        Marker::send(target, key, number)?;
        acknowledged.lock().push(Instant::now());
        let next = begun + Duration::from_secs_f64(f64::from(number) / MARKERS_PER_SECOND);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// For each marker the time from its acknowledgement to an answer that counts it.
async fn watch(
    observer: &Observer,
    acknowledged: &Mutex<Vec<Instant>>,
    markers: &tokio::task::JoinHandle<Result<()>>,
) -> Result<Vec<f64>> {
    let (begun, mut waits_ms) = (Instant::now(), Vec::new());
    loop {
        let visible = observer.observed().await.map_err(said)?.impressions as usize;
        let now = Instant::now();
        let times = acknowledged.lock().clone();
        // A marker can be visible before its acknowledgement has been read: then it did not wait.
        let news = times.iter().take(visible).skip(waits_ms.len());
        waits_ms.extend(news.map(|at| now.saturating_duration_since(*at).as_secs_f64() * 1e3));
        if markers.is_finished() && waits_ms.len() == times.len() {
            return Ok(waits_ms);
        }
        if begun.elapsed() > RUN + VISIBLE_MAX {
            let missing = times.len() - waits_ms.len();
            return Err(Error::part("the markers", format!("{missing} of {} never became visible", times.len())));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
