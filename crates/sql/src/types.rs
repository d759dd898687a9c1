//! SQL's types and Arrow's.
//!
//! | SQL | Arrow |
//! |---|---|
//! | TINYINT, SMALLINT, INT, BIGINT | Int8, Int16, Int32, Int64 |
//! | FLOAT (REAL), DOUBLE | Float32, Float64 |
//! | DECIMAL(p, s), p ≤ 38, default (10, 0) | Decimal128(p, s) |
//! | BOOLEAN; STRING, VARCHAR(n), CHAR(n); BYTES, BINARY(n), VARBINARY(n) | Boolean; Utf8; Binary |
//! | DATE; TIME(p) | Date32; Time32(ms) to p = 3, Time64(µs) beyond |
//! | TIMESTAMP(p), default p = 6 | Timestamp without zone: ms to p = 3, µs to 6, ns to 9 |
//! | TIMESTAMP_LTZ(p), TIMESTAMP(p) WITH LOCAL TIME ZONE | the same in UTC |
//! | ARRAY<t>, MAP<k, v>, ROW<…>, MULTISET<t> | List, Map, Struct, Map(t, Int32) |
//!
//! The length of VARCHAR(n) and the like is kept as the field's metadata; formats and casts look at it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};

/// Text longer than its column may be is cut by formats that say so.
pub(crate) use tidemill_formats::LENGTH_MAX_KEY;

/// A type as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlType {
    /// What Arrow calls it.
    pub data_type: DataType,
    /// n of VARCHAR(n), CHAR(n), BINARY(n), VARBINARY(n).
    pub length: Option<u32>,
}

impl SqlType {
    /// A type without a length.
    pub(crate) fn plain(data_type: DataType) -> Self {
        SqlType { data_type, length: None }
    }

    /// A column of this type.
    pub(crate) fn field(&self, name: &str, nullable: bool) -> FieldRef {
        let field = Field::new(name, self.data_type.clone(), nullable);
        Arc::new(match self.length {
            Some(length) => field.with_metadata([(LENGTH_MAX_KEY.to_owned(), length.to_string())].into()),
            None => field,
        })
    }
}

/// The unit in which p digits of a second are kept.
pub(crate) fn time_unit(digits: u32) -> TimeUnit {
    match digits {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

/// `TIMESTAMP(p)`, or `TIMESTAMP_LTZ(p)`.
pub(crate) fn timestamp(digits: u32, zoned: bool) -> DataType {
    DataType::Timestamp(time_unit(digits), zoned.then(|| "UTC".into()))
}

/// `ARRAY<t>`.
pub(crate) fn array(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// `MAP<k, v>`.
pub(crate) fn map(key: DataType, value: DataType) -> DataType {
    let entries = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

/// What SQL calls a type.
pub fn name(data_type: &DataType) -> String {
    let digits = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    match data_type {
        DataType::Null => "NULL".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "FLOAT".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => format!("DECIMAL({p}, {s})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "BYTES".into()
        }
        DataType::Date32 | DataType::Date64 => "DATE".into(),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("TIME({})", digits(unit)),
        DataType::Timestamp(unit, None) => format!("TIMESTAMP({})", digits(unit)),
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP_LTZ({})", digits(unit)),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".into(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("ARRAY<{}>", name(item.data_type()))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let inner: Vec<String> = fields.iter().map(|field| name(field.data_type())).collect();
                format!("MAP<{}>", inner.join(", "))
            }
            other => format!("MAP<{other}>"),
        },
        DataType::Struct(fields) => {
            let inner: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.name(), name(field.data_type()))).collect();
            format!("ROW<{}>", inner.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a value of one type may go into a column of another without a CAST.
pub(crate) fn assignable(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Null, Timestamp};
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let bytes = |t: &DataType| matches!(t, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    let time = |t: &DataType| matches!(t, DataType::Time32(_) | DataType::Time64(_));
    match (from, to) {
        _ if from == to => true,
        (Null, _) => true,
        (Boolean, _) | (_, Boolean) => false,
        _ if from.is_numeric() => to.is_numeric(),
        _ if text(from) => text(to),
        _ if bytes(from) => bytes(to),
        _ if time(from) => time(to),
        (Timestamp(..), Timestamp(..)) | (Date32, Timestamp(..)) | (Timestamp(..), Date32) => true,
        (DataType::List(a), DataType::List(b)) => assignable(a.data_type(), b.data_type()),
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| assignable(a.data_type(), b.data_type()))
        }
        (DataType::Map(a, _), DataType::Map(b, _)) => assignable(a.data_type(), b.data_type()),
        _ => false,
    }
}
