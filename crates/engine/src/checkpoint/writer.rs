//! Writing in the background: segments as their blocks come, small ones by group commit.
//!
//! ```text
//!  operators ──blocks──► CheckpointWriter thread ─┬─ a segment of many blocks: an object of its own
//!                                                 └─ all others that wait: one object ── fsync ──► done(segments)
//! ```
//! No more than [`WAITING_BYTES_MAX`] of blocks wait for the disk: then the operator that makes more has to wait. The
//! thread ends when its senders are dropped.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use parking_lot::{Condvar, Mutex};

use super::{
    CheckpointStore,
    manifest::SegmentRef,
    object::{Buffers, ObjectWriter, SharedObject},
};
use crate::{
    error::{EngineError, Result},
    state::{
        SnapshotWriter,
        snapshot::{BlockSink, Snapshot},
    },
};

/// Called on the background thread when the bytes are durable, or could not be written.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// The segments of one snapshot, each with its table.
pub(crate) type Segments = Vec<(String, SegmentRef)>;

/// Blocks that wait for the disk, in bytes.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Names for segment objects, shared by writer and compaction of one generation.
#[derive(Clone, Debug)]
pub(super) struct Names {
    generation: u64,
    next: Arc<AtomicU64>,
}

impl Names {
    pub(super) fn new(generation: u64) -> Self {
        Names { generation, next: Arc::default() }
    }

    pub(super) fn next(&self) -> String {
        format!("segments/{:010}-{:010}.seg", self.generation, self.next.fetch_add(1, Relaxed))
    }
}

enum Message {
    Block { snapshot: u64, run: usize, block: Vec<u8> },
    Finish { snapshot: u64, runs: Vec<(String, Option<Vec<u8>>)>, done: Done<Segments> },
}

/// Writes snapshots.
#[derive(Clone)]
pub(crate) struct CheckpointWriter {
    queue: mpsc::Sender<Message>,
    room: Arc<Room>,
    buffers: Buffers,
    snapshots: Arc<AtomicU64>,
    pub(super) names: Names,
}

impl CheckpointWriter {
    pub(crate) fn start(store: CheckpointStore, generation: u64) -> Self {
        let (queue, waiting) = mpsc::channel();
        let (room, buffers, names) = (Arc::new(Room::default()), Buffers::default(), Names::new(generation));
        let work = Writing {
            store,
            names: names.clone(),
            buffers: buffers.clone(),
            room: room.clone(),
            objects: HashMap::new(),
            finished: Vec::new(),
        };
        thread::spawn(move || work.run(&waiting));
        CheckpointWriter { queue, room, buffers, snapshots: Arc::default(), names }
    }

    /// Begins a snapshot. Where it ends without [`CheckpointWriter::finish`] the attempt has failed.
    pub(crate) fn snapshot(&self) -> SnapshotWriter {
        let snapshot = self.snapshots.fetch_add(1, Relaxed);
        SnapshotWriter::new(Box::new(Blocks { snapshot, writer: self.clone() }))
    }

    /// Ends a snapshot that began here.
    pub(crate) fn finish(&self, snapshot: Snapshot, done: Done<Segments>) {
        let message = Message::Finish { snapshot: snapshot.id, runs: snapshot.runs, done };
        if let Err(mpsc::SendError(Message::Finish { done, .. })) = self.queue.send(message) {
            done(Err(EngineError::Storage("the checkpoint writer has stopped".into())));
        }
    }
}

/// Takes the blocks of one snapshot to the writer.
struct Blocks {
    snapshot: u64,
    writer: CheckpointWriter,
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "blocks of snapshot {}", self.snapshot)
    }
}

impl BlockSink for Blocks {
    fn buffer(&mut self) -> Vec<u8> {
        self.writer.buffers.take()
    }

    fn id(&self) -> u64 {
        self.snapshot
    }

    fn put(&mut self, run: usize, block: Vec<u8>) {
        self.writer.room.enter(block.len());
        // Where the writer has stopped, `finish` tells.
        let _ = self.writer.queue.send(Message::Block { snapshot: self.snapshot, run, block });
    }
}

/// Counts the bytes that wait.
#[derive(Debug, Default)]
struct Room {
    waiting: Mutex<usize>,
    left: Condvar,
}

impl Room {
    fn enter(&self, bytes: usize) {
        let mut waiting = self.waiting.lock();
        while *waiting > 0 && *waiting + bytes > WAITING_BYTES_MAX {
            self.left.wait(&mut waiting);
        }
        *waiting = waiting.saturating_add(bytes);
    }

    fn leave(&self, bytes: usize) {
        let mut waiting = self.waiting.lock();
        *waiting = waiting.saturating_sub(bytes);
        self.left.notify_all();
    }
}

/// What the thread works with.
struct Writing {
    store: CheckpointStore,
    names: Names,
    buffers: Buffers,
    room: Arc<Room>,
    /// Segments of several blocks, by snapshot and run.
    objects: HashMap<(u64, usize), (String, Result<ObjectWriter>)>,
    /// Snapshots whose small segments are in the shared object.
    finished: Vec<(Result<Segments>, Done<Segments>)>,
}

impl Writing {
    fn run(mut self, waiting: &mpsc::Receiver<Message>) {
        while let Ok(first) = waiting.recv() {
            let mut shared = SharedObject::new(self.store.clone(), self.names.next(), self.buffers.clone());
            self.take(first, &mut shared);
            while !shared.is_full()
                && let Ok(next) = waiting.try_recv()
            {
                self.take(next, &mut shared);
            }
            let written = shared.finish();
            for (segments, done) in self.finished.drain(..) {
                done(match &written {
                    Ok(()) => segments,
                    Err(e) => Err(EngineError::Storage(e.to_string())),
                });
            }
        }
    }

    fn take(&mut self, message: Message, shared: &mut SharedObject) {
        match message {
            Message::Block { snapshot, run, block } => {
                let bytes = block.len();
                self.block((snapshot, run), block);
                self.room.leave(bytes);
            }
            Message::Finish { snapshot, runs, done } => {
                let segments = self.finish(snapshot, runs, shared);
                self.finished.push((segments, done));
            }
        }
    }

    fn block(&mut self, run: (u64, usize), block: Vec<u8>) {
        let Writing { store, names, buffers, .. } = self;
        let (_, object) = self.objects.entry(run).or_insert_with(|| {
            let name = names.next();
            (name.clone(), Ok(ObjectWriter::new(store.clone(), name, buffers.clone())))
        });
        // After an error the rest is taken and dropped; the error is told at the end.
        if let Ok(writer) = object
            && let Err(error) = writer.push(block)
        {
            *object = Err(error);
        }
    }

    fn finish(
        &mut self,
        snapshot: u64,
        runs: Vec<(String, Option<Vec<u8>>)>,
        shared: &mut SharedObject,
    ) -> Result<Segments> {
        let mut segments = Vec::with_capacity(runs.len());
        for (run, (table, last)) in runs.into_iter().enumerate() {
            let at = match (self.objects.remove(&(snapshot, run)), last) {
                (Some((name, object)), last) => {
                    let mut object = object?;
                    last.map_or(Ok(()), |block| object.push(block))?;
                    SegmentRef { object: name, offset: 0, length: object.finish()? }
                }
                (None, Some(segment)) => shared.push(segment)?,
                (None, None) => continue,
            };
            segments.push((table, at));
        }
        Ok(segments)
    }
}

impl Drop for Writing {
    /// Whoever waits for room must not wait for ever for a writer that panicked.
    fn drop(&mut self) {
        self.room.leave(usize::MAX);
    }
}
