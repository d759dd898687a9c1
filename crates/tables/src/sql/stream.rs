//! The rows of a running query.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::context::SqlLimits;
use crate::error::{Error, Result};

/// The rows of a query as they come. Dropping it stops the query.
pub struct QueryStream {
    rows: SendableRecordBatchStream,
    deadline: Pin<Box<Sleep>>,
    limit_ms: u128,
    memory_bytes: usize,
    finished: bool,
    _place: OwnedSemaphorePermit,
}

impl QueryStream {
    pub(crate) fn new(
        rows: SendableRecordBatchStream,
        place: OwnedSemaphorePermit,
        deadline: Instant,
        limits: &SqlLimits,
    ) -> Self {
        QueryStream {
            rows,
            deadline: Box::pin(tokio::time::sleep_until(deadline)),
            limit_ms: limits.query_time.as_millis(),
            memory_bytes: limits.memory_bytes,
            finished: false,
            _place: place,
        }
    }

    /// The columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// All rows; only for answers known to be small.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.try_collect().await
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.finished {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            self.finished = true;
            return Poll::Ready(Some(Err(Error::QueryTimeout { limit_ms: self.limit_ms })));
        }
        let next = std::task::ready!(self.rows.poll_next_unpin(cx));
        self.finished = !matches!(next, Some(Ok(_)));
        Poll::Ready(next.map(|batch| batch.map_err(|e| query_error(&e, self.memory_bytes))))
    }
}

pub(crate) fn query_error(e: &DataFusionError, memory_bytes: usize) -> Error {
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
