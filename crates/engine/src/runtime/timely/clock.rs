//! The epoch clock: which epoch sources are in, which epochs are checkpoints, when the job ends.
//!
//! Worker 0 drives it; all others read it. Multiples of [`PERIOD`] are checkpoints. Epochs follow each other quickly, so
//! that budgets are given back; when a checkpoint is due the clock leaps over the rest of its period. One is due when the
//! one before is durable and the interval has passed. While rows flow it also waits until [`PAUSE`] times as long has
//! passed as the last one kept the workers from them: costly checkpoints and slow storage make them rare, never many.
//! Writing in the background costs the workers nothing and does not count; a job that has caught up does not wait.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Epochs from one checkpoint to the next, hours of them; most are leapt over.
const PERIOD: u64 = 1 << 22;
/// Checkpoints take at the most one part in so many of the workers' time.
const PAUSE: u32 = 16;
/// An epoch that sources wait for to end is so much shorter.
const HURRY: u32 = 8;

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
    sources: usize,
    unfinished_sources: AtomicUsize,
    /// Sources that have nothing to read and nothing in flight.
    quiet_sources: AtomicUsize,
    /// A source has filled its budget within the epoch.
    hurry: AtomicBool,
    workers: u32,
    /// What the last checkpoint has cost all workers together, nanoseconds.
    cost_ns: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    ticked: Instant,
    /// When the last checkpoint was begun, and its epoch.
    cut: Instant,
    checkpoint: u64,
}

impl EpochClock {
    /// Goes on after `base`, with so many sources on each worker.
    pub(crate) fn new(base: u64, epoch: Duration, interval: Duration, sources: usize, workers: usize) -> Self {
        let now = Instant::now();
        EpochClock {
            epoch,
            interval,
            current: AtomicU64::new(base + 1),
            durable: AtomicU64::new(base),
            last: AtomicU64::new(u64::MAX),
            stop: AtomicBool::new(false),
            sources: sources * workers,
            unfinished_sources: AtomicUsize::new(sources * workers),
            quiet_sources: AtomicUsize::new(0),
            hurry: AtomicBool::new(false),
            workers: u32::try_from(workers).unwrap_or(u32::MAX).max(1),
            cost_ns: AtomicU64::new(0),
            times: Mutex::new(Times { ticked: now, cut: now, checkpoint: base }),
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
        self.durable.fetch_max(epoch, SeqCst);
    }

    /// A source has become quiet, or is no longer.
    pub(crate) fn source_is_quiet(&self, quiet: bool) {
        if quiet {
            self.quiet_sources.fetch_add(1, SeqCst);
        } else {
            self.quiet_sources.fetch_sub(1, SeqCst);
        }
    }

    /// A source has nothing left of its budget until the epoch is over.
    pub(crate) fn hurry(&self) {
        self.hurry.store(true, SeqCst);
    }

    /// A worker has spent so much time on a checkpoint instead of on rows.
    pub(crate) fn spent(&self, time: Duration) {
        self.cost_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), SeqCst);
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
        let hurry = self.hurry.load(SeqCst);
        if times.ticked.elapsed() < if hurry { self.epoch / HURRY } else { self.epoch } {
            return;
        }
        let checkpoint = self.checkpoint_from(current);
        let due = self.durable() >= times.checkpoint && times.cut.elapsed() >= self.pause_between();
        if due {
            times.cut = Instant::now();
            times.checkpoint = checkpoint;
            self.cost_ns.store(0, SeqCst);
        } else if current == checkpoint {
            return; // a period is over before its checkpoint may be cut
        }
        times.ticked = Instant::now();
        self.hurry.store(false, SeqCst);
        self.current.store(if due { checkpoint } else { current } + 1, SeqCst);
    }

    /// How long after a checkpoint the next one is due.
    fn pause_between(&self) -> Duration {
        if self.quiet_sources.load(SeqCst) >= self.sources {
            return self.interval;
        }
        let cost = Duration::from_nanos(self.cost_ns.load(SeqCst)) / self.workers;
        self.interval.max(cost.saturating_mul(PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(base: u64) -> EpochClock {
        EpochClock::new(base, Duration::ZERO, Duration::ZERO, 1, 1)
    }

    #[test]
    fn slow_storage_makes_checkpoints_wait_but_not_epochs() {
        let clock = clock(0);
        clock.tick();
        assert_eq!(clock.current(), PERIOD + 1, "the first checkpoint is cut");
        clock.tick();
        clock.tick();
        assert_eq!(clock.current(), PERIOD + 3, "a second one has to wait until it is durable; epochs go on");
        clock.is_durable(PERIOD);
        clock.tick();
        assert_eq!(clock.current(), 2 * PERIOD + 1);
    }

    #[test]
    fn what_a_checkpoint_costs_the_workers_makes_the_next_one_wait_while_rows_flow() {
        let clock = EpochClock::new(0, Duration::ZERO, Duration::ZERO, 1, 2);
        clock.tick();
        (0..2).for_each(|_worker| clock.spent(Duration::from_secs(3_600)));
        clock.is_durable(PERIOD);
        clock.tick();
        assert_eq!(clock.current(), PERIOD + 2, "rows flow: the next one has to wait");
        assert_eq!(clock.pause_between(), Duration::from_secs(3_600) * PAUSE, "as long as it cost each worker");
        (0..2).for_each(|_source| clock.source_is_quiet(true));
        clock.tick();
        assert_eq!(clock.current(), 2 * PERIOD + 1, "nothing flows: nobody is kept waiting by one more");
    }

    #[test]
    fn a_checkpoint_that_takes_long_but_costs_nothing_is_followed_by_the_next() {
        let clock = clock(0);
        clock.tick();
        std::thread::sleep(Duration::from_millis(20));
        clock.is_durable(PERIOD);
        clock.tick();
        assert_eq!(clock.current(), 2 * PERIOD + 1);
    }

    #[test]
    fn a_period_that_is_over_waits_for_its_checkpoint() {
        let clock = clock(0);
        (0..2 * PERIOD + 10).for_each(|_| clock.tick());
        assert_eq!(clock.current(), 2 * PERIOD, "a checkpoint is under way, the next may not begin");
    }

    #[test]
    fn an_epoch_ends_early_where_a_source_has_used_its_budget_up() {
        let clock = EpochClock::new(0, Duration::from_secs(HURRY.into()) / 100, Duration::from_secs(3_600), 1, 1);
        std::thread::sleep(Duration::from_millis(11));
        clock.tick();
        assert_eq!(clock.current(), 1, "nobody is in a hurry");
        clock.hurry();
        clock.tick();
        assert_eq!(clock.current(), 2);
        std::thread::sleep(Duration::from_millis(11));
        clock.tick();
        assert_eq!(clock.current(), 2, "the next one takes as long as others");
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
