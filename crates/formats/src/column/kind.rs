//! What a column holds, for those who fill it.

use std::fmt;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::{Values, storage_type};
use crate::error::{Error, Result};

/// What a column holds, with all that is needed to check a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing but nulls.
    Null,
    /// True or false.
    Bool,
    /// Signed integers, and unsigned ones up to 32 bits.
    Int { min: i64, max: i64 },
    /// Unsigned integers of 64 bits.
    UInt64,
    /// Floating point of 32 bits.
    Float32,
    /// Floating point of 64 bits.
    Float64,
    /// Decimals of up to 38 digits.
    Decimal { precision: u8, scale: i8 },
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// As many bytes each.
    FixedBinary(usize),
    /// Days since 1970 (`Date64` too; it becomes milliseconds at the end).
    Date,
    /// Time of the day.
    Time(Unit),
    /// A date and time, or (`zoned`) a point on the time line.
    Timestamp { unit: Unit, zoned: bool },
    /// A list.
    List,
    /// A map.
    Map,
    /// A row.
    Struct,
}

/// The unit of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Milli,
    Micro,
    Nano,
}

impl Unit {
    pub(crate) fn per_second(self) -> i64 {
        match self {
            Unit::Second => 1,
            Unit::Milli => 1_000,
            Unit::Micro => 1_000_000,
            Unit::Nano => 1_000_000_000,
        }
    }
}

impl From<TimeUnit> for Unit {
    fn from(unit: TimeUnit) -> Self {
        match unit {
            TimeUnit::Second => Unit::Second,
            TimeUnit::Millisecond => Unit::Milli,
            TimeUnit::Microsecond => Unit::Micro,
            TimeUnit::Nanosecond => Unit::Nano,
        }
    }
}

impl Kind {
    pub(crate) fn of(field: &Field, format: &'static str) -> Result<Self> {
        let int = |min: i64, max: i64| Kind::Int { min, max };
        Ok(match storage_type(field.data_type()) {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Bool,
            DataType::Int8 => int(i8::MIN.into(), i8::MAX.into()),
            DataType::Int16 => int(i16::MIN.into(), i16::MAX.into()),
            DataType::Int32 => int(i32::MIN.into(), i32::MAX.into()),
            DataType::Int64 => int(i64::MIN, i64::MAX),
            DataType::UInt8 => int(0, u8::MAX.into()),
            DataType::UInt16 => int(0, u16::MAX.into()),
            DataType::UInt32 => int(0, u32::MAX.into()),
            DataType::UInt64 => Kind::UInt64,
            DataType::Float32 => Kind::Float32,
            DataType::Float64 => Kind::Float64,
            &DataType::Decimal128(precision, scale) => Kind::Decimal { precision, scale },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Binary,
            &DataType::FixedSizeBinary(width) if width >= 0 => Kind::FixedBinary(width.unsigned_abs() as usize),
            DataType::Date32 | DataType::Date64 => Kind::Date,
            &DataType::Time32(unit) | &DataType::Time64(unit) => Kind::Time(unit.into()),
            DataType::Timestamp(unit, zone) => Kind::Timestamp { unit: (*unit).into(), zoned: zone.is_some() },
            DataType::List(_) => Kind::List,
            DataType::Map(..) => Kind::Map,
            DataType::Struct(_) => Kind::Struct,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal256(..) => {
                return Err(unsupported(field, format, "declare it DECIMAL of at most 38 digits (Decimal128)"));
            }
            DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::ListView(_)
            | DataType::LargeListView(_) => return Err(unsupported(field, format, "declare it ARRAY (List)")),
            _ => return Err(unsupported(field, format, "declare it a number, text, date, time, array, map or row")),
        })
    }

    pub(super) fn empty_values(self) -> Values {
        match self {
            Kind::Null | Kind::List | Kind::Map | Kind::Struct => Values::Null,
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Int { .. } | Kind::UInt64 | Kind::Date | Kind::Time(_) | Kind::Timestamp { .. } => {
                Values::Int(Vec::new())
            }
            Kind::Float32 | Kind::Float64 => Values::Float(Vec::new()),
            Kind::Decimal { .. } => Values::Decimal(Vec::new()),
            Kind::Text | Kind::Binary | Kind::FixedBinary(_) => Values::Bytes { ends: Vec::new(), data: Vec::new() },
        }
    }

    /// True for values that have no values inside.
    pub(crate) fn is_scalar(self) -> bool {
        !matches!(self, Kind::List | Kind::Map | Kind::Struct)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Null => f.write_str("null"),
            Kind::Bool => f.write_str("a boolean"),
            Kind::Int { min, max } => write!(f, "an integer of {min} to {max}"),
            Kind::UInt64 => f.write_str("an integer of 0 to 18446744073709551615"),
            Kind::Float32 | Kind::Float64 => f.write_str("a number"),
            Kind::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            Kind::Text => f.write_str("text"),
            Kind::Binary => f.write_str("bytes"),
            Kind::FixedBinary(width) => write!(f, "{width} bytes"),
            Kind::Date => f.write_str("a date like 2026-02-14"),
            Kind::Time(_) => f.write_str("a time like 18:35:44.123"),
            Kind::Timestamp { zoned: false, .. } => f.write_str("a timestamp like 2026-02-14 18:35:44.123"),
            Kind::Timestamp { zoned: true, .. } => f.write_str("a timestamp like 2026-02-14 18:35:44.123Z"),
            Kind::List => f.write_str("an array"),
            Kind::Map => f.write_str("a map"),
            Kind::Struct => f.write_str("a row"),
        }
    }
}

pub(super) fn unsupported(field: &Field, format: &'static str, hint: &'static str) -> Error {
    let (column, data_type) = (field.name().clone(), field.data_type().to_string());
    Error::UnsupportedType { format, column, data_type, hint }
}
