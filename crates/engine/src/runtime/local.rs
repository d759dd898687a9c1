//! `LocalRuntime`: one thread, deterministic, stepped by hand.
//!
//! It plays any number of workers, so that exchanges, key groups and rescaling can be tested, and it lets a test decide
//! when a checkpoint is taken and when the job "crashes" (by dropping it). Frames are processed in the order in which
//! they were sent, so an epoch closes as soon as the queue is empty.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
};

use crate::{
    checkpoint::{CheckpointStore, CheckpointWriter, Publisher},
    error::{EngineError, Result},
    frame::{Frame, split_by_key},
    host::{Host, Outgoing, context},
    job::{Job, NodeId, NodeKind, Routing},
    metrics::JobMetrics,
    source::{SourceStatus, Waker},
    source_host::SourceHost,
    time::{Epoch, EventTime},
};

/// A job on one thread.
pub struct LocalRuntime {
    job: Job,
    workers: usize,
    sources: Vec<(NodeId, usize, SourceHost)>,
    /// By node, by worker; empty for sources.
    hosts: Vec<Vec<Host>>,
    queue: VecDeque<Delivery>,
    checkpoints: Option<(CheckpointWriter, Publisher)>,
    metrics: Arc<JobMetrics>,
    epoch: Epoch,
    now: EventTime,
    budget: usize,
}

struct Delivery {
    node: NodeId,
    worker: usize,
    input: usize,
    frame: Frame,
}

impl LocalRuntime {
    /// Starts a job without checkpoints.
    pub fn start(job: Job, workers: usize) -> Result<Self> {
        Self::build(job, workers, None, None)
    }

    /// Starts a job from its last checkpoint, or from a savepoint by name.
    pub fn restore(job: Job, workers: usize, store: &CheckpointStore, savepoint: Option<&str>) -> Result<Self> {
        Self::build(job, workers, Some(store), savepoint)
    }

    fn build(job: Job, workers: usize, store: Option<&CheckpointStore>, savepoint: Option<&str>) -> Result<Self> {
        job.check()?;
        let metrics = JobMetrics::new(job.metrics.clone());
        let restored = store.map(|s| s.claim(savepoint, Epoch(0))).transpose()?;
        let generation = restored.as_ref().map_or(1, |r| r.generation);
        let mut sources = Vec::new();
        let mut hosts: Vec<Vec<Host>> = Vec::new();
        let base = restored.as_ref().map(|r| r.base(job.name(), workers)).unwrap_or_else(|| {
            let nothing = crate::checkpoint::Restored { generation, epoch: Epoch(0), manifest: None };
            nothing.base(job.name(), workers)
        });
        for (id, node) in job.nodes.iter().enumerate() {
            let id = NodeId(id);
            let mut instances = Vec::new();
            for worker in 0..workers {
                let state = match store {
                    Some(store) => store.read(&base.operators, &node.name, worker, workers),
                    None => Default::default(),
                };
                let context = context(&job, id, worker, workers, generation, &metrics);
                match node.kind {
                    NodeKind::Source(_) => {
                        let waker: Waker = Arc::new(|| ());
                        let mut source = SourceHost::new(&job, id, context, waker)?;
                        source.restore(&state)?;
                        sources.push((id, worker, source));
                    }
                    NodeKind::Operator(_) => {
                        let mut host = Host::new(&job, id, context)?;
                        host.restore(&state)?;
                        instances.push(host);
                    }
                }
            }
            hosts.push(instances);
        }
        let epoch = Epoch(base.epoch);
        let checkpoints = store.map(|store| {
            let writer = CheckpointWriter::start(store.clone(), generation);
            let publisher = Publisher::start(store.clone(), base, &writer, metrics.clone());
            (writer, publisher)
        });
        Ok(LocalRuntime {
            job,
            workers,
            sources,
            hosts,
            queue: VecDeque::new(),
            checkpoints,
            metrics,
            epoch,
            now: EventTime(0),
            budget: 64 * 1024,
        })
    }

    /// How many bytes each source may emit in one step.
    pub fn with_budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// The job's figures.
    pub fn metrics(&self) -> &JobMetrics {
        &self.metrics
    }

    /// Polls every source once and processes all that follows from it; true while a source may have more.
    pub fn step(&mut self) -> Result<bool> {
        let mut more = false;
        for i in 0..self.sources.len() {
            let mut out = Outgoing::new();
            let Some((node, worker, source)) = self.sources.get_mut(i) else { break };
            let (status, _) = source.poll(self.budget, &mut out)?;
            more |= status == SourceStatus::More;
            let (node, worker) = (*node, *worker);
            self.send(node, worker, out)?;
            self.drain()?;
        }
        Ok(more)
    }

    /// Steps until no source has more.
    pub fn run(&mut self) -> Result<()> {
        while self.step()? {}
        Ok(())
    }

    /// Sets the wall clock that operators see, and fires processing-time timers.
    pub fn set_time(&mut self, now: EventTime) -> Result<()> {
        self.now = now;
        for node in 0..self.hosts.len() {
            for worker in 0..self.workers {
                let mut out = Outgoing::new();
                let Some(host) = self.hosts.get_mut(node).and_then(|h| h.get_mut(worker)) else { continue };
                host.tick(now, &mut out)?;
                self.send(NodeId(node), worker, out)?;
            }
        }
        self.drain()
    }

    /// Takes a checkpoint; durable and committed when it returns.
    pub fn checkpoint(&mut self) -> Result<Epoch> {
        self.cut(None, true)
    }

    /// Takes a checkpoint that becomes durable, but "crashes" before any sink hears of it.
    pub fn checkpoint_without_commit(&mut self) -> Result<Epoch> {
        self.cut(None, false)
    }

    /// Takes a savepoint.
    pub fn savepoint(&mut self, name: &str) -> Result<Epoch> {
        self.cut(Some(name), true)
    }

    fn cut(&mut self, savepoint: Option<&str>, commit: bool) -> Result<Epoch> {
        let Some((writer, publisher)) = self.checkpoints.clone() else {
            return Err(EngineError::Plan("this job was started without checkpoint storage".into()));
        };
        self.epoch.0 += 1;
        let epoch = self.epoch;
        let mut snapshots = Vec::new();
        for (_, _, source) in &mut self.sources {
            snapshots.push((source.name().clone(), source.snapshot(writer.snapshot())?));
        }
        for host in self.hosts.iter_mut().flatten() {
            snapshots.push((host.name().clone(), host.snapshot(epoch, writer.snapshot())?));
        }
        let mut added = Vec::new();
        for (name, snapshot) in snapshots {
            let Some(snapshot) = snapshot else { continue };
            added.push((name, wait(|done| writer.finish(snapshot, done))?));
        }
        let saved = savepoint.map(|name| {
            let (told, heard) = mpsc::channel();
            let done = Box::new(move |result| drop(told.send(result)));
            publisher.request_savepoint(name.to_string(), done);
            heard
        });
        wait(|done| publisher.publish(epoch, EventTime::now(), added, done))?;
        if let Some(heard) = saved {
            heard.recv().unwrap_or_else(|e| Err(EngineError::Storage(e.to_string())))?;
        }
        if commit {
            for host in self.hosts.iter_mut().flatten() {
                host.commit(epoch)?;
            }
            for (_, _, source) in &mut self.sources {
                source.commit(epoch)?;
            }
        }
        Ok(epoch)
    }

    fn send(&mut self, node: NodeId, worker: usize, out: Outgoing) -> Result<()> {
        let edges: Vec<_> = self.job.outputs(node).map(|(_, e)| *e).collect();
        for (i, frame) in out {
            let Some(edge) = edges.get(i) else { continue };
            let input = self.job.inputs(edge.to).position(|(_, e)| same_edge(e, edge)).unwrap_or(0);
            let mut deliver = |worker, frame| self.queue.push_back(Delivery { node: edge.to, worker, input, frame });
            match (edge.routing, frame) {
                (Routing::Forward, frame) => deliver(worker, frame),
                (Routing::Broadcast, frame) => (0..self.workers).for_each(|w| deliver(w, frame.clone())),
                (_, frame @ Frame::Watermark { .. }) => (0..self.workers).for_each(|w| deliver(w, frame.clone())),
                (Routing::Key(_), Frame::Rows(batch)) => {
                    for (w, rows) in split_by_key(&batch, self.workers)?.into_iter().enumerate() {
                        rows.into_iter().for_each(|rows| deliver(w, Frame::Rows(rows)));
                    }
                }
                (Routing::Single, frame) => deliver(0, frame),
                (Routing::Key(_), Frame::Empty) => {}
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        while let Some(Delivery { node, worker, input, frame }) = self.queue.pop_front() {
            let mut out = Outgoing::new();
            let Some(host) = self.hosts.get_mut(node.0).and_then(|h| h.get_mut(worker)) else { continue };
            host.frame(input, frame, self.now, &mut out)?;
            self.send(node, worker, out)?;
        }
        Ok(())
    }
}

/// Edges are told apart by their ends; two edges with the same ends carry the same rows to the same place.
fn same_edge(a: &crate::job::Edge, b: &crate::job::Edge) -> bool {
    (a.from, a.from_port, a.to, a.to_port, a.routing) == (b.from, b.from_port, b.to, b.to_port, b.routing)
}

fn wait<T: Send + 'static>(start: impl FnOnce(Box<dyn FnOnce(Result<T>) + Send>)) -> Result<T> {
    let (told, heard) = mpsc::channel();
    start(Box::new(move |result| drop(told.send(result))));
    heard.recv().unwrap_or_else(|e| Err(EngineError::Storage(e.to_string())))
}

impl std::fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalRuntime({}, {} workers, epoch {})", self.job.name(), self.workers, self.epoch)
    }
}
