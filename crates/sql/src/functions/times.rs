//! Times that are read from texts: NULL where a text is none.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMillisecondArray};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, is_null};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};

use super::java_time::Patterns;
use super::scalar::Function;
use crate::types::timestamp;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function {
            name: "to_timestamp",
            takes,
            gives: |_| timestamp(3, false),
            does: |args| read(args, &timestamp(3, false)),
        },
        Function {
            name: "unix_timestamp",
            takes,
            gives: |_| DataType::Int64,
            does: |args| {
                let milliseconds = cast(&read(args, &timestamp(3, false))?, &DataType::Int64)?;
                let seconds = |number: i64| number.div_euclid(1_000);
                Ok(Arc::new(milliseconds.as_primitive::<Int64Type>().unary::<_, Int64Type>(seconds)))
            },
        },
        Function { name: "to_date", takes, gives: |_| DataType::Date32, does: |args| read(args, &DataType::Date32) },
    ]
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_] | [_, _] if types.iter().all(|of| of.is_string() || of.is_null()) => Ok(vec![DataType::Utf8; types.len()]),
        _ => plan_err!("it takes a text, and the pattern that it is of, as 'dd.MM.yyyy'"),
    }
}

/// How a time without a pattern is written whose day its month does not have.
const PLAIN: [&str; 3] = ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm:ss.SSS", "yyyy-MM-dd"];

fn read(args: &[ArrayRef], to: &DataType) -> Result<ArrayRef> {
    let [texts, patterns] = args else { return read_plain(&args[0], to) };
    let mut known = Patterns::default();
    let rows = texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>().iter());
    let times = rows.map(|(text, pattern)| match (text, pattern) {
        (Some(text), Some(pattern)) => Ok(known.of(pattern)?.parse_whole(text)),
        _ => Ok(None),
    });
    let times = times.collect::<Result<TimestampMillisecondArray, String>>();
    let times = times.map_err(|error| exec_datafusion_err!("{error}"))?;
    Ok(cast(&(Arc::new(times) as ArrayRef), to)?)
}

fn read_plain(texts: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let read = cast(texts, to)?;
    if read.null_count() == texts.null_count() {
        return Ok(read);
    }
    let mut known = Patterns::default();
    let again = texts.as_string::<i32>().iter().enumerate().map(|(row, text)| {
        let text = text.filter(|_| read.is_null(row))?;
        PLAIN.iter().find_map(|pattern| known.of(pattern).ok()?.parse_whole(text))
    });
    let again = cast(&(Arc::new(again.collect::<TimestampMillisecondArray>()) as ArrayRef), to)?;
    Ok(zip(&is_null(&read)?, &again, &read)?)
}
