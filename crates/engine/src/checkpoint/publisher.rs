//! Publishing manifests, one epoch after the other, and keeping the lists of segments short.
//!
//! ```text
//!  coordinator ──segments of an epoch──► Publisher thread ── manifest, clean-up ──► done(epoch)
//!                                           │      ▲
//!                                         runs   merged, taken up with the next manifest
//!                                           ▼      │
//!                                       Compactor thread
//! ```
//! Both threads end when their senders are dropped.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread,
};

use parking_lot::Mutex;

use super::{
    CheckpointStore, CheckpointWriter,
    compaction::{self, Compactor, Merged, Run},
    manifest::Manifest,
    writer::{Done, Segments},
};
use crate::{
    error::{EngineError, Result},
    metrics::JobMetrics,
    time::{Epoch, EventTime},
};

/// The segments that one checkpoint added: of each snapshot its operator and segments.
pub(crate) type Added = Vec<(Arc<str>, Segments)>;

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
            compactor: Compactor::start(store.clone(), writer.names.clone()),
            store,
            manifest: base,
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
    compactor: Compactor,
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
        for (operator, segments) in added {
            let tables = self.manifest.operators.entry(operator.to_string()).or_default();
            for (table, at) in segments {
                tables.entry(table).or_default().push(at);
            }
        }
        if changed {
            for merged in self.compactor.take()? {
                self.replace(merged);
            }
            self.manifest.epoch = epoch.0;
            self.manifest.created_ms = EventTime::now().millis();
            self.store.publish(&self.manifest)?;
            self.published += 1;
            self.clean()?;
            let manifest = &self.manifest;
            self.compactor.offer(|| runs(manifest));
        }
        self.metrics.checkpoint_epoch.store(epoch.0, Relaxed);
        self.metrics.checkpoints.fetch_add(1, Relaxed);
        let took = EventTime::now().0.saturating_sub(cut.0);
        self.metrics.checkpoint_us.store(u64::try_from(took).unwrap_or(0), Relaxed);
        Ok(())
    }

    /// Puts what the compactor made in the place of what it was made of.
    fn replace(&mut self, (run, merged): Merged) {
        let tables = self.manifest.operators.get_mut(&run.operator);
        let Some(segments) = tables.and_then(|t| t.get_mut(&run.table)) else { return };
        let length = run.segments.len();
        let Some(at) = segments.windows(length).position(|w| w == run.segments) else { return };
        segments.splice(at..at + length, merged);
        self.retired.extend(run.segments.into_iter().map(|at| (self.published, at.object)));
    }

    fn clean(&mut self) -> Result<()> {
        if self.published % CLEAN_EVERY == 1 {
            self.store.clean(&self.manifest, KEEP as usize)?;
        }
        let ripe = self.retired.iter().take_while(|(at, _)| at + RETIRE_AFTER <= self.published).count();
        if ripe == 0 {
            return Ok(());
        }
        let live: BTreeSet<&str> = self.manifest.segments().map(|at| at.object.as_str()).collect();
        let dead: BTreeSet<String> = self.retired.drain(..ripe).map(|(_, object)| object).collect();
        for object in dead.iter().filter(|o| !live.contains(o.as_str())) {
            self.store.delete(object)?;
        }
        Ok(())
    }
}

/// Every run that is worth a merge.
fn runs(manifest: &Manifest) -> Vec<Run> {
    let tables = manifest.operators.iter().flat_map(|(operator, tables)| tables.iter().map(move |t| (operator, t)));
    let run = |(operator, (table, segments)): (&String, (&String, &Vec<_>))| {
        let range = compaction::plan(segments)?;
        let (operator, table, whole) = (operator.clone(), table.clone(), range.start == 0);
        Some(Run { operator, table, segments: segments.get(range)?.to_vec(), whole })
    };
    tables.filter_map(run).collect()
}
