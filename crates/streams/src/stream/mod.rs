//! A stream: its records go in here.

mod open;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use serde::Serialize;

use crate::append::{Control, Queue, Reply, Routing, Shards};
use crate::log::remove_folder;
use crate::options::{Options, StreamConfig};
use crate::shard::Shard;
use crate::streams::FolderLock;
use crate::{
    AppendFuture, BatchFuture, Error, HashRange, IngestionTime, Position, Record, Result, ShardDescription, ShardId,
    ShardReader,
};

/// A durable, sharded, ordered log of records. Clones are handles of the same stream.
#[derive(Clone, Debug)]
pub struct Stream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    folder: PathBuf,
    created: IngestionTime,
    options: Options,
    config: Arc<Mutex<StreamConfig>>,
    queue: Arc<Queue>,
    shards: Arc<Shards>,
    /// One split, merge or change of settings at a time.
    changing: Mutex<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// The folder stays locked as long as a stream in it is open.
    _lock: Arc<FolderLock>,
}

/// What [`Stream::describe`] tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamDescription {
    /// The stream's name.
    pub name: String,
    /// When it was made.
    pub created: IngestionTime,
    /// Its settings.
    pub config: StreamConfig,
    /// Its shards by number; closed ones are listed until all of their records have expired.
    pub shards: Vec<ShardDescription>,
    /// Records kept.
    pub records: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that wait to be written.
    pub queue_bytes: usize,
}

impl Stream {
    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was made.
    pub fn created(&self) -> IngestionTime {
        self.0.created
    }

    /// Its settings.
    pub fn config(&self) -> StreamConfig {
        self.0.config.lock().clone()
    }

    /// The open shard that a record with this hash key goes to now; a split or merge changes that.
    pub fn shard_of(&self, hash_key: u128) -> Option<ShardId> {
        self.0.queue.shard_of(hash_key)
    }

    /// Queues a record, and returns at once with the acknowledgement to wait for.
    ///
    /// Records are stored in the order of the calls. The call never blocks: when more than
    /// [`Options::queue_bytes_max`] bytes wait, the future is ready with [`Error::QueueFull`] and the record is
    /// not queued. On a full disk the future gives [`Error::DiskFull`]; what was acknowledged before is safe.
    pub fn append(&self, record: Record<'_>) -> AppendFuture {
        AppendFuture::new(self.0.queue.push(record))
    }

    /// Queues several records under one acknowledgement; cheaper than one by one. At most half of
    /// [`Options::queue_bytes_max`] in bytes.
    pub fn append_batch(&self, records: &[Record<'_>]) -> BatchFuture {
        BatchFuture::new(self.0.queue.push_batch(records))
    }

    /// A shard, open or closed.
    pub fn shard(&self, id: ShardId) -> Result<ShardHandle> {
        let not_found = || Error::ShardNotFound { stream: self.name().to_owned(), shard: id };
        let shard = self.0.shards.read().get(&id).cloned().ok_or_else(not_found)?;
        Ok(ShardHandle { shard, options: self.0.options.clone() })
    }

    /// All shards by number, closed ones with records included.
    pub fn shards(&self) -> Vec<ShardHandle> {
        let shards = self.0.shards.read();
        let handle = |shard: &Arc<Shard>| ShardHandle { shard: Arc::clone(shard), options: self.0.options.clone() };
        shards.values().map(handle).collect()
    }

    /// Settings, shards and sizes as they are now.
    pub fn describe(&self) -> StreamDescription {
        let shards: Vec<_> = self.0.shards.read().values().map(|shard| shard.describe()).collect();
        StreamDescription {
            name: self.name().to_owned(),
            created: self.0.created,
            config: self.0.config.lock().clone(),
            records: shards.iter().map(|shard| shard.records).sum(),
            bytes: shards.iter().map(|shard| shard.bytes).sum(),
            queue_bytes: self.0.queue.waiting_bytes(),
            shards,
        }
    }

    /// Splits an open shard in two: the second child begins at the hash key `at` ([`HashRange::middle`] gives even
    /// halves). Blocks until done; records appended meanwhile go to the children. Returns the children.
    pub fn split(&self, shard: ShardId, at: u128) -> Result<[ShardId; 2]> {
        let children = self.reshard(|routing| {
            let range = self.open_range(routing, shard)?;
            let (low, high) = range
                .split(at)
                .ok_or_else(|| self.refuse(shard, format!("the hash key {at} leaves one child of {range} empty")))?;
            Ok((vec![shard], vec![low, high]))
        })?;
        <[ShardId; 2]>::try_from(children).map_err(|_| self.refuse(shard, "it has no two children".into()))
    }

    /// Merges two open shards whose hash keys touch. Blocks until done. Returns the child.
    pub fn merge(&self, a: ShardId, b: ShardId) -> Result<ShardId> {
        let children = self.reshard(|routing| {
            let (range_a, range_b) = (self.open_range(routing, a)?, self.open_range(routing, b)?);
            let range = range_a
                .join(range_b)
                .ok_or_else(|| self.refuse(a, format!("its hash keys {range_a} don't touch {range_b} of {b}")))?;
            Ok((vec![a, b], vec![range]))
        })?;
        children.first().copied().ok_or_else(|| self.refuse(a, "it has no child".into()))
    }

    /// Changes how long, and how many bytes of, records are kept. Blocks until done.
    pub fn set_retention(&self, hours: Option<u32>, bytes: Option<u64>) -> Result<()> {
        self.configure(|config| StreamConfig { retention_hours: hours, retention_bytes: bytes, ..config })
    }

    /// Changes the most bytes of a record's data. Blocks until done.
    pub fn set_record_bytes_max(&self, bytes: usize) -> Result<()> {
        self.configure(|config| StreamConfig { record_bytes_max: bytes, ..config })?;
        self.0.queue.set_record_bytes_max(bytes);
        Ok(())
    }

    fn configure(&self, change: impl FnOnce(StreamConfig) -> StreamConfig) -> Result<()> {
        let _one_at_a_time = self.0.changing.lock();
        let config = change(self.config());
        config.check(&self.0.options)?;
        if config == *self.0.config.lock() {
            return Ok(());
        }
        self.ask(|reply| self.0.queue.control(Control::Configure(config, reply)))
    }

    /// Removes what has expired now, instead of at the next [`Options::retention_interval`].
    pub fn enforce_retention(&self) -> Result<()> {
        let expired = self.ask(|reply| self.0.queue.control(Control::Sweep(reply)))?;
        crate::retention::remove(&expired);
        Ok(())
    }

    fn reshard(&self, plan: impl FnOnce(&Routing) -> Result<(Vec<ShardId>, Vec<HashRange>)>) -> Result<Vec<ShardId>> {
        let _one_at_a_time = self.0.changing.lock();
        let limit = self.0.options.shards_max;
        if self.0.shards.read().len() + 2 > limit {
            return Err(Error::LimitReached { what: "shards of a stream", limit, setting: "`shards_max`" });
        }
        let mut children = Vec::new();
        self.ask(|reply| {
            children = self.0.queue.reshard(plan, reply)?;
            Ok(())
        })?;
        Ok(children)
    }

    fn open_range(&self, routing: &Routing, shard: ShardId) -> Result<HashRange> {
        routing.range_of(shard).ok_or_else(|| match self.shard(shard) {
            Ok(_) => self.refuse(shard, "it is closed".into()),
            Err(not_found) => not_found,
        })
    }

    fn refuse(&self, shard: ShardId, reason: String) -> Error {
        Error::InvalidReshard { stream: self.name().to_owned(), shard, reason }
    }

    /// Asks the writer thread for something, and waits for its answer.
    fn ask<T>(&self, send: impl FnOnce(Reply<T>) -> Result<()>) -> Result<T> {
        let (reply, answer) = sync_channel(1);
        send(reply)?;
        answer.recv().unwrap_or_else(|_| Err(Error::Closed { stream: self.name().to_owned() }))
    }

    /// Accepts nothing more, and waits until what was accepted is on disk.
    pub(crate) fn close(&self) {
        self.0.close(Error::Closed { stream: self.name().to_owned() });
    }

    /// Stops the stream and removes its folder, first giving it a name that the next start would clear away.
    pub(crate) fn delete(&self, trash: PathBuf) -> Result<()> {
        std::fs::rename(&self.0.folder, &trash).map_err(|e| Error::io("rename", &self.0.folder, e))?;
        if let Some(parent) = trash.parent() {
            crate::log::sync_folder(parent)?;
        }
        self.0.close(Error::StreamDeleted { stream: self.name().to_owned() });
        self.0.shards.read().values().for_each(|shard| shard.mark_deleted());
        remove_folder(&trash)
    }
}

impl Inner {
    fn close(&self, reason: Error) {
        self.queue.stop(reason);
        if let Some(thread) = self.writer.lock().take() {
            // A panic of the writer thread was reported by the panic itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close(Error::Closed { stream: self.name.to_string() });
    }
}

/// A shard of a stream, to read from.
#[derive(Clone, Debug)]
pub struct ShardHandle {
    shard: Arc<Shard>,
    options: Options,
}

impl ShardHandle {
    /// The shard's number.
    pub fn id(&self) -> ShardId {
        self.shard.info.id
    }

    /// When it was made; a child at least a second after its parents.
    pub fn created(&self) -> IngestionTime {
        self.shard.info.created
    }

    /// The shard as [`Stream::describe`] gives it.
    pub fn describe(&self) -> ShardDescription {
        self.shard.describe()
    }

    /// A reader that begins at `position`.
    pub fn reader(&self, position: Position) -> Result<ShardReader> {
        ShardReader::open(Arc::clone(&self.shard), self.options.clock.clone(), position)
    }
}
