//! `TimelyRuntime`: worker threads over timely dataflow. No other folder names timely.
//!
//! ```text
//!              one timely operator a node and worker, holding a Host
//!  source ══frames══► operator ══frames══► sink          ══ rows and watermarks, stamped with their epoch
//!    │                   │                  │
//!    └───── acks ────────┴──────────────────┘
//!              ▼
//!         coordinator (worker 0) ── publishes the manifest of a closed epoch ── commits ──► committer (each worker)
//! ```
//!
//! timely's timestamp is the epoch; its frontiers tell when an epoch has closed. Event time travels in band
//! ([`crate::time::Mark`]). timely offers no flow control and no failure handling; [`clock::EpochClock`] and the byte budget of
//! [`source`] are the first, [`Shared::fail`] and the supervisor the second. Several processes join at
//! [`TimelyOptions::transport`] (one more kind of transport) and at the epoch clock, which worker 0 drives.

mod clock;
mod coordinator;
mod frame;
mod operator;
mod source;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use timely::{
    WorkerConfig,
    communication::{Config as Communication, WorkerGuards},
    dataflow::{ProbeHandle, operators::Probe},
    execute::Config,
    worker::Worker,
};

pub(crate) use self::clock::EpochClock;
use crate::{
    checkpoint::{CheckpointStore, CheckpointWriter, Publisher, Segments, manifest::Tables},
    error::{EngineError, Result},
    host::{Host, context},
    job::{Job, NodeId, NodeKind, Routing},
    metrics::JobMetrics,
    runtime::supervisor::{JobHandle, RestartPolicy, supervise},
    source_host::SourceHost,
};

/// How a job runs.
#[derive(Clone, Debug)]
pub struct TimelyOptions {
    /// Worker threads, 1 to 256.
    pub workers: usize,
    /// How often an epoch ends. Short epochs give budget back sooner.
    pub epoch: Duration,
    /// From checkpoint to checkpoint, at least: costly ones are further apart. Some milliseconds or more.
    pub checkpoint_interval: Duration,
    /// Bytes that each source may have in flight.
    pub budget_bytes: usize,
    /// What is done after a failure.
    pub restart: RestartPolicy,
    /// How frames cross from worker to worker.
    pub transport: Transport,
    /// A savepoint to start from instead of the newest checkpoint; only the first start uses it.
    pub savepoint: Option<String>,
}

impl Default for TimelyOptions {
    fn default() -> Self {
        TimelyOptions {
            workers: 1,
            epoch: Duration::from_millis(25),
            checkpoint_interval: Duration::from_millis(200),
            budget_bytes: 32 << 20,
            restart: RestartPolicy::default(),
            transport: Transport::Threads,
            savepoint: None,
        }
    }
}

/// How frames cross from worker to worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// By pointer, between threads.
    #[default]
    Threads,
    /// As bytes, between threads: what several processes use, for tests of the wire format.
    Bytes,
}

/// Runs jobs on worker threads.
#[derive(Debug)]
pub struct TimelyRuntime;

impl TimelyRuntime {
    /// Starts a job under a supervisor, from its newest checkpoint.
    pub fn start(job: Job, options: TimelyOptions, store: CheckpointStore) -> Result<JobHandle> {
        job.check()?;
        if !(1..=256).contains(&options.workers) {
            return Err(EngineError::Plan(format!("{} workers: a job has 1 to 256", options.workers)));
        }
        supervise(job, options, store)
    }
}

/// An operator's word that its part of a checkpoint is durable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ack {
    operator: String,
    segments: Segments,
}

/// What all workers of one attempt share.
pub(crate) struct Shared {
    pub(crate) clock: EpochClock,
    pub(crate) metrics: Arc<JobMetrics>,
    pub(crate) publisher: Publisher,
    writer: CheckpointWriter,
    budget_bytes: usize,
    abort: AtomicBool,
    failure: Mutex<Option<EngineError>>,
}

impl Shared {
    /// Ends the attempt: the first error is the one that counts.
    pub(crate) fn fail(&self, error: EngineError) {
        self.failure.lock().get_or_insert(error);
        self.abort.store(true, Relaxed);
    }

    fn failed(&self) -> bool {
        self.abort.load(Relaxed)
    }

    /// Runs `work` unless the attempt has failed; an error fails it.
    fn attempt(&self, work: impl FnOnce() -> Result<()>) {
        if !self.failed()
            && let Err(error) = work()
        {
            self.fail(error);
        }
    }
}

/// One attempt: from a claimed generation to the end, a stop, or a failure.
pub(crate) struct Attempt {
    pub(crate) job: Job,
    pub(crate) workers: usize,
    pub(crate) transport: Transport,
    pub(crate) store: CheckpointStore,
    pub(crate) generation: u64,
    pub(crate) operators: BTreeMap<String, Tables>,
    pub(crate) shared: Arc<Shared>,
}

impl Shared {
    pub(crate) fn new(
        clock: EpochClock,
        metrics: Arc<JobMetrics>,
        publisher: Publisher,
        writer: CheckpointWriter,
        budget_bytes: usize,
    ) -> Self {
        Shared {
            clock,
            metrics,
            publisher,
            writer,
            budget_bytes,
            abort: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }
}

impl Attempt {
    /// Runs until the dataflow has ended on every worker.
    pub(crate) fn run(self) -> Result<()> {
        let communication = match (self.workers, self.transport) {
            (1, _) => Communication::Thread,
            (n, Transport::Threads) => Communication::Process(n),
            (n, Transport::Bytes) => Communication::ProcessBinary(n),
        };
        let shared = self.shared.clone();
        let attempt = Arc::new(self);
        let config = Config { communication, worker: WorkerConfig::default() };
        let guards = timely::execute(config, move |worker| {
            let index = worker.index();
            let attempt = attempt.clone();
            // A panic must not leave the other workers waiting for this one's progress for ever.
            let caught = catch_unwind(AssertUnwindSafe(|| attempt.work(worker)));
            if let Err(payload) = caught {
                let message = payload
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_string()))
                    .unwrap_or_else(|| "no message".into());
                attempt.shared.fail(EngineError::Panic { worker: index, message });
            }
            // Left alone, timely would step what is left of the dataflow to an end that never comes.
            for dataflow in worker.installed_dataflows() {
                let dropped = catch_unwind(AssertUnwindSafe(|| worker.drop_dataflow(dataflow)));
                if dropped.is_err() {
                    tracing::warn!(worker = index, "a dataflow panicked while it was dropped");
                }
            }
        })
        .map_err(EngineError::Plan)?;
        join(guards, &shared);
        match shared.failure.lock().take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn work(&self, worker: &mut Worker) {
        let index = worker.index();
        let activators = match self.build(worker) {
            Ok(activators) => activators,
            Err(error) => return self.shared.fail(error),
        };
        let clock = &self.shared.clock;
        let mut seen = clock.current();
        while worker.has_dataflows() && !self.shared.failed() {
            if index == 0 {
                clock.tick();
            }
            if clock.current() != seen {
                seen = clock.current();
                activators.iter().for_each(|a| a.activate());
            }
            worker.step_or_park(Some(clock.pause()));
        }
    }

    /// Builds the dataflow of one worker: the same operators in the same order on each.
    fn build(&self, worker: &mut Worker) -> Result<Vec<timely::scheduling::Activator>> {
        let (index, workers) = (worker.index(), worker.peers());
        let probe = ProbeHandle::new();
        let committed: Rc<RefCell<Vec<Committed>>> = Rc::default();
        let mut activators = Vec::new();
        worker.dataflow::<u64, _, _>(|scope| {
            let mut edges: BTreeMap<usize, _> = BTreeMap::new();
            let mut acks = Vec::new();
            for (id, node) in self.job.nodes.iter().enumerate() {
                let id = NodeId(id);
                let state = self.store.read(&self.operators, &node.name, index, workers);
                let context = context(&self.job, id, index, workers, self.generation, &self.shared.metrics);
                let (outgoing, routings): (Vec<usize>, Vec<Routing>) =
                    self.job.outputs(id).map(|(e, edge)| (e, edge.routing)).unzip();
                let built = match node.kind {
                    NodeKind::Source(_) => {
                        let make = |waker| {
                            let mut source = SourceHost::new(&self.job, id, context, waker)?;
                            source.restore(&state)?;
                            Ok(Rc::new(RefCell::new(source)))
                        };
                        let (built, source, activator) =
                            source::build(scope, make, &routings, &self.shared, probe.clone())?;
                        committed.borrow_mut().push(Committed::Source(source));
                        activators.push(activator);
                        built
                    }
                    NodeKind::Operator(_) => {
                        let mut host = Host::new(&self.job, id, context)?;
                        host.restore(&state)?;
                        let host = Rc::new(RefCell::new(host));
                        committed.borrow_mut().push(Committed::Operator(host.clone()));
                        let inputs = self
                            .job
                            .inputs(id)
                            .map(|(e, edge)| edges.remove(&e).map(|stream| (stream, edge.routing)))
                            .collect::<Option<Vec<_>>>()
                            .ok_or_else(|| EngineError::Plan(format!("an input of '{}' is missing", node.name)))?;
                        operator::build(scope, host, inputs, &routings, &self.shared)
                    }
                };
                if outgoing.is_empty() {
                    built.progress.probe_with(&probe);
                }
                edges.extend(outgoing.into_iter().zip(built.outputs));
                acks.push(built.acks);
            }
            coordinator::build(scope, acks, committed, &self.shared);
            Ok::<(), EngineError>(())
        })?;
        Ok(activators)
    }
}

/// What hears of a durable checkpoint on one worker.
pub(crate) enum Committed {
    Source(Rc<RefCell<SourceHost>>),
    Operator(Rc<RefCell<Host>>),
}

/// Waits for all workers. The guards must not be dropped without being joined: their drop panics on a panicked thread.
fn join(guards: WorkerGuards<()>, shared: &Shared) {
    for (worker, result) in guards.join().into_iter().enumerate() {
        if let Err(message) = result {
            shared.fail(EngineError::Panic { worker, message });
        }
    }
}
