//! Writing in the background: segments by group commit, and then the manifest.
//!
//! ```text
//!  operators ──segment──► CheckpointWriter thread ── one object for all that waits, fsync ──► done(SegmentRef)
//!  coordinator ──refs of an epoch──► Publisher thread ── compaction, manifest, clean-up ──► done(epoch)
//! ```
//! Both threads end when their senders are dropped.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    CheckpointStore, compaction,
    manifest::{Manifest, SegmentRef},
};
use crate::{
    error::{EngineError, Result},
    metrics::JobMetrics,
    time::{Epoch, EventTime},
};

/// Called on the background thread when the bytes are durable, or could not be written.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// Names for segment objects, shared by writer and compaction of one generation.
#[derive(Clone, Debug)]
struct Names {
    generation: u64,
    next: Arc<AtomicU64>,
}

impl Names {
    fn next(&self) -> String {
        format!("segments/{:010}-{:010}.seg", self.generation, self.next.fetch_add(1, Relaxed))
    }
}

/// Writes segments.
#[derive(Clone)]
pub(crate) struct CheckpointWriter {
    queue: mpsc::Sender<(Bytes, Done<SegmentRef>)>,
    names: Names,
}

impl CheckpointWriter {
    pub(crate) fn start(store: CheckpointStore, generation: u64) -> Self {
        let names = Names { generation, next: Arc::default() };
        let (queue, waiting) = mpsc::channel::<(Bytes, Done<SegmentRef>)>();
        let object_names = names.clone();
        thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let mut batch = vec![first];
                batch.extend(waiting.try_iter());
                let object = object_names.next();
                let mut bytes = Vec::with_capacity(batch.iter().map(|(b, _)| b.len()).sum());
                let mut refs = Vec::with_capacity(batch.len());
                for (segment, _) in &batch {
                    refs.push(SegmentRef {
                        object: object.clone(),
                        offset: bytes.len() as u64,
                        length: segment.len() as u64,
                    });
                    bytes.extend_from_slice(segment);
                }
                let written = store.put(&object, bytes.into());
                for ((_, done), at) in batch.into_iter().zip(refs) {
                    done(match &written {
                        Ok(()) => Ok(at),
                        Err(e) => Err(EngineError::Storage(e.to_string())),
                    });
                }
            }
        });
        CheckpointWriter { queue, names }
    }

    /// Queues a segment.
    pub(crate) fn write(&self, segment: Bytes, done: Done<SegmentRef>) {
        if let Err(mpsc::SendError((_, done))) = self.queue.send((segment, done)) {
            done(Err(EngineError::Storage("the checkpoint writer has stopped".into())));
        }
    }
}

/// The segments that one checkpoint added: (operator, segment).
pub(crate) type Added = Vec<(Arc<str>, SegmentRef)>;

/// A savepoint's name, and who waits for it.
type SavepointRequest = (String, Done<()>);

enum Order {
    Publish { epoch: Epoch, cut: EventTime, added: Added, done: Done<()> },
    Save { name: String, done: Done<()> },
}

/// Publishes manifests, one epoch after the other.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<Order>,
    requests: Arc<Mutex<Vec<SavepointRequest>>>,
}

impl Publisher {
    pub(crate) fn start(
        store: CheckpointStore,
        base: Manifest,
        writer: &CheckpointWriter,
        metrics: Arc<JobMetrics>,
    ) -> Self {
        let (queue, orders) = mpsc::channel();
        let mut work = Publishing {
            store,
            manifest: base,
            names: writer.names.clone(),
            metrics,
            published: 0,
            retired: VecDeque::new(),
        };
        thread::spawn(move || {
            for order in orders {
                match order {
                    Order::Publish { epoch, cut, added, done } => done(work.publish(epoch, cut, added)),
                    Order::Save { name, done } => done(work.store.save(&name, &work.manifest)),
                }
            }
        });
        Publisher { queue, requests: Arc::default() }
    }

    /// The checkpoint that completes next is also kept under this name.
    pub(crate) fn request_savepoint(&self, name: String, done: Done<()>) {
        self.requests.lock().push((name, done));
    }

    pub(crate) fn publish(&self, epoch: Epoch, cut: EventTime, added: Added, done: Done<()>) {
        let saves = std::mem::take(&mut *self.requests.lock());
        self.send(Order::Publish { epoch, cut, added, done });
        for (name, done) in saves {
            self.send(Order::Save { name, done });
        }
    }

    fn send(&self, order: Order) {
        if let Err(mpsc::SendError(Order::Publish { done, .. } | Order::Save { done, .. })) = self.queue.send(order) {
            done(Err(EngineError::Storage("the checkpoint publisher has stopped".into())));
        }
    }
}

struct Publishing {
    store: CheckpointStore,
    manifest: Manifest,
    names: Names,
    metrics: Arc<JobMetrics>,
    published: u64,
    /// Objects that compaction emptied, with the number of manifests published by then.
    retired: VecDeque<(u64, String)>,
}

/// Old manifests are cleaned up once in so many checkpoints.
const CLEAN_EVERY: u64 = 32;
/// How many manifests are kept, with all that they name.
const KEEP: u64 = 3;
/// An object may hold segments of checkpoints that are still in flight; it is removed so many manifests later.
const RETIRE_AFTER: u64 = KEEP + 4;

impl Publishing {
    fn publish(&mut self, epoch: Epoch, cut: EventTime, added: Added) -> Result<()> {
        // Nothing changed: the checkpoint before stands for this one too, and nothing needs to be written.
        let changed = !added.is_empty() || self.published == 0;
        for (operator, at) in added {
            self.manifest.operators.entry(operator.to_string()).or_default().push(at);
        }
        if changed {
            self.compact()?;
            self.manifest.epoch = epoch.0;
            self.manifest.created_ms = EventTime::now().millis();
            self.store.publish(&self.manifest)?;
            self.published += 1;
            self.clean()?;
        }
        self.metrics.checkpoint_epoch.store(epoch.0, Relaxed);
        self.metrics.checkpoints.fetch_add(1, Relaxed);
        let took = EventTime::now().0.saturating_sub(cut.0);
        self.metrics.checkpoint_us.store(u64::try_from(took).unwrap_or(0), Relaxed);
        Ok(())
    }

    fn compact(&mut self) -> Result<()> {
        for refs in self.manifest.operators.values_mut() {
            let Some(range) = compaction::plan(refs) else { continue };
            let run = refs.get(range.clone()).unwrap_or_default();
            let segments = run.iter().map(|at| self.store.segment(at)).collect::<Result<Vec<_>>>()?;
            let merged = compaction::run(segments, range.start == 0)?;
            self.retired.extend(run.iter().map(|at| (self.published, at.object.clone())));
            let replacement = match merged {
                Some(bytes) => {
                    let at = SegmentRef { object: self.names.next(), offset: 0, length: bytes.len() as u64 };
                    self.store.put(&at.object, bytes)?;
                    Some(at)
                }
                None => None,
            };
            refs.splice(range, replacement);
        }
        Ok(())
    }

    fn clean(&mut self) -> Result<()> {
        if self.published % CLEAN_EVERY == 1 {
            self.store.clean(&self.manifest, KEEP as usize)?;
        }
        let ripe = self.retired.iter().take_while(|(at, _)| at + RETIRE_AFTER <= self.published).count();
        if ripe == 0 {
            return Ok(());
        }
        let live: BTreeSet<&str> = self.manifest.operators.values().flatten().map(|at| at.object.as_str()).collect();
        let dead: BTreeSet<String> = self.retired.drain(..ripe).map(|(_, object)| object).collect();
        for object in dead.iter().filter(|o| !live.contains(o.as_str())) {
            self.store.delete(object)?;
        }
        Ok(())
    }
}
