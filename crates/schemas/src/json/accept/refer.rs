//! Where references lead: what a name stands for, and what the schemas on the way here made of it.

use serde_json::Value;

use super::{At, Check, Draft, Verdict, Violation};
use crate::json::resolve::{Location, Target};
use crate::json::valid;

impl<'s, 'v> Check<'s, 'v> {
    /// Holds what a schema refers to against a value.
    pub(super) fn referred(&mut self, at: At<'s>, value: &'v Value) -> Verdict {
        for target in self.targets(at)?.into_iter().flatten() {
            self.value(target, value)?;
        }
        let of_a_draft =
            |reference: &str| self.of.resources.target(reference, at.resource).as_deref() == Some(&Target::AnySchema);
        match at.schema.get("$ref").and_then(Value::as_str).filter(|reference| of_a_draft(reference)) {
            Some(_) => valid::check(value).or_else(|invalid| self.wrong(format!("it is no schema: {invalid}"))),
            None => Ok(()),
        }
    }

    /// What `$ref` leads to, and what `$dynamicRef` or `$recursiveRef` does.
    pub(super) fn targets(&self, at: At<'s>) -> Result<[Option<At<'s>>; 2], Violation> {
        let text = |value: &'s Value| value.as_str();
        let found = match at.schema.get("$ref").and_then(text) {
            Some(reference) => self.target(at, reference)?.map(|(target, _)| target),
            None => None,
        };
        if let Some(reference) = at.since(Draft::Of2020, "$dynamicRef").and_then(text) {
            return Ok([found, self.dynamic(at, reference)?]);
        }
        let recursive = at.since(Draft::Of2019, "$recursiveRef").filter(|_| at.dialect.draft != Draft::Of2020);
        match recursive.and_then(text) {
            Some(reference) => Ok([found, self.recursive(at, reference)?]),
            None => Ok([found, None]),
        }
    }

    /// A reference's target, and its `$dynamicAnchor`; `None` for the drafts' own schemas.
    fn target(&self, at: At<'s>, reference: &str) -> Result<Option<(At<'s>, Option<String>)>, Violation> {
        let lost = || self.wrong(format!("the schema's reference {reference:?} leads nowhere"));
        match self.of.resources.target(reference, at.resource).as_deref() {
            Some(Target::Part { at, resource, dynamic }) => match self.place(at, *resource) {
                Some(target) => Ok(Some((target, dynamic.clone()))),
                None => lost(),
            },
            Some(Target::AnySchema | Target::Unchecked) => Ok(None),
            None => lost(),
        }
    }

    fn place(&self, at: &Location, resource: usize) -> Option<At<'s>> {
        let schema = self.of.documents.get(at.document)?.pointer(&at.pointer)?;
        Some(At { schema, resource, dialect: self.of.resources.get(resource)?.dialect })
    }

    /// The outermost schema on the way here that has the same `$dynamicAnchor` (2020-12, section 8.2.3.2).
    fn dynamic(&self, at: At<'s>, reference: &str) -> Result<Option<At<'s>>, Violation> {
        let Some((target, name)) = self.target(at, reference)? else { return Ok(None) };
        let outermost = name.and_then(|name| {
            self.scope.iter().find_map(|resource| {
                let place = self.of.resources.dynamic_anchor(*resource, &name)?;
                self.place(place, *resource)
            })
        });
        Ok(Some(outermost.unwrap_or(target)))
    }

    /// The outermost schema on the way here that has `$recursiveAnchor`, if this one has (2019-09, section 8.2.4.2).
    fn recursive(&self, at: At<'s>, reference: &str) -> Result<Option<At<'s>>, Violation> {
        let Some((target, _)) = self.target(at, reference)? else { return Ok(None) };
        let anchored = |resource: &usize| self.of.resources.get(*resource).is_some_and(|found| found.recursive);
        let outermost = self.scope.iter().find(|resource| anchored(resource)).filter(|_| anchored(&target.resource));
        let outermost = outermost.and_then(|resource| {
            let root = self.of.resources.get(*resource)?;
            self.place(&root.at, *resource)
        });
        Ok(Some(outermost.unwrap_or(target)))
    }
}
