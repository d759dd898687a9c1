//! The rows of a running query.
//!
//! ```text
//!  caller's thread                        a thread of queries
//!  QueryStream ◀── rows, a few batches ── task: plan, run  (holds the place until it has really ended)
//!     │ at the deadline: QueryTimeout        ▲
//!     └── dropped: gives up, aborts ─────────┘
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use futures::{Stream, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Sleep;

use super::deadline::Deadline;
use crate::error::{Error, Result};

/// Batches that wait between the query and its reader.
pub(super) const BATCHES_WAITING_MAX: usize = 2;

/// Ends the query when dropped.
pub(super) struct Running {
    pub(super) deadline: Deadline,
    pub(super) task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.deadline.give_up();
        self.task.abort();
    }
}

/// The rows of a query as they come. Dropping it stops the query.
pub struct QueryStream {
    pub(super) schema: SchemaRef,
    /// None is the end; without it the query broke off.
    pub(super) rows: mpsc::Receiver<Result<Option<RecordBatch>>>,
    pub(super) deadline: Pin<Box<Sleep>>,
    pub(super) limit_ms: u128,
    /// None when it has ended.
    pub(super) running: Option<Running>,
}

impl QueryStream {
    /// The columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// All rows; only for answers known to be small.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.try_collect().await
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.running.is_none() {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            self.running = None;
            return Poll::Ready(Some(Err(Error::QueryTimeout { limit_ms: self.limit_ms })));
        }
        let next = match std::task::ready!(self.rows.poll_recv(cx)) {
            Some(Ok(Some(batch))) => return Poll::Ready(Some(Ok(batch))),
            Some(Ok(None)) => None,
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(broken_off())),
        };
        self.running = None;
        Poll::Ready(next)
    }
}

/// A task that ends without saying so has panicked, or its threads have stopped.
pub(super) fn broken_off() -> Error {
    Error::Execution("it broke off: a function or operator has a defect; write the query in another way".into())
}

pub(super) fn query_error(e: &DataFusionError, memory_bytes: usize) -> Error {
    match e.find_root() {
        DataFusionError::ResourcesExhausted(reason) => {
            Error::QueryMemory { limit_bytes: memory_bytes, reason: reason.clone() }
        }
        // Memory was short, and the temporary files that stood in for it have reached their limit.
        root if root.to_string().contains("max_temp_directory_size") => {
            Error::QueryMemory { limit_bytes: memory_bytes, reason: root.strip_backtrace() }
        }
        DataFusionError::Plan(reason) => Error::Query(reason.clone()),
        _ => Error::Execution(e.strip_backtrace()),
    }
}
