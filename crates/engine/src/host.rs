//! What every runtime does around an operator: merge watermarks, fire timers, count, take snapshots.
//!
//! A host is driven by one thread with frames in the order of their arrival, and answers with frames for its outgoing
//! edges. Which frames belong to which checkpoint is the runtime's business.

use std::{sync::Arc, sync::atomic::Ordering::Relaxed, time::Instant};

use crate::{
    batch::Batch,
    error::{EngineError, Result},
    frame::Frame,
    job::{Edge, Job, NodeId, NodeKind},
    key::owned_groups,
    metrics::{JobMetrics, OperatorMetrics},
    operator::{Emitted, Operator, OperatorContext, Output},
    state::{SnapshotReader, SnapshotWriter, snapshot::Snapshot},
    time::{Epoch, EventTime, Mark},
    timers::{TimeDomain, Timers},
};

/// One operator instance, with what surrounds it.
pub(crate) struct Host {
    operator: Box<dyn Operator>,
    context: OperatorContext,
    /// Incoming edges in the job's order: each knows its port and what its senders said.
    inputs: Vec<Input>,
    outgoing: Vec<Edge>,
    timers: Timers,
    watermark: EventTime,
    said_idle: bool,
    emitted: Vec<Emitted>,
}

struct Input {
    port: usize,
    senders: Vec<Mark>,
    /// The latest time that a sender said that has not ended.
    latest: EventTime,
}

/// A frame for the outgoing edge at this position in the host's list.
pub(crate) type Outgoing = Vec<(usize, Frame)>;

/// The state table in which hosts keep their merged watermark, so that what was late stays late after a restart.
const WATERMARK: &str = "__watermark";

impl Host {
    pub(crate) fn new(job: &Job, node: NodeId, context: OperatorContext) -> Result<Self> {
        let definition = job.nodes.get(node.0).ok_or_else(|| EngineError::Plan("no such node".into()))?;
        let NodeKind::Operator(make) = &definition.kind else {
            return Err(EngineError::Plan(format!("'{}' is a source", definition.name)));
        };
        let mut operator = make(&context)?;
        operator.open(&context)?;
        let inputs = job
            .inputs(node)
            .map(|(_, edge)| Input {
                port: edge.to_port,
                senders: vec![Mark::Time(EventTime::MIN); Frame::senders(context.workers, edge.routing)],
                latest: EventTime::MIN,
            })
            .collect();
        Ok(Host {
            operator,
            context,
            inputs,
            outgoing: job.outputs(node).map(|(_, e)| *e).collect(),
            timers: Timers::default(),
            watermark: EventTime::MIN,
            said_idle: false,
            emitted: Vec::new(),
        })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.context.operator
    }

    pub(crate) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        if reader.is_empty() {
            return Ok(());
        }
        self.timers.restore(reader)?;
        let stored = reader.table(WATERMARK).filter_map(|(_, v)| Some(i64::from_le_bytes(v.try_into().ok()?)));
        self.watermark = stored.min().map_or(EventTime::MIN, EventTime);
        self.operator.restore(reader).map_err(|e| self.blame(e))?;
        reader.check()
    }

    fn blame(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Arrow(e) => EngineError::operator(&*self.context.operator, e),
            other => other,
        }
    }

    /// Calls the operator and counts the time it takes.
    fn call(
        &mut self,
        now: EventTime,
        work: impl FnOnce(&mut dyn Operator, &mut Output<'_>) -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        let result = self.run(now, work);
        let busy = started.elapsed().as_nanos() as u64;
        self.context.metrics.busy_ns.fetch_add(busy, Relaxed);
        result
    }

    /// Calls the operator.
    fn run(
        &mut self,
        now: EventTime,
        work: impl FnOnce(&mut dyn Operator, &mut Output<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut output = Output {
            emitted: &mut self.emitted,
            timers: &mut self.timers,
            watermark: self.watermark,
            now,
            metrics: &self.context.metrics,
        };
        work(self.operator.as_mut(), &mut output).map_err(|e| self.blame(e))
    }

    /// True where this frame would move the merged watermark: rows before and after it must not be joined.
    pub(crate) fn moves_time(&self, input: usize, frame: &Frame) -> bool {
        let Frame::Watermark { sender, mark, .. } = frame else { return false };
        let merged = merge(self.inputs.iter().enumerate().flat_map(|(i, known)| {
            let senders = known.senders.iter().enumerate();
            senders.map(move |(s, m)| if i == input && s == *sender as usize { *mark } else { *m })
        }));
        merged != Mark::Time(self.watermark) || self.said_idle
    }

    /// Takes one frame that came in on an incoming edge.
    pub(crate) fn frame(&mut self, input: usize, frame: Frame, now: EventTime, out: &mut Outgoing) -> Result<()> {
        match frame {
            Frame::Empty => Ok(()),
            Frame::Rows(batch) => self.rows(input, &[batch], now, out),
            Frame::Watermark { sender, mark, .. } => {
                let Some(input) = self.inputs.get_mut(input) else { return Ok(()) };
                if let Mark::Time(time) = mark
                    && time < EventTime::MAX
                {
                    input.latest = input.latest.max(time);
                }
                if let Some(known) = input.senders.get_mut(sender as usize) {
                    // A sender's time never goes back, also not through idleness.
                    *known = match (*known, mark) {
                        (Mark::Time(old), Mark::Time(new)) => Mark::Time(old.max(new)),
                        (_, mark) => mark,
                    };
                }
                self.advance(now, out)
            }
        }
    }

    /// Takes rows that came in on an incoming edge, one batch behind the other.
    pub(crate) fn rows(&mut self, input: usize, batches: &[Batch], now: EventTime, out: &mut Outgoing) -> Result<()> {
        let metrics = &self.context.metrics;
        metrics.rows_in.fetch_add(batches.iter().map(|batch| batch.num_rows() as u64).sum(), Relaxed);
        metrics.bytes_in.fetch_add(batches.iter().map(|batch| batch.bytes() as u64).sum(), Relaxed);
        metrics.batches_in.fetch_add(1, Relaxed);
        let port = self.inputs.get(input).map_or(0, |i| i.port);
        self.call(now, |operator, output| operator.on_batches(port, batches, output))?;
        self.flush(out)
    }

    fn advance(&mut self, now: EventTime, out: &mut Outgoing) -> Result<()> {
        match merge(self.inputs.iter().flat_map(|i| i.senders.iter().copied())) {
            Mark::Idle if !self.said_idle => {
                // Nobody holds the others back any more, so what all have said counts. Two inputs that meet still wait for each other.
                if self.inputs.iter().all(|input| input.port == 0)
                    && let Some(latest) = self.inputs.iter().map(|input| input.latest).max()
                {
                    self.reach(latest, now, out)?;
                    if self.operator.forwards_watermarks() && self.watermark > EventTime::MIN {
                        self.send_mark(Mark::Time(self.watermark), out);
                    }
                }
                self.said_idle = true;
                if self.operator.forwards_watermarks() {
                    self.send_mark(Mark::Idle, out);
                    return Ok(());
                }
                self.call(now, |operator, output| operator.on_idle(output))?;
                self.flush(out)
            }
            Mark::Time(time) if time > self.watermark || self.said_idle => {
                self.said_idle = false;
                let time = time.max(self.watermark);
                self.reach(time, now, out)?;
                if self.operator.forwards_watermarks() {
                    self.send_mark(Mark::Time(time), out);
                }
                Ok(())
            }
            Mark::Idle | Mark::Time(_) => Ok(()),
        }
    }

    /// Moves event time on.
    fn reach(&mut self, time: EventTime, now: EventTime, out: &mut Outgoing) -> Result<()> {
        if time <= self.watermark {
            return Ok(());
        }
        self.fire(TimeDomain::Event, time, now, out)?;
        self.watermark = time;
        self.context.metrics.watermark.store(time.0, Relaxed);
        self.call(now, |operator, output| operator.on_watermark(time, output))?;
        self.flush(out)
    }

    /// Fires all timers of a clock that are due, in order.
    fn fire(&mut self, domain: TimeDomain, due: EventTime, now: EventTime, out: &mut Outgoing) -> Result<()> {
        if self.timers.first(domain).is_none_or(|first| first > due) {
            return self.flush(out);
        }
        // There may be many: the time is taken for all of them at once.
        let started = Instant::now();
        while let Some(timer) = self.timers.pop_due(domain, due) {
            if domain == TimeDomain::Event {
                self.watermark = self.watermark.max(timer.time);
            }
            self.run(now, |operator, output| operator.on_timer(&timer, output))?;
        }
        self.context.metrics.busy_ns.fetch_add(started.elapsed().as_nanos() as u64, Relaxed);
        self.flush(out)
    }

    /// Fires processing-time timers.
    pub(crate) fn tick(&mut self, now: EventTime, out: &mut Outgoing) -> Result<()> {
        self.fire(TimeDomain::Processing, now, now, out)
    }

    /// When `tick` has something to do next.
    pub(crate) fn next_tick(&self) -> Option<EventTime> {
        self.timers.first(TimeDomain::Processing)
    }

    /// Routes what the operator emitted to the outgoing edges.
    fn flush(&mut self, out: &mut Outgoing) -> Result<()> {
        for emitted in std::mem::take(&mut self.emitted) {
            match emitted {
                Emitted::Watermark(mark) => self.send_mark(mark, out),
                Emitted::Rows(port, batch) => {
                    route(&self.outgoing, port, batch, &self.context.metrics, out).map_err(|e| self.blame(e))?;
                }
            }
        }
        Ok(())
    }

    fn send_mark(&self, mark: Mark, out: &mut Outgoing) {
        send_mark(&self.outgoing, self.context.worker, self.context.workers, mark, out);
    }

    /// Writes what changed since the last snapshot; none where nothing did.
    pub(crate) fn snapshot(&mut self, epoch: Epoch, mut writer: SnapshotWriter) -> Result<Option<Snapshot>> {
        let started = Instant::now();
        self.timers.snapshot(&mut writer)?;
        self.operator.snapshot(epoch, &mut writer).map_err(|e| self.blame(e))?;
        if !writer.is_empty() {
            // The watermark alone is no reason to write.
            let key = (self.context.worker as u32).to_be_bytes();
            writer.union(WATERMARK, &key, Some(&self.watermark.0.to_le_bytes()));
        }
        let snapshot = writer.finish()?;
        let metrics = &self.context.metrics;
        metrics.state_keys.store(self.operator.state_keys() as u64, Relaxed);
        metrics.checkpoint_bytes.fetch_add(snapshot.as_ref().map_or(0, |s| s.bytes), Relaxed);
        metrics.busy_ns.fetch_add(started.elapsed().as_nanos() as u64, Relaxed);
        Ok(snapshot)
    }

    pub(crate) fn commit(&mut self, epoch: Epoch) -> Result<()> {
        self.operator.on_commit(epoch).map_err(|e| self.blame(e))
    }
}

/// The context of a node's instance.
pub(crate) fn context(
    job: &Job,
    node: NodeId,
    worker: usize,
    workers: usize,
    generation: u64,
    metrics: &JobMetrics,
) -> OperatorContext {
    let operator = job.nodes.get(node.0).map_or_else(|| "?".into(), |n| n.name.clone());
    OperatorContext {
        job: job.name.clone(),
        metrics: metrics.operator(&operator, worker),
        operator,
        worker,
        workers,
        key_groups: owned_groups(worker, workers),
        generation,
    }
}

/// Puts rows of an output port on every edge that leaves it.
pub(crate) fn route(
    edges: &[Edge],
    port: usize,
    batch: Batch,
    metrics: &OperatorMetrics,
    out: &mut Outgoing,
) -> Result<()> {
    metrics.rows_out.fetch_add(batch.num_rows() as u64, Relaxed);
    metrics.bytes_out.fetch_add(batch.bytes() as u64, Relaxed);
    for (i, edge) in edges.iter().enumerate().filter(|(_, e)| e.from_port == port) {
        out.push((i, Frame::rows(batch.clone(), edge.routing)?));
    }
    Ok(())
}

/// Puts a watermark on every outgoing edge.
pub(crate) fn send_mark(edges: &[Edge], worker: usize, workers: usize, mark: Mark, out: &mut Outgoing) {
    for (i, edge) in edges.iter().enumerate() {
        out.push((i, Frame::watermark(worker, workers, edge.routing, mark)));
    }
}

/// The least time of the senders that are not idle. Where all these have ended, the idle ones still may not have: their rows are not late.
fn merge(marks: impl Iterator<Item = Mark>) -> Mark {
    let (mut least, mut is_idle) = (None::<EventTime>, false);
    for mark in marks {
        match mark {
            Mark::Time(time) => least = Some(least.map_or(time, |least| least.min(time))),
            Mark::Idle => is_idle = true,
        }
    }
    least.filter(|least| !(is_idle && *least == EventTime::MAX)).map_or(Mark::Idle, Mark::Time)
}
