//! What differs between a writer's and a reader's schema.

use hashbrown::HashSet;

use super::model::{Criterion, JsonSchema, Part, PartId, Shape};
use super::rules::{self, Bound, Rule};
use super::{array, combined, object, simple};
use crate::compatibility::Difference;

/// Pairs of parts that are compared at most: alternatives in alternatives multiply.
const COMPARED_MAX: u32 = 1_000_000;

/// What differs; what breaks reading is marked.
pub(crate) fn compare(reader: &JsonSchema, writer: &JsonSchema) -> Vec<Difference> {
    let mut comparison = Comparison {
        reader,
        writer,
        inside: HashSet::new(),
        path: Vec::new(),
        found: Vec::new(),
        compared: 0,
        at: (writer.root(), reader.root()),
    };
    comparison.parts(writer.root(), reader.root());
    if comparison.compared > COMPARED_MAX {
        comparison.add(&rules::SCHEMA_TOO_COMPLEX, "");
    }
    comparison.found
}

/// A comparison under way.
pub(super) struct Comparison<'s> {
    pub(super) reader: &'s JsonSchema,
    pub(super) writer: &'s JsonSchema,
    /// Pairs that lie around this place: met again, they are equal as far as they are.
    inside: HashSet<(PartId, PartId)>,
    path: Vec<String>,
    pub(super) found: Vec<Difference>,
    compared: u32,
    at: (PartId, PartId),
}

impl<'s> Comparison<'s> {
    /// Notes a difference here.
    pub(super) fn add(&mut self, rule: &Rule, name: &str) {
        let path = std::iter::once("#").chain(self.path.iter().map(String::as_str)).collect::<Vec<_>>().join("/");
        let text = |text: &str| text.replace("{name}", name);
        self.found.push(Difference {
            rule: rule.name,
            path,
            breaks: rule.breaks,
            reader: self.reader.part(self.at.1).quoted.to_string(),
            writer: self.writer.part(self.at.0).quoted.to_string(),
            reason: text(rule.reason),
            remedy: text(rule.remedy),
        });
    }

    pub(super) fn at(&mut self, step: impl Into<String>, inside: impl FnOnce(&mut Self)) {
        self.path.push(step.into());
        inside(self);
        self.path.pop();
    }

    pub(super) fn reader_part(&self, id: PartId) -> &'s Part {
        self.reader.part(id)
    }

    pub(super) fn writer_part(&self, id: PartId) -> &'s Part {
        self.writer.part(id)
    }

    /// What a comparison of two parts finds, and whether nothing of it breaks.
    pub(super) fn attempt(&mut self, writer: PartId, reader: PartId) -> (Vec<Difference>, bool) {
        let before = std::mem::take(&mut self.found);
        self.parts(writer, reader);
        let found = std::mem::replace(&mut self.found, before);
        let fits = !found.iter().any(|difference| difference.breaks);
        (found, fits)
    }

    /// Keeps what an attempt found if it fits.
    fn keep_if_fits(&mut self, writer: PartId, reader: PartId) -> bool {
        let (found, fits) = self.attempt(writer, reader);
        if fits {
            self.found.extend(found);
        }
        fits
    }

    /// Compares where either side may have no schema.
    pub(super) fn maybe(&mut self, writer: Option<PartId>, reader: Option<PartId>) {
        match (writer, reader) {
            (None, None) => {}
            (None, Some(_)) => self.add(&rules::SCHEMA_ADDED, ""),
            (Some(_), None) => self.add(&rules::SCHEMA_REMOVED, ""),
            (Some(writer), Some(reader)) => self.parts(writer, reader),
        }
    }

    /// Compares two parts.
    pub(super) fn parts(&mut self, writer_id: PartId, reader_id: PartId) {
        self.compared += 1;
        if self.compared > COMPARED_MAX {
            return;
        }
        let around = std::mem::replace(&mut self.at, (writer_id, reader_id));
        self.shapes(writer_id, reader_id);
        self.at = around;
    }

    fn shapes(&mut self, writer_id: PartId, reader_id: PartId) {
        let (writer, reader) = (self.writer_part(writer_id), self.reader_part(reader_id));
        if self.is_alternative(writer_id, &writer.shape, reader_id, &reader.shape) {
            return;
        }
        if std::mem::discriminant(&writer.shape) != std::mem::discriminant(&reader.shape) {
            if !matches!(writer.shape, Shape::Nothing) && !matches!(reader.shape, Shape::Any) {
                self.add(&rules::TYPE_CHANGED, "");
            }
            return;
        }
        if !self.inside.insert((writer_id, reader_id)) {
            return;
        }
        self.remarks(writer, reader);
        match (&writer.shape, &reader.shape) {
            (Shape::String { .. }, Shape::String { .. }) => simple::strings(self, &writer.shape, &reader.shape),
            (Shape::Number(writer), Shape::Number(reader)) => simple::numbers(self, writer, reader),
            (Shape::Enum(writer), Shape::Enum(reader)) => simple::enums(self, writer, reader),
            (Shape::Object(writer), Shape::Object(reader)) => object::compare(self, writer, reader),
            (Shape::Array(writer), Shape::Array(reader)) => array::compare(self, writer, reader),
            (Shape::Combined(written, writers), Shape::Combined(read, readers)) => {
                combined::compare(self, (*written, writers), (*read, readers));
            }
            (Shape::Not(writer), Shape::Not(reader)) => self.nots(*writer, *reader),
            _ => {}
        }
        self.inside.remove(&(writer_id, reader_id));
    }

    /// A schema is read by an alternative of the reader's, and the only one of a combination stands for it.
    fn is_alternative(&mut self, writer_id: PartId, writer: &Shape, reader_id: PartId, reader: &Shape) -> bool {
        match (writer, reader) {
            (Shape::Combined(..), Shape::Combined(..)) => false,
            (_, Shape::Combined(_, parts)) if parts.len() == 1 => {
                parts.iter().any(|part| self.keep_if_fits(writer_id, *part))
            }
            (_, Shape::Combined(Criterion::Any | Criterion::One, parts)) => {
                let fits = parts.iter().any(|part| self.keep_if_fits(writer_id, *part));
                if fits {
                    self.add(&rules::SUM_TYPE_EXTENDED, "");
                }
                fits
            }
            (Shape::Combined(_, parts), _) if parts.len() == 1 => {
                parts.iter().any(|part| self.keep_if_fits(*part, reader_id))
            }
            _ => false,
        }
    }

    fn remarks(&mut self, writer: &Part, reader: &Part) {
        let (writer, reader) = (&writer.remarks, &reader.remarks);
        let checks = [
            (writer.id == reader.id, &rules::ID_CHANGED),
            (writer.title == reader.title, &rules::TITLE_CHANGED),
            (writer.description == reader.description, &rules::DESCRIPTION_CHANGED),
            (writer.default == reader.default, &rules::DEFAULT_CHANGED),
        ];
        for (_, rule) in checks.iter().filter(|(same, _)| !same) {
            self.add(rule, "");
        }
    }

    fn nots(&mut self, writer: PartId, reader: PartId) {
        // What the reader excludes, the writer must exclude too: the other way round.
        let mut turned = Comparison {
            reader: self.writer,
            writer: self.reader,
            inside: HashSet::new(),
            path: self.path.clone(),
            found: Vec::new(),
            compared: self.compared,
            at: (reader, writer),
        };
        let (found, fits) = turned.attempt(reader, writer);
        self.compared = turned.compared;
        match (found.is_empty(), fits) {
            (true, _) => {}
            (_, true) => self.at("not", |comparison| comparison.add(&rules::NOT_TYPE_NARROWED, "")),
            (_, false) => self.at("not", |comparison| comparison.add(&rules::NOT_TYPE_EXTENDED, "")),
        }
    }

    /// Compares a bound.
    pub(super) fn bound(&mut self, bound: &Bound, writer: Option<f64>, reader: Option<f64>) {
        let rule = match (writer, reader) {
            (None, Some(_)) => &bound.added,
            (Some(_), None) => &bound.removed,
            (Some(writer), Some(reader)) if reader > writer => &bound.increased,
            (Some(writer), Some(reader)) if reader < writer => &bound.decreased,
            _ => return,
        };
        self.at(bound.keyword, |comparison| comparison.add(rule, bound.keyword));
    }
}
