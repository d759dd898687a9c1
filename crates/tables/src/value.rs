//! One cell of a row, outside of an Arrow array.
//!
//! A [`Value`] is physical: a timestamp is the integer in the unit of its column, a date the days since 1970, a
//! decimal its unscaled integer. The column's type gives it meaning.

use std::borrow::Cow;

/// One cell, borrowed from an array or owned.
///
/// ```
/// use tidemill_tables::Value;
/// assert_eq!(Value::from("a"), Value::Text("a".into()));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// ```
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// No value; refused in keys.
    Null,
    /// Boolean columns.
    Bool(bool),
    /// Signed integers, dates, times, timestamps, durations.
    Int(i64),
    /// Unsigned integers.
    UInt(u64),
    /// Floats of both widths. Equality and order are `total_cmp`'s: NaN equals itself, -0.0 comes before 0.0.
    Float(f64),
    /// The unscaled integer of a decimal.
    Decimal(i128),
    /// UTF-8 text.
    Text(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
}

/// A whole row: one owned value a column, in the order of the table's schema.
pub type Row = Vec<Value<'static>>;

impl Value<'_> {
    /// The same value, owning its bytes.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(v) => Value::Bool(v),
            Value::Int(v) => Value::Int(v),
            Value::UInt(v) => Value::UInt(v),
            Value::Float(v) => Value::Float(v),
            Value::Decimal(v) => Value::Decimal(v),
            Value::Text(v) => Value::Text(Cow::Owned(v.into_owned())),
            Value::Binary(v) => Value::Binary(Cow::Owned(v.into_owned())),
        }
    }

    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The integer, if it is one of either sign that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(v) => Some(*v),
            Value::UInt(v) => i64::try_from(*v).ok(),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(v) => Some(v),
            _ => None,
        }
    }

    /// The bytes, if it is binary.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Binary(v) => Some(v),
            _ => None,
        }
    }

    /// What the value is, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::UInt(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Decimal(_) => "a decimal",
            Value::Text(_) => "text",
            Value::Binary(_) => "binary",
        }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::UInt(a), Value::UInt(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Decimal(a), Value::Decimal(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Binary(a), Value::Binary(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value<'_> {}

macro_rules! from_integer {
    ($variant:ident: $($t:ty),*) => {$(
        impl From<$t> for Value<'_> {
            fn from(v: $t) -> Self {
                Value::$variant(v.into())
            }
        }
    )*};
}
from_integer!(Int: i8, i16, i32, i64);
from_integer!(UInt: u8, u16, u32, u64);
from_integer!(Float: f32, f64);
from_integer!(Bool: bool);
from_integer!(Decimal: i128);

impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Value::Text(Cow::Borrowed(v))
    }
}

impl From<String> for Value<'_> {
    fn from(v: String) -> Self {
        Value::Text(Cow::Owned(v))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(v: &'a [u8]) -> Self {
        Value::Binary(Cow::Borrowed(v))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(v: Vec<u8>) -> Self {
        Value::Binary(Cow::Owned(v))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Null, Into::into)
    }
}
