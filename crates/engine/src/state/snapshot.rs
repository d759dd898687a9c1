//! Writing what changed into a segment, and reading segments back.

use bytes::Bytes;

use super::segment::{Entry, SegmentBuilder, SegmentReader, UNION, merge};
use crate::{
    error::{EngineError, Result},
    key::KeyGroup,
};

/// Collects the changes of one operator's state at a checkpoint.
#[derive(Debug, Default)]
pub struct SnapshotWriter {
    arena: Vec<u8>,
    index: Vec<Change>,
}

/// Positions in the arena: table name, key, value follow each other from `start`.
#[derive(Debug)]
struct Change {
    start: usize,
    table: usize,
    key: usize,
    value: Option<usize>,
    scope: u16,
}

impl SnapshotWriter {
    /// Notes that a keyed entry changed, or is gone. The key group is that of `key`.
    pub fn keyed(&mut self, table: &str, key: &[u8], value: Option<&[u8]>) {
        self.scoped(table, u16::from(KeyGroup::of_key(key).0), key, value);
    }

    /// Notes an entry that every worker reads at a restore: a source's position, a sink's pending commit.
    pub fn union(&mut self, table: &str, key: &[u8], value: Option<&[u8]>) {
        self.scoped(table, UNION, key, value);
    }

    pub(crate) fn scoped(&mut self, table: &str, scope: u16, key: &[u8], value: Option<&[u8]>) {
        self.scoped_with(table, scope, key, |out| {
            if let Some(value) = value {
                out.extend_from_slice(value);
            }
            value.is_some()
        });
    }

    /// As `scoped`, with a value that is encoded in place; `encode` says whether there is one.
    pub(crate) fn scoped_with(
        &mut self,
        table: &str,
        scope: u16,
        key: &[u8],
        encode: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        let start = self.arena.len();
        self.arena.extend_from_slice(table.as_bytes());
        self.arena.extend_from_slice(key);
        let value_start = self.arena.len();
        let present = encode(&mut self.arena);
        self.index.push(Change {
            start,
            table: table.len(),
            key: key.len(),
            value: present.then(|| self.arena.len() - value_start),
            scope,
        });
    }

    /// True where nothing changed so far.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The segment, or none where nothing changed.
    pub(crate) fn finish(mut self) -> Option<Bytes> {
        let arena = std::mem::take(&mut self.arena);
        let part = |start: usize, len: usize| arena.get(start..start + len).unwrap_or_default();
        let order = |c: &Change| (part(c.start, c.table), c.scope, part(c.start + c.table, c.key));
        // Stable, so that of two changes of one key the later stays behind the earlier.
        self.index.sort_by(|a, b| order(a).cmp(&order(b)));
        let mut builder = SegmentBuilder::default();
        for (i, change) in self.index.iter().enumerate() {
            if self.index.get(i + 1).is_some_and(|next| order(next) == order(change)) {
                continue;
            }
            let (table, scope, key) = order(change);
            let value = change.value.map(|len| part(change.start + change.table + change.key, len));
            builder.push(table, scope, key, value);
        }
        builder.finish()
    }
}

/// What one worker restores of one operator: the live entries of the key groups that it owns, and all union entries.
#[derive(Debug, Default)]
pub struct SnapshotReader {
    entries: Vec<Entry>,
}

impl SnapshotReader {
    /// Merges the operator's segments (oldest first) and keeps what this worker owns.
    pub(crate) fn new(segments: Vec<SegmentReader>, owned: std::ops::Range<u16>) -> Result<Self> {
        let mut entries = Vec::new();
        for entry in merge(segments, true) {
            let entry = entry?;
            if entry.scope == UNION || owned.contains(&entry.scope) {
                entries.push(entry);
            }
        }
        Ok(SnapshotReader { entries })
    }

    /// The entries of one table, ascending by (key group, key).
    pub fn table<'a>(&'a self, table: &str) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let from = self.entries.partition_point(|e| e.table.as_ref() < table.as_bytes());
        let to = self.entries.partition_point(|e| e.table.as_ref() <= table.as_bytes());
        self.entries
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .filter_map(|e| Some((e.key.as_ref(), e.value.as_deref()?)))
    }

    /// The value of one union entry.
    pub fn union(&self, table: &str, key: &[u8]) -> Option<&[u8]> {
        self.table(table).find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// True where there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn undecodable(table: &str, reason: impl std::fmt::Display) -> EngineError {
        EngineError::State(format!(
            "an entry of state table '{table}' can't be read ({reason}); was its type changed? Start without the snapshot, or give the table a new name"
        ))
    }
}
