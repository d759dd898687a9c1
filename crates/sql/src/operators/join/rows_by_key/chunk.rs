//! Rows behind each other.
//!
//! A row in a chunk: the time of its last write `i64` where rows expire, its degree `u32` where degrees are kept, its length
//! ([`put_bytes`]), its bytes. Of a key with more than one row each chunk begins with the length and the bytes of the row that
//! came first, which is its base even where it is removed, and the bytes of its rows are what differs from it
//! ([`Differences`]).

use crate::operators::{
    packed::{Differences, PackedRow},
    stored::{read_i64, read_u32},
};

/// A chunk takes no further row that would make it larger.
const CHUNK_BYTES: usize = 4 << 10;
/// In place of a row's length: it follows, as `u32`.
const LONG: u8 = u8::MAX;

/// What is kept beside each row.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::operators::join) struct Layout {
    /// The time of its last write.
    pub(in crate::operators::join) times: bool,
    /// With how many rows of the other input it is paired.
    pub(in crate::operators::join) degrees: bool,
}

impl Layout {
    /// Bytes of time and degree.
    pub(super) fn header(self) -> usize {
        (if self.times { 8 } else { 0 }) + (if self.degrees { 4 } else { 0 })
    }

    /// Bytes of a row in its chunk.
    fn size(self, row: &[u8]) -> usize {
        self.header() + size(row)
    }
}

/// A chunk to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    number: u32,
    /// Empty where rows are whole.
    base: &'a [u8],
    bytes: &'a [u8],
    /// Where its first row begins.
    begin: usize,
}

/// One row in a chunk.
#[derive(Clone, Copy, Debug)]
pub(in crate::operators::join) struct StoredRow<'a> {
    pub(in crate::operators::join) bytes: PackedRow<'a>,
    pub(in crate::operators::join) place: Place,
    pub(in crate::operators::join) degree: u32,
    /// The time of its last write.
    pub(in crate::operators::join) time: i64,
    /// Where the next row of its chunk begins.
    pub(super) end: usize,
}

/// Where a row lies, as long as no row of its key is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::operators::join) struct Place {
    pub(super) chunk: u32,
    pub(super) at: usize,
}

/// Adds a row, its degree and time to a chunk of a key with more than one, unless that would make it too large.
pub(super) fn add(
    layout: Layout,
    differences: &Differences,
    chunk: &mut Vec<u8>,
    (row, degree, now): (&[u8], u32, i64),
    told: &mut Vec<u8>,
) -> bool {
    let is_new = chunk.is_empty();
    if is_new {
        chunk.reserve_exact(size(row));
        put_bytes(chunk, row);
    }
    told.clear();
    differences.tell(Chunk::new(0, chunk).base, row, told);
    if !is_new && chunk.len() + layout.size(told) > CHUNK_BYTES {
        return false;
    }
    append(layout, chunk, told, degree, now);
    true
}

/// Adds a row to a chunk.
pub(super) fn append(layout: Layout, chunk: &mut Vec<u8>, row: &[u8], degree: u32, now: i64) {
    // No room for rows that may never come: an allocator has blocks of some sizes only, so few of these grow by moving.
    chunk.reserve_exact(layout.size(row));
    if layout.times {
        chunk.extend_from_slice(&now.to_le_bytes());
    }
    if layout.degrees {
        chunk.extend_from_slice(&degree.to_le_bytes());
    }
    put_bytes(chunk, row);
}

/// Adds bytes behind their length, which is a byte, or [`LONG`] and four.
fn put_bytes(chunk: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        length if length < usize::from(LONG) => chunk.push(length as u8),
        length => {
            chunk.push(LONG);
            chunk.extend_from_slice(&(length as u32).to_le_bytes());
        }
    }
    chunk.extend_from_slice(bytes);
}

fn read_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = from.split_first()?;
    *from = behind;
    let length = if *length == LONG { read_u32(from)? as usize } else { usize::from(*length) };
    let (bytes, behind) = from.split_at_checked(length)?;
    *from = behind;
    Some(bytes)
}

/// Bytes of bytes behind their length.
fn size(bytes: &[u8]) -> usize {
    (if bytes.len() < usize::from(LONG) { 1 } else { 5 }) + bytes.len()
}

impl<'a> Chunk<'a> {
    /// Of a key with one row.
    pub(super) fn of_one(bytes: &'a [u8]) -> Self {
        Chunk { number: 0, base: &[], bytes, begin: 0 }
    }

    /// Of a key with more than one row.
    pub(super) fn new(number: u32, bytes: &'a [u8]) -> Self {
        let mut rest = bytes;
        let base = read_bytes(&mut rest).unwrap_or_default();
        Chunk { number, base, bytes, begin: bytes.len() - rest.len() }
    }

    pub(super) fn is_empty(self) -> bool {
        self.begin == self.bytes.len()
    }

    pub(super) fn rows(self, layout: Layout) -> impl Iterator<Item = StoredRow<'a>> {
        let Chunk { number, base, bytes: chunk, begin } = self;
        let mut rest = chunk.get(begin..).unwrap_or_default();
        std::iter::from_fn(move || {
            let at = chunk.len() - rest.len();
            let time = if layout.times { read_i64(&mut rest)? } else { 0 };
            let degree = if layout.degrees { read_u32(&mut rest)? } else { 0 };
            let bytes = PackedRow { base, bytes: read_bytes(&mut rest)? };
            Some(StoredRow { bytes, place: Place { chunk: number, at }, degree, time, end: chunk.len() - rest.len() })
        })
    }

    /// The first row that is equal to `row`.
    pub(super) fn find(self, layout: Layout, differences: &Differences, row: &[u8]) -> Option<StoredRow<'a>> {
        let mut told = Vec::new();
        let wanted = if self.base.is_empty() {
            row
        } else {
            differences.tell(self.base, row, &mut told);
            &told
        };
        self.rows(layout).find(|found| found.bytes.bytes == wanted)
    }
}
