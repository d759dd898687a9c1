//! Whether a schema accepts a value: all keywords of the drafts that assert, as their specifications say.
//!
//! Not looked at: what describes content; `format` from 2019-09 on, where it is a remark, unless the schema's own dialect
//! asserts it. Numbers that do not fit 64 bits are read as floating-point ones. `tests/json_schema_suite.rs` holds it
//! against the official test suite.

mod format;
mod number;
mod pattern;
mod refer;
mod unevaluated;

use std::cmp::Ordering;
use std::fmt;

use hashbrown::HashMap;
use serde_json::{Map, Number, Value};

use self::number::{compare, is_multiple, is_whole, is_written_whole, same};
pub(super) use self::pattern::Pattern;
use super::draft::Draft;
use super::resolve::{Dialect, Resources};

/// Schemas that are held against a value's parts; more is a schema that takes too long.
const STEPS_MAX: usize = 200_000;
/// How deep schemas may lead into each other.
const DEPTH_MAX: usize = 256;
const TOO_LONG: &str = "to check it takes too long: the schema leads into itself, or a pattern tries, too often";

/// A JSON Schema with all that it refers to, ready to be held against values.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The schema, and those that it refers to.
    documents: Vec<Value>,
    resources: Resources,
    patterns: HashMap<String, Pattern>,
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
        let documents: Vec<Value> =
            std::iter::once(schema).chain(references.iter().map(|(_, document)| document)).cloned().collect();
        documents.iter().for_each(|document| collect_patterns(document, &mut patterns));
        Acceptance { documents, resources: Resources::new(schema, references), patterns }
    }

    /// The first thing that is wrong with a value; `None` when the schema accepts it.
    pub fn violation(&self, value: &Value) -> Option<Violation> {
        let (schema, root) = self.documents.first().zip(self.resources.get(0))?;
        let mut check = Check { of: self, steps: STEPS_MAX, depth: 0, place: Vec::new(), scope: Vec::new() };
        let verdict = check.value(At { schema, resource: 0, dialect: root.dialect }, value);
        match check.steps {
            // Whatever came of it: a `not` may have taken this for the answer.
            0 => check.wrong::<()>(TOO_LONG).err(),
            _ => verdict.err(),
        }
    }
}

fn collect_patterns(schema: &Value, found: &mut HashMap<String, Pattern>) {
    match schema {
        Value::Object(members) => {
            let of_names = members.get("patternProperties").and_then(Value::as_object);
            let own = members.get("pattern").and_then(Value::as_str);
            for pattern in own.into_iter().chain(of_names.into_iter().flat_map(Map::keys).map(String::as_str)) {
                found.entry_ref(pattern).or_insert_with(|| Pattern::new(pattern));
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
    /// That it lies in.
    resource: usize,
    dialect: Dialect,
}

impl<'s> At<'s> {
    /// What a keyword says, from a draft on.
    fn since(self, draft: Draft, keyword: &str) -> Option<&'s Value> {
        self.schema.get(keyword).filter(|_| self.dialect.draft >= draft)
    }

    /// What a keyword says that bounds values.
    fn bound(self, keyword: &str) -> Option<&'s Value> {
        self.schema.get(keyword).filter(|_| self.dialect.validates)
    }
}

/// A step to a part of a value.
enum Step<'v> {
    Member(&'v str),
    Item(usize),
}

struct Check<'s, 'v> {
    of: &'s Acceptance,
    steps: usize,
    depth: usize,
    place: Vec<Step<'v>>,
    /// The resources that led here, outermost first.
    scope: Vec<usize>,
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
        self.deeper(at, |check| check.schema(at, value))
    }

    fn too_long(&mut self) -> Verdict {
        self.steps = 0;
        self.wrong(TOO_LONG)
    }

    /// Takes a step into a schema. Where that is one too many, none is taken any more: no other branch makes the value right.
    fn deeper(&mut self, at: At<'s>, step: impl FnOnce(&mut Self) -> Verdict) -> Verdict {
        if self.steps == 0 || self.depth > DEPTH_MAX {
            return self.too_long();
        }
        self.steps -= 1;
        self.depth += 1;
        self.scope.push(at.resource);
        let verdict = step(self);
        self.scope.pop();
        self.depth -= 1;
        verdict
    }

    /// A schema in another one.
    fn inside(&self, at: At<'s>, schema: &'s Value) -> At<'s> {
        let child = self.of.resources.child(at.resource, schema);
        let dialect = child.and_then(|child| self.of.resources.get(child)).map(|child| child.dialect);
        At { schema, resource: child.unwrap_or(at.resource), dialect: dialect.unwrap_or(at.dialect) }
    }

    fn schema(&mut self, at: At<'s>, value: &'v Value) -> Verdict {
        let keywords = match at.schema {
            Value::Bool(false) => return self.wrong("nothing is allowed here"),
            Value::Object(keywords) => keywords,
            _ => return Ok(()),
        };
        self.referred(at, value)?;
        if at.dialect.draft.ref_stands_alone() && keywords.contains_key("$ref") {
            return Ok(());
        }
        self.of_any_type(at, value)?;
        match value {
            Value::Number(number) => self.number(at, number)?,
            Value::String(text) => self.text(at, text)?,
            Value::Array(items) => self.array(at, keywords, items)?,
            Value::Object(members) => self.object(at, keywords, value, members)?,
            Value::Null | Value::Bool(_) => {}
        }
        self.combined(at, keywords, value)?;
        self.unevaluated(at, value)
    }

    fn of_any_type(&self, at: At<'s>, value: &Value) -> Verdict {
        if let Some(types) = at.bound("type") {
            let is = |name: &Value| name.as_str().is_some_and(|name| is_of(value, name, at.dialect.draft));
            let fits = types.as_array().map_or_else(|| is(types), |types| types.iter().any(is));
            if !fits {
                return self.wrong(format!("expected {types}, found {}", short(value)));
            }
        }
        if let Some(Value::Array(allowed)) = at.bound("enum")
            && !allowed.iter().any(|allowed| same(allowed, value))
        {
            return self.wrong(format!("{} is none of {}", short(value), short(&Value::Array(allowed.clone()))));
        }
        match at.since(Draft::Six, "const").filter(|wanted| at.dialect.validates && !same(wanted, value)) {
            Some(wanted) => self.wrong(format!("{} is not {}", short(value), short(wanted))),
            None => Ok(()),
        }
    }

    fn number(&self, at: At<'s>, number: &Number) -> Verdict {
        let beyond = |keyword: &str, wrong: &[Ordering]| {
            let limit = at.bound(keyword).and_then(Value::as_number);
            limit.is_some_and(|limit| wrong.contains(&compare(number, limit)))
        };
        // In draft 4 these only sharpen the limit beside them.
        let sharp = |keyword: &str| at.bound(keyword) == Some(&Value::Bool(true));
        let above = beyond("maximum", &[Ordering::Greater])
            || beyond("exclusiveMaximum", &[Ordering::Greater, Ordering::Equal])
            || (sharp("exclusiveMaximum") && beyond("maximum", &[Ordering::Equal]));
        let below = beyond("minimum", &[Ordering::Less])
            || beyond("exclusiveMinimum", &[Ordering::Less, Ordering::Equal])
            || (sharp("exclusiveMinimum") && beyond("minimum", &[Ordering::Equal]));
        if above || below {
            let most = if above { ["maximum", "exclusiveMaximum"] } else { ["minimum", "exclusiveMinimum"] };
            let said: Vec<String> =
                most.iter().filter_map(|keyword| Some(format!("{keyword} {}", at.bound(keyword)?))).collect();
            return self.wrong(format!("{number} is beyond {}", said.join(", ")));
        }
        let of = at.bound("multipleOf").and_then(Value::as_number);
        match of.filter(|of| !is_multiple(number, of)) {
            Some(of) => self.wrong(format!("{number} is no multiple of {of}")),
            None => Ok(()),
        }
    }

    fn text(&mut self, at: At<'s>, text: &str) -> Verdict {
        let length = text.chars().count();
        self.count(at, length, ["minLength", "maxLength"], "characters")?;
        if let Some(pattern) = at.bound("pattern").and_then(Value::as_str)
            && !self.matches(pattern, text)?
        {
            return self.wrong(format!("{} does not match {pattern:?}", short(&text.into())));
        }
        let format = at.schema.get("format").and_then(Value::as_str);
        let asserted = |format: &&str| at.dialect.asserts_formats || at.dialect.draft.asserts(format);
        match format.filter(asserted).filter(|format| !format::is_of(format, text)) {
            Some(format) => self.wrong(format!("{} is no {format}", short(&text.into()))),
            None => Ok(()),
        }
    }

    fn matches(&mut self, pattern: &str, text: &str) -> Result<bool, Violation> {
        match self.of.patterns.get(pattern).map_or(Some(true), |pattern| pattern.is_in(text)) {
            Some(found) => Ok(found),
            None => self.too_long().map(|()| false),
        }
    }

    fn count(&self, at: At<'s>, count: usize, limits: [&str; 2], of: &str) -> Verdict {
        let [least, most] = limits.map(|keyword| at.bound(keyword).and_then(Value::as_f64));
        let given = count as f64;
        if least.is_some_and(|least| given < least) || most.is_some_and(|most| given > most) {
            let said: Vec<String> =
                limits.iter().filter_map(|keyword| Some(format!("{keyword} {}", at.bound(keyword)?))).collect();
            return self.wrong(format!("{count} {of}, and {}", said.join(", ")));
        }
        Ok(())
    }

    fn array(&mut self, at: At<'s>, keywords: &'s Map<String, Value>, items: &'v [Value]) -> Verdict {
        self.count(at, items.len(), ["minItems", "maxItems"], "items")?;
        let (prefix, rest) = positions(keywords, at.dialect.draft);
        for (nth, item) in items.iter().enumerate() {
            if let Some(schema) = prefix.get(nth).or(rest) {
                self.item(self.inside(at, schema), nth, item)?;
            }
        }
        if at.bound("uniqueItems") == Some(&Value::Bool(true)) {
            let twice =
                items.iter().enumerate().find(|(nth, item)| items.iter().take(*nth).any(|other| same(item, other)));
            if let Some((nth, item)) = twice {
                return self.wrong(format!("item {nth}, {}, is there twice", short(item)));
            }
        }
        let Some(schema) = at.since(Draft::Six, "contains") else { return Ok(()) };
        let mut found = 0;
        for (nth, item) in items.iter().enumerate() {
            found += usize::from(self.item(self.inside(at, schema), nth, item).is_ok());
        }
        let limit = |keyword: &str| at.since(Draft::Of2019, keyword).and_then(Value::as_f64);
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
        self.count(at, members.len(), ["minProperties", "maxProperties"], "members")?;
        let lacks = |name: &&str| !members.contains_key(*name);
        let required = at.bound("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(name) = required.filter_map(Value::as_str).find(lacks) {
            return self.wrong(format!("the member {name:?} is missing"));
        }
        for (name, value) in members {
            if let Some(names) = at.since(Draft::Six, "propertyNames") {
                self.name(self.inside(at, names), name)?;
            }
            let mut known = false;
            for schema in self.named(keywords, name)? {
                known = true;
                self.member(self.inside(at, schema), name, value)?;
            }
            match keywords.get("additionalProperties").filter(|_| !known) {
                Some(Value::Bool(false)) => return self.wrong(format!("the member {name:?} is not allowed")),
                Some(schema) => self.member(self.inside(at, schema), name, value)?,
                None => {}
            }
        }
        let dependencies =
            [(Draft::Four, "dependencies"), (Draft::Of2019, "dependentRequired"), (Draft::Of2019, "dependentSchemas")];
        for (draft, keyword) in dependencies {
            let all = at.since(draft, keyword).and_then(Value::as_object).into_iter().flatten();
            for (name, needed) in all.filter(|(name, _)| members.contains_key(*name)) {
                match needed {
                    Value::Array(names) => {
                        if let Some(missing) = names.iter().filter_map(Value::as_str).find(lacks) {
                            return self.wrong(format!("the member {missing:?} is missing, which {name:?} needs"));
                        }
                    }
                    schema => self.value(self.inside(at, schema), value)?,
                }
            }
        }
        Ok(())
    }

    /// The schemas of a member's name.
    fn named(&mut self, keywords: &'s Map<String, Value>, name: &str) -> Result<Vec<&'s Value>, Violation> {
        let mut schemas: Vec<&Value> = Vec::new();
        schemas.extend(keywords.get("properties").and_then(|properties| properties.get(name)));
        for (pattern, schema) in keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
            if self.matches(pattern, name)? {
                schemas.push(schema);
            }
        }
        Ok(schemas)
    }

    /// Holds a schema against a member's name.
    fn name(&mut self, at: At<'s>, name: &str) -> Verdict {
        let name = Value::from(name);
        let scope = self.scope.clone();
        let mut check = Check { of: self.of, steps: self.steps, depth: self.depth, place: Vec::new(), scope };
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
            self.value(self.inside(at, schema), value)?;
        }
        for (keyword, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            let Some(schemas) = all(keyword) else { continue };
            let (mut fitting, mut first) = (0, None);
            for schema in schemas {
                match self.value(self.inside(at, schema), value) {
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
            && self.value(self.inside(at, schema), value).is_ok()
        {
            return self.wrong("it is as `not` says");
        }
        let Some(condition) = at.since(Draft::Seven, "if") else { return Ok(()) };
        let branch = if self.value(self.inside(at, condition), value).is_ok() { "then" } else { "else" };
        keywords.get(branch).map_or(Ok(()), |schema| self.value(self.inside(at, schema), value))
    }
}

/// The schemas of the first items, and that of the rest, by the words of a draft.
fn positions(keywords: &Map<String, Value>, draft: Draft) -> (&[Value], Option<&Value>) {
    let items = keywords.get("items");
    let prefix = keywords.get("prefixItems").filter(|_| draft >= Draft::Of2020);
    match (prefix, items) {
        (Some(Value::Array(prefix)), items) => (prefix, items),
        (_, Some(Value::Array(prefix))) if draft.items_may_be_list() => (prefix, keywords.get("additionalItems")),
        (_, items) => (&[], items),
    }
}

fn is_of(value: &Value, name: &str, draft: Draft) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
        Value::Number(number) if name == "integer" => {
            if draft.whole_is_integer() {
                is_whole(number)
            } else {
                is_written_whole(number)
            }
        }
        Value::Number(_) => name == "number",
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
