//! Values as Java's `toString` writes them, which is what Flink prints.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64NanosecondType, TimeUnit, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::temporal_conversions::{date32_to_datetime, timestamp_ms_to_datetime};
use arrow::util::display::array_value_to_string;

/// `[1, flower, null]`
pub(super) fn row(columns: &[ArrayRef], row: usize, out: &mut String) -> Result<(), ArrowError> {
    list(columns.len(), out, |column, out| match columns.get(column) {
        Some(array) => value(array, row, out),
        None => Ok(()),
    })
}

fn list(
    count: usize,
    out: &mut String,
    mut one: impl FnMut(usize, &mut String) -> Result<(), ArrowError>,
) -> Result<(), ArrowError> {
    out.push('[');
    for i in 0..count {
        if i > 0 {
            out.push_str(", ");
        }
        one(i, out)?;
    }
    out.push(']');
    Ok(())
}

fn value(array: &dyn Array, row: usize, out: &mut String) -> Result<(), ArrowError> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    macro_rules! plain {
        ($type:ty) => {{
            let _ = write!(out, "{}", array.as_primitive::<$type>().value(row));
        }};
    }
    match array.data_type() {
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => plain!(Int8Type),
        DataType::Int16 => plain!(Int16Type),
        DataType::Int32 => plain!(Int32Type),
        DataType::Int64 => plain!(Int64Type),
        DataType::UInt8 => plain!(UInt8Type),
        DataType::UInt16 => plain!(UInt16Type),
        DataType::UInt32 => plain!(UInt32Type),
        DataType::UInt64 => plain!(UInt64Type),
        DataType::Float32 => {
            let number = array.as_primitive::<Float32Type>().value(row);
            float(f64::from(number), &format!("{number:?}"), &format!("{number:e}"), out);
        }
        DataType::Float64 => {
            let number = array.as_primitive::<Float64Type>().value(row);
            float(number, &format!("{number:?}"), &format!("{number:e}"), out);
        }
        DataType::Decimal128(..) => out.push_str(&array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => out.push_str(array.as_string::<i64>().value(row)),
        DataType::Utf8View => out.push_str(array.as_string_view().value(row)),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), out)?,
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row), out)?,
        DataType::BinaryView => bytes(array.as_binary_view().value(row), out)?,
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row), out)?,
        DataType::Date32 => {
            if let Some(date) = date32_to_datetime(array.as_primitive::<Date32Type>().value(row)) {
                let _ = write!(out, "{}", date.date());
            }
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let nanos = cast(&array.slice(row, 1), &DataType::Time64(TimeUnit::Nanosecond))?;
            let nanos = nanos.as_primitive::<Time64NanosecondType>().value(0);
            time(nanos, false, out);
        }
        DataType::Timestamp(_, zone) => timestamp(array, row, zone.clone(), out)?,
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            list(items.len(), out, |item, out| value(&items, item, out))?;
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let [keys, values] = entries.columns() else { return Ok(()) };
            out.push('{');
            for entry in 0..entries.len() {
                if entry > 0 {
                    out.push_str(", ");
                }
                value(keys, entry, out)?;
                out.push('=');
                value(values, entry, out)?;
            }
            out.push('}');
        }
        DataType::Struct(_) => {
            out.push_str("+I");
            self::row(array.as_struct().columns(), row, out)?;
        }
        _ => out.push_str(&array_value_to_string(array, row)?),
    }
    Ok(())
}

/// An array of Java's signed bytes.
fn bytes(bytes: &[u8], out: &mut String) -> Result<(), ArrowError> {
    list(bytes.len(), out, |i, out| {
        let _ = write!(out, "{}", bytes.get(i).copied().unwrap_or_default() as i8);
        Ok(())
    })
}

/// As `Double.toString`: plain from 10^-3 to 10^7, else `1.0E10`.
fn float(number: f64, plain: &str, scientific: &str, out: &mut String) {
    let size = number.abs();
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    } else if size == 0.0 || (1e-3..1e7).contains(&size) {
        out.push_str(plain);
    } else if let Some((mantissa, exponent)) = scientific.split_once('e') {
        out.push_str(mantissa);
        if !mantissa.contains('.') {
            out.push_str(".0");
        }
        out.push('E');
        out.push_str(exponent);
    }
}

fn timestamp(array: &dyn Array, row: usize, zone: Option<Arc<str>>, out: &mut String) -> Result<(), ArrowError> {
    let is_instant = zone.is_some();
    let nanos = cast(&array.slice(row, 1), &DataType::Timestamp(TimeUnit::Nanosecond, zone));
    // Beyond the years that nanoseconds can tell there are no finer parts to show.
    let Ok(nanos) = nanos else {
        out.push_str(&array_value_to_string(array, row)?);
        return Ok(());
    };
    let nanos = nanos.as_primitive::<TimestampNanosecondType>();
    if nanos.is_null(0) {
        out.push_str(&array_value_to_string(array, row)?);
        return Ok(());
    }
    const DAY_NS: i64 = 86_400_000_000_000;
    let (days, within) = (nanos.value(0).div_euclid(DAY_NS), nanos.value(0).rem_euclid(DAY_NS));
    if let Some(day) = timestamp_ms_to_datetime(days * 86_400_000) {
        let _ = write!(out, "{}T", day.date());
    }
    time(within, is_instant, out);
    if is_instant {
        out.push('Z');
    }
    Ok(())
}

/// As `LocalTime.toString`: no seconds where they are zero, and three, six or nine digits behind them. An `Instant` shows them.
fn time(nanos: i64, always_seconds: bool, out: &mut String) {
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let _ = write!(out, "{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if always_seconds || seconds % 60 != 0 || fraction != 0 {
        let _ = write!(out, ":{:02}", seconds % 60);
    }
    let _ = match fraction {
        0 => Ok(()),
        _ if fraction % 1_000_000 == 0 => write!(out, ".{:03}", fraction / 1_000_000),
        _ if fraction % 1_000 == 0 => write!(out, ".{:06}", fraction / 1_000),
        _ => write!(out, ".{fraction:09}"),
    };
}
