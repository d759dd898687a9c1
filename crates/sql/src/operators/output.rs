//! Sinks of SQL itself: around a connector's, and to whoever asked for a query's rows.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use tidemill_engine::{
    Batch, Delivery, Epoch, EventTime, OperatorContext, Result, Sink, SnapshotReader, SnapshotWriter,
};

/// A sink whose rows come with their key behind its columns.
pub struct WithoutKey {
    sink: Box<dyn Sink>,
    columns: Vec<usize>,
}

impl WithoutKey {
    /// Gives `sink` the first columns.
    pub fn new(sink: Box<dyn Sink>, columns: usize) -> Self {
        WithoutKey { sink, columns: (0..columns).collect() }
    }
}

impl Sink for WithoutKey {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.sink.open(context)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let rows = batch.rows().project(&self.columns)?;
        self.sink.write(batch.with_rows(rows)?)
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        self.sink.on_watermark(time)
    }

    fn prepare(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.sink.prepare(epoch, writer)
    }

    fn commit(&mut self, epoch: Epoch, id: &str, committable: &[u8]) -> Result<()> {
        self.sink.commit(epoch, id, committable)
    }

    fn committed(&mut self, epoch: Epoch) -> Result<()> {
        self.sink.committed(epoch)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.sink.restore(reader)
    }

    fn delivery(&self) -> Delivery {
        self.sink.delivery()
    }
}

/// Where collected rows go: a queue that, when full, holds the job back.
pub type Collector = SyncSender<Batch>;

/// Hands rows over as they come. When nobody takes them any more they are dropped: the job is about to be stopped.
pub struct Collect {
    to: Collector,
    closed: bool,
}

impl Collect {
    /// Hands rows to this queue.
    pub fn new(to: Collector) -> Self {
        Collect { to, closed: false }
    }
}

impl Sink for Collect {
    fn write(&mut self, mut batch: Batch) -> Result<()> {
        while !self.closed {
            match self.to.try_send(batch) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => {
                    self.closed = true;
                    break;
                }
                Err(TrySendError::Full(back)) => {
                    batch = back;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Append
    }
}
