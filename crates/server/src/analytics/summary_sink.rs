//! Takes the pipeline's deltas into the summaries, exactly once: they become part of the checkpoint, and are applied when
//! it is durable. The store remembers the newest epoch of each subtask, so that applying again changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use tidemill_engine::operator::OperatorContext;
use tidemill_engine::sink::{Delivery, Sink};
use tidemill_engine::{Batch, EngineError, Epoch, EventTime, Result, SnapshotWriter};
use tidemill_web_analytics::summary::buffer::DeltaBuffer;
use tidemill_web_analytics::summary::codec;
use tidemill_web_analytics::summary::store::SummaryStore;

const NAME: &str = "summaries";

/// The ingestion time up to which all workers' results are visible.
#[derive(Debug)]
pub(crate) struct Visible {
    by_worker: Mutex<BTreeMap<usize, i64>>,
    until_us: Arc<AtomicI64>,
}

impl Visible {
    pub(crate) fn new(until_us: Arc<AtomicI64>) -> Self {
        Visible { by_worker: Mutex::default(), until_us }
    }

    fn open(&self, worker: usize, workers: usize) {
        let mut by_worker = self.by_worker.lock();
        by_worker.retain(|known, _| *known < workers);
        by_worker.insert(worker, self.until_us.load(Ordering::Acquire));
    }

    fn advance(&self, worker: usize, time_us: i64) {
        let mut by_worker = self.by_worker.lock();
        by_worker.insert(worker, time_us);
        if let Some(least) = by_worker.values().min() {
            self.until_us.store(*least, Ordering::Release);
        }
    }
}

/// Encoded deltas beyond this are summed up, so that what waits for a checkpoint grows with the cells that changed and not
/// with the changes.
const TIDY_BYTES: usize = 32 << 20;

/// The sink, one instance a worker.
pub(crate) struct SummarySink {
    store: Arc<SummaryStore>,
    visible: Arc<Visible>,
    worker: usize,
    /// Encoded deltas since the last checkpoint.
    deltas: Vec<u8>,
    /// Sums up when they have grown to this.
    tidy_at: usize,
    watermark_us: i64,
    /// Watermarks of checkpoints that are cut and not yet durable.
    cut: VecDeque<(Epoch, i64)>,
}

impl SummarySink {
    pub(crate) fn new(store: Arc<SummaryStore>, visible: Arc<Visible>) -> Self {
        let (deltas, cut) = (Vec::new(), VecDeque::new());
        SummarySink { store, visible, worker: 0, deltas, tidy_at: TIDY_BYTES, watermark_us: 0, cut }
    }

    /// Makes one delta a cell of them.
    fn tidy(&mut self) -> Result<()> {
        let mut sums = DeltaBuffer::default();
        codec::for_each(&self.deltas, |key, measures| sums.cell(&key).add(measures)).map_err(failed)?;
        self.deltas = sums.encode().unwrap_or_default();
        self.tidy_at = TIDY_BYTES.max(2 * self.deltas.len());
        Ok(())
    }
}

fn failed(error: tidemill_web_analytics::Error) -> EngineError {
    EngineError::operator(NAME, error)
}

impl Sink for SummarySink {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.worker = context.worker;
        self.visible.open(context.worker, context.workers);
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        for chunk in batch.binary(0)?.iter().flatten() {
            self.deltas.extend_from_slice(chunk);
        }
        if self.deltas.len() > self.tidy_at { self.tidy() } else { Ok(()) }
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        self.watermark_us = time.0;
        Ok(())
    }

    fn prepare(&mut self, epoch: Epoch, _: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.cut.push_back((epoch, self.watermark_us));
        self.tidy_at = TIDY_BYTES;
        let deltas = std::mem::take(&mut self.deltas);
        Ok((!deltas.is_empty()).then_some(deltas))
    }

    fn commit(&mut self, epoch: Epoch, id: &str, committable: &[u8]) -> Result<()> {
        self.store.commit(epoch.0, id, &[committable]).map_err(failed)?;
        Ok(())
    }

    fn committed(&mut self, epoch: Epoch) -> Result<()> {
        while let Some((cut, watermark_us)) = self.cut.front().copied()
            && cut <= epoch
        {
            self.cut.pop_front();
            self.visible.advance(self.worker, watermark_us);
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }
}
