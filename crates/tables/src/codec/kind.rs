//! How each Arrow type is stored: the physical kind behind it.

use std::borrow::Cow;

use arrow::datatypes::DataType;

use crate::value::Value;

/// The physical kind of a column. Dates, times, timestamps and durations are integers of their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    /// Signed, of so many bytes: 1, 2, 4, 8.
    Int(usize),
    /// Unsigned, of so many bytes: 1, 2, 4, 8.
    UInt(usize),
    Float32,
    Float64,
    Decimal,
    Text,
    Binary,
    /// Binary of exactly so many bytes.
    Fixed(usize),
}

/// The types that a column may have, for messages.
pub(crate) const SUPPORTED: &str = "Boolean, Int8..Int64, UInt8..UInt64, Float32, Float64, Decimal128, Utf8, LargeUtf8, Utf8View, \
     Binary, LargeBinary, BinaryView, FixedSizeBinary, Date32, Date64, Time32, Time64, Timestamp, Duration";

impl Kind {
    /// The kind of an Arrow type; `None` when a table can't hold it.
    pub(crate) fn of(data_type: &DataType) -> Option<Kind> {
        Some(match data_type {
            DataType::Boolean => Kind::Bool,
            DataType::Int8 => Kind::Int(1),
            DataType::Int16 => Kind::Int(2),
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => Kind::Int(4),
            DataType::Int64
            | DataType::Date64
            | DataType::Time64(_)
            | DataType::Timestamp(_, _)
            | DataType::Duration(_) => Kind::Int(8),
            DataType::UInt8 => Kind::UInt(1),
            DataType::UInt16 => Kind::UInt(2),
            DataType::UInt32 => Kind::UInt(4),
            DataType::UInt64 => Kind::UInt(8),
            DataType::Float32 => Kind::Float32,
            DataType::Float64 => Kind::Float64,
            DataType::Decimal128(_, _) => Kind::Decimal,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Binary,
            DataType::FixedSizeBinary(n) if *n > 0 => Kind::Fixed(usize::try_from(*n).ok()?),
            _ => return None,
        })
    }

    /// The value as this kind stores it, or why it does not fit. Integers of either sign are taken where they fit.
    pub(crate) fn coerce(self, value: Value<'_>) -> Result<Value<'_>, String> {
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Kind::Bool, v @ Value::Bool(_)) => Ok(v),
            (Kind::Int(width), Value::Int(v)) => fits_signed(v, width),
            (Kind::Int(width), Value::UInt(v)) => {
                fits_signed(i64::try_from(v).map_err(|_| format!("{v} does not fit a signed integer"))?, width)
            }
            (Kind::UInt(width), Value::UInt(v)) => fits_unsigned(v, width),
            (Kind::UInt(width), Value::Int(v)) => {
                fits_unsigned(u64::try_from(v).map_err(|_| format!("{v} is negative"))?, width)
            }
            (Kind::Float32, Value::Float(v)) => {
                let narrow = v as f32;
                match v.is_nan() || f64::from(narrow).to_bits() == v.to_bits() {
                    true => Ok(Value::Float(v)),
                    false => Err(format!("{v} is not a 32-bit float")),
                }
            }
            (Kind::Float64, v @ Value::Float(_)) => Ok(v),
            (Kind::Decimal, v @ Value::Decimal(_)) => Ok(v),
            (Kind::Decimal, Value::Int(v)) => Ok(Value::Decimal(v.into())),
            (Kind::Decimal, Value::UInt(v)) => Ok(Value::Decimal(v.into())),
            (Kind::Text, v @ Value::Text(_)) => Ok(v),
            (Kind::Binary, v @ Value::Binary(_)) => Ok(v),
            (Kind::Binary, Value::Text(v)) => Ok(Value::Binary(match v {
                Cow::Borrowed(v) => Cow::Borrowed(v.as_bytes()),
                Cow::Owned(v) => Cow::Owned(v.into_bytes()),
            })),
            (Kind::Fixed(n), Value::Binary(v)) if v.len() == n => Ok(Value::Binary(v)),
            (Kind::Fixed(n), Value::Binary(v)) => Err(format!("{} bytes where {n} are expected", v.len())),
            (kind, v) => Err(format!("{} where {} is expected", v.kind_name(), kind.name())),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Bool => "a boolean",
            Kind::Int(_) => "a signed integer",
            Kind::UInt(_) => "an unsigned integer",
            Kind::Float32 | Kind::Float64 => "a float",
            Kind::Decimal => "a decimal",
            Kind::Text => "text",
            Kind::Binary | Kind::Fixed(_) => "binary",
        }
    }
}

fn fits_signed(v: i64, width: usize) -> Result<Value<'static>, String> {
    let spare = 64 - 8 * width as u32;
    match (v << spare) >> spare == v {
        true => Ok(Value::Int(v)),
        false => Err(format!("{v} does not fit {} bits", 8 * width)),
    }
}

fn fits_unsigned(v: u64, width: usize) -> Result<Value<'static>, String> {
    let spare = 64 - 8 * width as u32;
    match (v << spare) >> spare == v {
        true => Ok(Value::UInt(v)),
        false => Err(format!("{v} does not fit {} bits", 8 * width)),
    }
}
