//! Columns of rows on their way through an operator.

use arrow::{
    array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array},
    compute::{cast, take},
    datatypes::{DataType, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use tidemill_engine::{EngineError, Result};

/// A window ends so much behind the last time that is in it, microseconds: results of a window have that time.
pub(crate) const WINDOW_TIME_BEFORE_END: i64 = 1_000;

/// State is warmed for so many rows at a time.
pub(crate) const WARM_ROWS: usize = 256;

/// The keys of the rows from `row` on that are to be warmed; none but at the first of them.
pub(crate) fn keys_to_warm(keys: &BinaryArray, row: usize) -> Option<impl Iterator<Item = &[u8]>> {
    let to = keys.len().min(row + WARM_ROWS);
    row.is_multiple_of(WARM_ROWS).then(|| (row..to).map(|row| keys.value(row)))
}

/// The columns without the key behind them.
pub(crate) fn without_key(rows: &RecordBatch) -> &[ArrayRef] {
    rows.columns().split_last().map_or(&[], |(_, columns)| columns)
}

/// Rows of some columns; a null position gives a row of nulls.
pub(crate) fn take_rows(columns: &[ArrayRef], rows: &UInt32Array) -> Result<Vec<ArrayRef>> {
    Ok(columns.iter().map(|column| take(column.as_ref(), rows, None)).collect::<Result<_, _>>()?)
}

/// Columns as rows of this schema.
pub(crate) fn rows_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// A column of times, in microseconds; a row without a time has the earliest.
pub(crate) fn micros_of(rows: &RecordBatch, column: usize) -> Result<Vec<i64>> {
    let Some(times) = rows.columns().get(column) else {
        return Err(EngineError::Plan(format!("there is no column {column} among {}", rows.num_columns())));
    };
    let micros = match times.data_type() {
        DataType::Int64 => times.as_primitive::<Int64Type>().clone(),
        DataType::Timestamp(..) => {
            let micros = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            micros.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>()
        }
        other => return Err(EngineError::Plan(format!("column {column} is a {other}, not a time"))),
    };
    Ok(micros.iter().map(|time| time.unwrap_or(i64::MIN)).collect())
}

/// One row of nulls.
pub(crate) fn nulls_of(schema: &SchemaRef) -> Vec<ArrayRef> {
    schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect()
}
