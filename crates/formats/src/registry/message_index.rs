//! Which message of a Protobuf file a record holds: what follows a registry's header.
//!
//! Confluent's serializers write a path: how many steps, then the place of the message in the file, of the message in
//! that one, and so on, as zigzag numbers; the path `[0]` is the byte `00`. Glue's write one number, the place among the
//! full names of all messages, sorted.

use crate::varint;

/// Steps of a path.
const STEPS_MAX: usize = 64;

/// Reads Confluent's path: the steps, and the message's bytes.
pub fn split_message_path(payload: &[u8]) -> Result<(Vec<usize>, &[u8]), String> {
    let (count, mut rest) = zigzag(payload)?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    if count > STEPS_MAX {
        return Err(format!("the path to the record's message has {count} steps, {STEPS_MAX} are allowed"));
    }
    let mut path = Vec::with_capacity(count);
    for _ in 0..count {
        let (step, more) = zigzag(rest)?;
        path.push(step);
        rest = more;
    }
    Ok((path, rest))
}

/// Writes Confluent's path.
pub fn write_message_path(path: &[usize], out: &mut Vec<u8>) {
    if path == [0] {
        return out.push(0);
    }
    for number in std::iter::once(path.len()).chain(path.iter().copied()) {
        varint::write((number as u64) << 1, out);
    }
}

/// Reads Glue's number: it, and the message's bytes.
pub fn split_message_index(payload: &[u8]) -> Result<(usize, &[u8]), String> {
    let (number, rest) = number(payload)?;
    Ok((usize::try_from(number).map_err(|_| TOO_LARGE.to_owned())?, rest))
}

/// Writes Glue's number.
pub fn write_message_index(index: usize, out: &mut Vec<u8>) {
    varint::write(index as u64, out);
}

const TOO_LARGE: &str = "the record names its message by a number that is too large";

fn zigzag(bytes: &[u8]) -> Result<(usize, &[u8]), String> {
    let (number, rest) = number(bytes)?;
    match number & 1 {
        0 => Ok((usize::try_from(number >> 1).map_err(|_| TOO_LARGE.to_owned())?, rest)),
        _ => Err("the record names its message by a negative number".to_owned()),
    }
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    varint::read(bytes).ok_or_else(|| "the number of the record's message does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_those_of_the_serializers() {
        let path = |path: &[usize]| {
            let mut out = Vec::new();
            write_message_path(path, &mut out);
            out
        };
        assert_eq!(path(&[0]), [0]);
        assert_eq!(path(&[1]), [2, 2]);
        assert_eq!(path(&[0, 1]), [4, 0, 2]);
        assert_eq!(split_message_path(&[0, 8, 5]), Ok((vec![0], &[8, 5][..])));
        assert_eq!(split_message_path(&[2, 0, 8]), Ok((vec![0], &[8][..])));
        assert_eq!(split_message_index(&[3, 9]), Ok((3, &[9][..])));
        for broken in [&[][..], &[2], &[1], &[0x80], &[0xff; 11], &[0xfe, 0x7f]] {
            assert!(split_message_path(broken).is_err(), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(path in prop::collection::vec(0usize..100_000, 1..8), index: u32, rest: Vec<u8>) {
            let mut bytes = Vec::new();
            write_message_path(&path, &mut bytes);
            bytes.extend_from_slice(&rest);
            prop_assert_eq!(split_message_path(&bytes), Ok((path, &rest[..])));
            let mut bytes = Vec::new();
            write_message_index(index as usize, &mut bytes);
            bytes.extend_from_slice(&rest);
            prop_assert_eq!(split_message_index(&bytes), Ok((index as usize, &rest[..])));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (split_message_path(&bytes), split_message_index(&bytes));
        }
    }
}
