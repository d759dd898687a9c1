//! Which instance reads which shard, and when: shared by all instances of one start of a job.
//!
//! A shard whose parents are all read goes to the worker with the fewest; one that waits for a parent goes to the worker
//! of its first parent, so that the rows of a key stay in order. When the other parent of a merge is read by another
//! worker, the child waits for it here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use tidemill_engine::{OperatorContext, Waker};
use tidemill_streams::{Position, Result, Sequence, ShardHandle, ShardId, Stream};

use super::Share;
use super::positions::{Ends, Positions, Progress};
use super::source::StreamSourceConfig;

/// Finds the plan of this start: the first instance makes it, the others join.
#[derive(Debug, Default)]
pub(super) struct PlanBoard(Mutex<Weak<ShardPlan>>);

/// Which instance asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) worker: usize,
    pub(super) workers: usize,
    /// Of the job's start.
    pub(super) generation: u64,
}

impl From<&OperatorContext> for Seat {
    fn from(context: &OperatorContext) -> Self {
        Self { worker: context.worker, workers: context.workers, generation: context.generation }
    }
}

/// Who reads what.
#[derive(Debug)]
pub(super) struct ShardPlan {
    stream: Stream,
    generation: u64,
    state: Mutex<State>,
    /// Of a bounded source: its shards, and where each ends.
    ends: Option<Ends>,
    /// Grows when a shard has been read to its end: there may be new ones to read.
    version: AtomicU64,
}

/// What a checkpoint holds of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restored<'a> {
    pub(super) positions: &'a Positions,
    pub(super) ends: Option<&'a Ends>,
}

struct State {
    share: Share,
    /// One for each worker that has joined.
    wakers: Vec<Option<Waker>>,
    /// Where to begin; a shard that is not here came later and is read from its start.
    positions: BTreeMap<ShardId, Sequence>,
    owners: BTreeMap<ShardId, usize>,
    ended: BTreeSet<ShardId>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("owners", &self.owners).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A shard that an instance is to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assigned {
    pub(super) shard: ShardId,
    /// `None`: from its start.
    pub(super) from: Option<Sequence>,
    /// Where it ends, of a bounded source that knew it at its start.
    pub(super) end: Option<Sequence>,
    /// Whether all of its parents have been read.
    pub(super) ready: bool,
}

impl PlanBoard {
    /// The plan for this start of the job. `restored` is the same for every instance.
    pub(super) fn join(
        &self,
        stream: &Stream,
        seat: Seat,
        waker: &Waker,
        config: &StreamSourceConfig,
        restored: Option<Restored<'_>>,
    ) -> Result<Arc<ShardPlan>> {
        let mut board = self.0.lock();
        if let Some(plan) = board.upgrade()
            && plan.admit(seat, waker)
        {
            return Ok(plan);
        }
        let plan = Arc::new(ShardPlan::new(stream, seat, config, restored)?);
        plan.admit(seat, waker);
        *board = Arc::downgrade(&plan);
        Ok(plan)
    }
}

impl ShardPlan {
    fn new(stream: &Stream, seat: Seat, config: &StreamSourceConfig, restored: Option<Restored<'_>>) -> Result<Self> {
        let mut positions = BTreeMap::new();
        let mut ended = BTreeSet::new();
        match restored {
            Some(restored) => restored.positions.iter().for_each(|(shard, progress)| match progress {
                Progress::At(next) => drop(positions.insert(*shard, *next)),
                Progress::Ended => drop(ended.insert(*shard)),
            }),
            // Now, and not when its turn comes: `Latest` means the newest at the start of the job.
            None => {
                for shard in shards(stream, config.share) {
                    let start = config.start_at.get(&shard.id()).copied().map(Position::At);
                    let start = start.unwrap_or(Position::from(config.start));
                    positions.insert(shard.id(), shard.reader(start)?.position());
                }
            }
        }
        let ends = match restored.and_then(|restored| restored.ends).filter(|ends| !ends.is_empty()) {
            Some(ends) => Some(ends.clone()),
            None if config.bounded => {
                let end = |shard: ShardHandle| Ok((shard.id(), shard.reader(Position::Latest)?.position()));
                Some(shards(stream, config.share).map(end).collect::<Result<Ends>>()?)
            }
            None => None,
        };
        let wakers = (0..seat.workers.max(1)).map(|_| None).collect();
        let mut state = State { share: config.share, wakers, positions, owners: BTreeMap::new(), ended };
        state.assign(stream);
        Ok(Self {
            stream: stream.clone(),
            generation: seat.generation,
            state: Mutex::new(state),
            ends,
            version: AtomicU64::new(1),
        })
    }

    /// False when this plan belongs to another start of the job.
    fn admit(&self, seat: Seat, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if self.generation != seat.generation || state.wakers.len() != seat.workers.max(1) {
            return false;
        }
        match state.wakers.get_mut(seat.worker) {
            Some(free @ None) => {
                *free = Some(Arc::clone(waker));
                true
            }
            _ => false,
        }
    }

    /// Changes when there may be something new in [`ShardPlan::of`].
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// All shards of a worker that are not read to their end.
    pub(super) fn of(&self, worker: usize) -> Vec<Assigned> {
        let state = self.state.lock();
        let mine = state.owners.iter().filter(|(shard, owner)| **owner == worker && !state.ended.contains(shard));
        let assigned = |shard: &ShardId| Assigned {
            shard: *shard,
            from: state.positions.get(shard).copied(),
            end: self.ends.as_ref().and_then(|ends| ends.get(shard).copied()),
            ready: state.is_ready(&self.stream, *shard),
        };
        mine.map(|(shard, _)| assigned(shard)).collect()
    }

    /// Where each shard of a bounded source ends.
    pub(super) fn ends(&self) -> Option<&Ends> {
        self.ends.as_ref()
    }

    /// A shard has been read to its end.
    pub(super) fn end(&self, shard: ShardId) {
        let mut state = self.state.lock();
        state.ended.insert(shard);
        state.assign(&self.stream);
        self.tell(state);
    }

    /// Takes shards over that came of those of other shares, whose ends are not told here.
    pub(super) fn look(&self) {
        let mut state = self.state.lock();
        let known = state.owners.len();
        state.assign(&self.stream);
        if state.owners.len() > known {
            self.tell(state);
        }
    }

    /// There may be something new for each worker.
    fn tell(&self, state: MutexGuard<'_, State>) {
        let wakers: Vec<Waker> = state.wakers.iter().flatten().cloned().collect();
        self.version.fetch_add(1, Ordering::Release);
        drop(state);
        wakers.iter().for_each(|wake| wake());
    }
}

/// The shards of a share. Parents come before their children: numbers only grow.
fn shards(stream: &Stream, share: Share) -> impl Iterator<Item = ShardHandle> {
    stream.shards().into_iter().filter(move |shard| share.has(shard.id()))
}

impl State {
    /// Gives every shard that is not yet read an owner.
    fn assign(&mut self, stream: &Stream) {
        for shard in shards(stream, self.share) {
            let id = shard.id();
            if self.ended.contains(&id) || self.owners.contains_key(&id) {
                continue;
            }
            let parent = shard.describe().parents.into_iter().min();
            let inherited = parent.and_then(|parent| self.owners.get(&parent).copied());
            let owner = inherited.unwrap_or_else(|| self.least_loaded());
            self.owners.insert(id, owner);
        }
    }

    fn least_loaded(&self) -> usize {
        let mut load = vec![0_usize; self.wakers.len()];
        let unread = self.owners.iter().filter(|(shard, _)| !self.ended.contains(shard));
        unread.for_each(|(_, owner)| {
            if let Some(count) = load.get_mut(*owner) {
                *count += 1;
            }
        });
        load.iter().enumerate().min_by_key(|(_, count)| **count).map_or(0, |(worker, _)| worker)
    }

    /// A parent that the stream no longer has was read, or has expired: either way it gives nothing more. One of another share is
    /// not waited for.
    fn is_ready(&self, stream: &Stream, shard: ShardId) -> bool {
        let Ok(shard) = stream.shard(shard) else { return true };
        let parents = shard.describe().parents;
        let done = |parent: &ShardId| {
            !self.share.has(*parent) || self.ended.contains(parent) || stream.shard(*parent).is_err()
        };
        parents.iter().all(done)
    }
}
