//! Which open shard owns a hash key.

use crate::{HashRange, ShardId};

/// The open shards of a stream, ordered by hash key. They cover every hash key exactly once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routing {
    shards: Vec<(HashRange, ShardId)>,
}

impl Routing {
    pub(crate) fn new(mut shards: Vec<(HashRange, ShardId)>) -> Self {
        shards.sort_by_key(|(range, _)| range.start);
        Self { shards }
    }

    /// Whether every hash key has exactly one shard.
    pub(crate) fn is_complete(&self) -> bool {
        let ends = self.shards.first().is_some_and(|(first, _)| first.start == 0)
            && self.shards.last().is_some_and(|(last, _)| last.end == u128::MAX);
        ends && self.shards.windows(2).all(|pair| match pair {
            [(low, _), (high, _)] => low.end.checked_add(1) == Some(high.start),
            _ => true,
        })
    }

    /// How many shards are open.
    pub(crate) fn len(&self) -> usize {
        self.shards.len()
    }

    /// Number of the route (not of the shard) that `hash_key` takes.
    #[inline]
    pub(crate) fn route(&self, hash_key: u128) -> usize {
        self.shards.partition_point(|(range, _)| range.start <= hash_key).saturating_sub(1)
    }

    /// The shard at the end of a route.
    pub(crate) fn shard(&self, route: usize) -> Option<ShardId> {
        self.shards.get(route).map(|(_, shard)| *shard)
    }

    /// The same routing with some shards replaced.
    pub(crate) fn replace(&self, parents: &[ShardId], children: &[(HashRange, ShardId)]) -> Self {
        let kept = self.shards.iter().filter(|(_, shard)| !parents.contains(shard));
        Self::new(kept.chain(children).copied().collect())
    }

    /// The hash keys of an open shard.
    pub(crate) fn range_of(&self, shard: ShardId) -> Option<HashRange> {
        self.shards.iter().find(|(_, id)| *id == shard).map(|(range, _)| *range)
    }
}
