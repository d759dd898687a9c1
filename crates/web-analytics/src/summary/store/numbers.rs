//! A column of unsigned numbers, in the shortest of some forms.
//!
//! ```text
//! head: form, flags | planes of bytes, low bytes first, as many as the largest needs
//!                   | or: 1, 2 or 4 bits a number, and what is larger by itself
//! ```
//!
//! Nearly all columns fit one byte and stay that narrow in memory. Small numbers share bytes, since an entropy coder spends at least a
//! bit on each byte. What is counted for sessions is zero wherever no session began: only the other rows are written (`MASKED`).

use std::ops::Range;
use std::sync::Arc;

use super::stream::{Effort, put_stream, read_stream};
use crate::error::Result;
use crate::summary::varint::{Reader, put, unzigzag};

/// The decoded column, as narrow as its numbers allow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Numbers {
    /// All rows are 0.
    #[default]
    Zero,
    /// Rows that aren't 0, ascending, and their numbers.
    Few(Vec<u32>, Vec<u64>),
    /// Where runs of rows with the same number end, and their numbers.
    Runs(Vec<u32>, Vec<u32>),
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Ints(Vec<u32>),
    Longs(Vec<u64>),
}

impl Numbers {
    pub(super) fn of<N: Copy + Ord + Into<u64>>(numbers: &[N]) -> Self {
        let largest = numbers.iter().max().map_or(0, |number| (*number).into());
        let numbers = numbers.iter().map(|number| Into::<u64>::into(*number));
        // None is cut: the largest fits.
        match largest {
            0 => Numbers::Zero,
            1..=0xff => Numbers::Bytes(numbers.map(|number| number as u8).collect()),
            0x100..=0xffff => Numbers::Shorts(numbers.map(|number| number as u16).collect()),
            0x1_0000..=0xffff_ffff => Numbers::Ints(numbers.map(|number| number as u32).collect()),
            _ => Numbers::Longs(numbers.collect()),
        }
    }

    /// The numbers of so many rows.
    pub(super) fn to_vec(&self, rows: usize) -> Vec<u64> {
        let mut all: Vec<u64> = match self {
            Numbers::Zero => Vec::new(),
            Numbers::Few(..) | Numbers::Runs(..) => (0..rows).map(|row| self.get(row)).collect(),
            Numbers::Bytes(numbers) => numbers.iter().map(|number| u64::from(*number)).collect(),
            Numbers::Shorts(numbers) => numbers.iter().map(|number| u64::from(*number)).collect(),
            Numbers::Ints(numbers) => numbers.iter().map(|number| u64::from(*number)).collect(),
            Numbers::Longs(numbers) => numbers.clone(),
        };
        all.resize(rows, 0);
        all
    }

    /// Gives the rows whose number isn't 0, ascending.
    pub(super) fn for_each(&self, mut give: impl FnMut(u32, u64)) {
        fn of<N: Copy + Into<u64>>(numbers: &[N], mut give: impl FnMut(u32, u64)) {
            for (row, number) in (0..).zip(numbers) {
                match (*number).into() {
                    0 => {}
                    number => give(row, number),
                }
            }
        }
        match self {
            Numbers::Zero => {}
            Numbers::Few(rows, numbers) => rows.iter().zip(numbers).for_each(|(row, number)| give(*row, *number)),
            Numbers::Runs(ends, numbers) => {
                for (run, number) in runs(ends).zip(numbers).filter(|(_, number)| **number != 0) {
                    run.for_each(|row| give(row, u64::from(*number)));
                }
            }
            Numbers::Bytes(numbers) => of(numbers, give),
            Numbers::Shorts(numbers) => of(numbers, give),
            Numbers::Ints(numbers) => of(numbers, give),
            Numbers::Longs(numbers) => of(numbers, give),
        }
    }

    /// Without the zeros where they are most: for columns of which whole runs of rows are read.
    pub(super) fn few(self) -> Self {
        fn of<N: Copy + Into<u64>>(numbers: &[N]) -> Option<Numbers> {
            let filled = numbers.iter().filter(|number| Into::<u64>::into(**number) != 0).count();
            if filled * size_of::<(u32, u64)>() >= size_of_val(numbers) {
                return None;
            }
            let (mut rows, mut values) = (Vec::with_capacity(filled), Vec::with_capacity(filled));
            for (row, number) in numbers.iter().enumerate() {
                let number = (*number).into();
                if number != 0 {
                    rows.push(row as u32);
                    values.push(number);
                }
            }
            Some(Numbers::Few(rows, values))
        }
        let few = match &self {
            Numbers::Zero | Numbers::Few(..) | Numbers::Runs(..) => None,
            Numbers::Bytes(numbers) => of(numbers),
            Numbers::Shorts(numbers) => of(numbers),
            Numbers::Ints(numbers) => of(numbers),
            Numbers::Longs(numbers) => of(numbers),
        };
        few.unwrap_or(self)
    }

    /// As runs where these are long: for columns by which rows are sorted.
    pub(super) fn runs(self) -> Self {
        fn of<N: Copy + PartialEq + Into<u64>>(numbers: &[N]) -> Option<Numbers> {
            let runs = numbers.chunk_by(|a, b| a == b);
            if runs.clone().count() * size_of::<(u32, u32)>() * 2 >= size_of_val(numbers) {
                return None;
            }
            let mut end = 0;
            let ends_and_numbers = runs.filter_map(|run| {
                end += run.len() as u32;
                Some((end, Into::<u64>::into(*run.first()?) as u32))
            });
            let (ends, numbers) = ends_and_numbers.unzip();
            Some(Numbers::Runs(ends, numbers))
        }
        let runs = match &self {
            Numbers::Bytes(numbers) => of(numbers),
            Numbers::Shorts(numbers) => of(numbers),
            Numbers::Ints(numbers) => of(numbers),
            Numbers::Zero | Numbers::Few(..) | Numbers::Runs(..) | Numbers::Longs(_) => None,
        };
        runs.unwrap_or(self)
    }

    /// Rows that aren't 0, ascending.
    fn filled(&self, rows: usize) -> Vec<u32> {
        let mut filled = Vec::new();
        self.for_each(|row, _| filled.push(row));
        filled.truncate(filled.partition_point(|row| (*row as usize) < rows));
        filled
    }

    /// The numbers as those of these rows of more; all others are 0.
    fn spread(self, filled: &[u32], rows: usize) -> Self {
        fn of<N: Copy + Default>(numbers: &[N], filled: &[u32], rows: usize) -> Vec<N> {
            let mut spread = vec![N::default(); rows];
            for (row, number) in filled.iter().zip(numbers) {
                if let Some(slot) = spread.get_mut(*row as usize) {
                    *slot = *number;
                }
            }
            spread
        }
        match self {
            Numbers::Zero | Numbers::Few(..) | Numbers::Runs(..) => self,
            Numbers::Bytes(numbers) => Numbers::Bytes(of(&numbers, filled, rows)),
            Numbers::Shorts(numbers) => Numbers::Shorts(of(&numbers, filled, rows)),
            Numbers::Ints(numbers) => Numbers::Ints(of(&numbers, filled, rows)),
            Numbers::Longs(numbers) => Numbers::Longs(of(&numbers, filled, rows)),
        }
    }

    /// A row's number.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> u64 {
        match self {
            Numbers::Zero => 0,
            Numbers::Few(rows, numbers) => {
                rows.binary_search(&(row as u32)).ok().and_then(|place| numbers.get(place)).copied().unwrap_or(0)
            }
            Numbers::Runs(ends, numbers) => {
                numbers.get(ends.partition_point(|end| *end as usize <= row)).map_or(0, |number| u64::from(*number))
            }
            Numbers::Bytes(numbers) => numbers.get(row).map_or(0, |number| u64::from(*number)),
            Numbers::Shorts(numbers) => numbers.get(row).map_or(0, |number| u64::from(*number)),
            Numbers::Ints(numbers) => numbers.get(row).map_or(0, |number| u64::from(*number)),
            Numbers::Longs(numbers) => numbers.get(row).copied().unwrap_or(0),
        }
    }

    pub(crate) fn largest(&self) -> u64 {
        fn of<N: Copy + Ord + Into<u64>>(numbers: &[N]) -> u64 {
            numbers.iter().max().map_or(0, |number| (*number).into())
        }
        match self {
            Numbers::Zero => 0,
            Numbers::Bytes(numbers) => of(numbers),
            Numbers::Shorts(numbers) => of(numbers),
            Numbers::Runs(_, numbers) | Numbers::Ints(numbers) => of(numbers),
            Numbers::Few(_, numbers) | Numbers::Longs(numbers) => of(numbers),
        }
    }

    /// Sum of the signed numbers of some rows (ascending).
    pub(crate) fn sum_zigzag(&self, rows: &[u32]) -> i64 {
        fn of<N: Copy + Into<u64>>(numbers: &[N], rows: &[u32]) -> i64 {
            let signed = |number: &N| unzigzag((*number).into());
            if numbers.len() == rows.len() {
                return numbers.iter().map(signed).fold(0, i64::wrapping_add);
            }
            rows.iter().filter_map(|row| numbers.get(*row as usize)).map(signed).fold(0, i64::wrapping_add)
        }
        match self {
            Numbers::Zero => 0,
            Numbers::Few(..) | Numbers::Runs(..) => {
                let mut sum = 0i64;
                self.each(rows, |_, number| sum = sum.wrapping_add(unzigzag(number)));
                sum
            }
            Numbers::Bytes(numbers) => of(numbers, rows),
            Numbers::Shorts(numbers) => of(numbers, rows),
            Numbers::Ints(numbers) => of(numbers, rows),
            Numbers::Longs(numbers) => of(numbers, rows),
        }
    }

    /// Gives the numbers of some rows (ascending) that aren't 0, each with the place of its row among them.
    pub(crate) fn each(&self, rows: &[u32], mut give: impl FnMut(usize, u64)) {
        fn of<N: Copy + Into<u64>>(numbers: &[N], rows: &[u32], mut give: impl FnMut(usize, u64)) {
            for (place, row) in rows.iter().enumerate() {
                match numbers.get(*row as usize).map_or(0, |number| (*number).into()) {
                    0 => {}
                    number => give(place, number),
                }
            }
        }
        match self {
            Numbers::Zero => {}
            Numbers::Few(filled, numbers) => meet(filled, rows, |of_filled, place| {
                if let Some(number) = numbers.get(of_filled) {
                    give(place, *number);
                }
            }),
            Numbers::Runs(ends, numbers) => {
                let mut from = 0;
                for (run, number) in runs(ends).zip(numbers) {
                    let to = from + rows.get(from..).unwrap_or_default().partition_point(|row| *row < run.end);
                    if *number != 0 {
                        (from..to).for_each(|place| give(place, u64::from(*number)));
                    }
                    from = to;
                }
            }
            Numbers::Bytes(numbers) => of(numbers, rows, give),
            Numbers::Shorts(numbers) => of(numbers, rows, give),
            Numbers::Ints(numbers) => of(numbers, rows, give),
            Numbers::Longs(numbers) => of(numbers, rows, give),
        }
    }

    /// The numbers of some rows (ascending), none of which is larger than 32 bits.
    pub(crate) fn of_rows(&self, rows: &[u32]) -> Vec<u32> {
        let mut numbers = vec![0; rows.len()];
        self.each(rows, |place, number| {
            if let Some(to) = numbers.get_mut(place) {
                *to = number as u32;
            }
        });
        numbers
    }

    /// Keeps the rows whose number passes.
    pub(crate) fn retain(&self, rows: &mut Vec<u32>, passing: &[bool]) {
        // Written always and counted if it passes: which rows pass can't be predicted.
        fn of<N: Copy + Into<u64>>(numbers: &[N], rows: &mut Vec<u32>, passing: &[bool]) {
            let mut kept = 0;
            for place in 0..rows.len() {
                let Some(row) = rows.get(place).copied() else { break };
                if let Some(slot) = rows.get_mut(kept) {
                    *slot = row;
                }
                let number: u64 = numbers.get(row as usize).map_or(0, |number| (*number).into());
                kept += usize::from(passing.get(number as usize).copied().unwrap_or(false));
            }
            rows.truncate(kept);
        }
        match self {
            Numbers::Runs(ends, numbers) => {
                let (mut from, mut kept) = (0, 0);
                for (run, number) in runs(ends).zip(numbers) {
                    let to = from + rows.get(from..).unwrap_or_default().partition_point(|row| *row < run.end);
                    if passing.get(*number as usize) == Some(&true) {
                        rows.copy_within(from..to, kept);
                        kept += to - from;
                    }
                    from = to;
                }
                rows.truncate(kept);
            }
            Numbers::Bytes(numbers) => of(numbers, rows, passing),
            Numbers::Shorts(numbers) => of(numbers, rows, passing),
            Numbers::Ints(numbers) => of(numbers, rows, passing),
            Numbers::Longs(numbers) => of(numbers, rows, passing),
            Numbers::Zero | Numbers::Few(..) => {
                rows.retain(|row| passing.get(self.get(*row as usize) as usize) == Some(&true));
            }
        }
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> usize {
        match self {
            Numbers::Zero => 0,
            Numbers::Few(rows, numbers) => rows.len() * 4 + numbers.len() * 8,
            Numbers::Runs(ends, numbers) => (ends.len() + numbers.len()) * 4,
            Numbers::Bytes(numbers) => numbers.len(),
            Numbers::Shorts(numbers) => numbers.len() * 2,
            Numbers::Ints(numbers) => numbers.len() * 4,
            Numbers::Longs(numbers) => numbers.len() * 8,
        }
    }
}

/// Rows of each run.
fn runs(ends: &[u32]) -> impl Iterator<Item = Range<u32>> {
    let mut start = 0;
    ends.iter().map(move |end| std::mem::replace(&mut start, *end)..*end)
}

/// Gives the places at which two ascending lists have the same number.
pub(super) fn meet(few: &[u32], many: &[u32], mut give: impl FnMut(usize, usize)) {
    let mut from = 0;
    for (place, wanted) in few.iter().enumerate() {
        let left = many.get(from..).unwrap_or_default();
        // The next ones first: where nearly all meet it is among them.
        from += match left.iter().take(4).position(|number| number >= wanted) {
            Some(near) => near,
            None => left.partition_point(|number| number < wanted),
        };
        match many.get(from) {
            None => break,
            Some(number) if number == wanted => give(place, from),
            Some(_) => {}
        }
    }
}

/// Flags of a column's head; below them are the number of planes, or the bits of a packed number.
const DIFFERENCES: u8 = 0x80;
const PACKED: u8 = 0x40;
const MASKED: u8 = 0x20;
const FORM: u8 = 0x1f;

/// Appends a column. `mask` is a column that tends to be zero where this one is; empty if there is none.
pub(super) fn put_numbers(out: &mut Vec<u8>, numbers: &[u64], mask: &[u64], effort: Effort) {
    let masked = mask.len() == numbers.len()
        && mask.contains(&0)
        && numbers.iter().zip(mask).all(|(number, mask)| *mask != 0 || *number == 0);
    let left: Vec<u64>;
    let (numbers, flag) = match masked {
        true => {
            left = numbers.iter().zip(mask).filter(|(_, mask)| **mask != 0).map(|(number, _)| *number).collect();
            (left.as_slice(), MASKED)
        }
        false => (numbers, 0),
    };
    let largest = numbers.iter().max().copied().unwrap_or(0);
    let planes = (u64::BITS - largest.leading_zeros()).div_ceil(8).max(1);
    let mut shortest = Vec::new();
    put_planes(&mut shortest, planes as u8 | flag, numbers, planes, effort);
    if effort == Effort::Thorough {
        // Sorted rows ascend within a run, where differences are small; elsewhere they only add noise.
        let mut before = 0u64;
        let difference = |number: &u64| number.wrapping_sub(std::mem::replace(&mut before, *number));
        let differences: Vec<u64> = numbers.iter().map(difference).collect();
        let mut other = Vec::new();
        put_planes(&mut other, planes as u8 | DIFFERENCES | flag, &differences, planes, effort);
        if other.len() < shortest.len() {
            std::mem::swap(&mut shortest, &mut other);
        }
        for bits in [1, 2, 4] {
            other.clear();
            put_packed(&mut other, bits | PACKED | flag, numbers, bits, effort);
            if other.len() < shortest.len() {
                std::mem::swap(&mut shortest, &mut other);
            }
        }
    }
    out.extend_from_slice(&shortest);
}

fn put_planes(out: &mut Vec<u8>, head: u8, numbers: &[u64], planes: u32, effort: Effort) {
    out.push(head);
    for plane in 0..planes {
        let bytes: Vec<u8> = numbers.iter().map(|number| (number >> (8 * plane)) as u8).collect();
        put_stream(out, &bytes, effort);
    }
}

/// The largest number of so many bits stands for those that are larger or equal.
fn put_packed(out: &mut Vec<u8>, head: u8, numbers: &[u64], bits: u8, effort: Effort) {
    out.push(head);
    let escape = (1u64 << bits) - 1;
    let packed: Vec<u8> = numbers
        .chunks(usize::from(8 / bits))
        .map(|numbers| numbers.iter().rev().fold(0u8, |byte, number| byte << bits | (*number).min(escape) as u8))
        .collect();
    put_stream(out, &packed, effort);
    let mut larger = Vec::new();
    numbers.iter().filter(|number| **number >= escape).for_each(|number| put(&mut larger, number - escape));
    put_stream(out, &larger, effort);
}

/// Reads a column of so many rows; `mask` gives the column by which it may be masked.
pub(super) fn read_numbers(
    reader: &mut Reader<'_>,
    rows: usize,
    mask: impl FnOnce() -> Result<Arc<Numbers>>,
) -> Result<Numbers> {
    let head = reader.byte()?;
    if head & MASKED == 0 {
        return read_form(reader, head, rows);
    }
    let mask = mask()?;
    let filled = mask.filled(rows);
    Ok(read_form(reader, head, filled.len())?.spread(&filled, rows))
}

fn read_form(reader: &mut Reader<'_>, head: u8, rows: usize) -> Result<Numbers> {
    if head & PACKED != 0 {
        return read_packed(reader, head & FORM, rows);
    }
    let planes = u32::from((head & FORM).min(8));
    let differences = head & DIFFERENCES != 0;
    let mut plane = || {
        let bytes = read_stream(reader)?;
        if bytes.len() == rows { Ok(bytes) } else { Err(reader.error("a plane of another length")) }
    };
    if planes == 1 {
        let mut bytes = plane()?;
        if differences {
            bytes.iter_mut().fold(0u8, |before, byte| {
                *byte = byte.wrapping_add(before);
                *byte
            });
        }
        return Ok(Numbers::Bytes(bytes));
    }
    if planes == 2 && !differences {
        let (low, high) = (plane()?, plane()?);
        let numbers = low.into_iter().zip(high).map(|(low, high)| u16::from_le_bytes([low, high]));
        return Ok(Numbers::Shorts(numbers.collect()));
    }
    let mut numbers = vec![0u64; rows];
    for shift in 0..planes {
        for (number, byte) in numbers.iter_mut().zip(plane()?) {
            *number |= u64::from(byte) << (8 * shift);
        }
    }
    if differences {
        // Differences were cut to the planes, sums are, too.
        let mask = u64::MAX >> (u64::BITS - 8 * planes.max(1));
        numbers.iter_mut().fold(0u64, |before, number| {
            *number = number.wrapping_add(before) & mask;
            *number
        });
    }
    Ok(Numbers::of(&numbers))
}

fn read_packed(reader: &mut Reader<'_>, bits: u8, rows: usize) -> Result<Numbers> {
    if ![1, 2, 4].contains(&bits) {
        return Err(reader.error("numbers of other bits"));
    }
    let (packed, larger) = (read_stream(reader)?, read_stream(reader)?);
    let in_byte = usize::from(8 / bits);
    if packed.len() != rows.div_ceil(in_byte) {
        return Err(reader.error("packed numbers of another length"));
    }
    let escape = u8::MAX >> (8 - bits);
    let mut numbers = vec![0; packed.len() * in_byte];
    match bits {
        1 => unpack::<8>(&packed, &mut numbers),
        2 => unpack::<4>(&packed, &mut numbers),
        _ => unpack::<2>(&packed, &mut numbers),
    }
    numbers.truncate(rows);
    if larger.is_empty() {
        return Ok(Numbers::Bytes(numbers));
    }
    let mut larger = Reader::new(&larger, "summary block");
    let escaped = numbers.iter().enumerate().filter(|(_, number)| **number == escape).map(|(row, _)| row);
    let escaped: Vec<usize> = escaped.collect();
    let mut wide: Vec<(usize, u64)> = Vec::with_capacity(escaped.len());
    for row in escaped {
        wide.push((row, larger.int::<u64>()?.saturating_add(u64::from(escape))));
    }
    if wide.iter().all(|(_, number)| *number <= u64::from(u8::MAX)) {
        for (row, number) in wide {
            numbers.iter_mut().skip(row).take(1).for_each(|to| *to = number as u8);
        }
        return Ok(Numbers::Bytes(numbers));
    }
    let mut numbers: Vec<u64> = numbers.into_iter().map(u64::from).collect();
    for (row, number) in wide {
        numbers.iter_mut().skip(row).take(1).for_each(|to| *to = number);
    }
    Ok(Numbers::of(&numbers))
}

/// So many numbers from each byte, low bits first.
fn unpack<const IN_BYTE: usize>(packed: &[u8], numbers: &mut [u8]) {
    let bits = 8 / IN_BYTE;
    let mask = u8::MAX >> (8 - bits);
    for (byte, numbers) in packed.iter().zip(numbers.chunks_exact_mut(IN_BYTE)) {
        for (place, number) in numbers.iter_mut().enumerate() {
            *number = byte >> (place * bits) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(
            numbers in prop::collection::vec(prop_oneof![3 => 0u64..5, 1 => 0u64..256, 1 => 0u64..70_000, 1 => any::<u64>()], 0..50),
            fits in 0u64..300,
            mask in prop::collection::vec(0u64..2, 50),
        ) {
            let small: Vec<u64> = numbers.iter().map(|number| number % (fits + 1)).collect();
            let mut ascending = numbers.clone();
            ascending.sort_unstable();
            let mask = &mask[..numbers.len()];
            let masked: Vec<u64> = small.iter().zip(mask).map(|(number, mask)| number * mask).collect();
            for numbers in [numbers, ascending, small, masked] {
                for effort in [Effort::Quick, Effort::Thorough] {
                    for mask in [&[][..], mask] {
                        let mut out = Vec::new();
                        put_numbers(&mut out, &numbers, mask, effort);
                        let mut reader = Reader::new(&out, "test");
                        let column = read_numbers(&mut reader, numbers.len(), || Ok(Arc::new(Numbers::of(mask)))).unwrap();
                        prop_assert_eq!(reader.remaining(), 0);
                        for column in [column.clone(), column.clone().few(), column.runs()] {
                            for (row, number) in numbers.iter().enumerate() {
                                prop_assert_eq!(column.get(row), *number);
                            }
                            prop_assert_eq!(column.largest(), numbers.iter().max().copied().unwrap_or(0));
                            for step in [1, 3] {
                                let rows: Vec<u32> = (0..numbers.len() as u32).step_by(step).collect();
                                let of_rows: Vec<u64> = rows.iter().map(|row| numbers[*row as usize]).collect();
                                let sum = of_rows.iter().fold(0i64, |sum, number| sum.wrapping_add(unzigzag(*number)));
                                prop_assert_eq!(column.sum_zigzag(&rows), sum);
                                let mut given = vec![0; rows.len()];
                                column.each(&rows, |place, number| given[place] = number);
                                prop_assert_eq!(&given, &of_rows);
                                if of_rows.iter().all(|number| *number <= u64::from(u32::MAX)) {
                                    prop_assert!(column.of_rows(&rows).into_iter().map(u64::from).eq(of_rows.iter().copied()));
                                }
                                let mut kept = rows.clone();
                                column.retain(&mut kept, &[false, true, true]);
                                prop_assert!(kept.iter().eq(rows.iter().filter(|row| [1, 2].contains(&numbers[**row as usize]))));
                            }
                        }
                    }
                }
            }
        }
    }
}
