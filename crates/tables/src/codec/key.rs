//! Keys as bytes whose order is the order of the values (a memcomparable encoding).
//!
//! | kind | bytes |
//! |---|---|
//! | boolean | `00` or `01` |
//! | unsigned integer | big-endian, its own width |
//! | signed integer, date, time, timestamp, decimal | big-endian with the sign bit flipped |
//! | float | its bits, all flipped when negative, else the sign bit flipped: the order of `total_cmp` |
//! | text, binary | its bytes, `00` written as `00 FF`, then `00 01` |
//! | fixed-size binary | its bytes |
//!
//! The columns follow each other. No key is the beginning of another key of the same table, and all keys that
//! share their first columns share the bytes of these columns: a prefix of columns is a range of bytes.

use std::borrow::Cow;

use super::kind::Kind;
use crate::value::Value;

/// Appends the encoding of one value, which has been coerced to `kind` and is not null.
pub(crate) fn encode(kind: Kind, value: &Value<'_>, out: &mut Vec<u8>) {
    match (kind, value) {
        (_, Value::Bool(v)) => out.push(u8::from(*v)),
        (Kind::Int(width), Value::Int(v)) => {
            put_tail(&((*v as u64) ^ (1 << (8 * width - 1))).to_be_bytes(), width, out)
        }
        (Kind::UInt(width), Value::UInt(v)) => put_tail(&v.to_be_bytes(), width, out),
        (Kind::Float32, Value::Float(v)) => {
            let bits = (*v as f32).to_bits();
            let mask = if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
            out.extend_from_slice(&(bits ^ mask).to_be_bytes());
        }
        (Kind::Float64, Value::Float(v)) => {
            let bits = v.to_bits();
            let mask = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
            out.extend_from_slice(&(bits ^ mask).to_be_bytes());
        }
        (_, Value::Decimal(v)) => out.extend_from_slice(&((*v as u128) ^ (1 << 127)).to_be_bytes()),
        (_, Value::Text(v)) => put_escaped(v.as_bytes(), out),
        (Kind::Fixed(_), Value::Binary(v)) => out.extend_from_slice(v),
        (_, Value::Binary(v)) => put_escaped(v, out),
        // Coercion has refused every other pair.
        _ => debug_assert!(false, "{value:?} is not a {kind:?}"),
    }
}

/// Takes one value of `kind` off the front of `bytes`; `None` when they are damaged.
pub(crate) fn decode<'a>(kind: Kind, bytes: &mut &'a [u8]) -> Option<Value<'a>> {
    Some(match kind {
        Kind::Bool => Value::Bool(take(bytes, 1)?.first()? == &1),
        Kind::Int(width) => {
            let flipped = get_tail(bytes, width)? ^ (1 << (8 * width - 1));
            let spare = 64 - 8 * width as u32;
            Value::Int(((flipped << spare) as i64) >> spare)
        }
        Kind::UInt(width) => Value::UInt(get_tail(bytes, width)?),
        Kind::Float32 => {
            let bits = u32::from_be_bytes(take(bytes, 4)?.try_into().ok()?);
            let mask = if bits >> 31 == 0 { u32::MAX } else { 1 << 31 };
            Value::Float(f32::from_bits(bits ^ mask).into())
        }
        Kind::Float64 => {
            let bits = u64::from_be_bytes(take(bytes, 8)?.try_into().ok()?);
            let mask = if bits >> 63 == 0 { u64::MAX } else { 1 << 63 };
            Value::Float(f64::from_bits(bits ^ mask))
        }
        Kind::Decimal => Value::Decimal((u128::from_be_bytes(take(bytes, 16)?.try_into().ok()?) ^ (1 << 127)) as i128),
        Kind::Text => match get_escaped(bytes)? {
            Cow::Borrowed(v) => Value::Text(Cow::Borrowed(std::str::from_utf8(v).ok()?)),
            Cow::Owned(v) => Value::Text(Cow::Owned(String::from_utf8(v).ok()?)),
        },
        Kind::Binary => Value::Binary(get_escaped(bytes)?),
        Kind::Fixed(n) => Value::Binary(Cow::Borrowed(take(bytes, n)?)),
    })
}

/// The first byte string after all that begin with `prefix`; `None` when there is none.
pub(crate) fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

fn put_tail(eight: &[u8; 8], width: usize, out: &mut Vec<u8>) {
    out.extend(eight.iter().skip(8 - width));
}

fn get_tail(bytes: &mut &[u8], width: usize) -> Option<u64> {
    Some(take(bytes, width)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(n)?;
    *bytes = tail;
    Some(head)
}

fn put_escaped(value: &[u8], out: &mut Vec<u8>) {
    for (i, run) in value.split(|byte| *byte == 0).enumerate() {
        if i > 0 {
            out.extend_from_slice(&[0, 0xFF]);
        }
        out.extend_from_slice(run);
    }
    out.extend_from_slice(&[0, 1]);
}

fn get_escaped<'a>(bytes: &mut &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut owned: Option<Vec<u8>> = None;
    loop {
        let run = take(bytes, bytes.iter().position(|byte| *byte == 0)?)?;
        match (take(bytes, 2)?, &mut owned) {
            ([0, 1], None) => return Some(Cow::Borrowed(run)),
            ([0, 1], Some(all)) => {
                all.extend_from_slice(run);
                return owned.map(Cow::Owned);
            }
            ([0, 0xFF], all) => {
                let all = all.get_or_insert_default();
                all.extend_from_slice(run);
                all.push(0);
            }
            _ => return None,
        }
    }
}
