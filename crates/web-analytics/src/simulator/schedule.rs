//! What happens next: a heap of things due, in an order that depends on nothing but the seed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A visitor comes.
    Session,
    /// A visitor of an open session opens another page.
    Impression { session: u32 },
    /// A beacon of an open impression arrives.
    Beacon { impression: u32, number: u8 },
    /// An order's confirmation page is opened again.
    Reload { reload: u32 },
    /// Garbage arrives.
    Malformed,
}

/// When, in µs from the start, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: u64,
    /// Order of planning: makes the order total, so that equal times are no source of chance.
    planned: u64,
    pub(super) what: What,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed: the heap's greatest is the earliest.
        (other.at, other.planned).cmp(&(self.at, self.planned))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The heap.
#[derive(Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Due>,
    planned: u64,
}

impl Schedule {
    pub(super) fn push(&mut self, at: u64, what: What) {
        self.planned += 1;
        self.heap.push(Due { at, planned: self.planned, what });
    }

    pub(super) fn pop(&mut self) -> Option<Due> {
        self.heap.pop()
    }
}
