//! Objects. What a property's coming and going means depends on whether other properties are allowed: an open content
//! model takes any, a closed one none, a partially open one those of a schema.

use std::collections::BTreeSet;

use super::accept::Pattern;
use super::compare::Comparison;
use super::model::{Additional, JsonSchema, Object, PartId, Shape};
use super::rules;

pub(super) fn compare(comparison: &mut Comparison<'_>, writer: &Object, reader: &Object) {
    comparison.at("required", |comparison| required(comparison, writer, reader));
    comparison.at("properties", |comparison| properties(comparison, writer, reader));
    comparison.at("dependencies", |comparison| dependencies(comparison, writer, reader));
    comparison.at("additionalProperties", |comparison| additional(comparison, writer.additional, reader.additional));
    comparison.bound(&rules::MAX_PROPERTIES, writer.properties_max, reader.properties_max);
    comparison.bound(&rules::MIN_PROPERTIES, writer.properties_min, reader.properties_min);
}

/// The names of both, each once, in order.
fn names<'a, T>(writer: &'a [(String, T)], reader: &'a [(String, T)]) -> BTreeSet<&'a str> {
    writer.iter().chain(reader).map(|(name, _)| name.as_str()).collect()
}

fn of<T: Clone>(members: &[(String, T)], name: &str) -> Option<T> {
    members.iter().find(|(member, _)| member == name).map(|(_, value)| value.clone())
}

fn has_default(schema: &JsonSchema, part: PartId) -> bool {
    schema.part(part).remarks.default.is_some()
}

fn required(comparison: &mut Comparison<'_>, writer: &Object, reader: &Object) {
    for (name, _) in &writer.properties {
        let Some(property) = of(&reader.properties, name) else { continue };
        let rule = match (writer.required.contains(name), reader.required.contains(name)) {
            (true, false) => &rules::REQUIRED_ATTRIBUTE_REMOVED,
            (false, true) if has_default(comparison.reader, property) => &rules::REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED,
            (false, true) => &rules::REQUIRED_ATTRIBUTE_ADDED,
            _ => continue,
        };
        comparison.at(name, |comparison| comparison.add(rule, name));
    }
}

fn properties(comparison: &mut Comparison<'_>, writer: &Object, reader: &Object) {
    for name in names(&writer.properties, &reader.properties) {
        comparison.at(name, |comparison| match (of(&writer.properties, name), of(&reader.properties, name)) {
            (Some(written), Some(read)) => comparison.parts(written, read),
            (Some(written), None) => removed(comparison, name, written, reader),
            (None, Some(read)) => added(comparison, name, read, writer, reader),
            (None, None) => {}
        });
    }
}

/// The writer has a property that the reader does not name.
fn removed(comparison: &mut Comparison<'_>, name: &str, written: PartId, reader: &Object) {
    if is_open(reader) {
        return comparison.add(&rules::PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL, name);
    }
    let rule = match other(reader, name) {
        Some(other) => {
            let (found, fits) = comparison.attempt(written, other);
            comparison.found.extend(found);
            match fits {
                true => &rules::PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
                false => &rules::PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            }
        }
        None if matches!(comparison.writer_part(written).shape, Shape::Nothing) => {
            &rules::PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL
        }
        None => &rules::PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL,
    };
    comparison.add(rule, name);
}

/// The reader has a property that the writer does not name.
fn added(comparison: &mut Comparison<'_>, name: &str, read: PartId, writer: &Object, reader: &Object) {
    if is_open(writer) {
        let rule = match comparison.reader_part(read).shape {
            Shape::Any => &rules::PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL,
            _ => &rules::PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL,
        };
        return comparison.add(rule, name);
    }
    if let Some(other) = other(writer, name) {
        let (found, fits) = comparison.attempt(other, read);
        comparison.found.extend(found);
        let rule = match fits {
            true => &rules::PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            false => &rules::PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
        };
        comparison.add(rule, name);
    }
    let rule = match reader.required.iter().any(|required| required == name) {
        true if has_default(comparison.reader, read) => {
            &rules::REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL
        }
        true => &rules::REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
        false => &rules::OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL,
    };
    comparison.add(rule, name);
}

fn is_open(object: &Object) -> bool {
    object.patterns.is_empty() && object.additional == Additional::Allowed
}

/// The schema of a property that is not named.
fn other(object: &Object, name: &str) -> Option<PartId> {
    let matches = |pattern: &str| Pattern::new(pattern).is_in(name) == Some(true);
    let pattern = object.patterns.iter().find(|(pattern, _)| matches(pattern)).map(|(_, part)| *part);
    pattern.or(match object.additional {
        Additional::Schema(part) => Some(part),
        Additional::Allowed | Additional::Refused => None,
    })
}

fn dependencies(comparison: &mut Comparison<'_>, writer: &Object, reader: &Object) {
    for name in names(&writer.dependencies, &reader.dependencies) {
        let within = |some: &[String], all: &[String]| some.iter().all(|name| all.contains(name));
        let rule = match (of(&writer.dependencies, name), of(&reader.dependencies, name)) {
            (_, None) => &rules::DEPENDENCY_ARRAY_REMOVED,
            (None, Some(_)) => &rules::DEPENDENCY_ARRAY_ADDED,
            (Some(written), Some(read)) => match (within(&written, &read), within(&read, &written)) {
                (true, true) => continue,
                (true, false) => &rules::DEPENDENCY_ARRAY_EXTENDED,
                (false, true) => &rules::DEPENDENCY_ARRAY_NARROWED,
                (false, false) => &rules::DEPENDENCY_ARRAY_CHANGED,
            },
        };
        comparison.at(name, |comparison| comparison.add(rule, name));
    }
    for name in names(&writer.schema_dependencies, &reader.schema_dependencies) {
        let (written, read) = (of(&writer.schema_dependencies, name), of(&reader.schema_dependencies, name));
        comparison.at(name, |comparison| match (written, read) {
            (_, None) => comparison.add(&rules::DEPENDENCY_SCHEMA_REMOVED, name),
            (None, _) => comparison.add(&rules::DEPENDENCY_SCHEMA_ADDED, name),
            (Some(written), Some(read)) => comparison.parts(written, read),
        });
    }
}

fn additional(comparison: &mut Comparison<'_>, writer: Additional, reader: Additional) {
    match (writer, reader) {
        (Additional::Refused, Additional::Refused) | (Additional::Allowed, Additional::Allowed) => {}
        (Additional::Refused, _) => comparison.add(&rules::ADDITIONAL_PROPERTIES_ADDED, ""),
        (_, Additional::Refused) => comparison.add(&rules::ADDITIONAL_PROPERTIES_REMOVED, ""),
        (Additional::Allowed, Additional::Schema(_)) => comparison.add(&rules::ADDITIONAL_PROPERTIES_NARROWED, ""),
        (Additional::Schema(_), Additional::Allowed) => comparison.add(&rules::ADDITIONAL_PROPERTIES_EXTENDED, ""),
        (Additional::Schema(written), Additional::Schema(read)) => comparison.parts(written, read),
    }
}
