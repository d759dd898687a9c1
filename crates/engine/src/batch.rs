//! The one kind of data that flows between operators.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayBuilder, ArrayRef, AsArray, BinaryArray, BooleanArray, GenericByteBuilder, RecordBatch,
        RecordBatchOptions, UInt32Array,
    },
    buffer::ScalarBuffer,
    compute,
    datatypes::{ByteArrayType, DataType, SchemaRef},
};

use crate::{
    error::{EngineError, Result},
    key::hash_key,
    time::EventTime,
};

/// What a row says of the result it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RowKind {
    /// A new row.
    Insert = 0,
    /// The old content of a row that is revised; its new content follows.
    UpdateBefore = 1,
    /// The new content of a revised row.
    UpdateAfter = 2,
    /// A row that is gone.
    Delete = 3,
}

impl RowKind {
    fn from_code(code: u8) -> Self {
        match code {
            1 => RowKind::UpdateBefore,
            2 => RowKind::UpdateAfter,
            3 => RowKind::Delete,
            _ => RowKind::Insert,
        }
    }

    /// True where the row adds content: insert and update-after.
    pub fn adds(self) -> bool {
        matches!(self, RowKind::Insert | RowKind::UpdateAfter)
    }
}

/// What a column has collected. The builder keeps room for as much again: growing anew for each batch would copy it several
/// times over.
pub fn take_column<T: ByteArrayType>(column: &mut GenericByteBuilder<T>) -> ArrayRef {
    let (rows, bytes) = (column.len(), column.values_slice().len());
    Arc::new(std::mem::replace(column, GenericByteBuilder::with_capacity(rows, bytes + bytes / 8)).finish())
}

/// Rows of one schema, each with its time and, where rows can be revised, its kind.
///
/// Invariant: `times`, `kinds` and `hashes` are as long as `rows`.
#[derive(Clone, Debug)]
pub struct Batch {
    rows: RecordBatch,
    times: ScalarBuffer<i64>,
    kinds: Option<ScalarBuffer<u8>>,
    hashes: Option<ScalarBuffer<u64>>,
    bytes: usize,
}

impl Batch {
    /// Rows that are all inserts, with a time for each in microseconds since 1970.
    pub fn new(rows: RecordBatch, times: impl Into<ScalarBuffer<i64>>) -> Result<Self> {
        let times = times.into();
        if times.len() != rows.num_rows() {
            return Err(EngineError::Plan(format!(
                "a batch of {} rows came with {} times",
                rows.num_rows(),
                times.len()
            )));
        }
        let bytes = size_of_rows(&rows) + times.len() * 8;
        Ok(Batch { rows, times, kinds: None, hashes: None, bytes })
    }

    /// Rows that all have the same time.
    pub fn at(rows: RecordBatch, time: EventTime) -> Self {
        let times = vec![time.0; rows.num_rows()];
        let bytes = size_of_rows(&rows) + times.len() * 8;
        Batch { rows, times: times.into(), kinds: None, hashes: None, bytes }
    }

    /// The same rows, with a kind for each.
    pub fn with_kinds(mut self, kinds: &[RowKind]) -> Result<Self> {
        if kinds.len() != self.num_rows() {
            return Err(EngineError::Plan(format!(
                "a batch of {} rows came with {} row kinds",
                self.num_rows(),
                kinds.len()
            )));
        }
        self.kinds = kinds.iter().any(|&k| k != RowKind::Insert).then(|| kinds.iter().map(|&k| k as u8).collect());
        Ok(self)
    }

    /// The same rows with other times.
    pub fn with_times(self, times: impl Into<ScalarBuffer<i64>>) -> Result<Self> {
        let kinds = self.kinds;
        let mut batch = Batch::new(self.rows, times)?;
        batch.kinds = kinds;
        Ok(batch)
    }

    /// Other columns for the same rows: times and kinds stay.
    pub fn with_rows(&self, rows: RecordBatch) -> Result<Self> {
        let mut batch = Batch::new(rows, self.times.clone())?;
        batch.kinds = self.kinds.clone();
        Ok(batch)
    }

    /// The columns.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// The columns' names and types.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// How many rows.
    pub fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    /// Time of each row, microseconds since 1970.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Kind of one row.
    pub fn kind(&self, row: usize) -> RowKind {
        self.kinds.as_ref().and_then(|k| k.get(row)).map_or(RowKind::Insert, |&code| RowKind::from_code(code))
    }

    /// True where every row is an insert.
    pub fn is_append_only(&self) -> bool {
        self.kinds.is_none()
    }

    /// Size in memory, about: what flow control counts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A `Binary` column by position: keys and encoded payloads.
    pub fn binary(&self, column: usize) -> Result<&BinaryArray> {
        self.rows.columns().get(column).and_then(|a| a.as_binary_opt::<i32>()).ok_or_else(|| {
            EngineError::Plan(format!(
                "column {column} of ({}) is not a Binary column",
                self.rows
                    .schema()
                    .fields()
                    .iter()
                    .map(|f| format!("{}: {}", f.name(), f.data_type()))
                    .collect::<Vec<_>>()
                    .join(", ")
            ))
        })
    }

    /// The hash of each row's key, computed once and carried along: routing reads it behind the exchange.
    pub(crate) fn hashed_by(mut self, column: usize) -> Result<Self> {
        let keys = self.binary(column)?;
        let hashes: Vec<u64> = (0..keys.len()).map(|i| hash_key(keys.value(i))).collect();
        self.hashes = Some(hashes.into());
        Ok(self)
    }

    pub(crate) fn hashes(&self) -> Option<&[u64]> {
        self.hashes.as_deref()
    }

    /// Rows by position, in that order.
    pub fn take(&self, rows: &UInt32Array) -> Result<Self> {
        let pick = rows.values();
        let share = if self.num_rows() == 0 { 0 } else { self.bytes * pick.len() / self.num_rows() };
        let columns = compute::take_arrays(self.rows.columns(), rows, None)?;
        let options = RecordBatchOptions::new().with_row_count(Some(pick.len()));
        Ok(Batch {
            rows: RecordBatch::try_new_with_options(self.rows.schema(), columns, &options)?,
            times: gather(&self.times, pick),
            kinds: self.kinds.as_ref().map(|k| gather(k, pick)),
            hashes: self.hashes.as_ref().map(|h| gather(h, pick)),
            bytes: share,
        })
    }

    /// The rows for which `keep` is true.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self> {
        let rows: UInt32Array = keep.values().set_indices().map(|i| i as u32).collect::<Vec<_>>().into();
        self.take(&rows)
    }

    /// One batch out of several of the same schema.
    pub fn concat(batches: &[Batch]) -> Result<Self> {
        let Some(first) = batches.first() else {
            return Err(EngineError::Plan("nothing to concatenate".into()));
        };
        if batches.len() == 1 {
            return Ok(first.clone());
        }
        let total = batches.iter().map(Batch::num_rows).sum();
        let mut times = Vec::with_capacity(total);
        batches.iter().for_each(|b| times.extend_from_slice(&b.times));
        let kinds = batches.iter().any(|b| b.kinds.is_some()).then(|| {
            let mut kinds = Vec::with_capacity(total);
            for b in batches {
                match &b.kinds {
                    Some(k) => kinds.extend_from_slice(k),
                    None => kinds.resize(kinds.len() + b.num_rows(), RowKind::Insert as u8),
                }
            }
            kinds.into()
        });
        let hashes = batches.iter().all(|b| b.hashes.is_some()).then(|| {
            let mut hashes = Vec::with_capacity(total);
            batches.iter().filter_map(|b| b.hashes.as_ref()).for_each(|h| hashes.extend_from_slice(h));
            hashes.into()
        });
        Ok(Batch {
            rows: compute::concat_batches(&first.rows.schema(), batches.iter().map(|b| &b.rows))?,
            times: times.into(),
            kinds,
            hashes,
            bytes: batches.iter().map(|b| b.bytes).sum(),
        })
    }

    /// Times and kinds as two columns behind the others, for the wire.
    pub(crate) fn to_wire(&self) -> Result<RecordBatch> {
        use arrow::{
            array::{Int64Array, UInt8Array},
            datatypes::{Field, Schema},
        };
        let schema = self.rows.schema();
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        let mut columns = self.rows.columns().to_vec();
        fields.push(Arc::new(Field::new("__time", DataType::Int64, false)));
        columns.push(Arc::new(Int64Array::new(self.times.clone(), None)));
        let kinds = match &self.kinds {
            Some(k) => k.clone(),
            None => vec![0u8; self.num_rows()].into(),
        };
        fields.push(Arc::new(Field::new("__kind", DataType::UInt8, false)));
        columns.push(Arc::new(UInt8Array::new(kinds, None)));
        let wire = Schema::new_with_metadata(fields, schema.metadata().clone());
        Ok(RecordBatch::try_new(Arc::new(wire), columns)?)
    }

    /// The opposite of [`Batch::to_wire`].
    pub(crate) fn from_wire(wire: &RecordBatch) -> Result<Self> {
        use arrow::datatypes::{Int64Type, UInt8Type};
        let bad = || EngineError::corrupt("a batch from another process", "its time or kind column is missing");
        let n = wire.num_columns().checked_sub(2).ok_or_else(bad)?;
        let times = wire.column(n).as_primitive_opt::<Int64Type>().ok_or_else(bad)?.values().clone();
        let kinds = wire.column(n + 1).as_primitive_opt::<UInt8Type>().ok_or_else(bad)?.values().clone();
        let rows = wire.project(&(0..n).collect::<Vec<_>>())?;
        let mut batch = Batch::new(rows, times)?;
        batch.kinds = kinds.iter().any(|&k| k != 0).then_some(kinds);
        Ok(batch)
    }
}

fn gather<T: arrow::datatypes::ArrowNativeType>(from: &[T], rows: &[u32]) -> ScalarBuffer<T> {
    rows.iter().map(|&i| from.get(i as usize).copied().unwrap_or_default()).collect()
}

fn size_of_rows(rows: &RecordBatch) -> usize {
    rows.columns()
        .iter()
        .map(|c| c.to_data().get_slice_memory_size().unwrap_or_else(|_| c.get_array_memory_size()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, record_batch};

    fn sample() -> Batch {
        let rows = record_batch!(("k", Utf8, ["a", "b", "c"]), ("v", Int64, [1, 2, 3])).unwrap();
        Batch::new(rows, vec![10, 20, 30])
            .unwrap()
            .with_kinds(&[RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter])
            .unwrap()
    }

    #[test]
    fn taking_and_joining_keeps_times_and_kinds_with_their_rows() {
        let batch = sample();
        let last = batch.take(&UInt32Array::from(vec![2])).unwrap();
        let first = batch.filter(&BooleanArray::from(vec![true, false, false])).unwrap();
        let joined = Batch::concat(&[last, first]).unwrap();
        assert_eq!(joined.times(), &[30, 10]);
        assert_eq!(joined.kind(0), RowKind::UpdateAfter);
        assert_eq!(joined.kind(1), RowKind::Insert);
        let values: &Int64Array = joined.rows().column(1).as_primitive();
        assert_eq!(values.values(), &[3, 1]);
    }

    #[test]
    fn a_batch_survives_the_wire() {
        let batch = sample();
        let back = Batch::from_wire(&batch.to_wire().unwrap()).unwrap();
        assert_eq!(back.rows(), batch.rows());
        assert_eq!(back.times(), batch.times());
        assert_eq!(back.kind(1), RowKind::UpdateBefore);
    }

    #[test]
    fn a_wrong_number_of_times_is_refused() {
        let rows = record_batch!(("v", Int64, [1, 2])).unwrap();
        assert!(Batch::new(rows, vec![1]).is_err());
    }
}
