//! Keys by number: for state that lies in columns beside a table, one place a key.
//!
//! A key's number is that of its slot: it stays while the key does, numbers are dense, and those of removed keys are used
//! again. An operator finds the numbers of a batch's keys first, and then updates each of its columns in a loop of its own.

use super::{SnapshotReader, SnapshotWriter, StateTable};
use crate::{error::Result, key::KeyGroup};

impl<V> StateTable<V> {
    /// The number of a key, which counts as changed; true where the key was new and its value was made.
    pub fn number(&mut self, key: &[u8], make: impl FnOnce() -> V) -> (u32, bool) {
        let (at, new) = self.find_or_add(key, make);
        self.touch(at);
        (at, new)
    }

    /// The number of a key that is there.
    pub fn number_of(&self, key: &[u8]) -> Option<u32> {
        self.find(key)
    }

    /// One more than the highest number that was ever given: what a column has to be as long as.
    pub fn numbers(&self) -> usize {
        self.slots.bound()
    }

    /// The key with a number.
    pub fn key_at(&self, number: u32) -> Option<&[u8]> {
        self.slots.get(number).map(|slot| &*slot.key)
    }

    /// The value of the key with a number.
    pub fn value_at(&self, number: u32) -> Option<&V> {
        self.slots.get(number).map(|slot| &slot.value)
    }

    /// The value of the key with a number, to be changed.
    pub fn value_at_mut(&mut self, number: u32) -> Option<&mut V> {
        self.touch(number)
    }

    /// Removes the key with a number.
    pub fn remove_at(&mut self, number: u32) -> Option<V> {
        let key: Box<[u8]> = self.key_at(number)?.into();
        self.remove(&key)
    }

    /// Every number in use.
    pub fn each_number(&self) -> impl Iterator<Item = u32> {
        (0..self.slots.bound() as u32).filter(|at| self.slots.get(*at).is_some())
    }

    /// As [`StateTable::snapshot`], where `encode` appends the bytes of a number's value and columns, and `owner` is the
    /// part of a key that decides its key group: that by which rows are routed.
    pub fn snapshot_numbered(
        &mut self,
        writer: &mut SnapshotWriter,
        owner: impl Fn(&[u8]) -> &[u8],
        encode: impl FnMut(u32, &V, &mut Vec<u8>) -> Result<(), String>,
    ) -> Result<()> {
        self.write(writer, |key| u16::from(KeyGroup::of_key(owner(key)).0), encode)
    }

    /// Reads back what [`StateTable::snapshot_numbered`] wrote: `decode` gets each number, its key and its bytes.
    pub fn restore_numbered(
        &mut self,
        reader: &SnapshotReader,
        mut decode: impl FnMut(u32, &[u8], &[u8]) -> Result<V, String>,
    ) -> Result<()> {
        reader.each(self.name, |key, bytes| {
            let value = decode(self.slots.next(), key, bytes).map_err(|e| SnapshotReader::undecodable(self.name, e))?;
            self.add(key, value, true);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{key::owned_groups, state::snapshot::tests::Kept};

    /// A table of windows' counts: its keys are a window and the key that owns it; the counts lie in a column.
    struct Counts {
        table: StateTable<()>,
        column: Vec<u64>,
    }

    impl Counts {
        fn new() -> Self {
            Counts { table: StateTable::new("counts"), column: Vec::new() }
        }

        fn add(&mut self, key: [u8; 2]) {
            let (number, new) = self.table.number(&key, || ());
            self.column.resize(self.table.numbers(), 0);
            let count = &mut self.column[number as usize];
            *count = if new { 1 } else { *count + 1 };
        }

        fn snapshot(&mut self, kept: &mut Kept) {
            let Counts { table, column } = self;
            kept.snapshot(|writer| {
                let encode = |at: u32, _: &(), out: &mut Vec<u8>| {
                    out.extend(column[at as usize].to_le_bytes());
                    Ok(())
                };
                table.snapshot_numbered(writer, |key| &key[1..], encode).unwrap();
            });
        }

        fn restored(kept: &Kept, worker: usize, workers: usize) -> Self {
            let mut counts = Counts::new();
            let Counts { table, column } = &mut counts;
            let decode = |at: u32, key: &[u8], bytes: &[u8]| {
                assert_eq!(KeyGroup::of_key(&key[1..]).owner(workers), worker);
                column.resize(column.len().max(at as usize + 1), 0);
                column[at as usize] = u64::from_le_bytes(bytes.try_into().unwrap());
                Ok(())
            };
            table.restore_numbered(&kept.reader(owned_groups(worker, workers)), decode).unwrap();
            counts
        }

        fn read(&self) -> BTreeMap<Vec<u8>, u64> {
            let of = |at: u32| (self.table.key_at(at).unwrap().to_vec(), self.column[at as usize]);
            self.table.each_number().map(of).collect()
        }
    }

    proptest! {
        /// Columns follow their keys through removals, numbers that are used again, snapshots and other workers.
        #[test]
        fn columns_stay_with_their_keys(
            steps in prop::collection::vec((0u8..8, 0u8..3, 0u8..4), 0..60), workers in 1usize..4)
        {
            let (mut counts, mut kept, mut model) = (Counts::new(), Kept::default(), BTreeMap::new());
            for (step, window, key) in steps {
                let key = [window, key];
                match step {
                    0 => counts.snapshot(&mut kept),
                    1 | 2 => {
                        let number = counts.table.number_of(&key);
                        prop_assert_eq!(number.is_some(), model.remove(key.as_slice()).is_some());
                        number.map(|at| counts.table.remove_at(at));
                    }
                    _ => {
                        counts.add(key);
                        *model.entry(key.to_vec()).or_default() += 1;
                    }
                }
                prop_assert_eq!(&counts.read(), &model);
            }
            counts.snapshot(&mut kept);
            let restored = (0..workers).flat_map(|worker| Counts::restored(&kept, worker, workers).read());
            prop_assert_eq!(restored.collect::<BTreeMap<_, _>>(), model);
        }
    }
}
