//! Group commit, and the order of transactions.
//!
//! ```text
//!  commit(unit) ──► validate ──► pending ──► one leader: merge, write, fsync ──► durable ──► visible, acknowledged
//!  commit(unit) ──► validate ──┘   ▲              │
//!  commit(unit) ──► validate ──────┘ (next group, while the leader waits for the disk)
//! ```
//!
//! Each commit gets the next number while the state's lock is held; the numbers are the serial order. A thread
//! that waits and finds no leader becomes one and writes all that is pending as one atomic batch with one fsync.
//! Nothing can be read before it is on disk.
//!
//! Conflicts are found optimistically (Kung and Robinson, 1981, backward validation): a transaction reads a snapshot; at
//! its commit no later-numbered write may touch a key or range that it has read. Committed units stay in memory, sorted by
//! key, as long as a transaction that began before them runs. The loser of a conflict is told so when the winner is on
//! disk: its next attempt sees what the winner wrote.
//!
//! Locks: `state` is never held while the disk is written; the store's own locks are taken only without it or inside
//! of it, never the other way round.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use fjall::{Database, Keyspace, PersistMode, Slice, Snapshot};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::reads::ReadSet;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// A table as the commit path knows it: never reused after a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableId(pub(crate) u64);

/// One change of one key.
#[derive(Clone)]
pub(crate) struct Write {
    pub(crate) table: TableId,
    pub(crate) keyspace: Keyspace,
    pub(crate) key: Slice,
    /// `None` deletes.
    pub(crate) value: Option<Slice>,
}

impl Write {
    fn order(&self) -> (TableId, &[u8]) {
        (self.table, &self.key)
    }
}

/// The writes of one commit: sorted by table and key, each key once.
pub(crate) struct Unit {
    number: u64,
    writes: Vec<Write>,
}

impl Unit {
    /// Whether a key of `table` in `start..end` (unbounded above when `None`) is written.
    pub(crate) fn touches(&self, table: TableId, start: &[u8], end: Option<&[u8]>) -> bool {
        let first = self.writes.partition_point(|w| w.order() < (table, start));
        let hit = self.writes.get(first).filter(|w| w.table == table);
        hit.is_some_and(|w| end.is_none_or(|end| *w.key < *end))
    }

    /// Whether this key of `table` is written.
    pub(crate) fn touches_key(&self, table: TableId, key: &[u8]) -> bool {
        self.writes.binary_search_by(|w| w.order().cmp(&(table, key))).is_ok()
    }
}

/// What a transaction has seen: everything up to commit number `version`.
pub(crate) struct View {
    version: u64,
    pub(crate) snapshot: Snapshot,
}

#[derive(Default)]
struct State {
    /// The number of the next commit.
    next: u64,
    /// Everything below this number is on disk and visible.
    durable: u64,
    pending: Vec<Arc<Unit>>,
    pending_bytes: usize,
    has_leader: bool,
    /// Why commits are refused for good.
    stopped: Option<String>,
    /// Committed units that a running transaction may conflict with, oldest first.
    remembered: VecDeque<Arc<Unit>>,
    remembered_writes: usize,
    /// Transactions with an older view have been forgotten and must fail.
    forgotten: u64,
    /// How many transactions hold each view.
    views: BTreeMap<u64, usize>,
    dropped: BTreeMap<TableId, String>,
}

/// Serialises and persists commits.
pub(crate) struct Committer {
    database: Database,
    limits: Limits,
    state: Mutex<State>,
    /// Notified when a group is durable, the store has stopped, or there is room for pending bytes.
    progress: Condvar,
}

impl Committer {
    pub(crate) fn new(database: Database, limits: Limits) -> Committer {
        Committer { database, limits, state: Mutex::default(), progress: Condvar::new() }
    }

    /// Begins a transaction; give the view back by [`Committer::end`] or [`Committer::commit`].
    pub(crate) fn begin(&self) -> View {
        let mut state = self.state.lock();
        let version = state.durable;
        *state.views.entry(version).or_default() += 1;
        // Taken after `version` is read: the snapshot holds at least every commit below it.
        View { version, snapshot: self.database.snapshot() }
    }

    /// Ends a transaction that writes nothing.
    pub(crate) fn end(&self, view: &View) {
        let mut state = self.state.lock();
        release(&mut state, view.version);
    }

    /// Makes the writes durable and visible, all or none. `reads` are checked against commits since `view`.
    pub(crate) fn commit(&self, view: Option<(&View, &ReadSet)>, writes: Vec<Write>) -> Result<()> {
        let unit = self.admit(view, writes)?;
        match unit {
            Some(number) => self.wait_durable(number),
            None => Ok(()),
        }
    }

    /// Runs `change` while no commit is pending or being written.
    pub(crate) fn drop_table(&self, table: TableId, name: &str, change: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut state = self.state.lock();
        while state.has_leader || (!state.pending.is_empty() && state.stopped.is_none()) {
            self.progress.wait(&mut state);
        }
        change()?;
        state.dropped.insert(table, name.to_owned());
        Ok(())
    }

    /// The highest number of a table that was dropped since the folder was opened; 0 when there is none.
    pub(crate) fn highest_dropped(&self) -> u64 {
        self.state.lock().dropped.last_key_value().map_or(0, |(table, _)| table.0)
    }

    /// Validates and numbers a commit and puts it in the queue; `None` when there is nothing to write.
    fn admit(&self, view: Option<(&View, &ReadSet)>, writes: Vec<Write>) -> Result<Option<u64>> {
        let writes = sorted_once(writes);
        let bytes: usize = writes.iter().map(|w| w.key.len() + w.value.as_ref().map_or(0, |v| v.len())).sum();
        if bytes > self.limits.transaction_bytes_max {
            view.inspect(|(view, _)| self.end(view));
            return Err(Error::Limit {
                what: "the bytes that a transaction writes",
                found: bytes as u64,
                limit: self.limits.transaction_bytes_max as u64,
                hint: "write in several smaller transactions",
            });
        }
        let mut state = self.state.lock();
        while state.stopped.is_none()
            && !state.pending.is_empty()
            && state.pending_bytes + bytes > self.limits.pending_bytes_max
        {
            self.progress.wait(&mut state);
        }
        let conflict = validate(&state, view, &writes);
        if let Some((view, _)) = view {
            release(&mut state, view.version);
        }
        if let Some(winner) = conflict? {
            // A transaction that begins before the winner is on disk cannot see it, and would lose to it again.
            drop(state);
            self.wait_durable(winner)?;
            return Err(Error::Conflict { attempts: 1 });
        }
        if writes.is_empty() {
            return Ok(None);
        }
        let number = state.next;
        state.next += 1;
        state.remembered_writes += writes.len();
        state.pending_bytes += bytes;
        let unit = Arc::new(Unit { number, writes });
        state.pending.push(unit.clone());
        state.remembered.push_back(unit);
        forget(&mut state, self.limits.remembered_writes_max);
        Ok(Some(number))
    }

    fn wait_durable(&self, number: u64) -> Result<()> {
        let mut state = self.state.lock();
        while state.durable <= number {
            if let Some(reason) = &state.stopped {
                return Err(Error::Stopped(reason.clone()));
            }
            match state.has_leader {
                true => self.progress.wait(&mut state),
                false => self.lead(&mut state),
            }
        }
        Ok(())
    }

    /// Writes what is pending as one group. The lock is released while the disk is written.
    fn lead(&self, state: &mut MutexGuard<'_, State>) {
        state.has_leader = true;
        let group = std::mem::take(&mut state.pending);
        state.pending_bytes = 0;
        // A panic in the store must not leave the other writers waiting for ever.
        let written = MutexGuard::unlocked(state, || {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.write(&group)))
                .unwrap_or_else(|_| Err("the store panicked".to_owned()))
        });
        match written {
            Ok(()) => state.durable = group.last().map_or(state.durable, |unit| unit.number + 1),
            Err(reason) => {
                tracing::error!(%reason, "a commit failed, the tables refuse writes until they are opened again");
                state.stopped = Some(reason);
            }
        }
        state.has_leader = false;
        forget(state, self.limits.remembered_writes_max);
        self.progress.notify_all();
    }

    /// One atomic batch, one fsync. Within a batch the store takes each key once: the last write wins.
    fn write(&self, group: &[Arc<Unit>]) -> Result<(), String> {
        let mut writes: Vec<&Write> = group.iter().flat_map(|unit| &unit.writes).collect();
        if group.len() > 1 {
            writes.sort_by(|a, b| a.order().cmp(&b.order()));
            writes.reverse();
            writes.dedup_by(|later, earlier| later.order() == earlier.order());
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for write in writes {
            match &write.value {
                Some(value) => batch.insert(&write.keyspace, write.key.clone(), value.clone()),
                None => batch.remove(&write.keyspace, write.key.clone()),
            }
        }
        batch.commit().map_err(|e| e.to_string())
    }
}

/// Drops the units that no running or future transaction can conflict with, and the oldest beyond the limit.
fn forget(state: &mut State, remembered_writes_max: usize) {
    let oldest = state.views.first_key_value().map_or(state.durable, |(version, _)| *version).min(state.durable);
    while let Some(unit) = state.remembered.front() {
        let too_many = state.remembered_writes > remembered_writes_max && unit.number < state.durable;
        if unit.number >= oldest && !too_many {
            break;
        }
        state.remembered_writes -= unit.writes.len();
        state.forgotten = unit.number + 1;
        state.remembered.pop_front();
    }
}

fn release(state: &mut State, version: u64) {
    if let Some(count) = state.views.get_mut(&version) {
        *count -= 1;
        if *count == 0 {
            state.views.remove(&version);
        }
    }
}

/// The number of the last commit that this one conflicts with, if any.
fn validate(state: &State, view: Option<(&View, &ReadSet)>, writes: &[Write]) -> Result<Option<u64>> {
    if let Some(reason) = &state.stopped {
        return Err(Error::Stopped(reason.clone()));
    }
    if let Some(name) = writes.iter().find_map(|w| state.dropped.get(&w.table)) {
        return Err(Error::NoSuchTable(name.clone()));
    }
    let Some((view, reads)) = view else { return Ok(None) };
    if writes.is_empty() {
        return Ok(None); // What it read was one snapshot: serialisable as it is.
    }
    let newer = state.remembered.partition_point(|unit| unit.number < view.version);
    let winner = state.remembered.range(newer..).rev().find(|unit| reads.conflicts_with(unit)).map(|unit| unit.number);
    // What was forgotten is on disk.
    let forgotten = (view.version < state.forgotten).then(|| state.forgotten.saturating_sub(1));
    Ok(winner.or(forgotten))
}

/// Sorted by table and key; of several writes of one key the last.
fn sorted_once(mut writes: Vec<Write>) -> Vec<Write> {
    if !writes.is_sorted_by(|a, b| a.order() < b.order()) {
        writes.sort_by(|a, b| a.order().cmp(&b.order()));
        writes.reverse();
        writes.dedup_by(|later, earlier| later.order() == earlier.order());
        writes.reverse();
    }
    writes
}
