//! One table.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use fjall::{Readable, Slice};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::commit::Write;
use super::reads::ByteRange;
use super::scan::{Batches, LiveRows, Rows, Scan};
use super::tables::{Opened, Store};
use super::{Moment, TableInner};
use crate::codec::{BatchDecoder, Projection};
use crate::definition::TableDefinition;
use crate::error::{Error, Result};
use crate::value::{Row, Value};

/// What is known of a table without reading its rows.
#[derive(Clone, Debug)]
pub struct TableInfo {
    /// Its columns, key and TTL.
    pub definition: TableDefinition,
    /// About how many rows it has; overwritten, deleted and expired ones count until their space is given back.
    pub rows_approximate: u64,
    /// Bytes of its sorted files. Rows of the last seconds are in the journal only, which all tables share.
    pub disk_bytes: u64,
}

/// One table of a folder. Clones are cheap and refer to the same table.
///
/// Each write is its own transaction: on disk when the call returns. Writes of several threads share an fsync.
#[derive(Clone)]
pub struct Table {
    inner: Arc<TableInner>,
    opened: Arc<Opened>,
}

impl Table {
    pub(crate) fn new(opened: Arc<Opened>, inner: Arc<TableInner>) -> Table {
        Table { inner, opened }
    }

    pub(crate) fn inner(&self) -> &Arc<TableInner> {
        &self.inner
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.opened.store
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        self.inner.definition.name()
    }

    /// Its columns, key and TTL.
    pub fn definition(&self) -> &TableDefinition {
        &self.inner.definition
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        self.inner.definition.schema()
    }

    /// Definition and sizes.
    pub fn describe(&self) -> Result<TableInfo> {
        self.inner.check_exists()?;
        Ok(TableInfo {
            definition: self.inner.definition.clone(),
            rows_approximate: self.inner.keyspace.approximate_len() as u64,
            disk_bytes: self.inner.keyspace.disk_space(),
        })
    }

    /// The exact number of rows; reads them all.
    pub fn row_count(&self) -> Result<u64> {
        self.live(&Scan::all())?.try_fold(0, |rows, row| row.map(|_| rows + 1))
    }

    /// The number of rows with those that have expired and not been removed yet; reads them all.
    pub fn stored_rows(&self) -> Result<u64> {
        self.inner.check_exists()?;
        let rows = self.opened.store.database.snapshot().len(&self.inner.keyspace)?;
        Ok(rows as u64)
    }

    /// The row of this key: one value for each key column.
    pub fn get(&self, key: &[Value<'_>]) -> Result<Option<Row>> {
        self.inner.check_exists()?;
        let codec = &self.inner.codec;
        let key = codec.encode_key(key)?;
        match self.opened.store.database.snapshot().get(&self.inner.keyspace, &key)? {
            Some(value) if codec.is_live(&value, self.now_ms())? => codec.decode_row(&key, &value).map(Some),
            _ => Ok(None),
        }
    }

    /// The rows of these keys that exist, in the order of the keys, from one moment. The batch has at least the key's
    /// columns.
    pub fn get_batch(&self, keys: &RecordBatch) -> Result<RecordBatch> {
        self.inner.check_exists()?;
        let codec = &self.inner.codec;
        let (snapshot, now_ms) = (self.opened.store.database.snapshot(), self.now_ms());
        let projection = codec.project(None)?;
        let mut rows = BatchDecoder::new(codec, &projection)?;
        for key in codec.encode_batch_keys(keys)? {
            if let Some(value) = snapshot.get(&self.inner.keyspace, &key)?
                && codec.is_live(&value, now_ms)?
            {
                rows.push(&key, &value)?;
            }
        }
        rows.finish()
    }

    /// Writes a row (a value for each column of the schema), over the one of its key if there is one.
    pub fn upsert(&self, row: &[Value<'_>]) -> Result<()> {
        self.inner.check_exists()?;
        let (key, value) = self.inner.codec.encode_row(row, self.now_ms())?;
        self.commit([(key, Some(value))])
    }

    /// Writes the rows of a batch as one transaction. Columns are matched by name; nullable ones may be missing. Of several
    /// rows of one key the last stays.
    pub fn upsert_batch(&self, batch: &RecordBatch) -> Result<()> {
        self.inner.check_exists()?;
        let rows = self.inner.codec.encode_batch(batch, self.now_ms())?;
        self.commit(rows.into_iter().map(|(key, value)| (key, Some(value))))
    }

    /// Deletes the row of this key, if there is one.
    pub fn delete(&self, key: &[Value<'_>]) -> Result<()> {
        self.inner.check_exists()?;
        let key = self.inner.codec.encode_key(key)?;
        self.commit([(key, None)])
    }

    /// Deletes the rows of all these keys as one transaction. The batch has at least the key's columns.
    pub fn delete_batch(&self, keys: &RecordBatch) -> Result<()> {
        self.inner.check_exists()?;
        let keys = self.inner.codec.encode_batch_keys(keys)?;
        self.commit(keys.into_iter().map(|key| (key, None)))
    }

    /// Writes a row if its key has none; otherwise changes nothing and returns the row that is there. Of several threads
    /// that try the same key exactly one gets `None`.
    pub fn put_if_absent(&self, row: &[Value<'_>]) -> Result<Option<Row>> {
        self.opened.store.transact(|transaction| transaction.put_if_absent(self, row))
    }

    /// The rows of a scan as Arrow batches, all from the moment of this call.
    pub fn scan(&self, scan: &Scan<'_>) -> Result<Batches> {
        let projection = scan.projection(&self.inner)?;
        let range = scan.byte_range(&self.inner.codec)?;
        self.batches(&[range], projection, scan.is_descending(), scan.rows_max(), None)
    }

    /// The rows of a scan, one by one, all from the moment of this call.
    pub fn rows(&self, scan: &Scan<'_>) -> Result<Rows> {
        Ok(Rows { live: self.live(scan)?, left: scan.rows_max() })
    }

    /// Writes Rust structures, whose fields are matched with columns by name (by `serde_arrow`), as one transaction.
    pub fn upsert_records<T: Serialize>(&self, records: &[T]) -> Result<()> {
        let batch = serde_arrow::to_record_batch(self.schema().fields(), &records).map_err(|e| self.mapping(e))?;
        self.upsert_batch(&batch)
    }

    /// The row of this key as a Rust structure.
    pub fn get_record<T: DeserializeOwned>(&self, key: &[Value<'_>]) -> Result<Option<T>> {
        if key.len() != self.inner.definition.key().len() {
            self.inner.codec.encode_key(key)?;
        }
        Ok(self.records(&Scan::prefix(key).limit(1))?.pop())
    }

    /// The rows of a scan as Rust structures.
    pub fn records<T: DeserializeOwned>(&self, scan: &Scan<'_>) -> Result<Vec<T>> {
        let mut records = Vec::new();
        for batch in self.scan(scan)? {
            let mut more: Vec<T> = serde_arrow::from_record_batch(&batch?).map_err(|e| self.mapping(e))?;
            records.append(&mut more);
        }
        Ok(records)
    }

    /// Rows of several ranges, which follow each other in the scan's direction.
    pub(crate) fn batches(
        &self,
        ranges: &[ByteRange],
        projection: Projection,
        descending: bool,
        rows_max: usize,
        moment: Option<&Moment>,
    ) -> Result<Batches> {
        self.inner.check_exists()?;
        let Moment { snapshot, now_ms } = moment.cloned().unwrap_or_else(|| self.opened.store.moment());
        let live: Vec<LiveRows> =
            ranges.iter().map(|range| LiveRows::new(&self.inner, &snapshot, range, descending, now_ms)).collect();
        Ok(Batches { ranges: live.into_iter(), current: None, table: self.inner.clone(), projection, left: rows_max })
    }

    fn live(&self, scan: &Scan<'_>) -> Result<LiveRows> {
        self.inner.check_exists()?;
        let range = scan.byte_range(&self.inner.codec)?;
        let snapshot = self.opened.store.database.snapshot();
        Ok(LiveRows::new(&self.inner, &snapshot, &range, scan.is_descending(), self.now_ms()))
    }

    fn commit(&self, changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        let store = &self.opened.store;
        let writes = changes.into_iter().map(|(key, value)| {
            store.check_row(&key, value.as_deref().unwrap_or_default())?;
            Ok(Write {
                table: self.inner.id,
                keyspace: self.inner.keyspace.clone(),
                key: Slice::from(key),
                value: value.map(Slice::from),
            })
        });
        store.committer.commit(None, writes.collect::<Result<Vec<Write>>>()?)
    }

    fn now_ms(&self) -> i64 {
        self.opened.store.options.clock.now_ms()
    }

    fn mapping(&self, e: serde_arrow::Error) -> Error {
        Error::Record { table: self.name().to_owned(), reason: e.to_string() }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("definition", &self.inner.definition).finish()
    }
}
