//! Appends rows to a stream.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use tidemill_engine::{Batch, Delivery, EngineError, Epoch, Result, Sink, SnapshotWriter};
use tidemill_streams::{BatchFuture, Error, Record, Stream};

use super::failed;

/// Rows are appended in batches of about so many bytes.
const APPEND_BYTES: usize = 1 << 20;
/// So many of them may wait for their acknowledgement.
const APPENDS_IN_FLIGHT: usize = 8;
/// How long to try again when others have filled the stream's queue.
const QUEUE_PATIENCE: Duration = Duration::from_secs(30);

/// Which columns a [`StreamSink`] writes. Both may be `Binary` or `Utf8`.
#[derive(Clone, Debug)]
pub struct StreamSinkConfig {
    /// The records' data. Default `data`.
    pub data: String,
    /// Their partition key; `None`: empty keys, which all go to the same shard. Default `partition_key`.
    pub partition_key: Option<String>,
}

impl Default for StreamSinkConfig {
    fn default() -> Self {
        Self { data: "data".into(), partition_key: Some("partition_key".into()) }
    }
}

/// Appends records, a few batches at a time on their way.
#[derive(Debug)]
pub(super) struct Appender {
    stream: Stream,
    in_flight: VecDeque<BatchFuture>,
}

impl Appender {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, in_flight: VecDeque::new() }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Appends records, cut into batches.
    pub(super) fn append_all<'a>(&mut self, records: impl Iterator<Item = Record<'a>>) -> Result<()> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for record in records {
            bytes += record.data.len() + record.partition_key.len();
            batch.push(record);
            if bytes >= APPEND_BYTES {
                self.append(&batch)?;
                batch.clear();
                bytes = 0;
            }
        }
        if batch.is_empty() { Ok(()) } else { self.append(&batch) }
    }

    fn append(&mut self, records: &[Record<'_>]) -> Result<()> {
        let deadline = Instant::now() + QUEUE_PATIENCE;
        loop {
            let future = self.stream.append_batch(records);
            match future.refused() {
                None => {
                    self.in_flight.push_back(future);
                    return self.settle(APPENDS_IN_FLIGHT);
                }
                // Room comes with acknowledgements: our own, or those of others.
                Some(Error::QueueFull { .. }) if Instant::now() < deadline => {
                    if self.in_flight.is_empty() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    self.settle(self.in_flight.len().saturating_sub(1))?;
                }
                Some(error) => return Err(failed(self.stream.name(), &error)),
            }
        }
    }

    /// Waits until at most `most` appends wait for their acknowledgement.
    pub(super) fn settle(&mut self, most: usize) -> Result<()> {
        while self.in_flight.len() > most
            && let Some(oldest) = self.in_flight.pop_front()
        {
            oldest.wait().map_err(|e| failed(self.stream.name(), &e))?;
        }
        Ok(())
    }
}

/// Appends inserted rows to a stream, at least once: a checkpoint is not durable before they are, and the rows since the
/// last one are appended again after a crash. Rows that revise others are refused: a stream can't take a record back.
#[derive(Debug)]
pub struct StreamSink {
    appender: Appender,
    config: StreamSinkConfig,
}

impl StreamSink {
    /// A sink that appends to `stream`.
    pub fn new(stream: Stream, config: StreamSinkConfig) -> Self {
        Self { appender: Appender::new(stream), config }
    }
}

impl Sink for StreamSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if !batch.is_append_only() {
            let stream = self.appender.stream().name();
            return Err(EngineError::Plan(format!(
                "stream '{stream}' can't take revisions of rows back; write them to a table, or encode the row kind"
            )));
        }
        let data = column(&batch, &self.config.data)?;
        let keys = self.config.partition_key.as_deref().map(|name| column(&batch, name)).transpose()?;
        self.appender.append_all((0..batch.num_rows()).map(|row| {
            let key = keys.as_ref().map_or(&[][..], |keys| value(keys, row));
            Record { partition_key: key, explicit_hash_key: None, data: value(&data, row) }
        }))
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.appender.settle(0)?;
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Append
    }
}

fn column(batch: &Batch, name: &str) -> Result<ArrayRef> {
    let column = batch
        .rows()
        .column_by_name(name)
        .ok_or_else(|| EngineError::Plan(format!("there is no column '{name}' in ({})", batch.schema())))?;
    match column.data_type() {
        DataType::Binary | DataType::Utf8 => Ok(column.clone()),
        other => Err(EngineError::Plan(format!("column '{name}' is {other}, but a record needs Binary or Utf8"))),
    }
}

/// A null is an empty record, or an empty key.
fn value(column: &ArrayRef, row: usize) -> &[u8] {
    if column.is_null(row) {
        return &[];
    }
    match column.as_binary_opt::<i32>() {
        Some(binary) => binary.value(row),
        None => column.as_string_opt::<i32>().map_or(&[], |text| text.value(row).as_bytes()),
    }
}
