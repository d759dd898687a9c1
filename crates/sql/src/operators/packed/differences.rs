//! Rows told by what differs from another row: those of one key resemble each other.
//!
//! | what differs | |
//! |---|---|
//! | nulls | as in the row |
//! | then of each column that is not null | |
//! | integers, dates, times | the difference to the base's, in ZigZag and base 128 |
//! | other numbers, booleans | as in the row |
//! | texts, bytes | how many stored bytes they begin with in common, the head, and the bytes that follow |
//!
//! A base's null counts as 0, or as no bytes. Rows that aren't of columns ([`PackedCodec`](super::PackedCodec)) are told as a
//! text is, without a head.

use std::borrow::Cow;

use super::{
    Kind, PackedRow, put, put_signed, signed,
    texts::{Text, size},
    unsigned,
};

/// Writes rows as differences, and rows again. Of one base, equal rows have equal differences.
#[derive(Clone, Debug)]
pub(crate) struct Differences {
    /// None where rows aren't of columns.
    columns: Option<Box<[Kind]>>,
}

impl Differences {
    /// Of rows of these columns.
    pub(super) fn of_columns(columns: impl Iterator<Item = Kind>) -> Self {
        Differences { columns: Some(columns.collect()) }
    }

    /// Of any bytes.
    pub(crate) fn of_bytes() -> Self {
        Differences { columns: None }
    }

    /// Appends what tells `row` beside `base`: all of it where that is empty.
    pub(crate) fn tell(&self, base: &[u8], row: &[u8], out: &mut Vec<u8>) {
        if base.is_empty() {
            out.extend_from_slice(row);
            return;
        }
        let Some(columns) = &self.columns else {
            let common = common(base, row);
            put(common as u64, out);
            out.extend_from_slice(row.get(common..).unwrap_or_default());
            return;
        };
        let told = self.each(columns, base, row, out, |kind, base, row, out| {
            match kind {
                Kind::Integer(_) => {
                    let base = base.map_or(Some(0), signed)?;
                    put_signed(signed(row)?.wrapping_sub(base), out);
                }
                Kind::Bytes => {
                    let base = base.map_or(Some(Text::default()), Text::take)?;
                    let text = Text::take(row)?;
                    let common = common(base.bytes, text.bytes);
                    put(common as u64, out);
                    put(text.head, out);
                    out.extend_from_slice(text.bytes.get(common..)?);
                }
                kind => as_it_is(kind, base, row, out)?,
            }
            Some(())
        });
        debug_assert!(told.is_some(), "a row that is stored was encoded just now, or read before");
    }

    /// The row.
    pub(crate) fn whole<'a>(&self, row: PackedRow<'a>) -> Cow<'a, [u8]> {
        if row.base.is_empty() {
            return row.bytes.into();
        }
        let mut out = Vec::new();
        let told = self.untell(row, &mut out);
        debug_assert!(told.is_some(), "a row that was told by its base");
        out.into()
    }

    /// Appends the row; none where the bytes are torn.
    pub(crate) fn untell(&self, row: PackedRow<'_>, out: &mut Vec<u8>) -> Option<()> {
        let PackedRow { base, mut bytes } = row;
        if base.is_empty() {
            out.extend_from_slice(bytes);
            return Some(());
        }
        let Some(columns) = &self.columns else {
            let common = usize::try_from(unsigned(&mut bytes)?).ok()?;
            out.extend_from_slice(base.get(..common)?);
            out.extend_from_slice(bytes);
            return Some(());
        };
        self.each(columns, base, bytes, out, |kind, base, told, out| {
            match kind {
                Kind::Integer(_) => {
                    let base = base.map_or(Some(0), signed)?;
                    put_signed(signed(told)?.wrapping_add(base), out);
                }
                Kind::Bytes => {
                    let base = base.map_or(Some(Text::default()), Text::take)?;
                    let begin = base.bytes.get(..usize::try_from(unsigned(told)?).ok()?)?;
                    let head = unsigned(told)?;
                    let (rest, behind) = told.split_at_checked(size(head)?.checked_sub(begin.len())?)?;
                    *told = behind;
                    put(head, out);
                    out.extend_from_slice(begin);
                    out.extend_from_slice(rest);
                }
                kind => as_it_is(kind, base, told, out)?,
            }
            Some(())
        })
    }

    /// Goes through columns that are not null: each takes its value from the base, if that has one, and from the other row.
    #[inline]
    fn each(
        &self,
        columns: &[Kind],
        base: &[u8],
        row: &[u8],
        out: &mut Vec<u8>,
        mut column: impl FnMut(Kind, Option<&mut &[u8]>, &mut &[u8], &mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        let bitmap = columns.len().div_ceil(8);
        let (base_nulls, mut base) = base.split_at_checked(bitmap)?;
        let (nulls, mut row) = row.split_at_checked(bitmap)?;
        out.extend_from_slice(nulls);
        let is_null = |nulls: &[u8], place: usize| nulls.get(place / 8).is_some_and(|n| n >> (place % 8) & 1 == 1);
        for (place, kind) in columns.iter().enumerate() {
            match (is_null(base_nulls, place), is_null(nulls, place)) {
                (true, true) => {}
                (false, true) => skip(*kind, &mut base)?,
                (true, false) => column(*kind, None, &mut row, out)?,
                (false, false) => column(*kind, Some(&mut base), &mut row, out)?,
            }
        }
        Some(())
    }
}

/// Copies a value that is not told by the base's, and passes that over.
fn as_it_is(kind: Kind, base: Option<&mut &[u8]>, row: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    if let Some(base) = base {
        skip(kind, base)?;
    }
    let before = *row;
    skip(kind, row)?;
    out.extend_from_slice(before.get(..before.len() - row.len())?);
    Some(())
}

/// Passes a value over.
fn skip(kind: Kind, from: &mut &[u8]) -> Option<()> {
    match kind {
        Kind::Integer(_) => drop(unsigned(from)?),
        Kind::Bytes => drop(Text::take(from)?),
        Kind::Bool => *from = from.get(1..)?,
        Kind::Fixed(bytes) => *from = from.get(bytes..)?,
    }
    Some(())
}

/// With how many bytes both begin.
fn common(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).take_while(|(a, b)| a == b).count() * 8;
    words + a.iter().zip(b).skip(words).take_while(|(a, b)| a == b).count()
}
