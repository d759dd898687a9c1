//! Arrays. As with objects, what an item's coming and going means depends on whether further items are allowed.

use super::compare::Comparison;
use super::model::{Additional, Array, PartId, Shape};
use super::rules;

pub(super) fn compare(comparison: &mut Comparison<'_>, writer: &Array, reader: &Array) {
    comparison.at("items", |comparison| comparison.maybe(writer.items, reader.items));
    prefix(comparison, writer, reader);
    comparison.at("additionalItems", |comparison| additional(comparison, writer.additional, reader.additional));
    comparison.bound(&rules::MAX_ITEMS, writer.items_max, reader.items_max);
    comparison.bound(&rules::MIN_ITEMS, writer.items_min, reader.items_min);
    comparison.bound(&rules::MAX_CONTAINS, writer.contains_max, reader.contains_max);
    comparison.bound(&rules::MIN_CONTAINS, writer.contains_min, reader.contains_min);
    let rule = match (writer.unique, reader.unique) {
        (true, false) => &rules::UNIQUE_ITEMS_REMOVED,
        (false, true) => &rules::UNIQUE_ITEMS_ADDED,
        _ => return,
    };
    comparison.at("uniqueItems", |comparison| comparison.add(rule, ""));
}

fn prefix(comparison: &mut Comparison<'_>, writer: &Array, reader: &Array) {
    for nth in 0..writer.prefix.len().max(reader.prefix.len()) {
        let (written, read) = (writer.prefix.get(nth), reader.prefix.get(nth));
        comparison.at(format!("items/{nth}"), |comparison| match (written, read) {
            (Some(written), Some(read)) => comparison.parts(*written, *read),
            (Some(written), None) => removed(comparison, *written, reader.additional),
            (None, Some(read)) => added(comparison, *read, writer.additional),
            (None, None) => {}
        });
    }
}

fn removed(comparison: &mut Comparison<'_>, written: PartId, reader: Additional) {
    let rule = match reader {
        Additional::Allowed => &rules::ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL,
        Additional::Schema(other) => {
            let (found, fits) = comparison.attempt(written, other);
            comparison.found.extend(found);
            match fits {
                true => &rules::ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
                false => &rules::ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            }
        }
        Additional::Refused if matches!(comparison.writer_part(written).shape, Shape::Nothing) => {
            &rules::ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL
        }
        Additional::Refused => &rules::ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL,
    };
    comparison.add(rule, "");
}

fn added(comparison: &mut Comparison<'_>, read: PartId, writer: Additional) {
    let rule = match writer {
        Additional::Allowed if matches!(comparison.reader_part(read).shape, Shape::Any) => {
            &rules::ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL
        }
        Additional::Allowed => &rules::ITEM_ADDED_TO_OPEN_CONTENT_MODEL,
        Additional::Schema(other) => {
            let (found, fits) = comparison.attempt(other, read);
            comparison.found.extend(found);
            match fits {
                true => &rules::ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
                false => &rules::ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL,
            }
        }
        Additional::Refused => &rules::ITEM_ADDED_TO_CLOSED_CONTENT_MODEL,
    };
    comparison.add(rule, "");
}

fn additional(comparison: &mut Comparison<'_>, writer: Additional, reader: Additional) {
    match (writer, reader) {
        (Additional::Refused, Additional::Refused) | (Additional::Allowed, Additional::Allowed) => {}
        (Additional::Refused, _) => comparison.add(&rules::ADDITIONAL_ITEMS_ADDED, ""),
        (_, Additional::Refused) => comparison.add(&rules::ADDITIONAL_ITEMS_REMOVED, ""),
        (Additional::Allowed, Additional::Schema(_)) => comparison.add(&rules::ADDITIONAL_ITEMS_NARROWED, ""),
        (Additional::Schema(_), Additional::Allowed) => comparison.add(&rules::ADDITIONAL_ITEMS_EXTENDED, ""),
        (Additional::Schema(written), Additional::Schema(read)) => comparison.parts(written, read),
    }
}
