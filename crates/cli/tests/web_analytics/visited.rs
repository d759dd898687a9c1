//! A site that is visited without a pause, whatever happens to its server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::results::files_below;
use tidemill_server::child::{ChildServer, ChildSettings};
use tidemill_server::load::{self, Load, Pacing, Progress, Report, Simulated};
use tidemill_server::observe::{Observer, now_ms};
use tidemill_web_analytics::simulator::{Expected, Population, Settings, Simulator};

pub(crate) const SITE: &str = "shop";
/// A configuration with which rows of the lake are in files soon after they are final.
pub(crate) const LAKE_AT_ONCE: &str = "pipeline.lake_file_age_ms=100";
/// A page impression is final a minute after its visitor has left.
const FINAL_AFTER: Duration = Duration::from_secs(62);

/// How a server over this data folder is started, on a free port.
pub(crate) fn server_over(data: &Path) -> ChildSettings {
    let set = vec![LAKE_AT_ONCE.into()];
    ChildSettings { binary: env!("CARGO_BIN_EXE_tidemill").into(), data: data.to_owned(), port: 0, set }
}

/// Visitors that send until all of their beacons are acknowledged.
pub(crate) struct Visitors {
    progress: Arc<Progress>,
    sending: JoinHandle<(Report, Expected)>,
}

impl Visitors {
    pub(crate) fn start(target: SocketAddr, key: String, seed: u64, rate: f64, duration: Option<Duration>) -> Self {
        let progress = Arc::new(Progress::default());
        let watched = progress.clone();
        let settings = Settings { seed, rate, duration, pace: 0.02, start_ms: now_ms(), ..Settings::default() };
        let sending = std::thread::spawn(move || {
            let mut simulator = Simulator::new(settings, Population::built_in());
            let load = Load { target, connections: 32, pacing: Pacing::Natural, retry: true, limit: None };
            let report = load::run(&load, &mut Simulated::new(&mut simulator, vec![key]), &watched).expect("sockets");
            (report, simulator.expected())
        });
        Self { progress, sending }
    }

    /// No more visitors; returns once the last beacon is acknowledged.
    pub(crate) fn stop(self) -> (Report, Expected) {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.finish()
    }

    /// Returns once the last beacon of the simulation is acknowledged.
    pub(crate) fn finish(self) -> (Report, Expected) {
        let (report, expected) = self.sending.join().expect("the load generator");
        assert_eq!(report.sent, report.acknowledged, "every beacon is acknowledged in the end");
        (report, expected)
    }
}

/// What the query API says, once nothing is left to process.
pub(crate) async fn settled(server: &ChildServer) -> Expected {
    let observer = Observer::since(server.client().clone(), SITE, now_ms() - 3_600_000);
    observer.settled(Duration::from_secs(60)).await.expect("the query API answers")
}

/// Waits until the impressions of all who have left are final, and in the lake.
pub(crate) async fn lake_settled(data: &Path) {
    tokio::time::sleep(FINAL_AFTER).await;
    lake_at_rest(data).await;
}

/// Waits until the lake has had no new file for some seconds.
pub(crate) async fn lake_at_rest(data: &Path) {
    let mut files = usize::MAX;
    loop {
        let now = files_below(&data.join("lake")).len();
        if now == files {
            return;
        }
        files = now;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

/// Nothing that was acknowledged is lost, nothing is counted twice. A beacon whose acknowledgement was lost with the
/// server came again: that is a duplicate beacon, and flags its impression, but changes nothing else.
pub(crate) fn assert_nothing_lost(expected: Expected, observed: Expected, report: &Report) {
    let again = observed.beacons.checked_sub(expected.beacons).expect("beacons were lost");
    assert!(again <= report.retried, "{again} beacons too many, of which {} were sent again", report.retried);
    let flagged = observed.issues.checked_sub(expected.issues).expect("issues were lost");
    assert!(flagged <= again, "{flagged} issues too many for {again} beacons that came again");
    let same = |counts: Expected| Expected { beacons: 0, issues: 0, ..counts };
    assert_eq!(same(observed), same(expected));
}
