//! What a transaction has read: the keys and ranges that must not change under it.

use std::collections::BTreeSet;

use super::commit::{TableId, Unit};
use crate::error::{Error, Result};

/// A range of encoded keys: from `start` on, up to but without `end` where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: Vec<u8>,
    pub(crate) end: Option<Vec<u8>>,
}

impl ByteRange {
    /// Whether no key can be in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// The keys and ranges that a transaction has read.
pub(crate) struct ReadSet {
    keys: BTreeSet<(TableId, Vec<u8>)>,
    ranges: Vec<(TableId, ByteRange)>,
    reads_max: usize,
}

impl ReadSet {
    pub(crate) fn new(reads_max: usize) -> ReadSet {
        ReadSet { keys: BTreeSet::new(), ranges: Vec::new(), reads_max }
    }

    pub(crate) fn add_key(&mut self, table: TableId, key: &[u8]) -> Result<()> {
        self.room()?;
        self.keys.insert((table, key.to_vec()));
        Ok(())
    }

    pub(crate) fn add_range(&mut self, table: TableId, range: ByteRange) -> Result<()> {
        self.room()?;
        self.ranges.push((table, range));
        Ok(())
    }

    pub(crate) fn conflicts_with(&self, unit: &Unit) -> bool {
        self.keys.iter().any(|(table, key)| unit.touches_key(*table, key))
            || self.ranges.iter().any(|(table, range)| unit.touches(*table, &range.start, range.end.as_deref()))
    }

    fn room(&self) -> Result<()> {
        let reads = self.keys.len() + self.ranges.len();
        match reads < self.reads_max {
            true => Ok(()),
            false => Err(Error::Limit {
                what: "the number of keys and ranges that a transaction reads",
                found: reads as u64 + 1,
                limit: self.reads_max as u64,
                hint: "read ranges instead of single keys, or split the transaction",
            }),
        }
    }
}
