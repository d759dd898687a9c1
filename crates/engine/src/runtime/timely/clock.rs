//! The epoch clock: which epoch sources are in, which epochs are checkpoints, when the job ends.
//!
//! Worker 0 drives it; all others read it. Multiples of [`PERIOD`] are checkpoints. Epochs follow each other quickly, so
//! that budgets are given back; when a checkpoint is due the clock leaps over the rest of its period. One is due when the
//! interval has passed, fewer than [`IN_FLIGHT`] are under way, and [`PAUSE`] times as long as the last one took has passed
//! since it was cut: costly checkpoints and slow storage make them rare, never many.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Epochs from one checkpoint to the next; most of them are leapt over.
const PERIOD: u64 = 4_096;
/// Checkpoints that may be under way at once.
const IN_FLIGHT: u64 = 2;
/// Checkpoints take at the most one part in so many of the time.
const PAUSE: u32 = 5;

#[derive(Debug)]
pub(crate) struct EpochClock {
    /// Length of an epoch.
    epoch: Duration,
    /// Shortest time from checkpoint to checkpoint.
    interval: Duration,
    current: AtomicU64,
    durable: AtomicU64,
    /// The last checkpoint of this attempt, once it is decided.
    last: AtomicU64,
    stop: AtomicBool,
    unfinished_sources: AtomicUsize,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    ticked: Instant,
    cut: Instant,
    /// Checkpoints that are not durable yet, and when each was cut.
    under_way: VecDeque<(u64, Instant)>,
    took: Duration,
}

impl EpochClock {
    /// Goes on after `base`.
    pub(crate) fn new(base: u64, epoch: Duration, interval: Duration, sources: usize) -> Self {
        let now = Instant::now();
        EpochClock {
            epoch,
            interval,
            current: AtomicU64::new(base + 1),
            durable: AtomicU64::new(base),
            last: AtomicU64::new(u64::MAX),
            stop: AtomicBool::new(false),
            unfinished_sources: AtomicUsize::new(sources),
            times: Mutex::new(Times { ticked: now, cut: now, under_way: VecDeque::new(), took: Duration::ZERO }),
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
        epoch.div_ceil(PERIOD).saturating_mul(PERIOD)
    }

    /// The checkpoint after this one.
    pub(crate) fn next_checkpoint(&self, checkpoint: u64) -> u64 {
        checkpoint.saturating_add(PERIOD)
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
        if self.durable.fetch_max(epoch, SeqCst) < epoch {
            let mut times = self.times.lock();
            while let Some((_, cut)) = times.under_way.pop_front_if(|(checkpoint, _)| *checkpoint <= epoch) {
                times.took = cut.elapsed();
            }
        }
    }

    /// True once nothing will ever follow from any source.
    pub(crate) fn sources_finished(&self) -> bool {
        self.unfinished_sources.load(SeqCst) == 0
    }

    /// How long a worker may sleep when it has nothing to do.
    pub(crate) fn pause(&self) -> Duration {
        self.epoch / 2
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
        let mut times = self.times.lock();
        if times.ticked.elapsed() < self.epoch {
            return;
        }
        let checkpoint = self.checkpoint_from(current);
        let under_way = checkpoint.saturating_sub(self.durable()).div_ceil(PERIOD);
        let due = under_way <= IN_FLIGHT && times.cut.elapsed() >= self.interval.max(times.took * PAUSE);
        if due {
            times.cut = Instant::now();
            let cut = times.cut;
            times.under_way.push_back((checkpoint, cut));
        } else if current == checkpoint {
            return; // a period is over before its checkpoint may be cut
        }
        times.ticked = Instant::now();
        self.current.store(if due { checkpoint } else { current } + 1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(base: u64) -> EpochClock {
        EpochClock::new(base, Duration::ZERO, Duration::ZERO, 1)
    }

    #[test]
    fn slow_storage_makes_checkpoints_wait_but_not_epochs() {
        let clock = clock(0);
        clock.tick();
        assert_eq!(clock.current(), PERIOD + 1, "the first checkpoint is cut");
        clock.tick();
        assert_eq!(clock.current(), 2 * PERIOD + 1, "and a second one, while it is under way");
        clock.tick();
        assert_eq!(clock.current(), 2 * PERIOD + 2, "a third one has to wait; epochs go on");
        clock.is_durable(PERIOD);
        while clock.current() == 2 * PERIOD + 2 {
            clock.tick();
        }
        assert!(clock.current() > 2 * PERIOD + 2);
    }

    #[test]
    fn a_costly_checkpoint_is_followed_by_a_long_pause() {
        let clock = clock(0);
        clock.tick();
        std::thread::sleep(Duration::from_millis(20));
        clock.is_durable(PERIOD);
        let cut = clock.times.lock().cut;
        while clock.current() <= 2 * PERIOD {
            clock.tick();
        }
        assert!(cut.elapsed() >= Duration::from_millis(20) * PAUSE);
    }

    #[test]
    fn a_period_that_is_over_waits_for_its_checkpoint() {
        let clock = clock(0);
        (0..3 * PERIOD).for_each(|_| clock.tick());
        assert_eq!(clock.current(), 3 * PERIOD, "two checkpoints are under way, the third may not begin");
    }

    #[test]
    fn a_stop_ends_with_the_next_checkpoint() {
        let clock = clock(17);
        clock.stop();
        clock.tick();
        assert_eq!((clock.last(), clock.current()), (PERIOD, PERIOD + 1));
        clock.tick();
        assert_eq!(clock.current(), PERIOD + 1, "and nothing follows");
    }
}
