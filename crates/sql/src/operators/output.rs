//! The sink to whoever asked for a query's rows.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use tidemill_engine::{Batch, Delivery, Epoch, Result, Sink, SnapshotWriter};

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
