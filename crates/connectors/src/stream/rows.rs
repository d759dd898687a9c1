//! Records as Arrow columns.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BinaryBuilder, RecordBatch, UInt32Builder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tidemill_engine::batch::take_column;
use tidemill_engine::{Batch, Result};
use tidemill_streams::{RecordRef, ShardId};

/// A batch is handed out when it has so many rows, or so many bytes.
const BATCH_ROWS: usize = 4_096;
const BATCH_BYTES: usize = 4 << 20;

/// What a row takes beside its key and its data: shard, sequence number, time, two offsets.
pub(super) const ROW_BYTES: usize = 28;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("data", DataType::Binary, false),
        Field::new("partition_key", DataType::Binary, false),
        Field::new("shard", DataType::UInt32, false),
        Field::new("sequence", DataType::UInt64, false),
    ]))
});

/// The columns of the source's rows: `data` and `partition_key` (`Binary`), `shard` (`UInt32`), `sequence` (`UInt64`).
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Collects records into batches.
#[derive(Debug, Default)]
pub(super) struct RowBuilder {
    data: BinaryBuilder,
    partition_key: BinaryBuilder,
    shard: UInt32Builder,
    sequence: UInt64Builder,
    times: Vec<i64>,
    bytes: usize,
}

impl RowBuilder {
    /// Adds a record; `true` when the batch is large enough to be handed out.
    pub(super) fn push(&mut self, shard: ShardId, record: &RecordRef<'_>) -> bool {
        self.data.append_value(record.data);
        self.partition_key.append_value(record.partition_key);
        self.shard.append_value(shard.0);
        self.sequence.append_value(record.sequence.0);
        self.times.push(record.time.as_micros());
        self.bytes += record.data.len() + record.partition_key.len();
        self.times.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// What was collected, if anything was.
    pub(super) fn finish(&mut self) -> Result<Option<Batch>> {
        if self.times.is_empty() {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = vec![
            take_column(&mut self.data),
            take_column(&mut self.partition_key),
            Arc::new(self.shard.finish()),
            Arc::new(self.sequence.finish()),
        ];
        self.bytes = 0;
        let times = std::mem::take(&mut self.times);
        Batch::new(RecordBatch::try_new(schema(), columns)?, times).map(Some)
    }
}
