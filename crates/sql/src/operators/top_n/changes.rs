//! What a row that comes or goes changes in a range of ranks.

use tidemill_engine::RowKind;

/// Ranks, from 0, that are given: `start..end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The rank is part of the row.
    pub(super) numbers: bool,
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

    /// A row came and now has rank `at`. `rows` are the rows from rank `from` on, as they are now: at least those of the range
    /// and the one behind it.
    pub(super) fn inserted<'a>(&mut self, at: usize, range: Range, rows: impl Iterator<Item = &'a [u8]>, from: usize) {
        let first = at.max(range.start);
        if first >= range.end {
            return;
        }
        let mut rows = rows.skip(first.saturating_sub(from)).take(range.end + 1 - first);
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

    /// The row `gone` went, which had rank `at`. `rows` are the rows from rank `from` on, as they are now, from at least one
    /// before the range to its end.
    pub(super) fn removed<'a>(
        &mut self,
        at: usize,
        gone: &[u8],
        range: Range,
        rows: impl Iterator<Item = &'a [u8]>,
        from: usize,
    ) {
        let first = at.max(range.start);
        if first >= range.end {
            return;
        }
        // The row that had the first rank of those that change.
        let before = if at >= range.start { 0 } else { 1 };
        let mut rows = rows.skip((first - before).saturating_sub(from)).take(range.end - first + before);
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
