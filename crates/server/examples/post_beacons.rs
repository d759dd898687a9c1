//! Posts simulated beacons to any HTTP server, first as fast as it acknowledges them and then at a steady rate: the work of
//! `tidemill bench ingest`, for other servers.
//!
//! `cargo run --release -p tidemill-server --example post_beacons -- 127.0.0.1:8080 KEY [SECONDS]` posts to `/b/KEY`.

use std::error::Error;
use std::time::Duration;

use tidemill_server::load::{self, Load, Pacing, Progress, Report, Simulated};
use tidemill_web_analytics::simulator::{Population, Settings, Simulator};

const STEADY_PER_SECOND: f64 = 10_000.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, key, rest @ ..] = arguments.as_slice() else { return Err("give ADDRESS:PORT and KEY".into()) };
    let seconds: u64 = rest.first().map_or(Ok(15), |seconds| seconds.parse())?;
    let target = target.parse()?;
    let phase = |seed, pacing, seconds| -> std::io::Result<Report> {
        let mut simulator =
            Simulator::new(Settings { seed, rate: 50_000.0, ..Settings::default() }, Population::built_in());
        let limit = Some(Duration::from_secs(seconds));
        let load = Load { target, connections: 512, pacing, retry: false, limit };
        load::run(&load, &mut Simulated::new(&mut simulator, vec![key.clone()]), &Progress::default())
    };
    phase(1, Pacing::Closed, 2)?;
    let most = phase(2, Pacing::Closed, seconds)?;
    let steady = phase(3, Pacing::Constant(STEADY_PER_SECOND), seconds)?;
    let figures = [
        ("beacons_per_second", most.acknowledged as f64 / most.elapsed.as_secs_f64()),
        ("full_load_ack_p50_ms", most.latencies.quantile_ms(0.5)),
        ("full_load_ack_p99_ms", most.latencies.quantile_ms(0.99)),
        ("ack_p50_ms", steady.latencies.quantile_ms(0.5)),
        ("ack_p99_ms", steady.latencies.quantile_ms(0.99)),
        ("unacknowledged_beacons", (most.failed + steady.failed) as f64),
    ];
    let figures: Vec<String> = figures.iter().map(|(name, value)| format!("\"{name}\":{value:.3}")).collect();
    println!("{{\"name\":\"peer\",\"figures\":{{{}}}}}", figures.join(","));
    Ok(())
}
