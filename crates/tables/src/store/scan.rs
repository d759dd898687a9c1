//! Ordered scans of one table.

use std::ops::Bound;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use fjall::{Iter, Readable, Slice, Snapshot};

use super::TableInner;
use super::reads::ByteRange;
use crate::codec::{BatchDecoder, Projection, RowCodec, successor};
use crate::error::Result;
use crate::value::{Row, Value};

/// Rows of one batch of a scan at most.
const BATCH_ROWS_MAX: usize = 8_192;
/// Encoded bytes of one batch of a scan at most, but one row in any case.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Which rows to read and in which order.
///
/// Bounds are values of the first key columns: of all of them, or of fewer. A bound of fewer columns stands for all keys
/// that begin with it, so `Included(["a"])` as the upper end takes every key of `"a"` in.
///
/// ```
/// use tidemill_tables::{Scan, Value};
/// // The ten newest of one site, when the key is (site, time).
/// let newest = Scan::prefix([Value::from("shop")]).descending().limit(10);
/// ```
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    lower: Bound<Vec<Value<'a>>>,
    upper: Bound<Vec<Value<'a>>>,
    limit: Option<usize>,
    descending: bool,
    columns: Option<Vec<String>>,
}

impl<'a> Scan<'a> {
    /// Every row, in key order.
    pub fn all() -> Scan<'a> {
        Scan { lower: Bound::Unbounded, upper: Bound::Unbounded, limit: None, descending: false, columns: None }
    }

    /// The rows whose first key columns have these values.
    pub fn prefix(values: impl Into<Vec<Value<'a>>>) -> Scan<'a> {
        let values = values.into();
        Scan { lower: Bound::Included(values.clone()), upper: Bound::Included(values), ..Scan::all() }
    }

    /// The rows between two bounds.
    pub fn range(lower: Bound<Vec<Value<'a>>>, upper: Bound<Vec<Value<'a>>>) -> Scan<'a> {
        Scan { lower, upper, ..Scan::all() }
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: usize) -> Scan<'a> {
        self.limit = Some(rows);
        self
    }

    /// The last key first.
    pub fn descending(mut self) -> Scan<'a> {
        self.descending = true;
        self
    }

    /// Only these columns, in this order; batches only, rows are always whole.
    pub fn columns(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Scan<'a> {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    pub(crate) fn is_descending(&self) -> bool {
        self.descending
    }

    pub(crate) fn rows_max(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    pub(crate) fn byte_range(&self, codec: &RowCodec) -> Result<ByteRange> {
        byte_range(codec, &self.lower, &self.upper)
    }

    pub(crate) fn projection(&self, table: &TableInner) -> Result<Projection> {
        match &self.columns {
            None => table.codec.project(None),
            Some(names) => {
                let schema = table.definition.schema();
                let columns = names.iter().map(|name| Ok(schema.index_of(name)?)).collect::<Result<Vec<usize>>>()?;
                table.codec.project(Some(&columns))
            }
        }
    }
}

/// The encoded keys between two bounds.
pub(crate) fn byte_range(
    codec: &RowCodec,
    lower: &Bound<Vec<Value<'_>>>,
    upper: &Bound<Vec<Value<'_>>>,
) -> Result<ByteRange> {
    let encode = |values: &Vec<Value<'_>>| codec.encode_key_prefix(values.iter().cloned());
    let nothing = ByteRange { start: vec![u8::MAX], end: Some(Vec::new()) };
    let start = match lower {
        Bound::Unbounded => Vec::new(),
        Bound::Included(values) => encode(values)?,
        Bound::Excluded(values) => match successor(encode(values)?) {
            Some(start) => start,
            None => return Ok(nothing),
        },
    };
    let end = match upper {
        Bound::Unbounded => None,
        Bound::Included(values) => successor(encode(values)?),
        Bound::Excluded(values) => Some(encode(values)?),
    };
    let range = ByteRange { start, end };
    Ok(if range.is_empty() { nothing } else { range })
}

/// The rows of one range that have not expired, as stored bytes.
pub(crate) struct LiveRows {
    table: Arc<TableInner>,
    rows: Iter,
    descending: bool,
    now_ms: i64,
}

impl LiveRows {
    pub(crate) fn new(
        table: &Arc<TableInner>,
        snapshot: &Snapshot,
        range: &ByteRange,
        descending: bool,
        now_ms: i64,
    ) -> LiveRows {
        let start = range.start.clone();
        let rows = match &range.end {
            _ if range.is_empty() => snapshot.range(&table.keyspace, start.clone()..start),
            Some(end) => snapshot.range(&table.keyspace, start..end.clone()),
            None => snapshot.range(&table.keyspace, start..),
        };
        LiveRows { table: table.clone(), rows, descending, now_ms }
    }
}

impl Iterator for LiveRows {
    type Item = Result<(Slice, Slice)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let guard = if self.descending { self.rows.next_back() } else { self.rows.next() }?;
            let row = match guard.into_inner() {
                Ok(row) => row,
                Err(e) => return Some(Err(e.into())),
            };
            match self.table.codec.is_live(&row.1, self.now_ms) {
                Ok(true) => return Some(Ok(row)),
                Ok(false) => {}
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

/// The rows of a scan, one by one. See [`crate::Table::rows`].
pub struct Rows {
    pub(crate) live: LiveRows,
    pub(crate) left: usize,
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let row = self.live.next()?.and_then(|(key, value)| self.live.table.codec.decode_row(&key, &value));
        Some(row)
    }
}

/// The rows of a scan as Arrow batches of up to 8,192 rows. See [`crate::Table::scan`].
pub struct Batches {
    pub(crate) ranges: std::vec::IntoIter<LiveRows>,
    pub(crate) current: Option<LiveRows>,
    pub(crate) table: Arc<TableInner>,
    pub(crate) projection: Projection,
    pub(crate) left: usize,
}

impl Batches {
    /// The columns of each batch.
    pub fn schema(&self) -> SchemaRef {
        self.projection.schema.clone()
    }

    fn next_row(&mut self) -> Result<Option<(Slice, Slice)>> {
        if self.left == 0 {
            return Ok(None);
        }
        loop {
            if let Some(row) = self.current.as_mut().and_then(Iterator::next) {
                self.left -= 1;
                return row.map(Some);
            }
            match self.ranges.next() {
                Some(next) => self.current = Some(next),
                None => return Ok(None),
            }
        }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let table = self.table.clone();
        let mut rows: Vec<(Slice, Slice)> = Vec::new();
        let mut bytes = 0;
        while rows.len() < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(row) = self.next_row()? else { break };
            bytes += row.0.len() + row.1.len();
            rows.push(row);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let mut decoder = BatchDecoder::new(&table.codec, &self.projection)?;
        rows.iter().try_for_each(|(key, value)| decoder.push(key, value))?;
        decoder.finish().map(Some)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
