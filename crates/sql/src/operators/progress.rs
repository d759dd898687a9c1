//! How far the event time of a table's rows has come.
//!
//! Each split (shard) that is behind has a time of its own: a shard that is read later than another one is not late. Splits that are read to
//! their tips don't hold the others back, nor does a worker all of whose splits are, or that has none: it follows the other workers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The event time of one worker's rows of a table. Times are microseconds; `i64::MIN` before the first.
pub(super) struct Progress {
    /// Of all rows.
    latest: i64,
    /// Of the rows of each split that is still read.
    splits: BTreeMap<u64, i64>,
    /// Up to when rows are complete. Never goes back.
    reached: i64,
    /// The furthest that any worker of this process has reached.
    workers: Arc<AtomicI64>,
    /// How long there may be no rows before this holds no other table's time back.
    idle_timeout: Option<Duration>,
    heard: Instant,
}

impl Progress {
    pub(super) fn new(workers: Arc<AtomicI64>, idle_timeout: Option<Duration>) -> Self {
        let (latest, reached) = (i64::MIN, i64::MIN);
        Progress { latest, splits: BTreeMap::new(), reached, workers, idle_timeout, heard: Instant::now() }
    }

    /// Rows came whose largest watermark is this; none where they have no times.
    pub(super) fn rows(&mut self, split: Option<u64>, watermark: Option<i64>) {
        self.heard = Instant::now();
        let Some(watermark) = watermark else { return };
        self.latest = self.latest.max(watermark);
        if let Some(split) = split {
            let known = self.splits.entry(split).or_insert(watermark);
            *known = watermark.max(*known);
        }
    }

    /// Up to when rows are complete; none before the first. `read` are the splits that are read, and whether there is more of each.
    pub(super) fn reached(&mut self, read: Option<&[(u64, bool)]>) -> Option<i64> {
        let behind = read.unwrap_or_default().iter().filter(|(_, behind)| *behind);
        let least = behind.map(|(split, _)| self.splits.get(split).copied().unwrap_or(i64::MIN)).min();
        let mut reached = least.unwrap_or(self.latest);
        if let Some(read) = read {
            self.splits.retain(|split, _| read.iter().any(|(known, _)| known == split));
            if least.is_none() {
                reached = reached.max(self.workers.load(Relaxed));
            }
        }
        self.reached = self.reached.max(reached);
        self.workers.fetch_max(self.reached, Relaxed);
        Some(self.reached).filter(|reached| *reached > i64::MIN)
    }

    /// What the source itself knows: rows are complete up to then.
    pub(super) fn complete_to(&mut self, time: i64) {
        self.latest = self.latest.max(time);
    }

    /// Whether there have been no rows for too long.
    pub(super) fn is_silent(&self) -> bool {
        self.idle_timeout.is_some_and(|timeout| self.heard.elapsed() >= timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress::new(Arc::new(AtomicI64::new(i64::MIN)), None)
    }

    #[test]
    fn a_shard_that_is_behind_holds_and_one_at_its_tip_does_not() {
        let mut progress = progress();
        assert_eq!(progress.reached(Some(&[(0, true), (1, true)])), None);
        progress.rows(Some(0), Some(100));
        assert_eq!(progress.reached(Some(&[(0, true), (1, true)])), None, "of the other one nothing is known yet");
        progress.rows(Some(1), Some(10));
        assert_eq!(progress.reached(Some(&[(0, true), (1, true)])), Some(10));
        progress.rows(Some(1), Some(30));
        assert_eq!(progress.reached(Some(&[(0, false), (1, true)])), Some(30));
        assert_eq!(progress.reached(Some(&[(0, false), (1, false)])), Some(100));
        progress.rows(Some(1), Some(40));
        assert_eq!(progress.reached(Some(&[(0, false), (1, true)])), Some(100), "time never goes back");
    }

    #[test]
    fn a_worker_with_nothing_to_read_follows_the_others() {
        let workers = Arc::new(AtomicI64::new(i64::MIN));
        let [mut busy, mut silent, mut unknown] = [(); 3].map(|()| Progress::new(workers.clone(), None));
        busy.rows(None, Some(50));
        assert_eq!(busy.reached(None), Some(50));
        assert_eq!(silent.reached(Some(&[])), Some(50));
        assert_eq!(unknown.reached(None), None, "what it will read is not known");
    }

    #[test]
    fn silence_is_told_after_its_time_only() {
        let mut progress = Progress::new(Arc::default(), Some(Duration::from_millis(1)));
        std::thread::sleep(Duration::from_millis(2));
        assert!(progress.is_silent());
        progress.idle_timeout = Some(Duration::from_secs(3_600));
        assert!(!progress.is_silent());
        progress.idle_timeout = None;
        assert!(!progress.is_silent());
    }
}
