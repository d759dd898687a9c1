//! Keys, their hashes, and the key groups that divide them among workers.
//!
//! A key is bytes in a `Binary` column. Its hash is XXH3-64, which is stable across versions and machines. The top
//! eight bits of the hash are the key's group. A worker owns a contiguous range of groups, so state taken with `n`
//! workers restores with `m`.

use std::ops::Range;

/// How many key groups there are, and so the highest number of workers of a job.
pub const KEY_GROUPS: u16 = 256;

/// One of [`KEY_GROUPS`] groups of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyGroup(pub u8);

impl KeyGroup {
    /// The group of a key's hash.
    pub fn of_hash(hash: u64) -> Self {
        KeyGroup((hash >> 56) as u8)
    }

    /// The group of a key.
    pub fn of_key(key: &[u8]) -> Self {
        Self::of_hash(hash_key(key))
    }

    /// Which of `workers` owns this group.
    pub fn owner(self, workers: usize) -> usize {
        usize::from(self.0) * workers / usize::from(KEY_GROUPS)
    }
}

/// Stable hash of a key.
pub fn hash_key(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// The groups that worker `index` of `workers` owns.
pub fn owned_groups(index: usize, workers: usize) -> Range<u16> {
    let groups = usize::from(KEY_GROUPS);
    let start = (index * groups).div_ceil(workers);
    let end = ((index + 1) * groups).div_ceil(workers);
    start as u16..end as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_exactly_one_owner_and_ranges_agree_with_it() {
        for workers in 1..=256usize {
            for group in 0..=255u8 {
                let owner = KeyGroup(group).owner(workers);
                assert!(owner < workers);
                for index in 0..workers {
                    let inside = owned_groups(index, workers).contains(&u16::from(group));
                    assert_eq!(inside, index == owner, "group {group}, worker {index} of {workers}");
                }
            }
        }
    }
}
