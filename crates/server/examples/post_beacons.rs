//! Posts simulated beacons to any HTTP server as fast as it acknowledges them: the work of `tidemill bench ingest`, for
//! other servers.
//!
//! `cargo run --release -p tidemill-server --example post_beacons -- 127.0.0.1:8080 KEY [SECONDS]` posts to `/b/KEY`.

use std::error::Error;
use std::time::Duration;

use tidemill_server::load::{self, Load, Pacing, Progress, Simulated};
use tidemill_web_analytics::simulator::{Population, Settings, Simulator};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, key, rest @ ..] = arguments.as_slice() else { return Err("give ADDRESS:PORT and KEY".into()) };
    let seconds: u64 = rest.first().map_or(Ok(15), |seconds| seconds.parse())?;
    let settings = Settings { seed: 2, rate: 50_000.0, ..Settings::default() };
    let mut simulator = Simulator::new(settings, Population::built_in());
    let load = Load {
        target: target.parse()?,
        connections: 512,
        pacing: Pacing::Closed,
        retry: false,
        limit: Some(Duration::from_secs(seconds)),
    };
    let report = load::run(&load, &mut Simulated::new(&mut simulator, vec![key.clone()]), &Progress::default())?;
    println!(
        "{{\"name\":\"peer\",\"figures\":{{\"beacons_per_second\":{:.0},\"full_load_ack_p99_ms\":{},\"failed\":{}}}}}",
        report.acknowledged as f64 / report.elapsed.as_secs_f64(),
        report.latencies.quantile_ms(0.99),
        report.failed,
    );
    Ok(())
}
