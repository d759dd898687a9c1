//! A table's rows as a stream's records.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tidemill_engine::{Batch, Delivery, Epoch, OperatorContext, Result, Sink, SnapshotWriter};
use tidemill_formats::Records;
use tidemill_streams::{PARTITION_KEY_BYTES_MAX, Record, Stream};

use super::find;
use super::sink::Appender;
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;
use crate::error::Error;
use crate::generate::mix;
use crate::payload::{Payload, PayloadEncoder};

/// Between the columns of a partition key.
const KEY_DELIMITER: u8 = b'|';

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let stream = find(settings, environment)?;
    let payload = Payload::new(settings, environment)?;
    payload.check_writes()?;
    Ok(Arc::new(StreamSinkTable { stream, key: key_columns(settings)?, payload }))
}

/// The places of the columns that make the partition key, among those that are written.
fn key_columns(settings: &Settings<'_>) -> crate::error::Result<Vec<usize>> {
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

struct StreamSinkTable {
    stream: Stream,
    key: Vec<usize>,
    payload: Payload,
}

impl SinkTable for StreamSinkTable {
    fn delivery(&self) -> Delivery {
        Delivery::Append
    }

    fn accepts(&self) -> Accepts {
        if self.payload.has_changes() { Accepts::Changes } else { Accepts::Inserts }
    }

    fn open(&self, context: &OperatorContext) -> Result<Box<dyn Sink>> {
        Ok(Box::new(EncodedSink {
            appender: Appender::new(self.stream.clone()),
            key: self.key.clone(),
            encoder: self.payload.encoder()?,
            records: Records::new(),
            spread: mix(context.generation, context.worker as u64),
        }))
    }
}

struct EncodedSink {
    appender: Appender,
    key: Vec<usize>,
    encoder: PayloadEncoder,
    records: Records,
    /// Where the next record goes that has no key.
    spread: u64,
}

impl Sink for EncodedSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.records.clear();
        self.encoder.encode(&batch, &mut self.records)?;
        let keys = self.key.iter().filter_map(|&column| batch.rows().columns().get(column));
        let keys = keys.map(as_bytes).collect::<Result<Vec<BinaryArray>>>()?;
        let keys: Vec<Vec<u8>> = match keys.is_empty() {
            true => Vec::new(),
            false => (0..batch.num_rows()).map(|row| key(&keys, row)).collect(),
        };
        let spread = &mut self.spread;
        let records = self.records.iter().enumerate().map(|(row, data)| match keys.get(row) {
            Some(key) => Record { partition_key: key, explicit_hash_key: None, data },
            None => {
                *spread = spread.wrapping_add(1);
                let hash_key = u128::from(mix(1, *spread)) << 64;
                Record { partition_key: &[], explicit_hash_key: Some(hash_key), data }
            }
        });
        self.appender.append_all(records)
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.appender.settle(0)?;
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Append
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
            key.push(KEY_DELIMITER);
        }
        if column.is_valid(row) {
            key.extend_from_slice(column.value(row));
        }
    }
    key.truncate(PARTITION_KEY_BYTES_MAX);
    key
}
