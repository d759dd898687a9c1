//! Transactions over several keys and several tables.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::RecordBatch;
use fjall::{Readable, Slice};

use super::commit::{TableId, View, Write};
use super::reads::{ByteRange, ReadSet};
use super::scan::{LiveRows, Scan};
use super::tables::Store;
use super::{Table, TableInner};
use crate::error::{Error, Result};
use crate::value::{Row, Value};

/// A write of the transaction itself: the table, and the value or `None` for a deletion.
type OwnWrite = (Arc<TableInner>, Option<Vec<u8>>);

/// Reads and writes that happen all together or not at all.
///
/// - It reads the tables as they were when it began, and its own writes.
/// - Its writes become visible and durable together, when [`Transaction::commit`] returns.
/// - Transactions are serialisable: the outcome is as if they ran one after the other. A commit fails with
///   [`Error::Conflict`] when another commit has written a key, or into a range, that this one has read. Nothing waits for
///   a lock, so nothing deadlocks. Writes alone never conflict: the later commit wins.
/// - Dropped without a commit, it changes nothing.
pub struct Transaction<'t> {
    store: &'t Store,
    /// `None` once it was given to the commit.
    view: Option<View>,
    now_ms: i64,
    reads: ReadSet,
    writes: BTreeMap<(TableId, Vec<u8>), OwnWrite>,
    bytes: usize,
}

impl<'t> Transaction<'t> {
    pub(crate) fn new(store: &'t Store) -> Transaction<'t> {
        Transaction {
            view: Some(store.committer.begin()),
            now_ms: store.options.clock.now_ms(),
            reads: ReadSet::new(store.options.limits.transaction_reads_max),
            writes: BTreeMap::new(),
            bytes: 0,
            store,
        }
    }

    /// The row of this key.
    pub fn get(&mut self, table: &Table, key: &[Value<'_>]) -> Result<Option<Row>> {
        let table = self.of(table)?;
        let key = table.codec.encode_key(key)?;
        self.get_encoded(&table, &key)
    }

    /// The rows of a scan, this transaction's own writes included.
    pub fn scan(&mut self, table: &Table, scan: &Scan<'_>) -> Result<Vec<Row>> {
        let table = self.of(table)?;
        let range = scan.byte_range(&table.codec)?;
        let rows = self.merged(&table, &range, scan.is_descending(), scan.rows_max())?;
        // With a limit only what lies up to the last row has been seen.
        let mut seen = range;
        if let Some((last, _)) = rows.last().filter(|_| rows.len() == scan.rows_max()) {
            match scan.is_descending() {
                true => seen.start = last.clone(),
                false => seen.end = Some([last, [0].as_slice()].concat()),
            }
        }
        self.reads.add_range(table.id, seen)?;
        rows.iter().map(|(key, value)| table.codec.decode_row(key, value)).collect()
    }

    /// Writes a row, over the one of its key if there is one.
    pub fn upsert(&mut self, table: &Table, row: &[Value<'_>]) -> Result<()> {
        let table = self.of(table)?;
        let (key, value) = table.codec.encode_row(row, self.now_ms)?;
        self.write(table, key, Some(value))
    }

    /// Writes the rows of a batch, whose columns are matched by name.
    pub fn upsert_batch(&mut self, table: &Table, batch: &RecordBatch) -> Result<()> {
        let table = self.of(table)?;
        for (key, value) in table.codec.encode_batch(batch, self.now_ms)? {
            self.write(table.clone(), key, Some(value))?;
        }
        Ok(())
    }

    /// Writes a row if its key has none; otherwise changes nothing and returns the row that is there.
    pub fn put_if_absent(&mut self, table: &Table, row: &[Value<'_>]) -> Result<Option<Row>> {
        let table = self.of(table)?;
        let (key, value) = table.codec.encode_row(row, self.now_ms)?;
        let there = self.get_encoded(&table, &key)?;
        if there.is_none() {
            self.write(table, key, Some(value))?;
        }
        Ok(there)
    }

    /// Deletes the row of this key, if there is one.
    pub fn delete(&mut self, table: &Table, key: &[Value<'_>]) -> Result<()> {
        let table = self.of(table)?;
        let key = table.codec.encode_key(key)?;
        self.write(table, key, None)
    }

    /// Deletes the rows of all keys of a batch that has at least the key's columns.
    pub fn delete_batch(&mut self, table: &Table, keys: &RecordBatch) -> Result<()> {
        let table = self.of(table)?;
        for key in table.codec.encode_batch_keys(keys)? {
            self.write(table.clone(), key, None)?;
        }
        Ok(())
    }

    /// Makes the writes durable and visible.
    ///
    /// # Errors
    /// [`Error::Conflict`]: nothing is changed, run it again. [`Error::Stopped`]: the disk failed; whether the writes
    /// are kept is known when the folder is opened again: all or none.
    pub fn commit(mut self) -> Result<()> {
        let Some(view) = self.view.take() else { return Ok(()) };
        let writes = std::mem::take(&mut self.writes).into_iter().map(|((id, key), (table, value))| Write {
            table: id,
            keyspace: table.keyspace.clone(),
            key: Slice::from(key),
            value: value.map(Slice::from),
        });
        self.store.committer.commit(Some((&view, &self.reads)), writes.collect())
    }

    fn get_encoded(&mut self, table: &Arc<TableInner>, key: &[u8]) -> Result<Option<Row>> {
        let live = |value: &[u8]| match table.codec.is_live(value, self.now_ms)? {
            true => table.codec.decode_row(key, value).map(Some),
            false => Ok(None),
        };
        if let Some((_, own)) = self.writes.get(&(table.id, key.to_vec())) {
            return own.as_deref().map_or(Ok(None), live);
        }
        let stored = match &self.view {
            Some(view) => view.snapshot.get(&table.keyspace, key)?,
            None => None,
        };
        let row = stored.as_deref().map_or(Ok(None), live)?;
        self.reads.add_key(table.id, key)?;
        Ok(row)
    }

    /// The first `rows_max` rows of the range: the snapshot's, with this transaction's own writes over them.
    fn merged(
        &self,
        table: &Arc<TableInner>,
        range: &ByteRange,
        descending: bool,
        rows_max: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let Some(view) = &self.view else { return Ok(Vec::new()) };
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let start = Bound::Included((table.id, range.start.clone()));
        let end = match &range.end {
            Some(end) => Bound::Excluded((table.id, end.clone())),
            None => Bound::Excluded((TableId(table.id.0 + 1), Vec::new())),
        };
        let mut own: Vec<(&Vec<u8>, &Option<Vec<u8>>)> =
            self.writes.range((start, end)).map(|((_, key), (_, value))| (key, value)).collect();
        if descending {
            own.reverse();
        }
        let before = |a: &[u8], b: &[u8]| if descending { a > b } else { a < b };
        let mut own = own.into_iter().peekable();
        let mut stored = LiveRows::new(table, &view.snapshot, range, descending, self.now_ms).peekable();
        let mut rows = Vec::new();
        while rows.len() < rows_max {
            let own_first = match (own.peek(), stored.peek()) {
                (None, None) => break,
                (Some((key, _)), Some(Ok((other, _)))) => !before(other, key),
                (Some(_), None) => true,
                _ => false,
            };
            if !own_first {
                let Some((key, value)) = stored.next().transpose()? else { break };
                rows.push((key.to_vec(), value.to_vec()));
                continue;
            }
            let Some((key, value)) = own.next() else { break };
            stored.next_if(|row| row.as_ref().is_ok_and(|(other, _)| **other == **key));
            if let Some(value) = value.as_ref().filter(|value| table.codec.is_live(value, self.now_ms).unwrap_or(true))
            {
                rows.push((key.clone(), value.clone()));
            }
        }
        Ok(rows)
    }

    fn write(&mut self, table: Arc<TableInner>, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<()> {
        self.store.check_row(&key, value.as_deref().unwrap_or_default())?;
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        let limit = self.store.options.limits.transaction_bytes_max;
        if self.bytes > limit {
            return Err(Error::Limit {
                what: "the bytes that a transaction writes",
                found: self.bytes as u64,
                limit: limit as u64,
                hint: "write in several smaller transactions",
            });
        }
        self.writes.insert((table.id, key), (table, value));
        Ok(())
    }

    /// The table, which must exist and be of this folder.
    fn of(&self, table: &Table) -> Result<Arc<TableInner>> {
        let inner = table.inner();
        inner.check_exists()?;
        match std::ptr::eq(Arc::as_ptr(table.store()), self.store) {
            true => Ok(inner.clone()),
            false => Err(Error::Shape {
                table: inner.definition.name().to_owned(),
                reason: "it belongs to another folder than the transaction".into(),
            }),
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(view) = self.view.take() {
            self.store.committer.end(&view);
        }
    }
}
