//! The seam for writing: an Arrow batch in, records out.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};
use crate::row_kind::RowKind;
use crate::view::View;

/// Writes rows of one schema as records of one format.
///
/// Each row becomes one record, in order; formats that can't say a row's kind refuse batches that hold other kinds
/// than inserts.
pub trait Encoder: Send {
    /// The columns that it writes.
    fn schema(&self) -> &SchemaRef;

    /// Appends the records of `rows` to `out`. `kinds` has a kind for each row; without it all are inserts.
    /// On an error `out` is as it was.
    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()>;

    /// What goes before the first record of a file, if the format has such: a CSV header.
    fn header(&self) -> Option<Vec<u8>> {
        None
    }
}

/// Records one after the other in a buffer that is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Records {
    /// No records.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All records' bytes, without anything between them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One record.
    pub fn get(&self, record: usize) -> Option<&[u8]> {
        let begin = match record.checked_sub(1) {
            Some(previous) => *self.ends.get(previous)?,
            None => 0,
        };
        self.bytes.get(begin..*self.ends.get(record)?)
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|record| self.get(record))
    }

    /// Forgets the records, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds a record that is at hand.
    pub fn push(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.end_record();
    }

    /// Where the record that is being written goes; [`Records::end_record`] closes it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(crate) fn end_record(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Back to a number of records.
    pub(crate) fn truncate(&mut self, records: usize) {
        self.ends.truncate(records);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

/// The batch has the declared columns, and as many kinds as rows.
pub(crate) fn check_batch(schema: &SchemaRef, rows: &RecordBatch, kinds: Option<&[RowKind]>) -> Result<()> {
    let found = rows.schema_ref();
    let same = found.fields().len() == schema.fields().len()
        && found.fields().iter().zip(schema.fields()).all(|(a, b)| a.data_type().equals_datatype(b.data_type()));
    if !same {
        return Err(Error::WrongBatch { reason: format!("it has {found}, declared were {schema}") });
    }
    match kinds {
        Some(kinds) if kinds.len() != rows.num_rows() => {
            Err(Error::WrongBatch { reason: format!("{} rows came with {} kinds", rows.num_rows(), kinds.len()) })
        }
        _ => Ok(()),
    }
}

/// For formats that can say inserts only.
pub(crate) fn inserts_only(format: &'static str, kinds: Option<&[RowKind]>) -> Result<()> {
    match kinds.and_then(|kinds| kinds.iter().position(|&kind| kind != RowKind::Insert)) {
        Some(row) => Err(Error::Unwritable {
            format,
            row,
            reason: "the row is an update or a delete; write changes as `debezium-json` or `dms-json`, or upsert them \
                     into a table"
                .into(),
        }),
        None => Ok(()),
    }
}

/// Writes each row as one record, for formats that can say inserts only. After an error the records are as they were.
pub(crate) fn write_inserts(
    format: &'static str,
    schema: &SchemaRef,
    rows: &RecordBatch,
    kinds: Option<&[RowKind]>,
    out: &mut Records,
    mut write: impl FnMut(&[View], usize, &mut Vec<u8>) -> std::result::Result<(), String>,
) -> Result<()> {
    check_batch(schema, rows, kinds)?;
    inserts_only(format, kinds)?;
    let columns = schema.fields().iter().zip(rows.columns());
    let views = columns.map(|(field, array)| View::new(field, array, format)).collect::<Result<Vec<_>>>()?;
    all_or_nothing(out, |out| {
        for row in 0..rows.num_rows() {
            write(&views, row, out.buffer()).map_err(|reason| Error::Unwritable { format, row, reason })?;
            out.end_record();
        }
        Ok(())
    })
}

/// Runs `write`; after an error the records are as they were.
pub(crate) fn all_or_nothing(out: &mut Records, write: impl FnOnce(&mut Records) -> Result<()>) -> Result<()> {
    let before = out.len();
    let written = write(out);
    if written.is_err() {
        out.truncate(before);
    }
    written
}
