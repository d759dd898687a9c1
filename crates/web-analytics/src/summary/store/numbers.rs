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

/// Appends a column.
pub(super) fn put_numbers(out: &mut Vec<u8>, numbers: &[u64], effort: Effort) {
    let largest = numbers.iter().max().copied().unwrap_or(0);
    let planes = (u64::BITS - largest.leading_zeros()).div_ceil(8).max(1);
    out.push(planes as u8);
    for plane in 0..planes {
        let bytes: Vec<u8> = numbers.iter().map(|number| (number >> (8 * plane)) as u8).collect();
        put_stream(out, &bytes, effort);
    }
}

/// Reads a column of `rows` rows.
pub(super) fn read_numbers(reader: &mut Reader<'_>, rows: usize) -> Result<Numbers> {
    let planes = u32::from(reader.byte()?.min(8));
    let mut plane = || {
        let bytes = read_stream(reader)?;
        if bytes.len() == rows { Ok(bytes) } else { Err(reader.error("a plane of another length")) }
    };
    if planes == 1 {
        return plane().map(Numbers::Narrow);
    }
    let mut numbers = vec![0u64; rows];
    for shift in 0..planes {
        for (number, byte) in numbers.iter_mut().zip(plane()?) {
            *number |= u64::from(byte) << (8 * shift);
        }
    }
    Ok(Numbers::Wide(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(prop_oneof![0u64..256, any::<u64>()], 0..50)) {
            let mut out = Vec::new();
            put_numbers(&mut out, &numbers, Effort::Quick);
            let column = read_numbers(&mut Reader::new(&out, "test"), numbers.len()).unwrap();
            for (row, number) in numbers.iter().enumerate() {
                prop_assert_eq!(column.get(row), *number);
            }
        }
    }
}
