//! Bodies on their way from the threads that take them in to the worker that reads them.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tidemill_engine::Waker;

/// Bytes that may wait.
const BYTES_MAX: usize = 64 << 20;

/// A bounded queue of bodies.
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    waker: Waker,
}

#[derive(Default)]
struct Waiting {
    bodies: VecDeque<Bytes>,
    bytes: usize,
    failures: u64,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Inbox { waiting: Mutex::default(), waker }
    }

    /// False where there is no room. A single body always has.
    pub(super) fn put(&self, body: Bytes) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.bytes > 0 && waiting.bytes + body.len() > BYTES_MAX {
            return false;
        }
        waiting.bytes += body.len();
        waiting.bodies.push_back(body);
        drop(waiting);
        (self.waker)();
        true
    }

    /// Notes that a body could not be had.
    pub(super) fn fail(&self) {
        self.waiting.lock().failures += 1;
        (self.waker)();
    }

    pub(super) fn take(&self) -> Option<Bytes> {
        let mut waiting = self.waiting.lock();
        let body = waiting.bodies.pop_front()?;
        waiting.bytes -= body.len();
        Some(body)
    }

    /// How many bodies could not be had since the last call.
    pub(super) fn take_failures(&self) -> u64 {
        std::mem::take(&mut self.waiting.lock().failures)
    }
}
