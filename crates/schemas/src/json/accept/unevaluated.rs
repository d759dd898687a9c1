//! Members and items that no other keyword of a schema has looked at.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{At, Check, Draft, Verdict, positions};

/// What keywords have looked at.
#[derive(Default)]
struct Seen<'v> {
    members: BTreeSet<&'v str>,
    items: BTreeSet<usize>,
}

impl<'s, 'v> Check<'s, 'v> {
    /// `unevaluatedProperties` and `unevaluatedItems`: of what no other keyword has looked at.
    pub(super) fn unevaluated(&mut self, at: At<'s>, value: &'v Value) -> Verdict {
        let of_members = at.since(Draft::Of2019, "unevaluatedProperties");
        let of_items = at.since(Draft::Of2019, "unevaluatedItems");
        if of_members.is_none() && of_items.is_none() {
            return Ok(());
        }
        let mut seen = Seen::default();
        self.look(at, value, &mut seen, true)?;
        if let (Some(schema), Some(members)) = (of_members, value.as_object()) {
            for (name, member) in members.iter().filter(|(name, _)| !seen.members.contains(name.as_str())) {
                if *schema == Value::Bool(false) {
                    return self.wrong(format!("the member {name:?} is not allowed"));
                }
                self.member(self.inside(at, schema), name, member)?;
            }
        }
        if let (Some(schema), Some(items)) = (of_items, value.as_array()) {
            for (nth, item) in items.iter().enumerate().filter(|(nth, _)| !seen.items.contains(nth)) {
                self.item(self.inside(at, schema), nth, item)?;
            }
        }
        Ok(())
    }

    /// Notes which members and items the keywords of a schema that accepts the value look at.
    fn look(&mut self, at: At<'s>, value: &'v Value, seen: &mut Seen<'v>, outermost: bool) -> Verdict {
        let Value::Object(keywords) = at.schema else { return Ok(()) };
        self.deeper(at, |check| check.look_within(at, keywords, value, seen, outermost))
    }

    fn look_within(
        &mut self,
        at: At<'s>,
        keywords: &'s Map<String, Value>,
        value: &'v Value,
        seen: &mut Seen<'v>,
        outermost: bool,
    ) -> Verdict {
        for name in value.as_object().into_iter().flat_map(Map::keys) {
            let others = keywords.contains_key("additionalProperties")
                || (!outermost && keywords.contains_key("unevaluatedProperties"));
            if others || !self.named(keywords, name)?.is_empty() {
                seen.members.insert(name);
            }
        }
        let (prefix, rest) = positions(keywords, at.dialect.draft);
        for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
            let contains = keywords.get("contains").filter(|_| at.dialect.draft.contains_evaluates());
            let contained = match contains {
                Some(schema) => self.item(self.inside(at, schema), nth, item).is_ok(),
                None => false,
            };
            let others = rest.is_some() || (!outermost && keywords.contains_key("unevaluatedItems"));
            if others || contained || nth < prefix.len() {
                seen.items.insert(nth);
            }
        }
        for target in self.targets(at)?.into_iter().flatten() {
            self.look(target, value, seen, false)?;
        }
        let mut inner: Vec<&'s Value> = Vec::new();
        for keyword in ["allOf", "anyOf", "oneOf"] {
            inner.extend(keywords.get(keyword).and_then(Value::as_array).into_iter().flatten());
        }
        let dependent = keywords.get("dependentSchemas").and_then(Value::as_object).into_iter().flatten();
        inner.extend(dependent.filter(|(name, _)| value.get(name.as_str()).is_some()).map(|(_, schema)| schema));
        if let Some(condition) = keywords.get("if") {
            let holds = self.value(self.inside(at, condition), value).is_ok();
            inner.extend(holds.then_some(condition));
            inner.extend(keywords.get(if holds { "then" } else { "else" }));
        }
        for schema in inner {
            if self.value(self.inside(at, schema), value).is_ok() {
                self.look(self.inside(at, schema), value, seen, false)?;
            }
        }
        Ok(())
    }
}
