//! Functions of times.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, StringArray, Time32MillisecondArray, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, IntervalMonthDayNanoType, Time32MillisecondType, TimeUnit,
    TimestampMillisecondType,
};
use datafusion::common::{Result, exec_err, plan_err};

use super::{STEP, STEP_END, STEP_UP};
use crate::functions::java_time::{Pattern, Patterns};
use crate::functions::scalar::Function;

/// `UNIX_TIMESTAMP(ts)`: milliseconds.
pub(super) const UNIX_TIMESTAMP: &str = "kinesis_unix_timestamp";
/// `TO_TIMESTAMP(milliseconds)`
pub(super) const TO_TIMESTAMP: &str = "kinesis_to_timestamp";

const DAY_MS: i64 = 86_400_000;
const MILLIS: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

pub(super) fn all() -> Vec<Function> {
    let of_time = |types: &[DataType]| match types {
        [DataType::Timestamp(..) | DataType::Date32 | DataType::Null] => Ok(vec![MILLIS]),
        _ => plan_err!("UNIX_TIMESTAMP takes a TIMESTAMP"),
    };
    vec![
        Function { name: STEP, takes: step_takes, gives: first, does: |args| step(args, Edge::Begin) },
        Function { name: STEP_END, takes: step_takes, gives: first, does: |args| step(args, Edge::End) },
        Function { name: STEP_UP, takes: step_takes, gives: first, does: |args| step(args, Edge::NotBefore) },
        Function {
            name: UNIX_TIMESTAMP,
            takes: of_time,
            gives: |_| DataType::Int64,
            does: |args| Ok(cast(&args[0], &DataType::Int64)?),
        },
        Function {
            name: TO_TIMESTAMP,
            takes: |types| match types {
                [number] if number.is_integer() || number.is_null() => Ok(vec![DataType::Int64]),
                _ => plan_err!("TO_TIMESTAMP takes a BIGINT of milliseconds"),
            },
            gives: |_| MILLIS,
            does: |args| Ok(cast(&args[0], &MILLIS)?),
        },
        Function {
            name: "tsdiff",
            takes: |types| match types {
                [DataType::Timestamp(..) | DataType::Null, DataType::Timestamp(..) | DataType::Null] => {
                    Ok(vec![MILLIS, MILLIS])
                }
                _ => plan_err!("TSDIFF takes two TIMESTAMPs"),
            },
            gives: |_| DataType::Int64,
            does: |args| {
                let (a, b) = (
                    args[0].as_primitive::<TimestampMillisecondType>(),
                    args[1].as_primitive::<TimestampMillisecondType>(),
                );
                Ok(Arc::new(a.iter().zip(b).map(|(a, b)| Some(a?.wrapping_sub(b?))).collect::<Int64Array>()))
            },
        },
        reads("char_to_timestamp", |_| MILLIS, |args| Ok(Arc::new(TimestampMillisecondArray::from(parsed(args)?)))),
        reads(
            "char_to_date",
            |_| DataType::Date32,
            |args| {
                let days = |ms: i64| i32::try_from(ms.div_euclid(DAY_MS)).ok();
                Ok(Arc::new(parsed(args)?.into_iter().map(|ms| ms.and_then(days)).collect::<Date32Array>()))
            },
        ),
        reads(
            "char_to_time",
            |_| DataType::Time32(TimeUnit::Millisecond),
            |args| {
                let time = |ms: i64| i32::try_from(ms.rem_euclid(DAY_MS)).ok();
                Ok(Arc::new(parsed(args)?.into_iter().map(|ms| ms.and_then(time)).collect::<Time32MillisecondArray>()))
            },
        ),
        writes("timestamp_to_char"),
        writes("date_to_char"),
        writes("time_to_char"),
    ]
}

fn first(types: &[DataType]) -> DataType {
    types.first().cloned().unwrap_or(DataType::Null)
}

fn step_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Timestamp(..) | DataType::Date32 | DataType::Null, DataType::Interval(_)] => {
            Ok(vec![MILLIS, DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano)])
        }
        [number, by] if number.is_integer() && by.is_integer() => Ok(vec![DataType::Int64, DataType::Int64]),
        _ => plan_err!("STEP takes a TIMESTAMP and an INTERVAL of days or less, or two integers"),
    }
}

/// Which edge of a step.
#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
    /// The first begin that is not before the value.
    NotBefore,
}

impl Edge {
    fn of(self, value: i64, step: i64) -> i64 {
        let begin = value - value.rem_euclid(step);
        match self {
            Edge::Begin => begin,
            Edge::NotBefore if begin == value => begin,
            Edge::End | Edge::NotBefore => begin.saturating_add(step),
        }
    }
}

fn step(args: &[ArrayRef], edge: Edge) -> Result<ArrayRef> {
    let [values, steps] = args else { return exec_err!("STEP takes 2 arguments") };
    let steps: Vec<Option<i64>> = match steps.data_type() {
        DataType::Int64 => steps.as_primitive::<Int64Type>().iter().collect(),
        _ => {
            let length = |interval: arrow::datatypes::IntervalMonthDayNano| match interval.months {
                0 => Ok(i64::from(interval.days) * DAY_MS + interval.nanoseconds / 1_000_000),
                _ => exec_err!("STEP BY months: they have no length; use FLOOR(… TO MONTH)"),
            };
            let intervals = steps.as_primitive::<IntervalMonthDayNanoType>();
            intervals.iter().map(|interval| interval.map(length).transpose()).collect::<Result<_>>()?
        }
    };
    let of = |(value, step): (Option<i64>, Option<i64>)| match (value, step) {
        (Some(_), Some(step)) if step <= 0 => exec_err!("STEP BY {step}: it must be more than nothing"),
        (Some(value), Some(step)) => Ok(Some(edge.of(value, step))),
        _ => Ok(None),
    };
    Ok(match values.data_type() {
        DataType::Int64 => {
            Arc::new(values.as_primitive::<Int64Type>().iter().zip(steps).map(of).collect::<Result<Int64Array>>()?)
        }
        _ => {
            let times = values.as_primitive::<TimestampMillisecondType>().iter().zip(steps).map(of);
            Arc::new(times.collect::<Result<TimestampMillisecondArray>>()?)
        }
    })
}

/// `CHAR_TO_…(pattern, text)`
fn reads(
    name: &'static str,
    gives: fn(&[DataType]) -> DataType,
    does: fn(&[ArrayRef]) -> Result<ArrayRef>,
) -> Function {
    let takes = |types: &[DataType]| match types {
        [pattern, text] if [pattern, text].iter().all(|t| t.is_string() || t.is_null()) => {
            Ok(vec![DataType::Utf8, DataType::Utf8])
        }
        _ => plan_err!("it takes a pattern and a text, as CHAR_TO_TIMESTAMP('yyyy-MM-dd', text)"),
    };
    Function { name, takes, gives, does }
}

fn parsed(args: &[ArrayRef]) -> Result<Vec<Option<i64>>> {
    let (patterns, texts) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
    let mut known = Patterns::default();
    let rows = patterns.iter().zip(texts).map(|(pattern, text)| match (pattern, text) {
        (Some(pattern), Some(text)) => known.of(pattern).and_then(|pattern: &Pattern| pattern.parse(text)).map(Some),
        _ => Ok(None),
    });
    rows.map(|row| row.map_err(datafusion::error::DataFusionError::Execution)).collect()
}

/// `…_TO_CHAR(pattern, value)`
fn writes(name: &'static str) -> Function {
    Function {
        name,
        takes: |types| match types {
            [pattern, DataType::Timestamp(..) | DataType::Null] if pattern.is_string() => {
                Ok(vec![DataType::Utf8, MILLIS])
            }
            [pattern, DataType::Date32] if pattern.is_string() => Ok(vec![DataType::Utf8, DataType::Date32]),
            [pattern, DataType::Time32(_) | DataType::Time64(_)] if pattern.is_string() => {
                Ok(vec![DataType::Utf8, DataType::Time32(TimeUnit::Millisecond)])
            }
            _ => plan_err!("it takes a pattern and a time, as TIMESTAMP_TO_CHAR('yyyy-MM-dd', ts)"),
        },
        gives: |_| DataType::Utf8,
        does: |args| {
            let (patterns, values) = (args[0].as_string::<i32>(), &args[1]);
            let millis: Vec<Option<i64>> = match values.data_type() {
                DataType::Date32 => {
                    values.as_primitive::<Date32Type>().iter().map(|d| Some(i64::from(d?) * DAY_MS)).collect()
                }
                DataType::Time32(_) => {
                    values.as_primitive::<Time32MillisecondType>().iter().map(|t| t.map(i64::from)).collect()
                }
                _ => values.as_primitive::<TimestampMillisecondType>().iter().collect(),
            };
            let mut known = Patterns::default();
            let rows = patterns.iter().zip(millis).map(|(pattern, ms)| match (pattern, ms) {
                (Some(pattern), Some(ms)) => known.of(pattern).map(|pattern| Some(pattern.format(ms))),
                _ => Ok(None),
            });
            let rows: std::result::Result<StringArray, String> = rows.collect();
            rows.map(|rows| Arc::new(rows) as ArrayRef).map_err(datafusion::error::DataFusionError::Execution)
        },
    }
}
