//! How far the results are behind what was accepted.
//!
//! The pipeline says up to which ingestion time everything is visible ([`Progress::visible_until`]). How many beacons were
//! accepted since is told by samples of the stream's length, taken four times a second and kept for ten minutes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tidemill_streams::Stream;

/// Time between two samples.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_millis(250);
const SAMPLES_MAX: usize = 2_400;

/// How far the results are behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Behind {
    /// Age of the oldest beacon that isn't visible yet; 0 when all are.
    pub(crate) lag_ms: u64,
    /// Beacons that were accepted and aren't visible yet, of all sites.
    pub(crate) beacons: u64,
}

/// What was accepted, by time, and up to when it is visible.
#[derive(Debug)]
pub(crate) struct Progress {
    beacons: Stream,
    visible_until_us: Arc<AtomicI64>,
    /// Time (µs) and beacons ever accepted until then, oldest first.
    samples: Mutex<VecDeque<(i64, u64)>>,
}

impl Progress {
    pub(crate) fn new(beacons: Stream) -> Self {
        Progress { beacons, visible_until_us: Arc::new(AtomicI64::new(0)), samples: Mutex::default() }
    }

    /// Where the pipeline writes the ingestion time (µs) up to which everything is visible.
    pub(crate) fn visible_until(&self) -> Arc<AtomicI64> {
        self.visible_until_us.clone()
    }

    /// Notes how many beacons there are now.
    pub(crate) fn sample(&self, now_us: i64) {
        let accepted = self.accepted();
        let mut samples = self.samples.lock();
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back((now_us, accepted));
    }

    /// How far the results are behind at this moment.
    pub(crate) fn behind(&self, now_us: i64) -> Behind {
        behind(&self.samples.lock(), self.visible_until_us.load(Ordering::Acquire), now_us, self.accepted())
    }

    fn accepted(&self) -> u64 {
        self.beacons.shards().iter().map(|shard| shard.describe().records).sum()
    }
}

/// Pure: `samples` of (time, accepted until then), oldest first.
fn behind(samples: &VecDeque<(i64, u64)>, visible_us: i64, now_us: i64, accepted: u64) -> Behind {
    let after = samples.partition_point(|(time, _)| *time <= visible_us);
    let visible = match after.checked_sub(1).and_then(|last| samples.get(last)) {
        Some((_, accepted)) => *accepted,
        // Older than all samples: at most what the first of them had.
        None if visible_us == 0 => 0,
        None => samples.front().map_or(0, |(_, accepted)| *accepted),
    };
    let beacons = accepted.saturating_sub(visible);
    if beacons == 0 {
        return Behind::default();
    }
    // The oldest beacon that isn't visible came after the last sample that had no more than the visible ones.
    let waiting_since = samples
        .iter()
        .skip(after)
        .take_while(|(_, accepted)| *accepted <= visible)
        .last()
        .map_or(visible_us, |(time, _)| *time);
    let lag_ms = now_us.saturating_sub(waiting_since.max(visible_us)).max(0) / 1_000;
    let longest_ms = samples.front().map_or(0, |(time, _)| now_us.saturating_sub(*time)).max(0) / 1_000;
    let lag_ms = if visible_us == 0 { longest_ms } else { lag_ms };
    Behind { lag_ms: u64::try_from(lag_ms).unwrap_or(0), beacons }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(of: &[(i64, u64)]) -> VecDeque<(i64, u64)> {
        of.iter().map(|(ms, accepted)| (ms * 1_000, *accepted)).collect()
    }

    #[test]
    fn nothing_waits_when_all_is_visible() {
        let samples = samples(&[(1_000, 5), (1_250, 9), (1_500, 9)]);
        assert_eq!(behind(&samples, 1_500_000, 2_000_000, 9), Behind::default());
    }

    #[test]
    fn what_came_after_is_behind_since_it_came() {
        let samples = samples(&[(1_000, 5), (1_250, 9), (1_500, 12)]);
        assert_eq!(behind(&samples, 1_250_000, 2_000_000, 20), Behind { lag_ms: 750, beacons: 11 });
    }

    #[test]
    fn a_quiet_time_before_a_beacon_is_no_lag() {
        let samples = samples(&[(1_000, 5), (5_000, 5), (9_000, 5), (9_250, 6)]);
        assert_eq!(behind(&samples, 1_000_000, 9_300_000, 6), Behind { lag_ms: 300, beacons: 1 });
    }

    #[test]
    fn a_pipeline_that_never_told_is_behind_by_everything() {
        let samples = samples(&[(1_000, 5), (2_000, 5)]);
        assert_eq!(behind(&samples, 0, 3_000_000, 5), Behind { lag_ms: 2_000, beacons: 5 });
    }
}
