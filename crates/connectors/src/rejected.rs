//! Records that could not be read, as rows: what sources put out at port 1.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tidemill_engine::{Batch, EventTime, Result, SourceOutput};
use tidemill_formats::Rejected;

/// The output port of rejected records.
pub const PORT: usize = 1;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("time", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        Field::new("table", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("record", DataType::Binary, false),
    ]))
});

/// The columns: `time` (when it was read, `Timestamp` in microseconds UTC), `table` and `reason` (`Utf8`), `record` (`Binary`).
/// The row's own time is `time`, too.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Rejected records as rows.
pub fn batch(table: &str, now: EventTime, rejected: &[Rejected]) -> Result<Batch> {
    let count = rejected.len();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_value(now.0, count)),
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(table, count))),
        Arc::new(StringArray::from_iter_values(rejected.iter().map(|rejected| &rejected.reason))),
        Arc::new(BinaryArray::from_iter_values(rejected.iter().map(|rejected| &rejected.bytes))),
    ];
    Ok(Batch::at(RecordBatch::try_new(schema(), columns)?, now))
}

/// Counts rejected records and puts them out.
pub(crate) fn emit(table: &str, rejected: &[Rejected], out: &mut SourceOutput<'_>) -> Result<()> {
    if !rejected.is_empty() {
        out.count_errors(rejected.len() as u64);
        out.emit_to(PORT, batch(table, EventTime::now(), rejected)?);
    }
    Ok(())
}
