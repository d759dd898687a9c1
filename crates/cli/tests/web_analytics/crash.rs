//! A server that is killed again and again under load, with torn log tails, loses nothing that it acknowledged and
//! computes what an undisturbed one computes.
//!
//! `CRASH_ROUNDS` says how often it is killed (default 10; `make crash`: 100), `CRASH_SEED` repeats a run. Without
//! `TIDEMILL_` in front: the server would refuse them as unknown keys.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use tidemill_server::child::ChildServer;

use crate::ONE_AT_A_TIME;
use crate::results::{Results, undisturbed};
use crate::visited::{SITE, Visitors, assert_nothing_lost, lake_settled, server_over, settled};

const BEACONS_PER_SECOND: f64 = 1_500.0;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_points_under_load_it_computes_what_an_undisturbed_one_does() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (rounds, seed) = (from_environment("CRASH_ROUNDS", 10), from_environment("CRASH_SEED", 1));
    let mut random = StdRng::seed_from_u64(seed);
    let (data, again) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));

    // Given a visited site.
    let mut settings = server_over(data.path());
    let mut server = ChildServer::start(&settings).await.expect("a server");
    settings.port = server.address().port();
    let key = server.ensure_site(SITE).await.expect("a site");
    let visitors = Visitors::start(server.address(), key, seed, BEACONS_PER_SECOND, None);

    // When its server is killed at random points, and the log's tails are torn.
    for round in 1..=rounds {
        tokio::time::sleep(Duration::from_millis(random.random_range(50..1_500))).await;
        server.kill().expect("it is killed");
        if random.random_bool(0.5) {
            tear_tails(&data.path().join("streams"), &mut random);
        }
        server = ChildServer::start(&settings).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        if round % 10 == 0 {
            eprintln!("killed {round} times of {rounds}");
        }
    }
    let (report, expected) = tokio::task::spawn_blocking(|| visitors.stop()).await.expect("visitors");

    // Then nothing that was acknowledged is lost, and all is as if nothing had happened.
    assert_nothing_lost(expected, settled(&server).await, &report);
    lake_settled(data.path()).await;
    server.stop().expect("it stops");
    Results::of(data.path()).assert_equal(&undisturbed(data.path(), again.path()).await);
}

/// A write that was under way when the power failed: a frame cut off, zeros or garbage behind the last whole frame.
/// What is whole may have been acknowledged, so it stays. A log keeps zeros ahead of its end, and no beacon ends with one.
fn tear_tails(streams: &Path, random: &mut StdRng) {
    for segment in last_segments(streams) {
        let content = fs::read(&segment).expect("a segment");
        let length = random.random_range(1..2_000_usize);
        let torn = match random.random_range(0..4_u8) {
            0 => continue,
            1 => vec![0; length],
            2 => {
                let mut garbage = vec![0; length];
                random.fill_bytes(&mut garbage);
                garbage
            }
            // Looks most like a frame: one that is elsewhere in the segment, cut off.
            _ => content.iter().copied().skip(32).take(length).collect(),
        };
        let end = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let file = OpenOptions::new().write(true).open(&segment).expect("a segment");
        file.write_all_at(&torn, end as u64).expect("the torn bytes");
    }
}

/// The segment of each shard that is being written: the last by name.
fn last_segments(folder: &Path) -> Vec<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("it").path()).collect();
    let logs = entries.iter().filter(|path| path.extension().is_some_and(|kind| kind == "log"));
    let folders = entries.iter().filter(|path| path.is_dir());
    logs.max().cloned().into_iter().chain(folders.flat_map(|folder| last_segments(folder))).collect()
}
