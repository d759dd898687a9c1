//! The rows of a partition that a frame still holds: their arguments, to be taken back when they leave.

use crate::{
    aggregate::bytes::{Bytes, put_bytes, put_i64, put_u64},
    operators::stored::{read_i64, read_u32},
};

/// What is known of a partition beside its aggregates.
#[derive(Debug)]
pub(super) struct Partition {
    /// The rows in its frame, the oldest first.
    rows: Rows,
    /// The latest time of a row.
    pub(super) latest: i64,
    /// When its last row came, by the wall clock.
    pub(super) updated: i64,
}

/// A queue of rows in one piece of memory: time, length, bytes, and the next row behind. It begins at `start`; what is before
/// that has left.
#[derive(Debug, Default)]
struct Rows {
    count: usize,
    start: usize,
    bytes: Vec<u8>,
}

/// What a row has before its bytes.
const HEAD: usize = 12;

impl Partition {
    /// A partition without rows.
    pub(super) fn new() -> Self {
        Partition { rows: Rows::default(), latest: i64::MIN, updated: i64::MIN }
    }

    /// How many rows are in the frame.
    pub(super) fn len(&self) -> usize {
        self.rows.count
    }

    /// A row enters.
    pub(super) fn push(&mut self, time: i64, row: &[u8]) {
        let Rows { count, start, bytes } = &mut self.rows;
        // Memory of rows that left is used again when it is more than that of those that stay.
        if *start > bytes.len() / 2 {
            bytes.drain(..*start);
            *start = 0;
        }
        bytes.extend_from_slice(&time.to_le_bytes());
        bytes.extend_from_slice(&(row.len() as u32).to_le_bytes());
        bytes.extend_from_slice(row);
        *count += 1;
    }

    /// The time of the oldest row.
    pub(super) fn oldest(&self) -> Option<i64> {
        read_i64(&mut self.bytes())
    }

    fn bytes(&self) -> &[u8] {
        self.rows.bytes.get(self.rows.start..).unwrap_or_default()
    }

    /// The oldest row leaves; its bytes are appended.
    pub(super) fn pop(&mut self, out: &mut Vec<u8>) {
        let mut head = self.bytes();
        let (Some(_), Some(length)) = (read_i64(&mut head), read_u32(&mut head)) else { return };
        let length = (length as usize).min(head.len());
        out.extend_from_slice(&head[..length]);
        self.rows.start += HEAD + length;
        self.rows.count -= 1;
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_i64(out, self.latest);
        put_i64(out, self.updated);
        put_u64(out, self.rows.count as u64);
        put_bytes(out, self.bytes());
    }

    pub(super) fn decode(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (latest, updated) = (bytes.i64()?, bytes.i64()?);
        let count = usize::try_from(bytes.u64()?).ok()?;
        let rows = Rows { count, start: 0, bytes: bytes.bytes()?.to_vec() };
        Some(Partition { rows, latest, updated })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_leave_in_the_order_in_which_they_came(steps in prop::collection::vec(prop::option::of((any::<i64>(), ".{0,20}")), 0..60)) {
            let (mut partition, mut model) = (Partition::new(), VecDeque::new());
            for step in steps {
                if let Some((time, row)) = step {
                    partition.push(time, row.as_bytes());
                    model.push_back((time, row));
                } else {
                    prop_assert_eq!(partition.oldest(), model.front().map(|(time, _)| *time));
                    let mut row = Vec::new();
                    partition.pop(&mut row);
                    prop_assert_eq!(row, model.pop_front().map(|(_, row)| row.into_bytes()).unwrap_or_default());
                }
                let mut bytes = Vec::new();
                partition.encode(&mut bytes);
                partition = Partition::decode(&mut Bytes(&bytes)).unwrap();
                prop_assert_eq!(partition.len(), model.len());
            }
        }
    }
}
