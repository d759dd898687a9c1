//! `REGEX_LOG_PARSE`: the groups of a regular expression that matches the whole line.

use std::sync::Mutex;

use arrow::datatypes::{DataType, Field};
use regex::{CaptureLocations, Regex};

use super::{CutLine, LogField, unlike};
use crate::fault::Read;

/// A compiled expression takes at most so many bytes.
const COMPILED_BYTES_MAX: usize = 10 << 20;

pub(super) struct RegexLine {
    regex: Regex,
    /// Used again from line to line; a decoder has its own, so nobody waits.
    locations: Mutex<CaptureLocations>,
}

impl RegexLine {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let regex = regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| {
                format!(
                    "{}; it is matched in linear time, so Java's look-around and back-references are not there",
                    error.to_string().lines().last().unwrap_or_default()
                )
            })?;
        if regex.captures_len() < 2 {
            return Err("it has no group: put what becomes a column in ( )".into());
        }
        let locations = Mutex::new(regex.capture_locations());
        Ok(RegexLine { regex, locations })
    }

    /// A column a group: `COLUMN1`, …, or the group's name.
    pub(super) fn fields(&self) -> Vec<Field> {
        let names = self.regex.capture_names().enumerate().skip(1);
        let name = |(nth, name): (usize, Option<&str>)| name.map_or_else(|| format!("COLUMN{nth}"), str::to_owned);
        names.map(|group| Field::new(name(group), DataType::Utf8, true)).collect()
    }
}

impl CutLine for RegexLine {
    fn cut(&self, line: &str, fields: &mut Vec<LogField>) -> Read {
        let mut locations = self.locations.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.regex.captures_read(&mut locations, line).is_none() {
            return Err(unlike("match of the regular expression", line));
        }
        fields.extend((1..locations.len()).map(|group| match locations.get(group) {
            Some((begin, end)) => LogField::Part(begin..end),
            None => LogField::Missing,
        }));
        Ok(())
    }
}
