//! Keeps a job running: starts it from its newest checkpoint, restarts it after a failure with back-off, stops and
//! rescales it with a checkpoint.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::{Condvar, Mutex};

use super::timely::{Attempt, EpochClock, Shared, TimelyOptions};
use crate::{
    checkpoint::{CheckpointStore, CheckpointWriter, Publisher},
    error::{EngineError, Result},
    job::{Job, NodeKind},
    metrics::JobMetrics,
    time::Epoch,
};

/// What is done after a failure.
#[derive(Clone, Debug)]
pub struct RestartPolicy {
    /// Failures in a row after which the job is given up; none: never.
    pub give_up_after: Option<u32>,
    /// Wait before the first restart; it doubles with each failure in a row.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// A run of this length ends the row of failures.
    pub healthy_after: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        RestartPolicy {
            give_up_after: None,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(30),
            healthy_after: Duration::from_secs(60),
        }
    }
}

impl RestartPolicy {
    fn wait(&self, failures: u32) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.longest_wait)
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It runs.
    Running,
    /// It failed and waits to be started again.
    Restarting {
        /// Why.
        error: String,
        /// Failures in a row.
        failures: u32,
    },
    /// All its sources have ended and all results are committed.
    Finished,
    /// It was stopped, with a checkpoint.
    Stopped,
    /// It was given up.
    Failed(String),
}

impl JobState {
    /// True where nothing will follow.
    pub fn is_final(&self) -> bool {
        matches!(self, JobState::Finished | JobState::Stopped | JobState::Failed(_))
    }
}

/// A running job. Dropping the handle stops the job.
#[derive(Debug)]
pub struct JobHandle {
    control: Arc<Control>,
    metrics: Arc<JobMetrics>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Control {
    job: Arc<str>,
    state: Mutex<JobState>,
    changed: Condvar,
    wanted: Mutex<Wanted>,
    wished: Condvar,
    attempt: Mutex<Option<Arc<Shared>>>,
    generation: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    stop: bool,
    workers: usize,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.job, self.state.lock())
    }
}

impl Control {
    fn set(&self, state: JobState) {
        *self.state.lock() = state;
        self.changed.notify_all();
    }

    /// Sleeps, but not past a wish to stop.
    fn sleep(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut wanted = self.wanted.lock();
        while !wanted.stop && !self.wished.wait_until(&mut wanted, deadline).timed_out() {}
    }
}

impl JobHandle {
    /// Where the job stands.
    pub fn state(&self) -> JobState {
        self.control.state.lock().clone()
    }

    /// The job's figures.
    pub fn metrics(&self) -> &Arc<JobMetrics> {
        &self.metrics
    }

    /// Grows with each start of the job, over restarts of the process too.
    pub fn generation(&self) -> u64 {
        self.control.generation.load(Relaxed)
    }

    /// Keeps the next checkpoint under a name; returns when it is durable.
    pub fn savepoint(&self, name: &str) -> Result<()> {
        let (told, heard) = mpsc::channel();
        {
            let attempt = self.control.attempt.lock();
            let Some(attempt) = attempt.as_ref() else {
                return Err(EngineError::Plan(format!("job '{}' is not running: no savepoint", self.control.job)));
            };
            let done = Box::new(move |result| drop(told.send(result)));
            attempt.publisher.request_savepoint(name.to_string(), done);
        }
        heard.recv().unwrap_or_else(|_| Err(EngineError::Storage("the job ended before the savepoint".into())))
    }

    /// Stops the job with a checkpoint and waits for it.
    pub fn stop(&self) -> JobState {
        self.control.wanted.lock().stop = true;
        self.nudge();
        self.wait()
    }

    /// Stops at a checkpoint and goes on with another number of workers.
    pub fn rescale(&self, workers: usize) -> Result<()> {
        if !(1..=256).contains(&workers) {
            return Err(EngineError::Plan(format!("{workers} workers: a job has 1 to 256")));
        }
        self.control.wanted.lock().workers = workers;
        self.nudge();
        Ok(())
    }

    fn nudge(&self) {
        self.control.wished.notify_all();
        if let Some(attempt) = self.control.attempt.lock().as_ref() {
            attempt.clock.stop();
        }
    }

    /// Waits until the job has finished, was stopped or given up.
    pub fn wait(&self) -> JobState {
        let mut state = self.control.state.lock();
        while !state.is_final() {
            self.control.changed.wait(&mut state);
        }
        state.clone()
    }

    /// As `wait`, for no longer than this.
    pub fn wait_for(&self, limit: Duration) -> JobState {
        let deadline = Instant::now() + limit;
        let mut state = self.control.state.lock();
        while !state.is_final() && !self.control.changed.wait_until(&mut state, deadline).timed_out() {}
        state.clone()
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Starts the supervisor's thread.
pub(crate) fn supervise(job: Job, options: TimelyOptions, store: CheckpointStore) -> Result<JobHandle> {
    let metrics = JobMetrics::new(job.metrics.clone());
    let control = Arc::new(Control {
        job: job.name.clone(),
        state: Mutex::new(JobState::Running),
        changed: Condvar::new(),
        wanted: Mutex::new(Wanted { stop: false, workers: options.workers }),
        wished: Condvar::new(),
        attempt: Mutex::new(None),
        generation: AtomicU64::new(0),
    });
    let supervisor = Supervisor { job, options, store, metrics: metrics.clone(), control: control.clone() };
    let thread = thread::Builder::new()
        .name(format!("job-{}", control.job))
        .spawn(move || supervisor.run())
        .map_err(|e| EngineError::Plan(format!("no thread for the job: {e}")))?;
    Ok(JobHandle { control, metrics, thread: Some(thread) })
}

struct Supervisor {
    job: Job,
    options: TimelyOptions,
    store: CheckpointStore,
    metrics: Arc<JobMetrics>,
    control: Arc<Control>,
}

impl Supervisor {
    fn run(mut self) {
        let mut failures = 0;
        loop {
            let wanted = *self.control.wanted.lock();
            if wanted.stop {
                return self.control.set(JobState::Stopped);
            }
            let started = Instant::now();
            self.control.set(JobState::Running);
            let ended = self.attempt(wanted.workers);
            *self.control.attempt.lock() = None;
            match ended {
                Ok(true) => return self.control.set(JobState::Finished),
                Ok(false) => failures = 0,
                Err(error) => {
                    if started.elapsed() >= self.options.restart.healthy_after {
                        failures = 0;
                    }
                    failures += 1;
                    let give_up = self.options.restart.give_up_after.is_some_and(|limit| failures > limit);
                    tracing::error!(job = %self.control.job, %error, failures, "the job failed");
                    if error.is_final() || give_up {
                        return self.control.set(JobState::Failed(error.to_string()));
                    }
                    self.metrics.restarts.fetch_add(1, Relaxed);
                    self.control.set(JobState::Restarting { error: error.to_string(), failures });
                    self.control.sleep(self.options.restart.wait(failures));
                }
            }
        }
    }

    /// Runs once; true where all sources have ended.
    fn attempt(&mut self, workers: usize) -> Result<bool> {
        // A job without a past starts at an epoch later than any it may have had, were its checkpoints deleted: sinks
        // tell what they have applied by the epoch. No job takes an epoch a nanosecond.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fresh = Epoch(u64::try_from(since_1970.as_nanos()).unwrap_or(0));
        let restored = self.store.claim(self.options.savepoint.as_deref(), fresh)?;
        self.options.savepoint = None;
        self.control.generation.store(restored.generation, Relaxed);
        let base = restored.base(self.job.name(), workers);
        let operators = base.operators.clone();
        let epoch = restored.epoch.0;
        tracing::info!(job = %self.control.job, generation = restored.generation, epoch, workers, "starting");
        let writer = CheckpointWriter::start(self.store.clone(), restored.generation);
        let publisher = Publisher::start(self.store.clone(), base, &writer, self.metrics.clone());
        let sources = self.job.nodes.iter().filter(|n| matches!(n.kind, NodeKind::Source(_))).count();
        let (length, interval) = (self.options.epoch, self.options.checkpoint_interval);
        let clock = EpochClock::new(epoch, length, interval, sources, workers);
        let shared = Arc::new(Shared::new(clock, self.metrics.clone(), publisher, writer, self.options.budget_bytes));
        *self.control.attempt.lock() = Some(shared.clone());
        let wanted = *self.control.wanted.lock();
        if wanted.stop || wanted.workers != workers {
            shared.clock.stop();
        }
        let attempt = Attempt {
            job: self.job.clone(),
            workers,
            transport: self.options.transport,
            store: self.store.clone(),
            generation: restored.generation,
            operators,
            shared: shared.clone(),
        };
        attempt.run()?;
        Ok(shared.clock.sources_finished())
    }
}
