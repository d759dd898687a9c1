//! Where a state table's keys and values lie: in chunks that never move, so that a table grows without copying and
//! without room for keys that it does not have.

use std::mem::size_of;

use super::SmallBytes;

/// A key with its value.
#[derive(Debug)]
pub(super) struct Slot<V> {
    pub(super) key: SmallBytes,
    pub(super) value: V,
    /// Changed since the last snapshot.
    pub(super) dirty: bool,
    /// An earlier snapshot holds the key, so its removal has to be told.
    pub(super) stored: bool,
}

/// Slots by number.
#[derive(Debug)]
pub(super) struct Slots<V> {
    chunks: Vec<Vec<Option<Slot<V>>>>,
    free: Vec<u32>,
    made: usize,
}

impl<V> Slots<V> {
    /// A chunk is about so large.
    const CHUNK: usize = {
        let fit = (64 << 10) / size_of::<Option<Slot<V>>>();
        if fit == 0 { 1 } else { fit }
    };

    pub(super) const fn new() -> Self {
        Slots { chunks: Vec::new(), free: Vec::new(), made: 0 }
    }

    pub(super) fn add(&mut self, slot: Slot<V>) -> u32 {
        if let Some(at) = self.free.pop() {
            self.chunks[at as usize / Self::CHUNK][at as usize % Self::CHUNK] = Some(slot);
            return at;
        }
        assert!(self.made < u32::MAX as usize, "a state table holds fewer than 2^32 keys");
        if self.made.is_multiple_of(Self::CHUNK) {
            // The first chunk grows with the table: most tables are small.
            self.chunks.push(Vec::with_capacity(if self.made == 0 { 0 } else { Self::CHUNK }));
        }
        self.chunks[self.made / Self::CHUNK].push(Some(slot));
        self.made += 1;
        (self.made - 1) as u32
    }

    /// The number that the next slot to be added gets.
    pub(super) fn next(&self) -> u32 {
        self.free.last().copied().unwrap_or(self.made as u32)
    }

    /// One more than the highest number that was ever given.
    pub(super) fn bound(&self) -> usize {
        self.made
    }

    /// None where the slot was taken.
    pub(super) fn get(&self, at: u32) -> Option<&Slot<V>> {
        self.chunks[at as usize / Self::CHUNK][at as usize % Self::CHUNK].as_ref()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut Slot<V>> {
        self.chunks[at as usize / Self::CHUNK][at as usize % Self::CHUNK].as_mut()
    }

    pub(super) fn take(&mut self, at: u32) -> Option<Slot<V>> {
        let slot = self.chunks[at as usize / Self::CHUNK][at as usize % Self::CHUNK].take();
        if slot.is_some() {
            self.free.push(at);
        }
        slot
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<V>> {
        self.chunks.iter().flatten().flatten()
    }
}
