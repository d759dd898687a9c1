//! Writing what changed into segments, and reading segments back.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    ops::Range,
    sync::Arc,
};

use super::{
    merge::merge,
    segment::{Entry, SegmentBuilder, SegmentReader, Stored, UNION},
};
use crate::{
    error::{EngineError, Result},
    key::KeyGroup,
};

/// Takes the blocks of one snapshot as they are made. A run is one segment to be; its blocks come in order.
pub(crate) trait BlockSink: std::fmt::Debug + Send {
    /// An empty buffer, perhaps one that was used before.
    fn buffer(&mut self) -> Vec<u8> {
        Vec::new()
    }
    /// The number of the snapshot.
    fn id(&self) -> u64 {
        0
    }
    /// Takes a full block; may wait until there is room for it.
    fn put(&mut self, run: usize, block: Vec<u8>);
}

/// Collects the changes of one operator's state at a checkpoint.
///
/// Tables hand over their changes in order, a block at a time; single entries are collected and sorted at the end.
#[derive(Debug)]
pub struct SnapshotWriter {
    sink: Box<dyn BlockSink>,
    /// Table and last block of each run.
    runs: Vec<(String, Option<Vec<u8>>)>,
    bytes: u64,
    loose: Loose,
}

/// All runs of a snapshot but for the blocks that its sink has taken.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Its sink's number for it.
    pub(crate) id: u64,
    /// Table and last block of each run. The run's position is its number.
    pub(crate) runs: Vec<(String, Option<Vec<u8>>)>,
    /// Length of all runs together.
    pub(crate) bytes: u64,
}

/// Entries one by one: table name, key, value follow each other in the arena from `start`.
#[derive(Debug, Default)]
struct Loose {
    arena: Vec<u8>,
    index: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    start: usize,
    table: usize,
    key: usize,
    value: Option<usize>,
    scope: u16,
}

/// Throws blocks away.
#[derive(Debug)]
struct Nowhere;

impl BlockSink for Nowhere {
    fn put(&mut self, _run: usize, _block: Vec<u8>) {}
}

impl Default for SnapshotWriter {
    /// One that leads nowhere, for tests of operators and sinks.
    fn default() -> Self {
        SnapshotWriter::new(Box::new(Nowhere))
    }
}

impl SnapshotWriter {
    pub(crate) fn new(sink: Box<dyn BlockSink>) -> Self {
        SnapshotWriter { sink, runs: Vec::new(), bytes: 0, loose: Loose::default() }
    }

    /// Notes that a keyed entry changed, or is gone. The key group is that of `key`.
    pub fn keyed(&mut self, table: &str, key: &[u8], value: Option<&[u8]>) {
        self.loose.push(table, u16::from(KeyGroup::of_key(key).0), key, value);
    }

    /// As [`SnapshotWriter::keyed`], for an entry that follows the key group of `owner`, of which there are many.
    pub fn keyed_by(&mut self, table: &str, owner: &[u8], key: &[u8], value: Option<&[u8]>) {
        self.loose.push(table, u16::from(KeyGroup::of_key(owner).0), key, value);
    }

    /// Notes an entry that every worker reads at a restore: a source's position, a sink's pending commit.
    pub fn union(&mut self, table: &str, key: &[u8], value: Option<&[u8]>) {
        self.loose.push(table, UNION, key, value);
    }

    /// Writes changes of one table that `changes` pushes in ascending order of (scope, key).
    pub(crate) fn run(&mut self, table: &str, changes: impl FnOnce(&mut Run<'_>) -> Result<()>) -> Result<()> {
        let number = self.runs.len();
        let builder = SegmentBuilder::default();
        let mut run = Run { sink: self.sink.as_mut(), number, builder, blocks: 0, bytes: 0 };
        changes(&mut run)?;
        let Run { builder, blocks, bytes, .. } = run;
        let last = builder.finish();
        self.bytes += bytes + last.as_ref().map_or(0, |l| l.len() as u64);
        if blocks > 0 || last.is_some() {
            self.runs.push((table.to_string(), last));
        }
        Ok(())
    }

    /// True where nothing changed so far.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.loose.index.is_empty()
    }

    /// The runs; none where nothing changed.
    pub(crate) fn finish(mut self) -> Result<Option<Snapshot>> {
        let loose = std::mem::take(&mut self.loose);
        loose.write(&mut self)?;
        let snapshot = Snapshot { id: self.sink.id(), runs: self.runs, bytes: self.bytes };
        Ok(Some(snapshot).filter(|s| !s.runs.is_empty()))
    }
}

impl Loose {
    fn push(&mut self, table: &str, scope: u16, key: &[u8], value: Option<&[u8]>) {
        let start = self.arena.len();
        self.arena.extend_from_slice(table.as_bytes());
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value.unwrap_or_default());
        let value = value.map(<[u8]>::len);
        self.index.push(Change { start, table: table.len(), key: key.len(), value, scope });
    }

    fn part(&self, start: usize, length: usize) -> &[u8] {
        &self.arena[start..start + length]
    }

    fn table(&self, change: &Change) -> &[u8] {
        self.part(change.start, change.table)
    }

    fn order(&self, change: &Change) -> (&[u8], u16, &[u8]) {
        (self.table(change), change.scope, self.part(change.start + change.table, change.key))
    }

    fn write(mut self, writer: &mut SnapshotWriter) -> Result<()> {
        let mut index = std::mem::take(&mut self.index);
        // Stable, so that of two changes of one key the later stays behind the earlier.
        index.sort_by(|a, b| self.order(a).cmp(&self.order(b)));
        for changes in index.chunk_by(|a, b| self.table(a) == self.table(b)) {
            let table = changes.first().map_or(&[][..], |c| self.table(c));
            writer.run(&String::from_utf8_lossy(table), |run| {
                for (i, change) in changes.iter().enumerate() {
                    if changes.get(i + 1).is_some_and(|next| self.order(next) == self.order(change)) {
                        continue;
                    }
                    let (_, scope, key) = self.order(change);
                    let value_at = change.start + change.table + change.key;
                    let value = change.value.map(|length| self.part(value_at, length));
                    run.push(scope, key, |out| {
                        out.extend_from_slice(value.unwrap_or_default());
                        Ok(value.is_some())
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Where the changes of one table go.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    sink: &'a mut dyn BlockSink,
    number: usize,
    builder: SegmentBuilder,
    blocks: usize,
    bytes: u64,
}

impl Run<'_> {
    /// Appends a change, whose value is encoded in place; `encode` says whether there is one.
    pub(crate) fn push(
        &mut self,
        scope: u16,
        key: &[u8],
        encode: impl FnOnce(&mut Vec<u8>) -> Result<bool>,
    ) -> Result<()> {
        self.builder.push(scope, key, encode)?;
        let sink = &mut self.sink;
        if let Some(block) = self.builder.full_block(|| sink.buffer()) {
            self.blocks += 1;
            self.bytes += block.len() as u64;
            self.sink.put(self.number, block);
        }
        Ok(())
    }
}

/// What one worker restores of one operator: the live entries of the key groups that it owns, and all union entries.
///
/// Nothing is read before it is asked for. An operator is restored from what it got only where no read failed.
#[derive(Debug, Default)]
pub struct SnapshotReader {
    tables: BTreeMap<String, Table>,
    owned: Range<u16>,
    failed: RefCell<Option<EngineError>>,
}

#[derive(Debug)]
struct Table {
    /// Oldest first.
    segments: Vec<Arc<dyn Stored>>,
    whole: OnceCell<Vec<Entry>>,
}

impl SnapshotReader {
    /// Of each table its segments, oldest first.
    pub(crate) fn new(tables: impl IntoIterator<Item = (String, Vec<Arc<dyn Stored>>)>, owned: Range<u16>) -> Self {
        let tables = tables.into_iter().map(|(name, segments)| (name, Table { segments, whole: OnceCell::new() }));
        SnapshotReader { tables: tables.collect(), owned, failed: RefCell::default() }
    }

    /// The entries of one table, ascending by (key group, key); they are kept in memory, all at once.
    pub fn table<'a>(&'a self, table: &str) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let entries = self.tables.get(table).map(|t| t.whole.get_or_init(|| self.load(t)).as_slice());
        entries.unwrap_or_default().iter().filter_map(|e| Some((e.key.as_ref(), e.value.as_deref()?)))
    }

    /// The value of one union entry.
    pub fn union(&self, table: &str, key: &[u8]) -> Option<&[u8]> {
        self.table(table).find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Gives each entry of a table to `take`, ascending by (key group, key), without keeping any.
    pub fn each(&self, table: &str, mut take: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
        let Some(table) = self.tables.get(table) else { return Ok(()) };
        for entry in self.owned(table) {
            let entry = entry?;
            take(&entry.key, entry.value.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }

    fn owned(&self, table: &Table) -> impl Iterator<Item = Result<Entry>> {
        let segments = table.segments.iter().map(|s| SegmentReader::new(s.clone())).collect();
        let owned = self.owned.clone();
        merge(segments, true).filter(move |e| match e {
            Ok(e) => e.scope == UNION || owned.contains(&e.scope),
            Err(_) => true,
        })
    }

    fn load(&self, table: &Table) -> Vec<Entry> {
        self.owned(table).collect::<Result<_>>().unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            Vec::new()
        })
    }

    /// The error of a read that gave nothing instead.
    pub(crate) fn check(&self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// True where there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    pub(crate) fn undecodable(table: &str, reason: impl std::fmt::Display) -> EngineError {
        EngineError::State(format!(
            "an entry of state table '{table}' can't be read ({reason}); was its type changed? Start without the snapshot, or give the table a new name"
        ))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::state::segment::tests::InMemory;

    /// Keeps the runs of all snapshots.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Kept {
        blocks: Arc<Mutex<BTreeMap<usize, Vec<Vec<u8>>>>>,
        tables: BTreeMap<String, Vec<Arc<dyn Stored>>>,
        pub(crate) bytes: u64,
    }

    impl BlockSink for Kept {
        fn put(&mut self, run: usize, block: Vec<u8>) {
            self.blocks.lock().unwrap().entry(run).or_default().push(block);
        }
    }

    impl Kept {
        pub(crate) fn snapshot(&mut self, write: impl FnOnce(&mut SnapshotWriter)) {
            let mut writer = SnapshotWriter::new(Box::new(self.clone()));
            write(&mut writer);
            let Some(snapshot) = writer.finish().unwrap() else { return };
            self.bytes += snapshot.bytes;
            for (run, (table, last)) in snapshot.runs.into_iter().enumerate() {
                let blocks = self.blocks.lock().unwrap().remove(&run).unwrap_or_default();
                self.tables.entry(table).or_default().push(InMemory::new(blocks.into_iter().chain(last)));
            }
        }

        pub(crate) fn reader(&self, owned: Range<u16>) -> SnapshotReader {
            SnapshotReader::new(self.tables.clone(), owned)
        }
    }

    #[test]
    fn of_two_changes_of_a_key_the_later_counts_and_tables_do_not_mix() {
        let mut kept = Kept::default();
        kept.snapshot(|writer| {
            writer.union("b", b"key", Some(b"old"));
            writer.union("a", b"key", Some(b"other"));
            writer.union("b", b"key", Some(b"new"));
        });
        kept.snapshot(|writer| writer.union("a", b"key", None));
        let reader = kept.reader(0..0);
        assert_eq!(reader.union("b", b"key"), Some(&b"new"[..]));
        assert_eq!(reader.union("a", b"key"), None);
        reader.check().unwrap();
    }

    #[test]
    fn a_read_that_fails_is_told() {
        let mut kept = Kept::default();
        kept.snapshot(|writer| writer.union("a", b"key", Some(b"value")));
        let whole = kept.tables["a"][0].read(0..30).unwrap();
        kept.tables.insert("a".into(), vec![InMemory::new([whole.to_vec()])]);
        let reader = kept.reader(0..0);
        assert_eq!(reader.union("a", b"key"), None);
        assert!(reader.check().is_err());
        assert!(kept.reader(0..0).each("a", |_, _| Ok(())).is_err());
    }
}
