//! Strings, numbers and enumerations.

use serde_json::Value;

use super::compare::Comparison;
use super::model::{Number, Shape};
use super::rules;

pub(super) fn strings(comparison: &mut Comparison<'_>, writer: &Shape, reader: &Shape) {
    let Shape::String { length_min: written_min, length_max: written_max, pattern: written } = writer else { return };
    let Shape::String { length_min, length_max, pattern } = reader else { return };
    comparison.bound(&rules::MAX_LENGTH, *written_max, *length_max);
    comparison.bound(&rules::MIN_LENGTH, *written_min, *length_min);
    let rule = match (written, pattern) {
        (None, Some(_)) => &rules::PATTERN_ADDED,
        (Some(_), None) => &rules::PATTERN_REMOVED,
        (written, pattern) if written != pattern => &rules::PATTERN_CHANGED,
        _ => return,
    };
    comparison.at("pattern", |comparison| comparison.add(rule, "pattern"));
}

pub(super) fn numbers(comparison: &mut Comparison<'_>, writer: &Number, reader: &Number) {
    comparison.bound(&rules::MAXIMUM, writer.maximum, reader.maximum);
    comparison.bound(&rules::MINIMUM, writer.minimum, reader.minimum);
    comparison.bound(&rules::EXCLUSIVE_MAXIMUM, writer.exclusive_maximum, reader.exclusive_maximum);
    comparison.bound(&rules::EXCLUSIVE_MINIMUM, writer.exclusive_minimum, reader.exclusive_minimum);
    let rule = match (writer.multiple_of, reader.multiple_of) {
        (None, Some(_)) => Some(&rules::MULTIPLE_OF_ADDED),
        (Some(_), None) => Some(&rules::MULTIPLE_OF_REMOVED),
        (Some(writer), Some(reader)) if writer == reader => None,
        (Some(writer), Some(reader)) if reader % writer == 0.0 => Some(&rules::MULTIPLE_OF_EXPANDED),
        (Some(writer), Some(reader)) if writer % reader == 0.0 => Some(&rules::MULTIPLE_OF_REDUCED),
        (Some(_), Some(_)) => Some(&rules::MULTIPLE_OF_CHANGED),
        (None, None) => None,
    };
    if let Some(rule) = rule {
        comparison.at("multipleOf", |comparison| comparison.add(rule, "multipleOf"));
    }
    match (writer.integer, reader.integer) {
        (true, false) => comparison.add(&rules::TYPE_EXTENDED, ""),
        (false, true) => comparison.add(&rules::TYPE_NARROWED, ""),
        _ => {}
    }
}

pub(super) fn enums(comparison: &mut Comparison<'_>, writer: &[Value], reader: &[Value]) {
    let within = |some: &[Value], all: &[Value]| some.iter().all(|value| all.contains(value));
    let rule = match (within(writer, reader), within(reader, writer)) {
        (true, true) => return,
        (true, false) => &rules::ENUM_ARRAY_EXTENDED,
        (false, true) => &rules::ENUM_ARRAY_NARROWED,
        (false, false) => &rules::ENUM_ARRAY_CHANGED,
    };
    comparison.at("enum", |comparison| comparison.add(rule, "enum"));
}
