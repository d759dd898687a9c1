//! JSON values that may be of any type: the type is checked after reading, so that a wrong one costs only its field.

use std::borrow::Cow;
use tidemill_formats::{Fault, JsonNumber, Members, Scanner};

/// A JSON value as far as a field can be one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Bool(bool),
    Null,
    /// An array or an object.
    Nested,
}

impl<'a> Scalar<'a> {
    /// Text of at most `max` bytes; `None` for anything else.
    pub(super) fn text(self, max: usize) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if text.len() <= max => Some(text),
            _ => None,
        }
    }

    /// A whole number from `min` to `max`.
    pub(super) fn integer(&self, min: i64, max: i64) -> Option<i64> {
        match self {
            Self::Number(n) if n.fract() == 0.0 && *n >= min as f64 && *n <= max as f64 => Some(*n as i64),
            _ => None,
        }
    }
}

/// Reads any value.
pub(super) fn scalar<'a>(from: &mut Scanner<'a>) -> Result<Scalar<'a>, Fault> {
    Ok(match from.peek() {
        Some(b'"') => Scalar::Text(from.text()?),
        Some(b'-' | b'0'..=b'9') => Scalar::Number(match from.number()? {
            JsonNumber::Int(number) => number as f64,
            JsonNumber::Float(number) => number,
        }),
        Some(b't') => from.word("true").map(|()| Scalar::Bool(true))?,
        Some(b'f') => from.word("false").map(|()| Scalar::Bool(false))?,
        Some(b'n') => from.word("null").map(|()| Scalar::Null)?,
        _ => from.skip().map(|()| Scalar::Nested)?,
    })
}

/// Reads an object of scalars, member by member. Says whether it was one: `None` is `null`.
pub(super) fn members<'a>(
    from: &mut Scanner<'a>,
    mut read: impl FnMut(Cow<'a, str>, Scalar<'a>),
) -> Result<Option<bool>, Fault> {
    Ok(match from.peek() {
        Some(b'{') => {
            let mut members = Members::begin(from)?;
            while let Some(name) = members.next(from)? {
                read(name, scalar(from)?);
            }
            Some(true)
        }
        Some(b'n') => from.word("null").map(|()| None)?,
        _ => from.skip().map(|()| Some(false))?,
    })
}
