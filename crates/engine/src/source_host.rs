//! What every runtime does around a source.

use std::{sync::Arc, sync::atomic::Ordering::Relaxed, time::Instant};

use crate::{
    error::{EngineError, Result},
    host::{Outgoing, route, send_mark},
    job::{Edge, Job, NodeId, NodeKind},
    operator::OperatorContext,
    source::{Found, Source, SourceOutput, SourceStatus, Splits, Waker},
    state::{SnapshotReader, SnapshotWriter, snapshot::Snapshot},
    time::{Epoch, EventTime, Mark},
};

/// One source instance, with what surrounds it.
pub(crate) struct SourceHost {
    source: Box<dyn Source>,
    context: OperatorContext,
    outgoing: Vec<Edge>,
    said: Option<Mark>,
    finished: bool,
    found: Found,
}

impl SourceHost {
    pub(crate) fn new(job: &Job, node: NodeId, context: OperatorContext, waker: Waker) -> Result<Self> {
        let definition = job.nodes.get(node.0).ok_or_else(|| EngineError::Plan("no such node".into()))?;
        let NodeKind::Source(make) = &definition.kind else {
            return Err(EngineError::Plan(format!("'{}' is not a source", definition.name)));
        };
        let mut source = make(&context)?;
        source.open(&context, waker)?;
        Ok(SourceHost {
            source,
            context,
            outgoing: job.outputs(node).map(|(_, e)| *e).collect(),
            said: None,
            finished: false,
            found: Found::default(),
        })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.context.operator
    }

    pub(crate) fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        if reader.is_empty() {
            return Ok(());
        }
        self.source.restore(reader)?;
        reader.check()
    }

    /// Polls once; returns what it found and how many bytes went out.
    pub(crate) fn poll(&mut self, budget: usize, out: &mut Outgoing) -> Result<(SourceStatus, usize)> {
        if self.finished {
            return Ok((SourceStatus::Finished, 0));
        }
        let started = Instant::now();
        let metrics = self.context.metrics.clone();
        let mut output = SourceOutput { found: &mut self.found, metrics: &metrics };
        let status = self.source.poll(budget, &mut output)?;
        let mut bytes = 0;
        for (port, batch) in self.found.batches.drain(..) {
            bytes += batch.bytes();
            metrics.rows_in.fetch_add(batch.num_rows() as u64, Relaxed);
            metrics.bytes_in.fetch_add(batch.bytes() as u64, Relaxed);
            metrics.batches_in.fetch_add(1, Relaxed);
            route(&self.outgoing, port, batch, &metrics, out)?;
        }
        let mut mark = self.found.mark.take();
        self.found.splits = Splits::default();
        if status == SourceStatus::Finished {
            self.finished = true;
            mark = Some(Mark::Time(EventTime::MAX));
        }
        if let Some(mark) = mark.filter(|m| self.said != Some(*m)) {
            self.said = Some(mark);
            metrics.idle.store(mark == Mark::Idle, Relaxed);
            if let Mark::Time(time) = mark {
                metrics.watermark.store(time.0, Relaxed);
            }
            send_mark(&self.outgoing, self.context.worker, self.context.workers, mark, out);
        }
        metrics.busy_ns.fetch_add(started.elapsed().as_nanos() as u64, Relaxed);
        Ok((status, bytes))
    }

    pub(crate) fn snapshot(&mut self, mut writer: SnapshotWriter) -> Result<Option<Snapshot>> {
        self.source.snapshot(&mut writer)?;
        writer.finish()
    }

    pub(crate) fn commit(&mut self, epoch: Epoch) -> Result<()> {
        self.source.on_commit(epoch)
    }
}
