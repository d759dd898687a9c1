//! The seam for reading: many records in, one Arrow batch out, and what could not be read.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;

use crate::column::Column;
use crate::error::Result;
use crate::fault::{Fault, Read};
use crate::row_kind::RowKind;

/// Rows that one record may become; a record with more is rejected.
pub const ROWS_PER_RECORD_MAX: usize = 100_000;

/// Bytes of a record; a longer one is rejected.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

/// Reads records of one format into rows of one schema.
///
/// A record becomes no row, one row or several. It is read whole or not at all: a rejected record leaves no row.
/// Rows are in the order of their records. No input makes a decoder panic, and no input is an error: errors are for
/// what the caller did wrong or an outside part (a schema registry) could not do.
pub trait Decoder: Send {
    /// The columns of the rows.
    fn schema(&self) -> &SchemaRef;

    /// Reads records. Nothing of a batch is kept for the next one but buffers and what was learned of the layout.
    fn decode(&mut self, records: &[&[u8]]) -> Result<Decoded>;
}

/// What came of a batch of records.
#[derive(Debug)]
pub struct Decoded {
    /// The rows.
    pub rows: RecordBatch,
    /// The kind of each row; `None` where the format carries no changes, and all rows are inserts.
    pub kinds: Option<Vec<RowKind>>,
    /// For each row the index of its record, ascending; `None` where row n is of record n.
    pub origins: Option<Vec<u32>>,
    /// The records that could not be read, by ascending index.
    pub rejected: Vec<Rejected>,
    /// How many records were passed over on purpose.
    pub skipped: Skipped,
}

impl Decoded {
    /// The index of the record that a row came from.
    pub fn origin(&self, row: usize) -> usize {
        self.origins.as_ref().and_then(|origins| origins.get(row)).map_or(row, |&record| record as usize)
    }
}

/// A record that could not be read: what the error stream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its index among the records given.
    pub record: usize,
    /// What is wrong with it, and where in it.
    pub reason: String,
    /// The record itself.
    pub bytes: Vec<u8>,
}

/// Records that are no rows and no errors, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Not readable, while the format's `ignore-parse-errors` is on.
    pub unreadable: usize,
    /// Tombstones, headers, comments, empty lines.
    pub empty: usize,
    /// Control records of a change capture (a table was made, a column added).
    pub control: usize,
    /// Change records of tables that were not asked for.
    pub other_tables: usize,
}

impl Skipped {
    /// All together.
    pub fn total(&self) -> usize {
        self.unreadable + self.empty + self.control + self.other_tables
    }
}

/// How a format reads a single record; [`BatchDecoder`] does the rest.
pub(crate) trait ReadRecord: Send {
    /// Adds the record's rows. On a fault the rows of this record are taken back.
    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read;

    /// Called before each batch, for formats that ask an outside part; an error ends the batch before it begins.
    fn prepare(&mut self, _records: &[&[u8]]) -> Result<()> {
        Ok(())
    }
}

/// The rows that are being built.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<Column>,
    pub(crate) skipped: Skipped,
    len: usize,
    kinds: Vec<RowKind>,
}

impl Rows {
    pub(crate) fn new(schema: &SchemaRef, format: &'static str) -> Result<Self> {
        let columns = schema.fields().iter().map(|field| Column::new(field, format)).collect::<Result<_>>()?;
        Ok(Rows { columns, skipped: Skipped::default(), len: 0, kinds: Vec::new() })
    }

    /// Complete rows so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Every column has its value for the next row.
    pub(crate) fn end_row(&mut self, kind: RowKind) {
        self.end_rows(1, kind);
    }

    /// Every column has its values for the next `count` rows.
    pub(crate) fn end_rows(&mut self, count: usize, kind: RowKind) {
        self.len += count;
        self.kinds.resize(self.len, kind);
        debug_assert!(self.columns.iter().all(|column| column.len() == self.len));
    }

    /// Takes back rows, and values of a row that was begun.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(len));
        self.kinds.truncate(len);
        self.len = len;
    }

    fn finish(&mut self, schema: &SchemaRef) -> Result<(RecordBatch, Vec<RowKind>)> {
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(Column::finish).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.len));
        self.len = 0;
        let rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
        Ok((rows, std::mem::take(&mut self.kinds)))
    }
}

/// What a decoder does with what it can't read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnFault {
    /// The record is handed back with the reason.
    #[default]
    Reject,
    /// A value becomes null where the column allows it; a broken record is passed over, and counted.
    Ignore,
}

/// Drives a format's [`ReadRecord`] over a batch: takes back half-read records, keeps origins and rejections.
pub(crate) struct BatchDecoder<R> {
    schema: SchemaRef,
    rows: Rows,
    reader: R,
    on_fault: OnFault,
    changes: bool,
}

impl<R: ReadRecord> BatchDecoder<R> {
    pub(crate) fn new(schema: SchemaRef, format: &'static str, reader: R, on_fault: OnFault) -> Result<Self> {
        let rows = Rows::new(&schema, format)?;
        Ok(BatchDecoder { schema, rows, reader, on_fault, changes: false })
    }

    /// For formats that say what kind each row is.
    pub(crate) fn with_changes(mut self) -> Self {
        self.changes = true;
        self
    }
}

impl<R: ReadRecord> Decoder for BatchDecoder<R> {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn decode(&mut self, records: &[&[u8]]) -> Result<Decoded> {
        self.rows.truncate(0); // what an error left
        self.rows.skipped = Skipped::default();
        self.reader.prepare(records)?;
        let mut rejected = Vec::new();
        let mut origins: Option<Vec<u32>> = None;
        for (index, &record) in records.iter().enumerate() {
            let before = self.rows.len();
            let read = byte_limit(record)
                .and_then(|()| self.reader.read(record, &mut self.rows))
                .and_then(|()| row_limit(self.rows.len() - before));
            if let Err(fault) = read {
                self.rows.truncate(before);
                match self.on_fault {
                    OnFault::Reject => {
                        rejected.push(Rejected { record: index, reason: fault.to_string(), bytes: record.to_vec() });
                    }
                    OnFault::Ignore => self.rows.skipped.unreadable += 1,
                }
            }
            let added = self.rows.len() - before;
            if added != 1 && origins.is_none() {
                origins = Some((0..before as u32).collect());
            }
            if let Some(origins) = &mut origins {
                origins.resize(before + added, index as u32);
            }
        }
        let (rows, kinds) = self.rows.finish(&self.schema)?;
        let kinds = self.changes.then_some(kinds);
        Ok(Decoded { rows, kinds, origins, rejected, skipped: self.rows.skipped })
    }
}

fn byte_limit(record: &[u8]) -> Read {
    if record.len() > RECORD_BYTES_MAX {
        return Err(Fault::new(format!("a record may have {RECORD_BYTES_MAX} bytes, this one has {}", record.len())));
    }
    Ok(())
}

fn row_limit(rows: usize) -> Read {
    if rows > ROWS_PER_RECORD_MAX {
        return Err(Fault::new(format!("one record may become {ROWS_PER_RECORD_MAX} rows, this one would be {rows}")));
    }
    Ok(())
}
