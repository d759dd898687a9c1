//! What could not be worked on, as rows: records that could not be read, which sources put out at port 1, and rows of operators.

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
        Field::new("origin", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("rowtime", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("record", DataType::Binary, false),
    ]))
});

/// The columns: `time` (when it was found, `Timestamp` in microseconds UTC), `origin` (the table, or the operator), `reason`, `rowtime` (the
/// time of a row that was read before it failed), `record` (the bytes; those of a row are JSON). The time of such a row is `time`.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Rejected records as rows; `rowtimes` are those of rows.
pub fn batch(origin: &str, now: EventTime, rejected: &[Rejected], rowtimes: Option<&[EventTime]>) -> Result<Batch> {
    let count = rejected.len();
    let rowtimes = match rowtimes {
        Some(times) => TimestampMicrosecondArray::from_iter_values(times.iter().map(|time| time.0)),
        None => TimestampMicrosecondArray::new_null(count),
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampMicrosecondArray::from_value(now.0, count)),
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(origin, count))),
        Arc::new(StringArray::from_iter_values(rejected.iter().map(|rejected| &rejected.reason))),
        Arc::new(rowtimes),
        Arc::new(BinaryArray::from_iter_values(rejected.iter().map(|rejected| &rejected.bytes))),
    ];
    Ok(Batch::at(RecordBatch::try_new(schema(), columns)?, now))
}

/// Counts rejected records and puts them out.
pub(crate) fn emit(table: &str, rejected: &[Rejected], out: &mut SourceOutput<'_>) -> Result<()> {
    if !rejected.is_empty() {
        out.count_errors(rejected.len() as u64);
        out.emit_to(PORT, batch(table, EventTime::now(), rejected, None)?);
    }
    Ok(())
}
