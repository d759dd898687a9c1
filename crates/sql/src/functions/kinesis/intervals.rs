//! Intervals: differences of times in a unit, and parts of times and intervals.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array, IntervalMonthDayNanoArray};
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    TimeUnit, TimestampMillisecondType,
};
use datafusion::common::{Result, exec_err, plan_err};

use super::{EXTRACT, EXTRACT_SECOND, QUALIFIED, SCALED};
use crate::functions::scalar::Function;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const MILLIS: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);
const SECOND: i64 = 1_000_000_000;
/// What `EXTRACT(SECOND FROM x)` gives.
const SECONDS: DataType = DataType::Decimal128(5, 3);

pub(super) fn all() -> Vec<Function> {
    vec![
        Function { name: QUALIFIED, takes: qualified_takes, gives: |_| INTERVAL, does: qualified },
        Function {
            name: SCALED,
            takes: |types| match types {
                [DataType::Interval(_) | DataType::Duration(_), factor] if factor.is_numeric() => {
                    Ok(vec![INTERVAL, DataType::Float64])
                }
                _ => plan_err!("an interval is multiplied with a number, or divided by one"),
            },
            gives: |_| INTERVAL,
            does: scaled,
        },
        Function {
            name: EXTRACT,
            takes: |types| match types {
                [_, of] => Ok(vec![DataType::Utf8, part_of(of)?]),
                _ => plan_err!("EXTRACT takes a unit and a time"),
            },
            gives: |_| DataType::Int64,
            does: extract,
        },
        Function {
            name: EXTRACT_SECOND,
            takes: |types| match types {
                [of] => Ok(vec![part_of(of)?]),
                _ => plan_err!("EXTRACT takes a unit and a time"),
            },
            gives: |_| SECONDS,
            does: extract_second,
        },
    ]
}

fn qualified_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Duration(_), unit] if unit.is_string() => {
            Ok(vec![DataType::Duration(TimeUnit::Nanosecond), DataType::Utf8])
        }
        [DataType::Interval(_) | DataType::Null, unit] if unit.is_string() => Ok(vec![INTERVAL, DataType::Utf8]),
        _ => plan_err!("a unit stands behind a difference of times, as in (a - b) SECOND"),
    }
}

/// What a part is taken of.
fn part_of(of: &DataType) -> Result<DataType> {
    match of {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Null => Ok(MILLIS),
        DataType::Time32(_) | DataType::Time64(_) => Ok(DataType::Time64(TimeUnit::Nanosecond)),
        DataType::Duration(_) => Ok(DataType::Duration(TimeUnit::Nanosecond)),
        DataType::Interval(_) => Ok(INTERVAL),
        other => plan_err!("EXTRACT takes a time or an interval, not {}", crate::types::name(other)),
    }
}

fn nanos_of(interval: IntervalMonthDayNano) -> i64 {
    i64::from(interval.days).saturating_mul(86_400 * SECOND).saturating_add(interval.nanoseconds)
}

/// Lengths of time in nanoseconds.
fn lengths(values: &ArrayRef) -> Result<Int64Array> {
    match values.data_type() {
        DataType::Duration(_) | DataType::Time64(_) => {
            Ok(cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        }
        _ => match values.as_primitive_opt::<IntervalMonthDayNanoType>() {
            Some(intervals) => Ok(intervals.iter().map(|interval| interval.map(nanos_of)).collect()),
            None => exec_err!("{} has no length", values.data_type()),
        },
    }
}

/// A unit's length in nanoseconds.
fn unit_nanos(unit: &str) -> Option<i64> {
    Some(match unit {
        "SECOND" => SECOND,
        "MINUTE" => 60 * SECOND,
        "HOUR" => 3_600 * SECOND,
        "DAY" => 86_400 * SECOND,
        _ => return None,
    })
}

fn unit(args: &[ArrayRef], place: usize) -> String {
    let texts = args.get(place).and_then(|texts| texts.as_string_opt::<i32>());
    texts.filter(|texts| arrow::array::Array::len(*texts) > 0).map_or("", |texts| texts.value(0)).to_ascii_uppercase()
}

/// `__qualified(difference, unit)`: cut to whole units; of seconds the milliseconds stay, as TIMESTAMPs have them.
fn qualified(args: &[ArrayRef]) -> Result<ArrayRef> {
    let unit = unit(args, 1);
    let Some(length) = unit_nanos(&unit) else {
        return exec_err!("a difference of times is in DAY, HOUR, MINUTE or SECOND, not in {unit}");
    };
    let whole = if length == SECOND { 1_000_000 } else { length };
    let cut = |nanoseconds: i64| IntervalMonthDayNano { months: 0, days: 0, nanoseconds: nanoseconds / whole * whole };
    let lengths = lengths(&args[0])?;
    Ok(Arc::new(lengths.iter().map(|length| length.map(cut)).collect::<IntervalMonthDayNanoArray>()))
}

/// `__scaled(interval, factor)`, to milliseconds.
fn scaled(args: &[ArrayRef]) -> Result<ArrayRef> {
    let factors = args[1].as_primitive::<Float64Type>();
    let of = |(length, factor): (Option<i64>, Option<f64>)| {
        let nanoseconds = (length? as f64 * factor? / 1e6).round() as i64 * 1_000_000;
        Some(IntervalMonthDayNano { months: 0, days: 0, nanoseconds })
    };
    Ok(Arc::new(lengths(&args[0])?.iter().zip(factors).map(of).collect::<IntervalMonthDayNanoArray>()))
}

/// `__extract(unit, x)`
fn extract(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (unit, of) = (unit(args, 0), &args[1]);
    if let DataType::Timestamp(..) = of.data_type() {
        let part = match unit.as_str() {
            "YEAR" => DatePart::Year,
            "QUARTER" => DatePart::Quarter,
            "MONTH" => DatePart::Month,
            "WEEK" => DatePart::Week,
            "DAY" => DatePart::Day,
            "HOUR" => DatePart::Hour,
            "MINUTE" => DatePart::Minute,
            _ => {
                return exec_err!(
                    "EXTRACT({unit} FROM …) is not built; there are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND"
                );
            }
        };
        let parts = date_part(of, part)?;
        let parts = parts.as_primitive::<Int32Type>();
        return Ok(Arc::new(parts.iter().map(|part| part.map(i64::from)).collect::<Int64Array>()));
    }
    let Some(length) = unit_nanos(&unit) else {
        return exec_err!("an interval has no {unit} here; there are DAY, HOUR, MINUTE, SECOND");
    };
    // What the next larger unit has is not part of this one.
    let larger = match unit.as_str() {
        "DAY" => i64::MAX,
        "HOUR" => 24 * length,
        _ => 60 * length,
    };
    let parts = lengths(of)?;
    Ok(Arc::new(parts.iter().map(|nanos| nanos.map(|nanos| nanos % larger / length)).collect::<Int64Array>()))
}

/// `__extract_second(x)`: with milliseconds.
fn extract_second(args: &[ArrayRef]) -> Result<ArrayRef> {
    let of = &args[0];
    let millis: Int64Array = match of.as_primitive_opt::<TimestampMillisecondType>() {
        Some(times) => times.iter().map(|time| time.map(|millis| millis.rem_euclid(60_000))).collect(),
        None => lengths(of)?.iter().map(|nanos| nanos.map(|nanos| nanos / 1_000_000 % 60_000)).collect(),
    };
    let millis = millis.iter().map(|millis| millis.map(i128::from));
    Ok(Arc::new(millis.collect::<Decimal128Array>().with_precision_and_scale(5, 3)?))
}
