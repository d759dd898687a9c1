//! Keyed state in memory that knows what changed since the last checkpoint.

use ahash::RandomState;
use hashbrown::{HashMap, hash_map::EntryRef};
use serde::{Serialize, de::DeserializeOwned};

use super::{SnapshotReader, SnapshotWriter};
use crate::{error::Result, key::KeyGroup};

/// A value that can be kept in state. Every serde type is one, encoded by postcard.
pub trait StateValue: Sized + 'static {
    /// Appends the value's bytes.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;
    /// Reads them back.
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

impl<T: Serialize + DeserializeOwned + 'static> StateValue for T {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        struct Append<'a>(&'a mut Vec<u8>);
        impl postcard::ser_flavors::Flavor for Append<'_> {
            type Output = ();
            fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
                self.0.push(byte);
                Ok(())
            }
            fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
                self.0.extend_from_slice(bytes);
                Ok(())
            }
            fn finalize(self) -> postcard::Result<()> {
                Ok(())
            }
        }
        postcard::serialize_with_flavor(self, Append(out)).map_err(|e| e.to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        postcard::from_bytes(bytes).map_err(|e| e.to_string())
    }
}

/// A map from key to value. Reading is free; whatever is touched for writing goes into the next checkpoint.
///
/// ```
/// # use tidemill_engine::state::StateTable;
/// let mut counts: StateTable<u64> = StateTable::new("counts");
/// *counts.entry(b"blue", || 0) += 1;
/// assert_eq!(counts.get(b"blue"), Some(&1));
/// ```
#[derive(Debug)]
pub struct StateTable<V> {
    name: &'static str,
    entries: HashMap<Box<[u8]>, Slot<V>, RandomState>,
    /// Keys changed since the last snapshot; where a slot's flag is down its key was written already.
    dirty: Vec<Box<[u8]>>,
    removed: hashbrown::HashSet<Box<[u8]>, RandomState>,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    dirty: bool,
}

impl<V: StateValue> StateTable<V> {
    /// An empty table; `name` tells it from the operator's others in snapshots.
    pub fn new(name: &'static str) -> Self {
        StateTable { name, entries: HashMap::default(), dirty: Vec::new(), removed: Default::default() }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where no key has a value.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.entries.get(key).map(|s| &s.value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        let slot = self.entries.get_mut(key)?;
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(key.into());
        }
        Some(&mut slot.value)
    }

    /// The value of a key, to be changed, made first where there is none.
    pub fn entry(&mut self, key: &[u8], make: impl FnOnce() -> V) -> &mut V {
        let StateTable { entries, dirty, removed, .. } = self;
        let slot = match entries.entry_ref(key) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                removed.remove(key);
                entry.insert_with_key(key.into(), Slot { value: make(), dirty: false })
            }
        };
        if !slot.dirty {
            slot.dirty = true;
            dirty.push(key.into());
        }
        &mut slot.value
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: &[u8], value: V) {
        if let Some(old) = self.get_mut(key) {
            *old = value;
            return;
        }
        self.removed.remove(key);
        self.dirty.push(key.into());
        self.entries.insert(key.into(), Slot { value, dirty: true });
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (key, slot) = self.entries.remove_entry(key)?;
        self.removed.insert(key);
        Some(slot.value)
    }

    /// Every key and value, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &V)> {
        self.entries.iter().map(|(k, s)| (k.as_ref(), &s.value))
    }

    /// Writes what changed since the last snapshot: keyed, so that each key follows its group at a restore.
    pub fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.write(writer, |key| u16::from(KeyGroup::of_key(key).0))
    }

    /// As [`StateTable::snapshot`], for a table that every worker reads whole at a restore.
    pub fn snapshot_union(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        self.write(writer, |_| super::segment::UNION)
    }

    fn write(&mut self, writer: &mut SnapshotWriter, scope: impl Fn(&[u8]) -> u16) -> Result<()> {
        for key in self.removed.drain() {
            writer.scoped(self.name, scope(&key), &key, None);
        }
        let mut failed = None;
        for key in self.dirty.drain(..) {
            let Some(slot) = self.entries.get_mut(&key).filter(|s| s.dirty) else { continue };
            slot.dirty = false;
            writer.scoped_with(self.name, scope(&key), &key, |out| {
                if let Err(reason) = slot.value.encode(out) {
                    failed = Some(reason);
                }
                true
            });
        }
        match failed {
            Some(reason) => Err(SnapshotReader::undecodable(self.name, reason)),
            None => Ok(()),
        }
    }

    /// Reads the table back.
    pub fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        for (key, bytes) in reader.table(self.name) {
            let value = V::decode(bytes).map_err(|e| SnapshotReader::undecodable(self.name, e))?;
            self.entries.insert(key.into(), Slot { value, dirty: false });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{key::owned_groups, state::segment::SegmentReader};

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
            let mut segments = Vec::new();
            let mut cut = |table: &mut StateTable<u32>| {
                let mut writer = SnapshotWriter::default();
                table.snapshot(&mut writer).unwrap();
                segments.extend(writer.finish());
            };
            for (key, value, snapshot) in steps {
                match value {
                    Some(v) => { table.insert(&[key], v); model.insert(vec![key], v); }
                    None => { table.remove(&[key]); model.remove(&vec![key]); }
                }
                if snapshot { cut(&mut table); }
            }
            cut(&mut table);
            let mut found = BTreeMap::new();
            for worker in 0..workers {
                let readers = segments.iter().map(|s| SegmentReader::new(s.clone(), "t").unwrap()).collect();
                let reader = SnapshotReader::new(readers, owned_groups(worker, workers)).unwrap();
                let mut restored = StateTable::<u32>::new("t");
                restored.restore(&reader).unwrap();
                for (k, v) in restored.iter() {
                    prop_assert!(found.insert(k.to_vec(), *v).is_none(), "a key on two workers");
                }
            }
            prop_assert_eq!(found, model);
        }
    }
}
