//! Sinks of typed streams.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{row::Row, stream::Decode};
use crate::{
    batch::Batch,
    error::Result,
    operator::OperatorContext,
    sink::{Delivery, Sink},
    state::SnapshotWriter,
    time::Epoch,
};

/// A sink that can be made once for each worker.
pub trait TypedSink<T: Row>: Send + Sync + 'static {
    /// The sink that runs.
    type Sink: Sink + 'static;

    /// Makes the instance of one worker.
    fn make(&self, context: &OperatorContext, decode: Decode<T>) -> Result<Self::Sink>;

    /// What it promises.
    fn delivery(&self) -> Delivery;
}

/// Collects rows in memory: for examples and tests. What a restarted job writes again appears again, except that it keeps
/// nothing itself, so it counts as upserting by the memory's owner.
#[derive(Clone, Debug)]
pub struct Collect<T> {
    rows: Arc<Mutex<Vec<T>>>,
}

impl<T> Default for Collect<T> {
    fn default() -> Self {
        Collect { rows: Arc::default() }
    }
}

impl<T: Clone> Collect<T> {
    /// All rows so far.
    pub fn rows(&self) -> Vec<T> {
        self.rows.lock().clone()
    }

    /// A sink that collects here.
    pub fn sink(&self) -> Self {
        self.clone()
    }
}

impl<T: Row> TypedSink<T> for Collect<T> {
    type Sink = CollectSink<T>;

    fn make(&self, _context: &OperatorContext, decode: Decode<T>) -> Result<Self::Sink> {
        Ok(CollectSink { rows: self.rows.clone(), decode })
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}

/// The running form of [`Collect`].
pub struct CollectSink<T> {
    rows: Arc<Mutex<Vec<T>>>,
    decode: Decode<T>,
}

impl<T: Row> Sink for CollectSink<T> {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let rows = (self.decode)(&batch)?;
        self.rows.lock().extend(rows.into_iter().map(|r| r.row));
        Ok(())
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}

impl<T> std::fmt::Debug for CollectSink<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CollectSink({} rows)", self.rows.lock().len())
    }
}
