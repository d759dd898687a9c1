//! The epoch clock: which epoch sources are in, which epochs are checkpoints, when the job ends.
//!
//! Worker 0 drives it; all others read it. Every `every`-th epoch is a checkpoint. A checkpoint epoch is only left while
//! fewer than [`IN_FLIGHT`] checkpoints are being written: storage that is slow makes checkpoints rare, never many.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Checkpoints that may be under way at once.
const IN_FLIGHT: u64 = 2;

#[derive(Debug)]
pub(crate) struct EpochClock {
    every: u64,
    interval: Duration,
    current: AtomicU64,
    durable: AtomicU64,
    /// The last checkpoint of this attempt, once it is decided.
    last: AtomicU64,
    stop: AtomicBool,
    unfinished_sources: AtomicUsize,
    ticked: Mutex<Instant>,
}

impl EpochClock {
    /// Goes on after `base`.
    pub(crate) fn new(base: u64, every: u64, interval: Duration, sources: usize) -> Self {
        EpochClock {
            every: every.max(1),
            interval,
            current: AtomicU64::new(base + 1),
            durable: AtomicU64::new(base),
            last: AtomicU64::new(u64::MAX),
            stop: AtomicBool::new(false),
            unfinished_sources: AtomicUsize::new(sources),
            ticked: Mutex::new(Instant::now()),
        }
    }

    pub(crate) fn current(&self) -> u64 {
        self.current.load(SeqCst)
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(SeqCst)
    }

    /// The first checkpoint epoch that is not before `epoch`.
    pub(crate) fn checkpoint_from(&self, epoch: u64) -> u64 {
        epoch.div_ceil(self.every).saturating_mul(self.every)
    }

    /// The checkpoint after this one.
    pub(crate) fn next_checkpoint(&self, checkpoint: u64) -> u64 {
        checkpoint.saturating_add(self.every)
    }

    /// The checkpoint with which the attempt ends; `u64::MAX` while it goes on.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(SeqCst)
    }

    /// The job is to end with a checkpoint, now.
    pub(crate) fn stop(&self) {
        self.stop.store(true, SeqCst);
    }

    pub(crate) fn source_finished(&self) {
        self.unfinished_sources.fetch_sub(1, SeqCst);
    }

    pub(crate) fn is_durable(&self, epoch: u64) {
        self.durable.fetch_max(epoch, SeqCst);
    }

    /// True once nothing will ever follow from any source.
    pub(crate) fn sources_finished(&self) -> bool {
        self.unfinished_sources.load(SeqCst) == 0
    }

    /// How long a worker may sleep when it has nothing to do.
    pub(crate) fn pause(&self) -> Duration {
        self.interval / 2
    }

    /// Moves on, when it is time. Only worker 0 calls this.
    pub(crate) fn tick(&self) {
        if self.last() != u64::MAX {
            return;
        }
        let current = self.current();
        if self.stop.load(SeqCst) || self.sources_finished() {
            let last = self.checkpoint_from(current);
            self.last.store(last, SeqCst);
            self.current.store(last + 1, SeqCst);
            return;
        }
        let mut ticked = self.ticked.lock();
        if ticked.elapsed() < self.interval {
            return;
        }
        let closes_checkpoint = current.is_multiple_of(self.every);
        if closes_checkpoint && current.saturating_sub(self.durable()) > (IN_FLIGHT - 1) * self.every {
            return;
        }
        *ticked = Instant::now();
        self.current.store(current + 1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(base: u64) -> EpochClock {
        EpochClock::new(base, 4, Duration::ZERO, 1)
    }

    #[test]
    fn slow_storage_holds_the_clock_at_a_checkpoint() {
        let clock = clock(0);
        for _ in 0..100 {
            clock.tick();
        }
        assert_eq!(clock.current(), 8, "checkpoint 4 is under way, checkpoint 8 may not begin");
        clock.is_durable(4);
        clock.tick();
        assert_eq!(clock.current(), 9);
    }

    #[test]
    fn a_stop_ends_with_the_next_checkpoint() {
        let clock = clock(17);
        clock.tick();
        clock.stop();
        clock.tick();
        assert_eq!((clock.last(), clock.current()), (20, 21));
        clock.tick();
        assert_eq!(clock.current(), 21, "and nothing follows");
    }
}
