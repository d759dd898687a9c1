//! A table's rows as a stream's records.

use std::sync::Arc;

use tidemill_engine::{Batch, Delivery, Epoch, OperatorContext, Result, Sink, SnapshotWriter};
use tidemill_formats::Records;
use tidemill_streams::{PARTITION_KEY_BYTES_MAX, Record, Stream};

use super::find;
use super::sink::Appender;
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;
use crate::partition_key::{PartitionKeys, key_columns};
use crate::payload::{Payload, PayloadEncoder};

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let stream = find(settings, environment)?;
    let payload = Payload::new(settings, environment)?;
    payload.check_writes()?;
    Ok(Arc::new(StreamSinkTable { stream, key: key_columns(settings)?, payload }))
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
            keys: PartitionKeys::new(self.key.clone(), context),
            encoder: self.payload.encoder()?,
            records: Records::new(),
        }))
    }
}

struct EncodedSink {
    appender: Appender,
    keys: PartitionKeys,
    encoder: PayloadEncoder,
    records: Records,
}

impl Sink for EncodedSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.records.clear();
        self.encoder.encode(&batch, &mut self.records)?;
        let keys = self.keys.of(&batch)?;
        let spread = &mut self.keys;
        let records = self.records.iter().enumerate().map(|(row, data)| match keys.get(row) {
            Some(key) => {
                let partition_key = key.get(..PARTITION_KEY_BYTES_MAX).unwrap_or(key);
                Record { partition_key, explicit_hash_key: None, data }
            }
            None => Record { partition_key: &[], explicit_hash_key: Some(spread.spread()), data },
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
