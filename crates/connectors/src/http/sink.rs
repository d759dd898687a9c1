//! Posts rows in batches.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use tidemill_engine::{Batch, Delivery, EngineError, Epoch, OperatorContext, Result, Sink, SnapshotWriter};
use tidemill_formats::{Format, Framing, Records};

use super::client::Client;
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;
use crate::payload::{Payload, PayloadEncoder};
use crate::runtime::wait;

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let client = Client::new(settings)?;
    let payload = Payload::new(settings, environment)?;
    payload.check_writes()?;
    // Records that don't say where they end are posted one by one.
    let single = payload.format().framing() == Framing::Outside;
    let rows_max = settings.integer("sink.batch.max-rows").and_then(|rows| usize::try_from(rows).ok()).unwrap_or(500);
    let bytes_max = settings.bytes("sink.batch.max-size").and_then(|bytes| usize::try_from(bytes).ok());
    let rows_max = if single { 1 } else { rows_max.max(1) };
    Ok(Arc::new(HttpSinkTable { client, payload, rows_max, bytes_max: bytes_max.unwrap_or(1 << 20) }))
}

struct HttpSinkTable {
    client: Arc<Client>,
    payload: Payload,
    rows_max: usize,
    bytes_max: usize,
}

impl SinkTable for HttpSinkTable {
    fn delivery(&self) -> Delivery {
        Delivery::Append
    }

    fn accepts(&self) -> Accepts {
        if self.payload.has_changes() { Accepts::Changes } else { Accepts::Inserts }
    }

    fn open(&self, _: &OperatorContext) -> Result<Box<dyn Sink>> {
        let content_type = match self.payload.format() {
            Format::Json(_) | Format::Change(_) => "application/x-ndjson",
            Format::Csv(_) => "text/csv",
            _ => "application/octet-stream",
        };
        Ok(Box::new(HttpSink {
            client: Arc::clone(&self.client),
            encoder: self.payload.encoder()?,
            end: self.payload.format().framing().end(),
            content_type,
            rows_max: self.rows_max,
            bytes_max: self.bytes_max,
            records: Records::new(),
            body: Vec::new(),
            rows: 0,
        }))
    }
}

struct HttpSink {
    client: Arc<Client>,
    encoder: PayloadEncoder,
    /// Behind each record.
    end: &'static [u8],
    content_type: &'static str,
    rows_max: usize,
    bytes_max: usize,
    records: Records,
    /// The next request's, with so many rows.
    body: Vec<u8>,
    rows: usize,
}

impl HttpSink {
    fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let (client, body) = (Arc::clone(&self.client), Bytes::from(std::mem::take(&mut self.body)));
        let (content_type, rows) = (self.content_type, std::mem::take(&mut self.rows));
        let failed = |said: String| EngineError::operator(format!("sink {}", self.client.url()), said);
        let answer = wait(async move {
            let path = client.path().to_owned();
            client.persist(&Method::POST, &path, Some((content_type, body))).await
        });
        let answer = answer.and_then(|answer| answer).map_err(failed)?;
        match answer.is_success() {
            true => Ok(()),
            false => Err(failed(format!("{rows} rows were refused with {}", answer.said()))),
        }
    }
}

impl Sink for HttpSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.records.clear();
        self.encoder.encode(&batch, &mut self.records)?;
        let records = std::mem::take(&mut self.records);
        for record in records.iter() {
            self.body.extend_from_slice(record);
            self.body.extend_from_slice(self.end);
            self.rows += 1;
            if self.rows >= self.rows_max || self.body.len() >= self.bytes_max {
                self.flush()?;
            }
        }
        self.records = records;
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.flush()?;
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Append
    }
}
