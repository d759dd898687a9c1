//! Waiting at the tail of a shard, without polling.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::Sequence;
use crate::shard::Shard;

/// Ready when a shard has something at a reader's position, see [`crate::ShardReader::wait_async`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct DataFuture {
    shard: Arc<Shard>,
    position: Sequence,
    slot: Option<u64>,
}

impl DataFuture {
    pub(crate) fn new(shard: Arc<Shard>, position: Sequence) -> Self {
        Self { shard, position, slot: None }
    }
}

impl Future for DataFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut slot = self.slot.take();
        let ready = self.shard.poll_ready(self.position, context.waker(), &mut slot);
        self.slot = slot;
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for DataFuture {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shard.forget_once(slot);
        }
    }
}
