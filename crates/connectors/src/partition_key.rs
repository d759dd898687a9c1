//! Partition keys of rows that are written to a stream.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tidemill_engine::{Batch, OperatorContext, Result};

use crate::catalog::Settings;
use crate::error::Error;
use crate::generate::mix;

/// Between the columns of a partition key.
const DELIMITER: u8 = b'|';

/// The places of the columns that make the partition key, among those that are written: those of the option
/// `sink.partition-key`, the metadata column of the key, or the primary key.
pub(crate) fn key_columns(settings: &Settings<'_>) -> crate::error::Result<Vec<usize>> {
    let declaration = settings.declaration();
    let written = || declaration.columns.iter().filter(|column| !column.read_only);
    let place = |name: &str| written().position(|column| column.field.name() == name);
    if let Some(given) = settings.given("sink.partition-key") {
        let known = || written().map(|column| column.field.name().as_str()).collect::<Vec<_>>().join(", ");
        let column = |name: &str| {
            let rule = || format!("name columns that are written, with `;` between them: {}", known());
            place(name.trim()).ok_or_else(|| Error::invalid("sink.partition-key", given, rule()))
        };
        return given.split(';').map(column).collect();
    }
    if let Some(place) = written().position(|column| column.metadata.as_deref() == Some("partition-key")) {
        return Ok(vec![place]);
    }
    Ok(declaration.primary_key.iter().filter_map(|name| place(name)).collect())
}

/// The keys of batches' rows.
pub(crate) struct PartitionKeys {
    columns: Vec<usize>,
    /// Where the next record goes that has no key.
    spread: u64,
}

impl PartitionKeys {
    pub(crate) fn new(columns: Vec<usize>, context: &OperatorContext) -> Self {
        Self { columns, spread: mix(context.generation, context.worker as u64) }
    }

    /// A key for each row; none at all where no columns make them.
    pub(crate) fn of(&self, batch: &Batch) -> Result<Vec<Vec<u8>>> {
        let columns = self.columns.iter().filter_map(|&column| batch.rows().columns().get(column));
        let columns = columns.map(as_bytes).collect::<Result<Vec<BinaryArray>>>()?;
        Ok(match columns.is_empty() {
            true => Vec::new(),
            false => (0..batch.num_rows()).map(|row| key(&columns, row)).collect(),
        })
    }

    /// A hash key for a record without a partition key.
    pub(crate) fn spread(&mut self) -> u128 {
        self.spread = self.spread.wrapping_add(1);
        u128::from(mix(1, self.spread)) << 64
    }
}

fn as_bytes(column: &ArrayRef) -> Result<BinaryArray> {
    let bytes = match column.data_type() {
        DataType::Binary => column.clone(),
        _ => cast(&cast(column, &DataType::Utf8)?, &DataType::Binary)?,
    };
    Ok(bytes.as_binary::<i32>().clone())
}

/// A null is as an empty text.
fn key(columns: &[BinaryArray], row: usize) -> Vec<u8> {
    let mut key = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            key.push(DELIMITER);
        }
        if column.is_valid(row) {
            key.extend_from_slice(column.value(row));
        }
    }
    key
}
