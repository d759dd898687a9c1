//! The columns outside of the key as compact bytes.
//!
//! ```text
//! flags (1 byte: bit 0 = an expiry follows) | expiry (varint, ms since 1970)
//! | one bit for each nullable column, set when null | each value that is not null
//! ```
//!
//! Signed integers are zig-zag varints, unsigned ones varints, floats little-endian, text and binary their length as a
//! varint and their bytes, fixed-size binary its bytes.

use std::borrow::Cow;

use super::kind::Kind;
use crate::value::Value;

const HAS_EXPIRY: u8 = 1;

/// Appends flags and expiry.
pub(crate) fn put_header(expires_at_ms: Option<i64>, out: &mut Vec<u8>) {
    match expires_at_ms {
        None => out.push(0),
        Some(at) => {
            out.push(HAS_EXPIRY);
            put_varint(zigzag(at.into()), out);
        }
    }
}

/// Takes flags and expiry off the front; the outer `None` when the bytes are damaged.
pub(crate) fn get_header(bytes: &mut &[u8]) -> Option<Option<i64>> {
    match take(bytes, 1)?.first()? {
        0 => Some(None),
        &HAS_EXPIRY => Some(Some(i64::try_from(unzigzag(get_varint(bytes)?)).ok()?)),
        _ => None,
    }
}

/// Appends one value, which has been coerced to `kind` and is not null.
pub(crate) fn put_value(kind: Kind, value: &Value<'_>, out: &mut Vec<u8>) {
    match (kind, value) {
        (_, Value::Bool(v)) => out.push(u8::from(*v)),
        (_, Value::Int(v)) => put_varint(zigzag((*v).into()), out),
        (_, Value::UInt(v)) => put_varint((*v).into(), out),
        (Kind::Float32, Value::Float(v)) => out.extend_from_slice(&(*v as f32).to_le_bytes()),
        (_, Value::Float(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (_, Value::Decimal(v)) => put_varint(zigzag(*v), out),
        (_, Value::Text(v)) => put_bytes(v.as_bytes(), out),
        (Kind::Fixed(_), Value::Binary(v)) => out.extend_from_slice(v),
        (_, Value::Binary(v)) => put_bytes(v, out),
        // Nulls have their bit, coercion has refused every other pair.
        (_, Value::Null) => debug_assert!(false, "a null has no bytes"),
    }
}

/// Takes one value of `kind` off the front of `bytes`; `None` when they are damaged.
pub(crate) fn get_value<'a>(kind: Kind, bytes: &mut &'a [u8]) -> Option<Value<'a>> {
    Some(match kind {
        Kind::Bool => Value::Bool(take(bytes, 1)?.first()? == &1),
        Kind::Int(_) => Value::Int(i64::try_from(unzigzag(get_varint(bytes)?)).ok()?),
        Kind::UInt(_) => Value::UInt(u64::try_from(get_varint(bytes)?).ok()?),
        Kind::Float32 => Value::Float(f32::from_le_bytes(take(bytes, 4)?.try_into().ok()?).into()),
        Kind::Float64 => Value::Float(f64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        Kind::Decimal => Value::Decimal(unzigzag(get_varint(bytes)?)),
        Kind::Text => Value::Text(Cow::Borrowed(std::str::from_utf8(get_bytes(bytes)?).ok()?)),
        Kind::Binary => Value::Binary(Cow::Borrowed(get_bytes(bytes)?)),
        Kind::Fixed(n) => Value::Binary(Cow::Borrowed(take(bytes, n)?)),
    })
}

/// Takes `n` bytes off the front.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(n)?;
    *bytes = tail;
    Some(head)
}

fn put_bytes(value: &[u8], out: &mut Vec<u8>) {
    put_varint(value.len() as u128, out);
    out.extend_from_slice(value);
}

fn get_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(get_varint(bytes)?).ok()?;
    take(bytes, len)
}

fn zigzag(v: i128) -> u128 {
    ((v << 1) ^ (v >> 127)) as u128
}

fn unzigzag(v: u128) -> i128 {
    (v >> 1) as i128 ^ -((v & 1) as i128)
}

fn put_varint(mut v: u128, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn get_varint(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0u128;
    for shift in (0..128).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        value |= u128::from(byte & 0x7F).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
