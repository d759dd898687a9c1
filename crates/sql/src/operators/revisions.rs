//! Rows that replace each other, as a changelog.

use arrow::{
    array::{ArrayRef, UInt32Array},
    compute::interleave,
    datatypes::SchemaRef,
};
use tidemill_engine::{Batch, Result, RowKind};

use super::{
    columns::{rows_of, take_rows},
    packed::PackedCodec,
};

/// A changelog in the making: of rows of a batch, and of encoded rows that they replace.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    /// (0, row of the batch) or (1, encoded row).
    picks: Vec<(usize, usize)>,
    kinds: Vec<RowKind>,
    times: Vec<i64>,
    /// Encoded rows behind each other, and where each ends.
    old: Vec<u8>,
    ends: Vec<usize>,
}

impl Revisions {
    /// A row of the batch goes out.
    pub(crate) fn new_row(&mut self, kind: RowKind, row: usize, time: i64) {
        self.picks.push((0, row));
        self.kinds.push(kind);
        self.times.push(time);
    }

    /// An encoded row goes out.
    pub(crate) fn old_row(&mut self, kind: RowKind, row: &[u8], time: i64) {
        self.old.extend_from_slice(row);
        self.picks.push((1, self.ends.len()));
        self.kinds.push(kind);
        self.times.push(time);
        self.ends.push(self.old.len());
    }

    /// The changelog, if there is any. `columns` are those of the batch.
    pub(crate) fn batch(self, schema: &SchemaRef, codec: &PackedCodec, columns: &[ArrayRef]) -> Result<Option<Batch>> {
        if self.picks.is_empty() {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = if self.ends.is_empty() {
            let rows: UInt32Array = self.picks.iter().map(|(_, at)| *at as u32).collect::<Vec<_>>().into();
            take_rows(columns, &rows)?
        } else {
            let starts = std::iter::once(0).chain(self.ends.iter().copied());
            let old = codec.decode(starts.zip(&self.ends).filter_map(|(start, end)| self.old.get(start..*end)))?;
            let both = columns.iter().zip(&old);
            both.map(|(new, old)| interleave(&[new.as_ref(), old.as_ref()], &self.picks)).collect::<Result<_, _>>()?
        };
        let rows = rows_of(schema, columns, self.times.len())?;
        Ok(Some(Batch::new(rows, self.times)?.with_kinds(&self.kinds)?))
    }
}
