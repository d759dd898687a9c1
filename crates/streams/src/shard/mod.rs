//! A shard: what its one writer and its many readers share.

mod description;
mod listeners;

pub use description::ShardDescription;
pub use listeners::DataWaker;

use std::sync::Arc;
use std::task::Waker;

use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};

use listeners::Listeners;

use crate::log::Segment;
use crate::{Error, HashRange, IngestionTime, Result, Sequence, ShardId};

/// What never changes about a shard. Kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardInfo {
    pub(crate) id: ShardId,
    pub(crate) range: HashRange,
    /// None for a shard made with its stream, one after a split, two after a merge.
    pub(crate) parents: Vec<ShardId>,
    pub(crate) created: IngestionTime,
    /// Its first sequence number: above all of its parents'.
    pub(crate) start: Sequence,
    /// Its stamps are later than this: as late as the last of its parents'.
    pub(crate) floor: IngestionTime,
}

/// How a shard ended. Kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardEnd {
    pub(crate) children: Vec<ShardId>,
    /// The sequence number after its last record.
    pub(crate) next: Sequence,
    /// Its last stamp is not later than this.
    pub(crate) floor: IngestionTime,
}

/// A shard of an open stream.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) stream: Arc<str>,
    pub(crate) info: ShardInfo,
    state: Mutex<State>,
    /// Something was committed, or the shard ended.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Oldest first. Empty only when the shard is closed and all of it has expired.
    segments: Vec<Arc<Segment>>,
    /// The sequence number after the last durable record: readers stop before it.
    next: Sequence,
    /// The next stamp will be later than this: the newest stamp, or what [`Shard::tail_time`] promised since.
    floor: IngestionTime,
    /// No durable record is stamped later than this.
    newest: IngestionTime,
    /// Stamp of the frame that is being written.
    in_flight: Option<IngestionTime>,
    end: Option<ShardEnd>,
    deleted: bool,
    listeners: Listeners,
}

/// What a reader needs to know to go on.
#[derive(Debug)]
pub(crate) struct View {
    /// The sequence number after the last durable record.
    pub(crate) next: Sequence,
    /// The oldest that is still kept; `next` when nothing is.
    pub(crate) oldest: Sequence,
    pub(crate) end: Option<ShardEnd>,
}

impl Shard {
    pub(crate) fn new(
        stream: Arc<str>,
        info: ShardInfo,
        end: Option<ShardEnd>,
        segments: Vec<Arc<Segment>>,
        next: Sequence,
        newest: IngestionTime,
        floor: IngestionTime,
    ) -> Arc<Self> {
        let state = State {
            segments,
            next,
            newest: newest.max(info.floor),
            floor: floor.max(newest).max(info.floor),
            in_flight: None,
            end,
            deleted: false,
            listeners: Listeners::default(),
        };
        Arc::new(Self { stream, info, state: Mutex::new(state), changed: Condvar::new() })
    }

    // The writer's side.

    /// Stamps the frame that is about to be written.
    pub(crate) fn begin_commit(&self, now: IngestionTime) -> IngestionTime {
        let mut state = self.state.lock();
        let time = now.max(state.floor.next());
        state.floor = time;
        state.in_flight = Some(time);
        time
    }

    /// The frame is on disk, up to the sequence number `next`.
    pub(crate) fn end_commit(&self, next: Sequence) {
        let mut state = self.state.lock();
        if let Some(stamp) = state.in_flight.take() {
            state.newest = stamp;
        }
        state.next = next;
        self.notify(state);
    }

    /// Nothing was written after all.
    pub(crate) fn abandon_commit(&self) {
        self.state.lock().in_flight = None;
    }

    pub(crate) fn push_segment(&self, segment: Arc<Segment>) {
        self.state.lock().segments.push(segment);
    }

    /// The shard takes no more records.
    pub(crate) fn close(&self, end: ShardEnd) {
        let mut state = self.state.lock();
        state.in_flight = None;
        state.end = Some(end);
        self.notify(state);
    }

    /// Readers get an error from now on.
    pub(crate) fn mark_deleted(&self) {
        let mut state = self.state.lock();
        state.deleted = true;
        self.notify(state);
    }

    /// Removes the oldest segments for which `expired` holds, but never the active one; returns them, to be deleted.
    ///
    /// `expired` is given the segment and a time that none of its stamps is later than.
    pub(crate) fn expire(&self, mut expired: impl FnMut(&Segment, IngestionTime) -> bool) -> Vec<Arc<Segment>> {
        let mut state = self.state.lock();
        let last_stamp = |state: &State, i: usize| state.segments.get(i + 1).map_or(state.newest, |next| next.floor);
        let sealed = state.segments.len().saturating_sub(usize::from(state.end.is_none()));
        let count = (0..sealed)
            .take_while(|&i| state.segments.get(i).is_some_and(|segment| expired(segment, last_stamp(&state, i))))
            .count();
        state.segments.drain(..count).collect()
    }

    fn notify(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        let once = std::mem::take(&mut state.listeners.once);
        let lasting = state.listeners.lasting.clone();
        drop(state);
        // Listeners are called without the lock: they may read at once.
        self.changed.notify_all();
        once.into_iter().for_each(|(_, waker)| waker.wake());
        lasting.iter().for_each(|(_, wake)| wake());
    }

    // The readers' side.

    /// What there is to read now.
    pub(crate) fn view(&self) -> Result<View> {
        let state = self.state.lock();
        state.check(&self.stream)?;
        Ok(state.view())
    }

    /// The segment that holds `sequence` or, at the durable end, will hold it; `None` if it has expired.
    pub(crate) fn segment_of(&self, sequence: Sequence) -> Option<Arc<Segment>> {
        let state = self.state.lock();
        let after = state.segments.partition_point(|segment| segment.first <= sequence);
        state.segments.get(after.checked_sub(1)?).cloned()
    }

    /// The segments that may hold a stamp of `time` or later: the first that does is among the first two.
    pub(crate) fn segments_from(&self, time: IngestionTime) -> Vec<Arc<Segment>> {
        let state = self.state.lock();
        let after = state.segments.partition_point(|segment| segment.floor < time);
        state.segments.get(after.saturating_sub(1)..).unwrap_or_default().to_vec()
    }

    /// A time T so that each record from now on is stamped later, for a reader that has read all before `position`;
    /// `None` if records wait to be read, or none will ever come.
    pub(crate) fn tail_time(&self, position: Sequence, now: IngestionTime) -> Option<IngestionTime> {
        let mut state = self.state.lock();
        if position < state.next || state.end.is_some() || state.deleted {
            return None;
        }
        if let Some(stamp) = state.in_flight {
            return Some(stamp.previous());
        }
        state.floor = state.floor.max(now);
        Some(state.floor)
    }

    /// Blocks until there is something at `position`, the shard has ended, or the time is over; tells which.
    pub(crate) fn wait(&self, position: Sequence, timeout: std::time::Duration) -> bool {
        let deadline = std::time::Instant::now() + timeout;
        let mut state = self.state.lock();
        while !state.ready(position) {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return state.ready(position);
            }
        }
        true
    }

    /// Whether there is something at `position`; if not, `waker` is woken at the next change. `slot` is the number
    /// of an earlier registration, which is replaced.
    pub(crate) fn poll_ready(&self, position: Sequence, waker: &Waker, slot: &mut Option<u64>) -> bool {
        let mut state = self.state.lock();
        let ready = state.ready(position);
        let listeners = &mut state.listeners;
        let earlier = slot.take();
        listeners.once.retain(|(id, _)| Some(*id) != earlier);
        if !ready {
            let id = listeners.new_id();
            listeners.once.push((id, waker.clone()));
            *slot = Some(id);
        }
        ready
    }

    /// Takes back what [`Shard::poll_ready`] registered.
    pub(crate) fn forget_once(&self, slot: u64) {
        self.state.lock().listeners.once.retain(|(id, _)| *id != slot);
    }

    /// Calls `waker` at each change until [`Shard::unlisten`].
    pub(crate) fn listen(&self, waker: DataWaker) -> u64 {
        let mut state = self.state.lock();
        let id = state.listeners.new_id();
        state.listeners.lasting.push((id, waker));
        id
    }

    pub(crate) fn unlisten(&self, listener: u64) {
        self.state.lock().listeners.lasting.retain(|(id, _)| *id != listener);
    }

    // Descriptions.

    pub(crate) fn end(&self) -> Option<ShardEnd> {
        self.state.lock().end.clone()
    }

    pub(crate) fn floor(&self) -> IngestionTime {
        self.state.lock().floor
    }

    pub(crate) fn next(&self) -> Sequence {
        self.state.lock().next
    }

    pub(crate) fn newest(&self) -> IngestionTime {
        self.state.lock().newest
    }

    /// The oldest segment's floor, if that segment may be removed.
    pub(crate) fn oldest_sealed(&self) -> Option<IngestionTime> {
        let state = self.state.lock();
        let sealed = state.segments.len().saturating_sub(usize::from(state.end.is_none()));
        state.segments.get(..sealed)?.first().map(|segment| segment.floor)
    }

    /// Bytes of its files.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().segments.iter().map(|segment| segment.durable_bytes()).sum()
    }

    /// The shard as its stream describes it.
    pub(crate) fn describe(&self) -> ShardDescription {
        let state = self.state.lock();
        let view = state.view();
        ShardDescription {
            id: self.info.id,
            range: self.info.range,
            parents: self.info.parents.clone(),
            created: self.info.created,
            start_sequence: self.info.start,
            oldest_sequence: view.oldest,
            next_sequence: view.next,
            records: view.next.0.saturating_sub(view.oldest.0),
            bytes: state.segments.iter().map(|segment| segment.durable_bytes()).sum(),
            segments: state.segments.len(),
            oldest_time: state.segments.first().map_or(state.newest, |segment| segment.floor).next(),
            newest_time: state.newest,
            closed: state.end.is_some(),
            children: state.end.as_ref().map(|end| end.children.clone()).unwrap_or_default(),
        }
    }
}

impl State {
    fn check(&self, stream: &Arc<str>) -> Result<()> {
        if self.deleted { Err(Error::StreamDeleted { stream: stream.to_string() }) } else { Ok(()) }
    }

    fn view(&self) -> View {
        let oldest = self.segments.first().map_or(self.next, |segment| segment.first);
        View { next: self.next, oldest, end: self.end.clone() }
    }

    fn ready(&self, position: Sequence) -> bool {
        position < self.next || self.end.is_some() || self.deleted
    }
}
