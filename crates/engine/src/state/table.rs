//! Keyed state in memory that knows what changed since the last checkpoint.

use ahash::RandomState;
use hashbrown::{HashSet, HashTable};

use super::{
    SnapshotReader, SnapshotWriter, StateValue,
    segment::UNION,
    slots::{Slot, Slots},
};
use crate::{error::Result, key::KeyGroup};

/// A table of fewer keys is not worth warming.
const WARM_KEYS: usize = 16 << 10;

/// A slot in the index, with its key's hash: neither growing the index nor passing over another key looks at any key.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    slot: u32,
    hash: u32,
}

/// A hash for the index, which reads its highest and its lowest bits, out of 32 bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// A map from key to value. Reading is free; whatever is touched for writing goes into the next checkpoint.
///
/// Beside its value a key costs about 50 bytes: up to 22 bytes of its own, two flags, and its number in the index. Longer keys
/// lie elsewhere.
///
/// ```
/// # use tidemill_engine::state::StateTable;
/// let mut counts: StateTable<u64> = StateTable::new("counts");
/// *counts.entry(b"blue", || 0) += 1;
/// assert_eq!(counts.get(b"blue"), Some(&1));
/// ```
#[derive(Debug)]
pub struct StateTable<V> {
    pub(super) name: &'static str,
    /// Slot numbers by their key's hash.
    index: HashTable<Indexed>,
    pub(super) slots: Slots<V>,
    hasher: RandomState,
    /// Slots touched since the last snapshot. One that was freed and used again may be here twice: its flag tells.
    dirty: Vec<u32>,
    /// Keys that an earlier snapshot holds and that are gone.
    removed: HashSet<Box<[u8]>, RandomState>,
}

impl<V> StateTable<V> {
    /// An empty table; `name` tells it from the operator's others in snapshots.
    pub fn new(name: &'static str) -> Self {
        StateTable {
            name,
            index: HashTable::new(),
            slots: Slots::new(),
            hasher: RandomState::default(),
            dirty: Vec::new(),
            removed: HashSet::default(),
        }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True where no key has a value.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn hash(&self, key: &[u8]) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hash(key);
        let is = |at: &Indexed| at.hash == hash && self.slots.get(at.slot).is_some_and(|s| *s.key == *key);
        self.index.find(spread(hash), is).map(|at| at.slot)
    }

    pub(super) fn add(&mut self, key: &[u8], value: V, stored: bool) -> u32 {
        let hash = self.hash(key);
        let slot = self.slots.add(Slot { key: key.into(), value, dirty: false, stored });
        self.index.insert_unique(spread(hash), Indexed { slot, hash }, |at| spread(at.hash));
        slot
    }

    /// Reads what looking these keys up will read, without waiting for one before the next: a table larger than the processor's
    /// caches answers some hundred keys in a fraction of the time when they were warmed just before. `value` reads a byte of
    /// what lies behind a value.
    pub fn warm<'a>(&self, keys: impl Iterator<Item = &'a [u8]>, value: impl Fn(&V) -> u8) {
        if self.len() < WARM_KEYS {
            return;
        }
        // One kind of access a pass, none of which depends on another.
        let hashes: Vec<u32> = keys.map(|key| self.hash(key)).collect();
        let found = hashes.iter().filter_map(|hash| self.index.find(spread(*hash), |at| at.hash == *hash));
        let slots: Vec<u32> = found.map(|at| at.slot).collect();
        let slots = || slots.iter().filter_map(|slot| self.slots.get(*slot));
        std::hint::black_box(slots().fold(0, |sum, slot| sum ^ slot.key.len()));
        let behind =
            slots().fold(0, |sum, slot| sum ^ slot.key.first().copied().unwrap_or_default() ^ value(&slot.value));
        std::hint::black_box(behind);
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.find(key).and_then(|at| self.slots.get(at)).map(|s| &s.value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let at = self.find(key)?;
        self.touch(at)
    }

    pub(super) fn touch(&mut self, at: u32) -> Option<&mut V> {
        let slot = self.slots.get_mut(at)?;
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(at);
        }
        Some(&mut slot.value)
    }

    /// The slot of a key, and whether it was made.
    pub(super) fn find_or_add(&mut self, key: &[u8], make: impl FnOnce() -> V) -> (u32, bool) {
        match self.find(key) {
            Some(at) => (at, false),
            None => {
                let stored = !self.removed.is_empty() && self.removed.remove(key);
                (self.add(key, make(), stored), true)
            }
        }
    }

    /// The value of a key, to be changed, made first where there is none.
    pub fn entry(&mut self, key: &[u8], make: impl FnOnce() -> V) -> &mut V {
        let (at, _) = self.find_or_add(key, make);
        match self.touch(at) {
            Some(value) => value,
            None => unreachable!("the index names a slot that is empty"),
        }
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: &[u8], value: V) {
        let mut value = Some(value);
        if let Some(old) = self.get_mut(key) {
            value.take().into_iter().for_each(|new| *old = new);
        }
        if let Some(new) = value {
            self.entry(key, || new);
        }
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (hash, slots) = (self.hash(key), &self.slots);
        let is = |at: &Indexed| at.hash == hash && slots.get(at.slot).is_some_and(|s| *s.key == *key);
        let found = self.index.find_entry(spread(hash), is).ok()?;
        let slot = self.slots.take(found.remove().0.slot)?;
        if slot.stored {
            self.removed.insert(slot.key.to_vec().into());
        }
        Some(slot.value)
    }

    /// Every key and value, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.slots.iter().map(|s| (&*s.key, &s.value))
    }

    /// Writes what changed since the last snapshot, each key in the scope that it is given.
    pub(super) fn write(
        &mut self,
        writer: &mut SnapshotWriter,
        scope: impl Fn(&[u8]) -> u16,
        mut encode: impl FnMut(u32, &V, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<()> {
        let StateTable { slots, dirty, removed, name, .. } = self;
        let gone: Vec<Box<[u8]>> = removed.drain().collect();
        let mut changes = Vec::with_capacity(gone.len() + dirty.len());
        changes.extend(gone.iter().enumerate().map(|(i, key)| (rank(scope(key), key), Change::Gone(i))));
        for at in dirty.drain(..) {
            if let Some(slot) = slots.get_mut(at).filter(|s| s.dirty) {
                (slot.dirty, slot.stored) = (false, true);
                changes.push((rank(scope(&slot.key), &slot.key), Change::Slot(at)));
            }
        }
        let key = |change: &Change| -> &[u8] {
            match *change {
                Change::Gone(i) => &gone[i],
                Change::Slot(at) => slots.get(at).map_or(&[], |s| &s.key),
            }
        };
        changes.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| key(x).cmp(key(y))));
        writer.run(name, |run| {
            changes.iter().try_for_each(|(rank, change)| {
                run.push((rank >> 112) as u16, key(change), |out| {
                    let Change::Slot(at) = *change else { return Ok(false) };
                    let Some(slot) = slots.get(at) else { return Ok(false) };
                    encode(at, &slot.value, out).map_err(|e| SnapshotReader::undecodable(name, e))?;
                    Ok(true)
                })
            })
        })
    }
}

impl<V: StateValue> StateTable<V> {
    /// Writes what changed since the last snapshot: keyed, so that each key follows its group at a restore.
    pub fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.write(writer, |key| u16::from(KeyGroup::of_key(key).0), |_, value, out| value.encode(out))
    }

    /// As [`StateTable::snapshot`], for a table whose keys only begin with the key by which rows are routed: `owner` cuts
    /// that part out, and the entry follows its group.
    pub fn snapshot_by(&mut self, writer: &mut SnapshotWriter, owner: impl Fn(&[u8]) -> &[u8]) -> Result<()> {
        self.write(writer, |key| u16::from(KeyGroup::of_key(owner(key)).0), |_, value, out| value.encode(out))
    }

    /// As [`StateTable::snapshot`], for a table that every worker reads whole at a restore.
    pub fn snapshot_union(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.write(writer, |_| UNION, |_, value, out| value.encode(out))
    }

    /// Reads the table back.
    pub fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        reader.each(self.name, |key, bytes| {
            let value = V::decode(bytes).map_err(|e| SnapshotReader::undecodable(self.name, e))?;
            self.add(key, value, true);
            Ok(())
        })
    }
}

#[derive(Clone, Copy)]
enum Change {
    Gone(usize),
    Slot(u32),
}

/// Scope and the first bytes of the key: orders nearly all changes without a look at their keys.
fn rank(scope: u16, key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&scope.to_be_bytes());
    let first = key.len().min(14);
    bytes[2..2 + first].copy_from_slice(&key[..first]);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{key::owned_groups, state::snapshot::tests::Kept};

    /// What `workers` workers restore together; a key on two of them is an error.
    fn restored(kept: &Kept, workers: usize) -> BTreeMap<Vec<u8>, u32> {
        let mut found = BTreeMap::new();
        for worker in 0..workers {
            let mut table = StateTable::<u32>::new("t");
            table.restore(&kept.reader(owned_groups(worker, workers))).unwrap();
            for (key, value) in table.iter() {
                assert!(found.insert(key.to_vec(), *value).is_none(), "a key on two workers");
            }
        }
        found
    }

    proptest! {
        /// Random writes and removals with snapshots in between: whatever number of workers restores them, together
        /// they hold exactly what was written, each key once.
        #[test]
        fn incremental_snapshots_restore_with_any_number_of_workers(
            steps in prop::collection::vec((0u8..12, prop::option::of(any::<u32>()), any::<bool>()), 0..60),
            workers in 1usize..5)
        {
            let mut table = StateTable::<u32>::new("t");
            let mut model = BTreeMap::new();
            let mut kept = Kept::default();
            for (key, value, snapshot) in steps {
                match value {
                    Some(v) => { table.insert(&[key], v); model.insert(vec![key], v); }
                    None => { table.remove(&[key]); model.remove(&vec![key]); }
                }
                prop_assert_eq!(table.len(), model.len());
                if snapshot { kept.snapshot(|writer| table.snapshot(writer).unwrap()); }
            }
            kept.snapshot(|writer| table.snapshot(writer).unwrap());
            prop_assert_eq!(restored(&kept, workers), model);
        }
    }

    #[test]
    fn a_large_table_with_keys_of_all_lengths_is_written_in_blocks_and_restored() {
        let mut table = StateTable::<u32>::new("t");
        let key = |i: u32| [&vec![0; i as usize % 20][..], &i.to_be_bytes()].concat();
        (0..50_000).for_each(|i| table.insert(&key(i), i));
        let mut kept = Kept::default();
        kept.snapshot(|writer| table.snapshot(writer).unwrap());
        assert!(kept.bytes > 4 * super::super::segment::BLOCK_BYTES as u64);
        for i in (0..50_000).filter(|i| i % 3 == 0) {
            assert_eq!(table.remove(&key(i)), Some(i));
        }
        *table.entry(&key(3), || 0) += 7;
        kept.snapshot(|writer| table.snapshot(writer).unwrap());
        let mut expected: BTreeMap<Vec<u8>, u32> = (0..50_000).filter(|i| i % 3 > 0).map(|i| (key(i), i)).collect();
        expected.insert(key(3), 7);
        assert_eq!(restored(&kept, 3), expected);
    }

    #[test]
    fn a_key_that_came_and_went_between_two_snapshots_leaves_no_trace() {
        let mut table = StateTable::<u32>::new("t");
        let mut kept = Kept::default();
        table.insert(b"short", 1);
        table.remove(b"short");
        kept.snapshot(|writer| table.snapshot(writer).unwrap());
        assert_eq!(kept.bytes, 0);
        table.insert(b"stored", 1);
        kept.snapshot(|writer| table.snapshot(writer).unwrap());
        table.remove(b"stored");
        table.insert(b"stored", 2);
        table.remove(b"stored");
        kept.snapshot(|writer| table.snapshot(writer).unwrap());
        assert_eq!(restored(&kept, 1), BTreeMap::new());
    }

    #[test]
    fn a_small_key_costs_little_with_all_that_is_beside_its_value() {
        let slot = size_of::<Option<Slot<[u64; 8]>>>() - size_of::<[u64; 8]>();
        // The index has between 4/7 and 8/7 places a key, of a number, its hash and a byte of that each.
        let index = 9 * 16 / 7;
        assert!(slot + index + size_of::<u32>() <= 56, "{slot} bytes in its slot, {index} in the index");
    }
}
