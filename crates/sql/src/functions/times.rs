//! Times that are read from texts, or are texts in another zone: NULL where a text is none.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMillisecondArray};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, is_null};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::java_time::{Pattern, Patterns};
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
        Function {
            name: "convert_tz",
            takes: |types| match types {
                [_, _, _] if types.iter().all(|of| of.is_string() || of.is_null()) => Ok(vec![DataType::Utf8; 3]),
                _ => plan_err!("CONVERT_TZ takes a time as a text, its zone, and the zone that it is wanted in"),
            },
            gives: |_| DataType::Utf8,
            does: convert,
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

/// Zones that Java knows by short names, and jiff does not.
const SHORT_ZONES: [(&str, &str); 9] = [
    ("PST", "America/Los_Angeles"),
    ("CST", "America/Chicago"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("AET", "Australia/Sydney"),
    ("CTT", "Asia/Shanghai"),
    ("BST", "Asia/Dhaka"),
    ("ECT", "Europe/Paris"),
    ("ART", "Africa/Cairo"),
];

/// What `TimeZone.getTimeZone` gives: a name, or hours and minutes behind GMT; GMT where it is neither.
fn zone(name: &str) -> TimeZone {
    let offset = || -> Option<TimeZone> {
        let (sign, digits) = match name.strip_prefix("GMT")?.split_at_checked(1)? {
            ("+", digits) => (1, digits),
            ("-", digits) => (-1, digits),
            _ => return None,
        };
        let (hours, minutes) = match digits.split_once(':') {
            Some(parts) => parts,
            None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
            None => (digits, "0"),
        };
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let exists = (0..24).contains(&hours) && (0..60).contains(&minutes);
        Some(Offset::from_seconds(sign * (hours * 60 + minutes) * 60).ok().filter(|_| exists)?.to_time_zone())
    };
    let known = SHORT_ZONES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
    offset().or_else(|| TimeZone::get(known).ok()).unwrap_or(TimeZone::UTC)
}

/// `CONVERT_TZ('2026-01-01 00:00:00', 'UTC', 'Europe/Berlin')`: of two times that a clock shows twice, the later one.
fn convert(args: &[ArrayRef]) -> Result<ArrayRef> {
    let pattern = Pattern::new("yyyy-MM-dd HH:mm:ss").map_err(|error| exec_datafusion_err!("{error}"))?;
    let mut zones: HashMap<String, TimeZone> = HashMap::new();
    let (from, to) = (args[1].as_string::<i32>(), args[2].as_string::<i32>());
    let rows = args[0].as_string::<i32>().iter().zip(from.iter().zip(to));
    let rows = rows.map(|(text, (from, to))| {
        let mut zone_of = |name: &str| zones.entry(name.to_owned()).or_insert_with(|| zone(name)).clone();
        let (from, to) = (zone_of(from?), zone_of(to?));
        let shown = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(pattern.parse(text?).ok()?).ok()?);
        let place = from.to_ambiguous_zoned(shown);
        let at = match place.offset() {
            AmbiguousOffset::Fold { .. } => place.later(),
            _ => place.compatible(),
        };
        Some(to.to_datetime(at.ok()?.timestamp()).strftime("%Y-%m-%d %H:%M:%S").to_string())
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}
