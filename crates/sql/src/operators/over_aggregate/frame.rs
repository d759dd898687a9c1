//! The rows of a partition that a frame still holds: their arguments, to be taken back when they leave.

use std::collections::VecDeque;

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

/// A queue of rows in one piece of memory: time, length, bytes, and the next row behind.
#[derive(Debug, Default)]
struct Rows {
    count: usize,
    bytes: VecDeque<u8>,
}

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
        self.rows.bytes.extend(time.to_le_bytes());
        self.rows.bytes.extend((row.len() as u32).to_le_bytes());
        self.rows.bytes.extend(row);
        self.rows.count += 1;
    }

    /// The time of the oldest row.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.head().map(|(time, _)| time)
    }

    fn head(&self) -> Option<(i64, usize)> {
        let mut head = [0; HEAD];
        if self.rows.bytes.len() < HEAD {
            return None;
        }
        head.iter_mut().zip(&self.rows.bytes).for_each(|(to, from)| *to = *from);
        let mut head = &head[..];
        Some((read_i64(&mut head)?, read_u32(&mut head)? as usize))
    }

    /// The oldest row leaves; its bytes are appended.
    pub(super) fn pop(&mut self, out: &mut Vec<u8>) {
        let Some((_, length)) = self.head() else { return };
        let Rows { count, bytes } = &mut self.rows;
        bytes.drain(..HEAD);
        let length = length.min(bytes.len());
        let (front, back) = bytes.as_slices();
        let first = length.min(front.len());
        out.extend_from_slice(&front[..first]);
        out.extend_from_slice(&back[..length - first]);
        bytes.drain(..length);
        *count -= 1;
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_i64(out, self.latest);
        put_i64(out, self.updated);
        put_u64(out, self.rows.count as u64);
        let (front, back) = self.rows.bytes.as_slices();
        match back.is_empty() {
            true => put_bytes(out, front),
            false => put_bytes(out, &[front, back].concat()),
        }
    }

    pub(super) fn decode(bytes: &mut Bytes<'_>) -> Option<Self> {
        let (latest, updated) = (bytes.i64()?, bytes.i64()?);
        let count = usize::try_from(bytes.u64()?).ok()?;
        let rows = Rows { count, bytes: bytes.bytes()?.to_vec().into() };
        Some(Partition { rows, latest, updated })
    }
}

#[cfg(test)]
mod tests {
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
