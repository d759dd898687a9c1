//! How many beacons a second the collector makes durable over HTTP, and how long one waits for its acknowledgement.

use std::time::Duration;

use super::traffic::{Traffic, endless};
use super::{Bench, Figures, SITE};
use crate::error::Result;
use crate::load::Pacing;

const WARM_UP: Duration = Duration::from_secs(2);
const RUN: Duration = Duration::from_secs(15);
/// The rate at which latencies are told.
const STEADY_PER_SECOND: f64 = 10_000.0;

/// Closed loop for the most it takes, open loop for latencies.
pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut figures = Figures::new("ingest");
    let server = bench.server("ingest", &[]).await?;
    let key = server.ensure_site(SITE).await?;
    let phase = |seed, pacing, limit| {
        Traffic::start(server.address(), &key, endless(seed, 50_000.0), pacing, Some(limit)).finish()
    };

    phase(1, Pacing::Closed, WARM_UP).await?;
    let most = phase(2, Pacing::Closed, RUN).await?;
    figures.add("beacons_per_second", most.acknowledged as f64 / most.elapsed.as_secs_f64());
    figures.add("full_load_ack_p50_ms", most.latencies.quantile_ms(0.5));
    figures.add("full_load_ack_p99_ms", most.latencies.quantile_ms(0.99));

    let steady = phase(3, Pacing::Constant(STEADY_PER_SECOND), RUN).await?;
    figures.add("steady_beacons_per_second", steady.acknowledged as f64 / steady.elapsed.as_secs_f64());
    figures.add("ack_p50_ms", steady.latencies.quantile_ms(0.5));
    figures.add("ack_p99_ms", steady.latencies.quantile_ms(0.99));
    figures.add("unacknowledged_beacons", (most.failed + steady.failed) as f64);
    Ok(figures)
}
