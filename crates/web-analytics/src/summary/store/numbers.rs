//! A column of unsigned numbers: planes of bytes, low bytes first, as many as the largest needs.
//!
//! Nearly all columns fit one byte and stay that narrow in memory.

use super::stream::{Effort, put_stream, read_stream};
use crate::error::Result;
use crate::summary::varint::Reader;

/// The decoded column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Numbers {
    /// All rows are 0.
    #[default]
    Zero,
    /// All rows are below 256.
    Narrow(Vec<u8>),
    /// Anything else.
    Wide(Vec<u64>),
}

impl Numbers {
    /// A row's number.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> u64 {
        match self {
            Numbers::Zero => 0,
            Numbers::Narrow(bytes) => bytes.get(row).map_or(0, |byte| u64::from(*byte)),
            Numbers::Wide(numbers) => numbers.get(row).copied().unwrap_or(0),
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Numbers::Zero => 0,
            Numbers::Narrow(bytes) => bytes.len(),
            Numbers::Wide(numbers) => numbers.len() * 8,
        }
    }
}

/// Set in the first byte when what is stored is each number's difference to the one before.
const DIFFERENCES: u8 = 0x80;

/// Appends a column.
pub(super) fn put_numbers(out: &mut Vec<u8>, numbers: &[u64], effort: Effort) {
    let largest = numbers.iter().max().copied().unwrap_or(0);
    let planes = (u64::BITS - largest.leading_zeros()).div_ceil(8).max(1);
    let start = out.len();
    put_planes(out, planes as u8, numbers, planes, effort);
    if effort == Effort::Thorough {
        // Sorted rows ascend within a run, where differences are small; elsewhere they only add noise.
        let mut before = 0u64;
        let difference = |number: &u64| number.wrapping_sub(std::mem::replace(&mut before, *number));
        let differences: Vec<u64> = numbers.iter().map(difference).collect();
        let mut other = Vec::new();
        put_planes(&mut other, planes as u8 | DIFFERENCES, &differences, planes, effort);
        if other.len() < out.len() - start {
            out.truncate(start);
            out.extend_from_slice(&other);
        }
    }
}

fn put_planes(out: &mut Vec<u8>, head: u8, numbers: &[u64], planes: u32, effort: Effort) {
    out.push(head);
    for plane in 0..planes {
        let bytes: Vec<u8> = numbers.iter().map(|number| (number >> (8 * plane)) as u8).collect();
        put_stream(out, &bytes, effort);
    }
}

/// Reads a column of `rows` rows.
pub(super) fn read_numbers(reader: &mut Reader<'_>, rows: usize) -> Result<Numbers> {
    let head = reader.byte()?;
    let planes = u32::from((head & !DIFFERENCES).min(8));
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
        return Ok(Numbers::Narrow(bytes));
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
    Ok(Numbers::Wide(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(prop_oneof![0u64..256, 0u64..70_000, any::<u64>()], 0..50)) {
            let mut ascending = numbers.clone();
            ascending.sort_unstable();
            for numbers in [numbers, ascending] {
                for effort in [Effort::Quick, Effort::Thorough] {
                    let mut out = Vec::new();
                    put_numbers(&mut out, &numbers, effort);
                    let column = read_numbers(&mut Reader::new(&out, "test"), numbers.len()).unwrap();
                    for (row, number) in numbers.iter().enumerate() {
                        prop_assert_eq!(column.get(row), *number);
                    }
                }
            }
        }
    }
}
