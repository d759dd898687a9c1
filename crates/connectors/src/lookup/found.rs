//! Found rows, key by key.

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::connector::LookedUp;

/// The keys that can have rows: those without nulls.
pub(crate) fn with_values(keys: &RecordBatch) -> Vec<u32> {
    let rows = 0..keys.num_rows();
    let valid = |row: &usize| keys.columns().iter().all(|column| column.is_valid(*row));
    rows.filter(valid).map(|row| row as u32).collect()
}

/// Puts the rows of single keys together, in the keys' order.
pub(crate) fn assemble(
    schema: &SchemaRef,
    found: impl Iterator<Item = (u32, RecordBatch)>,
) -> Result<LookedUp, ArrowError> {
    let (mut batches, mut origins) = (Vec::new(), Vec::new());
    for (key, rows) in found {
        origins.extend(std::iter::repeat_n(key, rows.num_rows()));
        batches.push(rows);
    }
    Ok(LookedUp { rows: concat_batches(schema, &batches)?, origins: UInt32Array::from(origins) })
}
