//! Keys as the tables take them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use tidemill_tables::Value;

/// The values of a key column.
pub(super) fn values(column: &ArrayRef) -> Result<Vec<Value<'static>>, ArrowError> {
    let rows = 0..column.len();
    macro_rules! each {
        ($array:expr, $value:expr) => {
            // A match keeps what is cast until its arm has ended.
            match $array {
                array => {
                    rows.map(|row| if array.is_null(row) { Value::Null } else { $value(array.value(row)) }).collect()
                }
            }
        };
    }
    Ok(match column.data_type() {
        DataType::Boolean => each!(column.as_boolean(), Value::Bool),
        integer if integer.is_unsigned_integer() => {
            each!(cast(column, &DataType::UInt64)?.as_primitive::<UInt64Type>(), Value::UInt)
        }
        DataType::Float32 | DataType::Float64 => {
            each!(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>(), Value::Float)
        }
        DataType::Decimal128(..) => each!(column.as_primitive::<Decimal128Type>(), Value::Decimal),
        text if text.is_string() => {
            let text = |text: &str| Value::Text(text.to_owned().into());
            each!(cast(column, &DataType::Utf8)?.as_string::<i32>(), text)
        }
        bytes if bytes.is_binary() => {
            let bytes = |bytes: &[u8]| Value::Binary(bytes.to_vec().into());
            each!(cast(column, &DataType::Binary)?.as_binary::<i32>(), bytes)
        }
        DataType::Date32 | DataType::Time32(_) => {
            let int = |value: i32| Value::Int(value.into());
            each!(cast(column, &DataType::Int32)?.as_primitive::<Int32Type>(), int)
        }
        // Integers, dates, times and timestamps in their units.
        _ => each!(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>(), Value::Int),
    })
}
