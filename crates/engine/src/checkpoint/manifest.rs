//! Manifests and generations: their names, their content, and the pure function that picks the one to restore.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Epoch;

/// Version of everything in a checkpoint folder.
pub const FORMAT: u32 = 2;

/// A piece of an object: one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// The object's path below the job's folder.
    pub object: String,
    /// Where the segment starts in it.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// All that is needed to restore a job at an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The job's name.
    pub job: String,
    /// Who wrote it.
    pub generation: u64,
    /// The checkpoint's epoch.
    pub epoch: u64,
    /// Unix milliseconds.
    pub created_ms: i64,
    /// How many workers took it.
    pub workers: usize,
    /// The state of each operator.
    pub operators: BTreeMap<String, Tables>,
}

/// Of each state table of one operator its segments, oldest first.
pub type Tables = BTreeMap<String, Vec<SegmentRef>>;

impl Manifest {
    /// All segments.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentRef> {
        self.operators.values().flat_map(BTreeMap::values).flatten()
    }
}

/// A claim: this generation starts from this checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The generation.
    pub generation: u64,
    /// The epoch that it restores and so the last one of its predecessors that counts.
    pub starts_after: u64,
}

/// A manifest's position in history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestId {
    /// The checkpoint's epoch.
    pub epoch: Epoch,
    /// Who wrote it.
    pub generation: u64,
}

impl ManifestId {
    /// Object name, ordered as its id is.
    pub fn path(&self) -> String {
        format!("manifests/{:020}-{:010}.json", self.epoch.0, self.generation)
    }

    /// Reads a file name.
    pub fn parse(name: &str) -> Option<Self> {
        let (epoch, generation) = name.strip_suffix(".json")?.split_once('-')?;
        Some(ManifestId { epoch: Epoch(epoch.parse().ok()?), generation: generation.parse().ok()? })
    }
}

/// Manifests that count, newest first: those not published by a generation behind the start of a later one.
pub fn resolve(manifests: &[ManifestId], claims: &[Claim]) -> Vec<ManifestId> {
    let mut valid: Vec<ManifestId> = manifests
        .iter()
        .filter(|m| claims.iter().filter(|c| c.generation > m.generation).all(|c| m.epoch.0 <= c.starts_after))
        .copied()
        .collect();
    valid.sort_by(|a, b| b.cmp(a));
    valid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(epoch: u64, generation: u64) -> ManifestId {
        ManifestId { epoch: Epoch(epoch), generation }
    }

    fn claim(generation: u64, starts_after: u64) -> Claim {
        Claim { generation, starts_after }
    }

    #[test]
    fn the_newest_checkpoint_of_the_only_run_is_restored() {
        let claims = [claim(1, 0)];
        assert_eq!(resolve(&[id(8, 1), id(16, 1)], &claims)[0], id(16, 1));
    }

    #[test]
    fn a_checkpoint_that_a_dead_run_published_after_its_successor_started_is_ignored() {
        // Generation 2 restored epoch 16; generation 1, believed dead, still published 24.
        let claims = [claim(1, 0), claim(2, 16)];
        assert_eq!(resolve(&[id(16, 1), id(24, 1)], &claims), vec![id(16, 1)]);
        assert_eq!(resolve(&[id(16, 1), id(24, 1), id(24, 2)], &claims)[0], id(24, 2));
    }

    #[test]
    fn names_survive_a_round_trip() {
        let it = id(123, 4);
        assert_eq!(ManifestId::parse(it.path().strip_prefix("manifests/").unwrap()), Some(it));
        assert_eq!(ManifestId::parse("junk"), None);
    }
}
