//! What waits to be written to a stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::log::{FRAME_HEADER_BYTES, encode_record, record_bytes};
use crate::options::{Options, PARTITION_KEY_BYTES_MAX, StreamConfig};
use crate::{Error, HashRange, Record, Result, ShardId};

use super::ack::{Group, Outcome, Ticket};
use super::routing::Routing;
use super::writer::Reply;

/// A group that reaches this size takes no further records.
const GROUP_BYTES: usize = 4 << 20;
/// Buffers kept for the next groups, and how large each may be.
const SPARE_BUFFERS: usize = 16;
const SPARE_BYTES: usize = 1 << 20;

/// The queue of a stream: filled by producers, emptied by the writer thread.
#[derive(Debug)]
pub(crate) struct Queue {
    stream: Arc<str>,
    bytes_max: usize,
    commit_interval: Duration,
    record_bytes_max: AtomicUsize,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    items: VecDeque<Item>,
    /// Which shard the next record goes to. It changes when a split is queued, not when it is done, so that the
    /// records behind the split in the queue are already those of the children.
    routing: Routing,
    next_shard: ShardId,
    /// Of all groups queued or being written.
    waiting_bytes: usize,
    spare: Vec<Vec<u8>>,
    /// Why nothing more is accepted.
    stopped: Option<Error>,
}

#[derive(Debug)]
pub(super) enum Item {
    Group(PendingGroup),
    Control(Control),
}

/// Records that will be committed together.
#[derive(Debug)]
pub(super) struct PendingGroup {
    pub(super) ack: Arc<Group>,
    /// One for each route; a route that no record took has an empty frame.
    pub(super) parts: Vec<Part>,
    bytes: usize,
    stream: Arc<str>,
}

impl Drop for PendingGroup {
    /// A group that is dropped before it is done fails: nobody may wait for ever, not even if the writer panics.
    fn drop(&mut self) {
        self.ack.complete(Err(Error::Closed { stream: self.stream.to_string() }));
    }
}

/// The records of a group that go to one shard.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) shard: ShardId,
    /// Room for the frame's header, then the records; empty without records.
    pub(super) frame: Vec<u8>,
    pub(super) records: u32,
}

/// What the writer thread does besides writing records, in the order of the queue.
#[derive(Debug)]
pub(crate) enum Control {
    /// Replace shards by their children.
    Reshard(Reshard, Reply<()>),
    /// Change the settings.
    Configure(StreamConfig, Reply<()>),
    /// Take what has expired out of the log; the files and folders to remove are the answer.
    Sweep(Reply<Vec<std::path::PathBuf>>),
}

/// A split (one parent, two children) or a merge (two parents, one child).
#[derive(Debug)]
pub(crate) struct Reshard {
    pub(crate) parents: Vec<ShardId>,
    pub(crate) children: Vec<(HashRange, ShardId)>,
    /// The routing to go back to when it fails.
    pub(crate) before: Routing,
}

impl Queue {
    pub(crate) fn new(
        stream: Arc<str>,
        options: &Options,
        record_bytes_max: usize,
        routing: Routing,
        next_shard: ShardId,
    ) -> Self {
        let state =
            State { items: VecDeque::new(), routing, next_shard, waiting_bytes: 0, spare: Vec::new(), stopped: None };
        Self {
            stream,
            bytes_max: options.queue_bytes_max,
            commit_interval: options.commit_interval,
            record_bytes_max: AtomicUsize::new(record_bytes_max),
            state: Mutex::new(state),
            arrived: Condvar::new(),
        }
    }

    // The producers' side.

    pub(crate) fn push(&self, record: Record<'_>) -> Result<(Arc<Group>, Ticket)> {
        self.check(&record)?;
        let hash_key = record.hash_key();
        let mut state = self.room(record_bytes(record.partition_key, record.data))?;
        let (group, wake) = state.group(&self.stream, 0);
        let ticket = state.encode(hash_key, &record);
        drop(state);
        self.wake(wake);
        Ok((group, ticket))
    }

    pub(crate) fn push_batch(&self, records: &[Record<'_>]) -> Result<(Arc<Group>, Vec<Ticket>)> {
        let mut bytes = 0;
        for record in records {
            self.check(record)?;
            bytes += record_bytes(record.partition_key, record.data);
        }
        if bytes > self.batch_bytes_max() {
            return Err(self.too_large("a batch", bytes, self.batch_bytes_max(), "`queue_bytes_max`"));
        }
        // The hashes are computed before the lock is taken.
        let hash_keys: Vec<u128> = records.iter().map(Record::hash_key).collect();
        let mut state = self.room(bytes)?;
        let (group, wake) = state.group(&self.stream, bytes);
        let tickets = hash_keys.into_iter().zip(records).map(|(key, record)| state.encode(key, record)).collect();
        drop(state);
        self.wake(wake);
        Ok((group, tickets))
    }

    /// A batch is one frame a shard: half of the queue, and far below what a frame's 32-bit length can say.
    fn batch_bytes_max(&self) -> usize {
        (self.bytes_max / 2).min(1 << 30)
    }

    fn check(&self, record: &Record<'_>) -> Result<()> {
        let (key, data) = (record.partition_key.len(), record.data.len());
        if key > PARTITION_KEY_BYTES_MAX {
            return Err(self.too_large("a partition key", key, PARTITION_KEY_BYTES_MAX, "nothing: it is fixed"));
        }
        let data_max = self.record_bytes_max.load(Ordering::Relaxed);
        if data > data_max {
            return Err(self.too_large("a record", data, data_max, "the stream's `record_bytes_max`"));
        }
        Ok(())
    }

    fn too_large(&self, what: &'static str, bytes: usize, limit_bytes: usize, setting: &'static str) -> Error {
        Error::TooLarge { what, bytes, limit_bytes, setting }
    }

    /// Takes the lock, and room for `bytes` under it.
    fn room(&self, bytes: usize) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.stopped {
            return Err(reason.clone());
        }
        if state.waiting_bytes + bytes > self.bytes_max {
            let waiting_bytes = state.waiting_bytes;
            return Err(Error::QueueFull { stream: self.stream.to_string(), waiting_bytes });
        }
        state.waiting_bytes += bytes;
        Ok(state)
    }

    fn wake(&self, wake: bool) {
        if wake {
            self.arrived.notify_one();
        }
    }

    pub(crate) fn set_record_bytes_max(&self, bytes: usize) {
        self.record_bytes_max.store(bytes, Ordering::Relaxed);
    }

    /// The open shard that a record with this hash key goes to now.
    pub(crate) fn shard_of(&self, hash_key: u128) -> Option<ShardId> {
        let state = self.state.lock();
        state.routing.shard(state.routing.route(hash_key))
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.state.lock().waiting_bytes
    }

    // The side of those who change the stream.

    pub(crate) fn control(&self, control: Control) -> Result<()> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.stopped {
            return Err(reason.clone());
        }
        state.items.push_back(Item::Control(control));
        self.arrived.notify_one();
        Ok(())
    }

    /// Queues a split or a merge, and sends all records from now on to the children.
    ///
    /// `plan` is given the routing, and says which shards to replace by which ranges.
    pub(crate) fn reshard(
        &self,
        plan: impl FnOnce(&Routing) -> Result<(Vec<ShardId>, Vec<HashRange>)>,
        reply: Reply<()>,
    ) -> Result<Vec<ShardId>> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.stopped {
            return Err(reason.clone());
        }
        let (parents, ranges) = plan(&state.routing)?;
        let first = state.next_shard.0;
        let children: Vec<_> = ranges.into_iter().zip(first..).map(|(range, id)| (range, ShardId(id))).collect();
        state.next_shard = ShardId(first + children.len() as u32);
        let after = state.routing.replace(&parents, &children);
        let before = std::mem::replace(&mut state.routing, after);
        let ids = children.iter().map(|(_, id)| *id).collect();
        let reshard = Reshard { parents, children, before };
        state.items.push_back(Item::Control(Control::Reshard(reshard, reply)));
        self.arrived.notify_one();
        Ok(ids)
    }

    /// Accepts nothing more; the writer thread ends once it has written what waits.
    pub(crate) fn stop(&self, reason: Error) {
        self.state.lock().stopped.get_or_insert(reason);
        self.arrived.notify_all();
    }

    // The writer's side.

    /// The next item, once it is time for it: a group is not taken before `earliest`, so that others can join it,
    /// unless it is full. `None` when the queue was stopped and is empty.
    pub(super) fn take(&self, earliest: Instant) -> Option<Item> {
        let mut state = self.state.lock();
        loop {
            let full = match state.items.front() {
                Some(Item::Control(_)) => true,
                Some(Item::Group(group)) => group.bytes >= GROUP_BYTES || state.items.len() > 1,
                None if state.stopped.is_some() => return None,
                None => {
                    self.arrived.wait(&mut state);
                    continue;
                }
            };
            if full || state.stopped.is_some() || self.arrived.wait_until(&mut state, earliest).timed_out() {
                return state.items.pop_front();
            }
        }
    }

    /// Earliest start of the commit after one that started at `start`.
    pub(super) fn next_commit(&self, start: Instant) -> Instant {
        start + self.commit_interval
    }

    /// A group is done: acknowledges it, and uses its memory again.
    pub(super) fn finish(&self, mut group: PendingGroup, outcome: Outcome) {
        let mut state = self.state.lock();
        state.waiting_bytes -= group.bytes;
        for mut frame in std::mem::take(&mut group.parts).into_iter().map(|part| part.frame) {
            if (1..=SPARE_BYTES).contains(&frame.capacity()) && state.spare.len() < SPARE_BUFFERS {
                frame.clear();
                state.spare.push(frame);
            }
        }
        drop(state);
        group.ack.complete(Ok(outcome));
    }

    /// Nobody works on the queue any more: what waits fails, and nothing more is accepted.
    pub(super) fn abandon(&self) {
        self.stop(Error::Closed { stream: self.stream.to_string() });
        let abandoned = std::mem::take(&mut self.state.lock().items);
        drop(abandoned);
    }

    /// A split or merge could not be done: goes back to the routing before it. The records behind it in the queue
    /// have nowhere to go and fail with the same error.
    pub(super) fn revert(&self, before: Routing, error: &Error) {
        let mut state = self.state.lock();
        state.routing = before;
        let (groups, others): (Vec<_>, Vec<_>) = state.items.drain(..).partition(|item| matches!(item, Item::Group(_)));
        state.items.extend(others);
        drop(state);
        for item in groups {
            if let Item::Group(group) = item {
                let outcome = group.parts.iter().map(|_| Some(Err(error.clone()))).collect();
                self.finish(group, outcome);
            }
        }
    }
}

impl State {
    /// The group that records are put into now, with room for `bytes`, and whether the writer must be told.
    fn group(&mut self, stream: &Arc<str>, bytes: usize) -> (Arc<Group>, bool) {
        if let Some(Item::Group(group)) = self.items.back()
            && group.bytes < GROUP_BYTES
            && (group.bytes == 0 || group.bytes + bytes <= 2 * GROUP_BYTES)
        {
            return (Arc::clone(&group.ack), false);
        }
        let ack = Arc::new(Group::default());
        let part =
            |route| Part { shard: self.routing.shard(route).unwrap_or(ShardId(0)), frame: Vec::new(), records: 0 };
        let parts = (0..self.routing.len()).map(part).collect();
        self.items.push_back(Item::Group(PendingGroup {
            ack: Arc::clone(&ack),
            parts,
            bytes: 0,
            stream: Arc::clone(stream),
        }));
        (ack, true)
    }

    /// Puts a record into the last group, which [`State::group`] has just made or found.
    fn encode(&mut self, hash_key: u128, record: &Record<'_>) -> Ticket {
        let route = self.routing.route(hash_key);
        let mut ticket = Ticket { route: route as u32, index: 0 };
        if let Some(Item::Group(group)) = self.items.back_mut()
            && let Some(part) = group.parts.get_mut(route)
        {
            if part.records == 0 {
                part.frame = self.spare.pop().unwrap_or_default();
                part.frame.resize(FRAME_HEADER_BYTES, 0);
            }
            encode_record(&mut part.frame, record.partition_key, record.data);
            group.bytes += record_bytes(record.partition_key, record.data);
            ticket.index = part.records;
            part.records += 1;
        }
        ticket
    }
}
