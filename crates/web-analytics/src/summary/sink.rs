//! Deltas from the pipeline into the store, exactly once: a transactional sink.
//!
//! Rows have one `Binary` column with delta batches of [`super::codec`]. They are held back until their checkpoint is
//! cut, become part of it, and are applied when it is durable; the store skips an epoch that it has applied already.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tidemill_engine::{Batch, Delivery, EngineError, Epoch, EventTime, OperatorContext, Result, Sink, SnapshotWriter};

use super::store::SummaryStore;

/// Up to which ingestion time everything is in the store, over all workers.
#[derive(Clone, Debug)]
pub struct Visibility {
    visible_us: Arc<AtomicI64>,
    workers: Arc<parking_lot::Mutex<Vec<i64>>>,
}

impl Visibility {
    /// Tells `visible_us`, in microseconds since 1970.
    pub fn new(visible_us: Arc<AtomicI64>) -> Self {
        Visibility { visible_us, workers: Arc::default() }
    }

    /// A worker that starts has shown nothing yet.
    fn start(&self, worker: usize, workers: usize) {
        let mut all = self.workers.lock();
        all.resize(workers, i64::MIN);
        if let Some(mine) = all.get_mut(worker) {
            *mine = i64::MIN;
        }
    }

    fn show(&self, worker: usize, until: EventTime) {
        let mut all = self.workers.lock();
        if let Some(mine) = all.get_mut(worker) {
            *mine = until.0.max(*mine);
        }
        let least = all.iter().copied().min().unwrap_or(i64::MIN);
        self.visible_us.fetch_max(least, Ordering::AcqRel);
    }
}

/// The sink of one worker.
pub struct SummarySink {
    store: Arc<SummaryStore>,
    visibility: Visibility,
    worker: usize,
    watermark: EventTime,
    held: Vec<Vec<u8>>,
    /// Watermarks of the checkpoints that are not durable yet.
    cut: VecDeque<(Epoch, EventTime)>,
}

impl SummarySink {
    /// Applies deltas to `store` and tells `visibility` what they cover.
    pub fn new(store: Arc<SummaryStore>, visibility: Visibility) -> Self {
        SummarySink { store, visibility, worker: 0, watermark: EventTime::MIN, held: Vec::new(), cut: VecDeque::new() }
    }
}

impl std::fmt::Debug for SummarySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SummarySink(worker {}, {} chunks held)", self.worker, self.held.len())
    }
}

impl Sink for SummarySink {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.worker = context.worker;
        self.visibility.start(context.worker, context.workers);
        Ok(())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let chunks = batch.binary(0)?;
        self.held.extend(chunks.iter().flatten().map(<[u8]>::to_vec));
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        self.watermark = time;
        Ok(())
    }

    /// A checkpoint is told to be visible even where it has no deltas: the watermark may have moved on.
    fn prepare(&mut self, epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.cut.push_back((epoch, self.watermark));
        let mut committable = Vec::with_capacity(self.held.iter().map(|c| c.len() + 4).sum());
        for chunk in self.held.drain(..) {
            committable.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            committable.extend_from_slice(&chunk);
        }
        Ok(Some(committable).filter(|c| !c.is_empty()))
    }

    fn commit(&mut self, epoch: Epoch, id: &str, mut committable: &[u8]) -> Result<()> {
        let failed = |e: &dyn std::fmt::Display| EngineError::operator("summaries", e);
        let mut chunks = Vec::new();
        while let Some((length, rest)) = committable.split_first_chunk::<4>() {
            let chunk = rest.split_at_checked(u32::from_le_bytes(*length) as usize);
            let (chunk, rest) = chunk.ok_or_else(|| failed(&"a committable ends within a chunk"))?;
            chunks.push(chunk);
            committable = rest;
        }
        self.store.commit(epoch.0, id, &chunks).map_err(|e| failed(&e))?;
        Ok(())
    }

    fn committed(&mut self, epoch: Epoch) -> Result<()> {
        while let Some((_, watermark)) = self.cut.pop_front_if(|(cut, _)| *cut <= epoch) {
            self.visibility.show(self.worker, watermark);
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Acquire;

    use super::*;

    #[test]
    fn everything_is_visible_up_to_where_the_slowest_worker_is() {
        let visible = Arc::new(AtomicI64::new(0));
        let visibility = Visibility::new(visible.clone());
        (0..2).for_each(|worker| visibility.start(worker, 2));
        visibility.show(0, EventTime(50));
        assert_eq!(visible.load(Acquire), 0, "the other worker has shown nothing yet");
        visibility.show(1, EventTime(30));
        assert_eq!(visible.load(Acquire), 30);
        visibility.start(1, 2);
        visibility.show(0, EventTime(60));
        assert_eq!(visible.load(Acquire), 30, "what was shown stays shown through a restart");
    }
}
