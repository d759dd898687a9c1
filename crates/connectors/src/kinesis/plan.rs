//! Which shards there are, and which instance reads which: shared by all instances of one start of a job.
//!
//! A shard belongs to the worker that its number names, so that nothing has to be agreed on. It is read when its parents
//! have been, whoever reads those.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tidemill_engine::{OperatorContext, Waker};
use tidemill_streams::HashRange;

use super::client::{Api, Backoff, Refusal, ShardInfo};
use super::place::{Place, Places};
use crate::runtime::runtime;

/// Where a source begins that has no checkpoint, and how it reads.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) place: Place,
    /// Of enhanced fan-out.
    pub(super) consumer: Option<String>,
    pub(super) discovery: Duration,
}

/// Finds the plan of this start: the first instance makes it, the others join.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Weak<Plan>>);

#[derive(Debug)]
pub(super) struct Plan {
    generation: u64,
    state: Mutex<State>,
    /// Grows when there may be something new in [`Plan::of`].
    version: AtomicU64,
}

#[derive(Default)]
struct State {
    /// One for each worker that has joined.
    wakers: Vec<Option<Waker>>,
    shards: BTreeMap<String, Known>,
    /// The ARN of the consumer of enhanced fan-out.
    consumer: Option<String>,
    failure: Option<String>,
}

#[derive(Debug)]
struct Known {
    parents: Vec<String>,
    range: HashRange,
    /// Where to begin.
    from: Place,
    ended: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("shards", &self.shards).finish_non_exhaustive()
    }
}

/// A shard of a worker.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) id: String,
    pub(super) from: Place,
    pub(super) range: HashRange,
    /// Whether its parents have been read.
    pub(super) ready: bool,
}

impl Board {
    /// The plan for this start of the job. `restored` is the same for every instance.
    pub(super) fn join(
        &self,
        api: &Arc<Api>,
        context: &OperatorContext,
        waker: &Waker,
        start: &Start,
        restored: Option<&Places>,
    ) -> Result<Arc<Plan>, String> {
        let mut board = self.0.lock();
        if let Some(plan) = board.upgrade()
            && plan.admit(context, waker)
        {
            return Ok(plan);
        }
        let wakers = (0..context.workers.max(1)).map(|_| None).collect();
        let state = State { wakers, ..State::default() };
        let plan =
            Arc::new(Plan { generation: context.generation, state: Mutex::new(state), version: AtomicU64::new(0) });
        plan.admit(context, waker);
        let task = discover(Arc::downgrade(&plan), api.clone(), start.clone(), restored.cloned());
        runtime()?.spawn(task);
        *board = Arc::downgrade(&plan);
        Ok(plan)
    }
}

impl Plan {
    /// False when this plan belongs to another start of the job.
    fn admit(&self, context: &OperatorContext, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if self.generation != context.generation || state.wakers.len() != context.workers.max(1) {
            return false;
        }
        match state.wakers.get_mut(context.worker) {
            Some(free @ None) => {
                *free = Some(Arc::clone(waker));
                true
            }
            _ => false,
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What keeps the shards from being known, for good.
    pub(super) fn failure(&self) -> Option<String> {
        self.state.lock().failure.clone()
    }

    pub(super) fn consumer(&self) -> Option<String> {
        self.state.lock().consumer.clone()
    }

    /// All shards of a worker; those that have ended, too.
    pub(super) fn of(&self, worker: usize) -> Vec<Assigned> {
        let state = self.state.lock();
        let workers = state.wakers.len();
        let mine = state.shards.iter().filter(|(id, _)| owner(id, workers) == worker);
        let assigned = |(id, known): (&String, &Known)| Assigned {
            id: id.clone(),
            from: if known.ended { Place::Ended } else { known.from.clone() },
            range: known.range,
            ready: known.parents.iter().all(|parent| state.shards.get(parent).is_none_or(|parent| parent.ended)),
        };
        mine.map(assigned).collect()
    }

    /// Whether the stream no longer has a shard.
    pub(super) fn is_gone(&self, shard: &str) -> bool {
        !self.state.lock().shards.contains_key(shard)
    }

    /// A shard has been read to its end; these go on.
    pub(super) fn end(&self, shard: &str, children: Vec<ShardInfo>) {
        let mut state = self.state.lock();
        if let Some(known) = state.shards.get_mut(shard) {
            known.ended = true;
        }
        children.into_iter().for_each(|child| state.learn(child, Place::TrimHorizon));
        self.tell(state);
    }

    fn fail(&self, reason: String) {
        let mut state = self.state.lock();
        state.failure = Some(reason);
        self.tell(state);
    }

    /// Takes over what the stream lists: all of it at first, later what is new.
    fn take(&self, listed: Vec<ShardInfo>, consumer: Option<String>, start: &Start, restored: Option<&Places>) {
        let mut state = self.state.lock();
        let first = state.shards.is_empty();
        state.consumer = consumer;
        // Expired: nothing refers to them any more.
        state.shards.retain(|id, known| !known.ended || listed.iter().any(|shard| shard.id == *id));
        for shard in listed {
            let from = match restored {
                Some(places) => places.get(&shard.id).cloned().unwrap_or(Place::TrimHorizon),
                None if !first => Place::TrimHorizon,
                None if start.place == Place::Latest && !shard.open => Place::Ended,
                None => start.place.clone(),
            };
            state.learn(shard, from);
        }
        self.tell(state);
    }

    fn tell(&self, state: parking_lot::MutexGuard<'_, State>) {
        let wakers: Vec<Waker> = state.wakers.iter().flatten().cloned().collect();
        self.version.fetch_add(1, Ordering::Release);
        drop(state);
        wakers.iter().for_each(|wake| wake());
    }
}

impl State {
    fn learn(&mut self, shard: ShardInfo, from: Place) {
        let ShardInfo { id, parents, range, .. } = shard;
        let ended = from == Place::Ended;
        self.shards.entry(id).or_insert(Known { parents, range, from, ended });
    }
}

/// `shardId-000000000007` is of worker 7 mod workers.
fn owner(shard: &str, workers: usize) -> usize {
    let number: usize = shard.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    number.checked_rem(workers).unwrap_or(0)
}

/// Lists the shards again and again, for as long as there is a plan.
async fn discover(plan: Weak<Plan>, api: Arc<Api>, start: Start, restored: Option<Places>) {
    let mut backoff = Backoff::new();
    let mut consumer = None;
    loop {
        let listed = async {
            if let (None, Some(name)) = (&consumer, &start.consumer) {
                consumer = Some(api.consumer(name).await?);
            }
            api.shards().await
        };
        let listed = listed.await;
        let Some(plan) = plan.upgrade() else { return };
        match listed {
            Ok(listed) => {
                plan.take(listed, consumer.clone(), &start, restored.as_ref());
                drop(plan);
                backoff.reset();
                tokio::time::sleep(start.discovery).await;
            }
            Err(Refusal::Permanent(said)) => return plan.fail(said),
            Err(Refusal::Transient(said)) => {
                drop(plan);
                tracing::warn!(stream = api.stream(), said, "the shards can't be listed, which is tried again");
                backoff.pause().await;
            }
            Err(Refusal::Expired) => backoff.pause().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(workers: usize) -> Plan {
        let state = State { wakers: (0..workers).map(|_| None).collect(), ..State::default() };
        Plan { generation: 1, state: Mutex::new(state), version: AtomicU64::new(0) }
    }

    fn shard(number: u32, parents: &[u32], open: bool) -> ShardInfo {
        let id = |number: &u32| format!("shardId-{number:012}");
        ShardInfo { id: id(&number), parents: parents.iter().map(id).collect(), range: HashRange::ALL, open }
    }

    fn start(place: Place) -> Start {
        Start { place, consumer: None, discovery: Duration::from_secs(10) }
    }

    fn ready(plan: &Plan, worker: usize) -> Vec<String> {
        let ready = plan.of(worker).into_iter().filter(|shard| shard.ready && shard.from != Place::Ended);
        ready.map(|shard| format!("{:?} {}", shard.from, shard.id.trim_start_matches("shardId-0000000000"))).collect()
    }

    #[test]
    fn children_wait_for_their_parents_on_whichever_worker() {
        let plan = plan(2);
        let listed = vec![shard(0, &[], false), shard(1, &[], false), shard(2, &[0, 1], true)];
        plan.take(listed, None, &start(Place::TrimHorizon), None);
        assert_eq!(
            (ready(&plan, 0), ready(&plan, 1)),
            (vec!["TrimHorizon 00".into()], vec!["TrimHorizon 01".to_owned()])
        );
        plan.end("shardId-000000000000", Vec::new());
        assert_eq!(ready(&plan, 0), Vec::<String>::new());
        plan.end("shardId-000000000001", vec![shard(2, &[0, 1], true)]);
        assert_eq!(ready(&plan, 0), ["TrimHorizon 02"]);
        // A parent that has expired gives nothing more.
        plan.take(vec![shard(2, &[0, 1], true)], None, &start(Place::TrimHorizon), None);
        assert!(plan.is_gone("shardId-000000000000"));
        assert_eq!(ready(&plan, 0), ["TrimHorizon 02"]);
    }

    #[test]
    fn latest_reads_open_shards_and_later_their_children_whole() {
        let plan = plan(1);
        plan.take(vec![shard(0, &[], false), shard(1, &[0], true)], None, &start(Place::Latest), None);
        assert_eq!(ready(&plan, 0), ["Latest 01"]);
        plan.end("shardId-000000000001", vec![shard(2, &[1], true), shard(3, &[1], true)]);
        assert_eq!(ready(&plan, 0), ["TrimHorizon 02", "TrimHorizon 03"]);
    }

    #[test]
    fn a_restart_goes_on_where_each_shard_was() {
        let plan = plan(1);
        let places = Places::from([
            ("shardId-000000000000".to_owned(), Place::Ended),
            ("shardId-000000000001".to_owned(), Place::After("7".into())),
        ]);
        let listed = vec![shard(0, &[], false), shard(1, &[0], false), shard(2, &[0], true)];
        plan.take(listed, None, &start(Place::Latest), Some(&places));
        assert_eq!(ready(&plan, 0), ["After(\"7\") 01", "TrimHorizon 02"]);
    }
}
