//! What was taken and what was refused, for metrics and for the log.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::refusal::Refusal;

/// A failing disk is told to the log no more often than this.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Counters of the collector since the start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Beacons on disk.
    pub(crate) accepted: AtomicU64,
    in_flight: AtomicUsize,
    refused: [AtomicU64; Refusal::ALL.len()],
    reported: Mutex<Option<Instant>>,
}

/// A request that waits for the disk.
pub(super) struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tally {
    /// A place among those that wait for the disk, if one is free.
    pub(super) fn enter(&self, max: usize) -> Option<Place<'_>> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.in_flight);
        (before < max).then_some(place)
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        if let Some(count) = self.refused.get(refusal as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests refused since the start, by reason.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.iter().zip(&self.refused).map(|(refusal, count)| (refusal.name(), count.load(Ordering::Relaxed)))
    }

    /// Requests that wait for the disk now.
    pub(crate) fn waiting(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn report(&self, error: &tidemill_streams::Error) {
        let mut reported = self.reported.lock();
        if reported.is_none_or(|last| last.elapsed() >= REPORT_EVERY) {
            *reported = Some(Instant::now());
            tracing::error!(%error, "beacons can't be stored and are refused");
        }
    }
}
