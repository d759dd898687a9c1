//! A cap on a site's beacons per second, without a lock.
//!
//! The generic cell rate algorithm (ITU-T I.371): one number, the theoretical arrival time of the next beacon; a beacon
//! is admitted unless that lies more than the burst ahead of now. The burst is one second's worth.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const SECOND_NS: u64 = 1_000_000_000;

/// The admission of one site's beacons.
#[derive(Debug)]
pub(crate) struct Admission {
    started: Instant,
    next_ns: AtomicU64,
}

impl Admission {
    pub(crate) fn new() -> Self {
        Admission { started: Instant::now(), next_ns: AtomicU64::new(0) }
    }

    /// May `count` beacons pass now, at so many a second?
    pub(crate) fn admit(&self, count: u64, per_second: u32) -> bool {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.admit_at(now, count, per_second)
    }

    fn admit_at(&self, now_ns: u64, count: u64, per_second: u32) -> bool {
        let cost = count.saturating_mul(SECOND_NS) / u64::from(per_second.max(1));
        let admitted = self.next_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            let next = next.max(now_ns);
            // A batch larger than the burst passes when nothing is owed; it then delays what follows.
            (next == now_ns || next.saturating_add(cost) <= now_ns.saturating_add(SECOND_NS))
                .then(|| next.saturating_add(cost))
        });
        admitted.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_admits_its_rate_and_a_burst() {
        let admission = Admission::new();
        let passed = (0..10_000u64).filter(|beacon| admission.admit_at(beacon * 100_000, 1, 100)).count();
        assert!((199..=201).contains(&passed), "{passed} of 10,000 in one second at 100/s with a burst of 100");
    }

    #[test]
    fn after_a_pause_it_admits_again() {
        let admission = Admission::new();
        while admission.admit_at(0, 1, 10) {}
        assert!(!admission.admit_at(50_000_000, 1, 10));
        assert!(admission.admit_at(100_000_000, 1, 10));
    }

    #[test]
    fn a_batch_larger_than_the_burst_is_not_locked_out_for_ever() {
        let admission = Admission::new();
        assert!(admission.admit_at(0, 1_000, 10));
        assert!(!admission.admit_at(SECOND_NS, 1, 10));
        assert!(admission.admit_at(100 * SECOND_NS, 1, 10));
    }
}
