//! Whether a schema accepts a value: all keywords of the drafts that assert, as their specifications say.
//!
//! Not looked at: `format` and what describes content, which assert nothing by default. `$dynamicRef` and
//! `$recursiveRef` are taken for `$ref`.

mod unevaluated;

use std::fmt;

use hashbrown::HashMap;
use regex::Regex;
use serde_json::{Map, Number, Value};

use super::resolve::{Documents, Location};

/// Schemas that are held against a value's parts; more is a schema that takes too long.
const STEPS_MAX: usize = 200_000;
/// How deep schemas may lead into each other.
const DEPTH_MAX: usize = 256;
const TOO_LONG: &str = "to check it takes too long: the schema leads into itself too often";

/// A JSON Schema with all that it refers to, ready to be held against values.
#[derive(Clone, Debug)]
pub struct Acceptance {
    schema: Value,
    references: Vec<(String, Value)>,
    patterns: HashMap<String, Option<Regex>>,
    /// Up to draft 7 what stands beside a `$ref` does not count.
    ref_stands_alone: bool,
}

/// Where a value is not what a schema says, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place in the value, such as `$.lines[2].price`.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

impl Acceptance {
    pub(crate) fn new(schema: &Value, references: &[(String, Value)]) -> Self {
        let mut patterns = HashMap::new();
        for document in std::iter::once(schema).chain(references.iter().map(|(_, document)| document)) {
            collect_patterns(document, &mut patterns);
        }
        let draft = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let ref_stands_alone = !draft.contains("/2019-") && !draft.contains("/202");
        Acceptance { schema: schema.clone(), references: references.to_vec(), patterns, ref_stands_alone }
    }

    /// The first thing that is wrong with a value; `None` when the schema accepts it.
    pub fn violation(&self, value: &Value) -> Option<Violation> {
        let documents = Documents::new(&self.schema, &self.references);
        let mut check = Check { of: self, documents: &documents, steps: STEPS_MAX, depth: 0, place: Vec::new() };
        let verdict = check.value(At { schema: &self.schema, document: 0 }, value);
        match check.steps {
            // Whatever came of it: a `not` may have taken this for the answer.
            0 => check.wrong::<()>(TOO_LONG).err(),
            _ => verdict.err(),
        }
    }
}

/// ECMA's expressions that Rust's library has not, with look-around, accept anything.
fn collect_patterns(schema: &Value, found: &mut HashMap<String, Option<Regex>>) {
    match schema {
        Value::Object(members) => {
            let of_names = members.get("patternProperties").and_then(Value::as_object);
            let own = members.get("pattern").and_then(Value::as_str);
            for pattern in own.into_iter().chain(of_names.into_iter().flat_map(Map::keys).map(String::as_str)) {
                found.entry_ref(pattern).or_insert_with(|| Regex::new(pattern).ok());
            }
            members.values().for_each(|member| collect_patterns(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_patterns(item, found)),
        _ => {}
    }
}

type Verdict = Result<(), Violation>;

/// A part of a schema.
#[derive(Clone, Copy)]
struct At<'s> {
    schema: &'s Value,
    document: usize,
}

impl<'s> At<'s> {
    fn of(self, schema: &'s Value) -> At<'s> {
        At { schema, ..self }
    }
}

/// A step to a part of a value.
enum Step<'v> {
    Member(&'v str),
    Item(usize),
}

struct Check<'s, 'v> {
    of: &'s Acceptance,
    documents: &'s Documents<'s>,
    steps: usize,
    depth: usize,
    place: Vec<Step<'v>>,
}

impl<'s, 'v> Check<'s, 'v> {
    fn wrong<T>(&self, reason: impl Into<String>) -> Result<T, Violation> {
        let path = self.place.iter().fold("$".to_owned(), |path, step| match step {
            Step::Member(name) => format!("{path}.{name}"),
            Step::Item(nth) => format!("{path}[{nth}]"),
        });
        Err(Violation { path, reason: reason.into() })
    }

    /// Holds a schema against a value.
    fn value(&mut self, at: At<'s>, value: &'v Value) -> Verdict {
        self.deeper(|check| check.schema(at, value))
    }

    /// Takes a step into a schema. Where that is one too many, none is taken any more: no other branch makes the value right.
    fn deeper(&mut self, step: impl FnOnce(&mut Self) -> Verdict) -> Verdict {
        if self.steps == 0 || self.depth > DEPTH_MAX {
            self.steps = 0;
            return self.wrong(TOO_LONG);
        }
        self.steps -= 1;
        self.depth += 1;
        let verdict = step(self);
        self.depth -= 1;
        verdict
    }

    fn schema(&mut self, at: At<'s>, value: &'v Value) -> Verdict {
        let keywords = match at.schema {
            Value::Bool(false) => return self.wrong("nothing is allowed here"),
            Value::Object(keywords) => keywords,
            _ => return Ok(()),
        };
        if let Some(target) = self.referred(at, keywords)? {
            self.value(target, value)?;
            if self.of.ref_stands_alone {
                return Ok(());
            }
        }
        self.of_any_type(keywords, value)?;
        match value {
            Value::Number(number) => self.number(keywords, number)?,
            Value::String(text) => self.text(keywords, text)?,
            Value::Array(items) => self.array(at, keywords, items)?,
            Value::Object(members) => self.object(at, keywords, value, members)?,
            Value::Null | Value::Bool(_) => {}
        }
        self.combined(at, keywords, value)?;
        self.unevaluated(at, keywords, value)
    }

    /// What a `$ref` leads to; `None` where there is none, or it is one of the drafts' own schemas.
    fn referred(&self, at: At<'s>, keywords: &'s Map<String, Value>) -> Result<Option<At<'s>>, Violation> {
        let reference = ["$ref", "$dynamicRef", "$recursiveRef"].iter().find_map(|keyword| keywords.get(*keyword));
        let Some(reference) = reference.and_then(Value::as_str) else { return Ok(None) };
        let from = Location { document: at.document, pointer: String::new() };
        match self.documents.resolve(reference, &from) {
            Ok(None) => Ok(None),
            Ok(Some(found)) => {
                let schema = self.documents.get(&found);
                Ok(schema.map(|schema| At { schema, document: found.document }))
            }
            Err(invalid) => self.wrong(invalid.to_string()),
        }
    }

    fn of_any_type(&self, keywords: &Map<String, Value>, value: &Value) -> Verdict {
        if let Some(types) = keywords.get("type") {
            let is = |name: &Value| name.as_str().is_some_and(|name| is_of(value, name));
            let fits = types.as_array().map_or_else(|| is(types), |types| types.iter().any(is));
            if !fits {
                return self.wrong(format!("expected {types}, found {}", short(value)));
            }
        }
        if let Some(Value::Array(allowed)) = keywords.get("enum")
            && !allowed.iter().any(|allowed| same(allowed, value))
        {
            return self.wrong(format!("{} is none of {}", short(value), short(&Value::Array(allowed.clone()))));
        }
        match keywords.get("const").filter(|wanted| !same(wanted, value)) {
            Some(wanted) => self.wrong(format!("{} is not {}", short(value), short(wanted))),
            None => Ok(()),
        }
    }

    fn number(&self, keywords: &Map<String, Value>, number: &Number) -> Verdict {
        let value = number.as_f64().unwrap_or(f64::NAN);
        let limit = |keyword: &str| keywords.get(keyword).and_then(Value::as_f64);
        // In draft 4 these only sharpen the limit beside them.
        let sharp = |keyword: &str| keywords.get(keyword) == Some(&Value::Bool(true));
        let (maximum, minimum) = (limit("maximum"), limit("minimum"));
        let above = maximum.is_some_and(|most| value > most || (value == most && sharp("exclusiveMaximum")))
            || limit("exclusiveMaximum").is_some_and(|end| value >= end);
        let below = minimum.is_some_and(|least| value < least || (value == least && sharp("exclusiveMinimum")))
            || limit("exclusiveMinimum").is_some_and(|end| value <= end);
        if above || below {
            let most = if above { ["maximum", "exclusiveMaximum"] } else { ["minimum", "exclusiveMinimum"] };
            let said: Vec<String> =
                most.iter().filter_map(|keyword| Some(format!("{keyword} {}", keywords.get(*keyword)?))).collect();
            return self.wrong(format!("{number} is beyond {}", said.join(", ")));
        }
        match keywords.get("multipleOf").filter(|of| !is_multiple(number, of)) {
            Some(of) => self.wrong(format!("{number} is no multiple of {of}")),
            None => Ok(()),
        }
    }

    fn text(&self, keywords: &Map<String, Value>, text: &str) -> Verdict {
        let length = text.chars().count();
        self.count(keywords, length, ["minLength", "maxLength"], "characters")?;
        let pattern = keywords.get("pattern").and_then(Value::as_str);
        match pattern.filter(|pattern| !self.matches(pattern, text)) {
            Some(pattern) => self.wrong(format!("{} does not match {pattern:?}", short(&text.into()))),
            None => Ok(()),
        }
    }

    fn matches(&self, pattern: &str, text: &str) -> bool {
        self.of.patterns.get(pattern).and_then(Option::as_ref).is_none_or(|pattern| pattern.is_match(text))
    }

    fn count(&self, keywords: &Map<String, Value>, count: usize, limits: [&str; 2], of: &str) -> Verdict {
        let [least, most] = limits.map(|keyword| keywords.get(keyword).and_then(Value::as_f64));
        let given = count as f64;
        if least.is_some_and(|least| given < least) || most.is_some_and(|most| given > most) {
            let said: Vec<String> =
                limits.iter().filter_map(|keyword| Some(format!("{keyword} {}", keywords.get(*keyword)?))).collect();
            return self.wrong(format!("{count} {of}, and {}", said.join(", ")));
        }
        Ok(())
    }

    fn array(&mut self, at: At<'s>, keywords: &'s Map<String, Value>, items: &'v [Value]) -> Verdict {
        self.count(keywords, items.len(), ["minItems", "maxItems"], "items")?;
        let (prefix, rest) = positions(keywords);
        for (nth, item) in items.iter().enumerate() {
            if let Some(schema) = prefix.get(nth).or(rest) {
                self.item(at.of(schema), nth, item)?;
            }
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            let twice =
                items.iter().enumerate().find(|(nth, item)| items.iter().take(*nth).any(|other| same(item, other)));
            if let Some((nth, item)) = twice {
                return self.wrong(format!("item {nth}, {}, is there twice", short(item)));
            }
        }
        let Some(schema) = keywords.get("contains") else { return Ok(()) };
        let mut found = 0;
        for (nth, item) in items.iter().enumerate() {
            found += usize::from(self.item(at.of(schema), nth, item).is_ok());
        }
        let limit = |keyword: &str| keywords.get(keyword).and_then(Value::as_f64);
        let (least, most) = (limit("minContains").unwrap_or(1.0), limit("maxContains").unwrap_or(f64::INFINITY));
        match (least..=most).contains(&(found as f64)) {
            true => Ok(()),
            false => self.wrong(format!("{found} items are as `contains` says")),
        }
    }

    fn item(&mut self, at: At<'s>, nth: usize, item: &'v Value) -> Verdict {
        self.part(at, Step::Item(nth), item)
    }

    fn member(&mut self, at: At<'s>, name: &'v str, value: &'v Value) -> Verdict {
        self.part(at, Step::Member(name), value)
    }

    fn part(&mut self, at: At<'s>, step: Step<'v>, part: &'v Value) -> Verdict {
        self.place.push(step);
        let verdict = self.value(at, part);
        self.place.pop();
        verdict
    }

    fn object(
        &mut self,
        at: At<'s>,
        keywords: &'s Map<String, Value>,
        value: &'v Value,
        members: &'v Map<String, Value>,
    ) -> Verdict {
        self.count(keywords, members.len(), ["minProperties", "maxProperties"], "members")?;
        let lacks = |name: &&str| !members.contains_key(*name);
        let required = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(name) = required.filter_map(Value::as_str).find(lacks) {
            return self.wrong(format!("the member {name:?} is missing"));
        }
        for (name, value) in members {
            if let Some(names) = keywords.get("propertyNames") {
                self.name(at.of(names), name)?;
            }
            let mut known = false;
            for schema in self.named(keywords, name) {
                known = true;
                self.member(at.of(schema), name, value)?;
            }
            match keywords.get("additionalProperties").filter(|_| !known) {
                Some(Value::Bool(false)) => return self.wrong(format!("the member {name:?} is not allowed")),
                Some(schema) => self.member(at.of(schema), name, value)?,
                None => {}
            }
        }
        for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
            let all = keywords.get(keyword).and_then(Value::as_object).into_iter().flatten();
            for (name, needed) in all.filter(|(name, _)| members.contains_key(*name)) {
                match needed {
                    Value::Array(names) => {
                        if let Some(missing) = names.iter().filter_map(Value::as_str).find(lacks) {
                            return self.wrong(format!("the member {missing:?} is missing, which {name:?} needs"));
                        }
                    }
                    schema => self.value(at.of(schema), value)?,
                }
            }
        }
        Ok(())
    }

    /// The schemas of a member's name.
    fn named(&self, keywords: &'s Map<String, Value>, name: &str) -> Vec<&'s Value> {
        let own = keywords.get("properties").and_then(|properties| properties.get(name));
        let by_pattern = keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let by_pattern = by_pattern.filter(|(pattern, _)| self.matches(pattern, name)).map(|(_, schema)| schema);
        own.into_iter().chain(by_pattern).collect()
    }

    /// Holds a schema against a member's name.
    fn name(&mut self, at: At<'s>, name: &str) -> Verdict {
        let name = Value::from(name);
        let mut check =
            Check { of: self.of, documents: self.documents, steps: self.steps, depth: self.depth, place: Vec::new() };
        let verdict = check.value(at, &name);
        self.steps = check.steps;
        match verdict {
            Ok(()) => Ok(()),
            Err(violation) => self.wrong(format!("the name of the member {name}: {}", violation.reason)),
        }
    }

    fn combined(&mut self, at: At<'s>, keywords: &'s Map<String, Value>, value: &'v Value) -> Verdict {
        let all = |keyword: &str| keywords.get(keyword).and_then(Value::as_array).map(Vec::as_slice);
        for schema in all("allOf").unwrap_or_default() {
            self.value(at.of(schema), value)?;
        }
        for (keyword, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            let Some(schemas) = all(keyword) else { continue };
            let (mut fitting, mut first) = (0, None);
            for schema in schemas {
                match self.value(at.of(schema), value) {
                    Ok(()) => fitting += 1,
                    Err(violation) => first = first.or(Some(violation)),
                }
                if fitting > most || (fitting == 1 && most > 1) {
                    break;
                }
            }
            match (fitting, first) {
                (0, Some(violation)) => {
                    return self.wrong(format!("it is as none of {keyword} says; by the first, {violation}"));
                }
                (0, None) => return self.wrong(format!("{keyword} allows nothing")),
                (fitting, _) if fitting > most => return self.wrong("it is as more than one of oneOf says"),
                _ => {}
            }
        }
        if let Some(schema) = keywords.get("not")
            && self.value(at.of(schema), value).is_ok()
        {
            return self.wrong("it is as `not` says");
        }
        let Some(condition) = keywords.get("if") else { return Ok(()) };
        let branch = if self.value(at.of(condition), value).is_ok() { "then" } else { "else" };
        keywords.get(branch).map_or(Ok(()), |schema| self.value(at.of(schema), value))
    }
}

/// The schemas of the first items, and that of the rest, by the words of any draft.
fn positions(keywords: &Map<String, Value>) -> (&[Value], Option<&Value>) {
    let items = keywords.get("items");
    match (keywords.get("prefixItems"), items) {
        (Some(Value::Array(prefix)), items) => (prefix, items),
        (_, Some(Value::Array(prefix))) => (prefix, keywords.get("additionalItems")),
        (_, items) => (&[], items),
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
        Value::Number(number) => name == "number" || (name == "integer" && is_whole(number)),
    }
}

fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn is_multiple(number: &Number, of: &Value) -> bool {
    if let (Some(number), Some(of)) = (number.as_i64(), of.as_i64()) {
        return of == 0 || number.checked_rem(of).unwrap_or(0) == 0;
    }
    let (Some(number), Some(of)) = (number.as_f64(), of.as_f64()) else { return true };
    let times = number / of;
    // Decimals have no exact binary form: 0.3 is three times 0.1.
    !times.is_finite() || (times - times.round()).abs() <= times.abs().max(1.0) * 1e-9
}

/// Equal as JSON is: 1 and 1.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A value as a message shows it.
fn short(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
