//! What a row that comes or goes changes in a range of ranks.

use tidemill_engine::{EngineError, Result, RowKind};

/// Ranks, from 0, that are given: `start..end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The rank is part of the row.
    pub(super) numbers: bool,
}

impl Range {
    /// Ranks from 1, both inclusive.
    pub(super) fn new(start: u64, end: u64, numbers: bool) -> Result<Self> {
        if start == 0 || end < start {
            return Err(EngineError::Plan(format!(
                "a top-n gives ranks from {start} to {end}: ranks begin with 1, and the last is not before the first"
            )));
        }
        let position = |rank: u64| usize::try_from(rank).unwrap_or(usize::MAX);
        Ok(Range { start: position(start - 1), end: position(end), numbers })
    }
}

/// A changelog in the making, of encoded rows.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Rows behind each other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    pub(super) ranks: Vec<i64>,
    pub(super) kinds: Vec<RowKind>,
    pub(super) times: Vec<i64>,
    /// The time of the row that causes what is noted now.
    pub(super) time: i64,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }

    fn push(&mut self, kind: RowKind, row: &[u8], rank: usize) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
        self.ranks.push(rank as i64 + 1);
        self.kinds.push(kind);
        self.times.push(self.time);
    }

    /// A row came and now has rank `at`. `rows` are the rows as they are now: at least those up to the end of the range and the
    /// one behind it.
    pub(super) fn inserted<'a>(&mut self, at: usize, range: Range, rows: impl Iterator<Item = &'a [u8]>) {
        let first = at.max(range.start);
        if first >= range.end {
            return;
        }
        let mut rows = rows.skip(first).take(range.end + 1 - first);
        let Some(mut new) = rows.next() else { return };
        if !range.numbers {
            if let Some(left) = rows.nth(range.end - first - 1) {
                self.push(RowKind::Delete, left, range.end);
            }
            self.push(RowKind::Insert, new, first);
            return;
        }
        for rank in first..range.end {
            let Some(old) = rows.next() else {
                return self.push(RowKind::Insert, new, rank);
            };
            if old != new {
                self.push(RowKind::UpdateBefore, old, rank);
                self.push(RowKind::UpdateAfter, new, rank);
            }
            new = old;
        }
    }

    /// The row `gone` went, which had rank `at`. `rows` are the rows as they are now, at least those up to the end of the range.
    pub(super) fn removed<'a>(
        &mut self,
        at: usize,
        gone: &'a [u8],
        range: Range,
        rows: impl Iterator<Item = &'a [u8]>,
    ) {
        let first = at.max(range.start);
        if first >= range.end {
            return;
        }
        // The row that had the first rank of those that change.
        let before = if at >= range.start { 0 } else { 1 };
        let mut rows = rows.skip(first - before).take(range.end - first + before);
        let moved = if before == 1 { rows.next() } else { Some(gone) };
        let Some(mut old) = moved else { return };
        if !range.numbers {
            self.push(RowKind::Delete, old, first);
            if let Some(entered) = rows.nth(range.end - first - 1) {
                self.push(RowKind::Insert, entered, range.end - 1);
            }
            return;
        }
        for rank in first..range.end {
            let Some(new) = rows.next() else {
                return self.push(RowKind::Delete, old, rank);
            };
            if old != new {
                self.push(RowKind::UpdateBefore, old, rank);
                self.push(RowKind::UpdateAfter, new, rank);
            }
            old = new;
        }
    }
}
