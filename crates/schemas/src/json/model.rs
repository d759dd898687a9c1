//! What a schema says, the same whatever draft it is written in.
//!
//! Parts are numbered, so that a part may lie in itself. A part is of one shape: keywords of several shapes together
//! (`type` and `enum`, or two types) make a combination, as Everit's library, which Glue and Confluent both read
//! schemas with, takes them.

use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use serde_json::{Map, Value};

use super::resolve::{Documents, Location};
use super::{invalid, valid};
use crate::compatibility::quoted;
use crate::definition::Invalid;

/// Parts of a schema.
const PARTS_MAX: usize = 50_000;
/// References that lead to references.
const REFERENCES_MAX: usize = 64;

/// A parsed JSON Schema.
#[derive(Clone, Debug)]
pub(crate) struct JsonSchema {
    parts: Vec<Part>,
    root: PartId,
}

/// A part's place in its schema.
pub(super) type PartId = usize;

/// A schema, or one in it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) shape: Shape,
    /// What it says, cut short.
    pub(super) quoted: Arc<str>,
    pub(super) remarks: Arc<Remarks>,
}

/// What a part says that accepts and refuses nothing.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Remarks {
    pub(super) id: Option<Value>,
    pub(super) title: Option<Value>,
    pub(super) description: Option<Value>,
    pub(super) default: Option<Value>,
}

impl Remarks {
    fn of(source: &Value) -> Self {
        let of = |keyword: &str| source.get(keyword).cloned();
        let id = of("$id").or_else(|| of("id"));
        Remarks { id, title: of("title"), description: of("description"), default: of("default") }
    }
}

/// What values it accepts.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// All.
    Any,
    /// None.
    Nothing,
    String {
        length_min: Option<f64>,
        length_max: Option<f64>,
        pattern: Option<String>,
    },
    Number(Number),
    Boolean,
    Null,
    Enum(Vec<Value>),
    Object(Box<Object>),
    Array(Box<Array>),
    Combined(Criterion, Vec<PartId>),
    Not(PartId),
    /// `if`, `then`, `else`: not looked into.
    Conditional,
}

#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) integer: bool,
    pub(super) maximum: Option<f64>,
    pub(super) minimum: Option<f64>,
    pub(super) exclusive_maximum: Option<f64>,
    pub(super) exclusive_minimum: Option<f64>,
    pub(super) multiple_of: Option<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) properties: Vec<(String, PartId)>,
    pub(super) patterns: Vec<(String, PartId)>,
    pub(super) required: Vec<String>,
    pub(super) additional: Additional,
    pub(super) dependencies: Vec<(String, Vec<String>)>,
    pub(super) schema_dependencies: Vec<(String, PartId)>,
    pub(super) properties_max: Option<f64>,
    pub(super) properties_min: Option<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct Array {
    /// Of every item.
    pub(super) items: Option<PartId>,
    /// Of the first, the second …
    pub(super) prefix: Vec<PartId>,
    /// Of those behind the prefix.
    pub(super) additional: Additional,
    pub(super) items_max: Option<f64>,
    pub(super) items_min: Option<f64>,
    pub(super) contains_max: Option<f64>,
    pub(super) contains_min: Option<f64>,
    pub(super) unique: bool,
}

/// What else may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Additional {
    Allowed,
    Refused,
    Schema(PartId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Criterion {
    All,
    Any,
    One,
}

impl Criterion {
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Criterion::All => "allOf",
            Criterion::Any => "anyOf",
            Criterion::One => "oneOf",
        }
    }
}

impl JsonSchema {
    /// Reads a schema and those that it refers to by name.
    pub(crate) fn new(schema: &Value, references: &[(String, Value)]) -> Result<Self, Invalid> {
        valid::check(schema)?;
        let documents = Documents::new(schema, references);
        let mut builder = Builder { documents, parts: Vec::new(), known: HashMap::new() };
        let root = builder.at(Location { document: 0, pointer: String::new() }, 0)?;
        Ok(JsonSchema { parts: builder.parts, root })
    }

    pub(super) fn root(&self) -> PartId {
        self.root
    }

    pub(super) fn part(&self, id: PartId) -> &Part {
        static NONE: LazyLock<Part> =
            LazyLock::new(|| Part { shape: Shape::Any, quoted: "".into(), remarks: Arc::default() });
        self.parts.get(id).unwrap_or(&NONE)
    }
}

struct Builder<'d> {
    documents: Documents<'d>,
    parts: Vec<Part>,
    known: HashMap<Location, PartId>,
}

type Build<T> = Result<T, Invalid>;

impl Builder<'_> {
    fn add(&mut self, shape: Shape, source: &Value) -> Build<PartId> {
        if self.parts.len() >= PARTS_MAX {
            return Err(invalid("#", format!("the schema has more than {PARTS_MAX} parts")));
        }
        self.parts.push(Part { shape, quoted: quoted(source).into(), remarks: Arc::new(Remarks::of(source)) });
        Ok(self.parts.len() - 1)
    }

    /// As [`Builder::add`], of what the same source says as the part before it.
    fn add_shape(&mut self, shape: Shape, of: PartId) -> Build<PartId> {
        let Some(part) = self.parts.get(of) else { return self.add(shape, &Value::Null) };
        let part = Part { shape, quoted: Arc::clone(&part.quoted), remarks: Arc::clone(&part.remarks) };
        if self.parts.len() >= PARTS_MAX {
            return Err(invalid("#", format!("the schema has more than {PARTS_MAX} parts")));
        }
        self.parts.push(part);
        Ok(self.parts.len() - 1)
    }

    /// The part at a place, or what the reference there leads to.
    fn at(&mut self, location: Location, references: usize) -> Build<PartId> {
        if let Some(known) = self.known.get(&location) {
            return Ok(*known);
        }
        let Some(value) = self.documents.get(&location) else {
            return Err(invalid(location.pointer, "there is nothing"));
        };
        let reference = value.get("$ref").or_else(|| value.get("$dynamicRef")).and_then(Value::as_str);
        if let Some(reference) = reference {
            if references > REFERENCES_MAX {
                return Err(invalid(format!("#{}", location.pointer), format!("{reference:?} leads in a circle")));
            }
            let part = match self.documents.resolve(reference, &location)? {
                Some(target) => self.at(target, references + 1)?,
                None => self.add(Shape::Any, value)?,
            };
            self.known.insert(location, part);
            return Ok(part);
        }
        // The place is taken before what lies in it is read: that may refer back to it.
        let id = self.add(Shape::Any, value)?;
        self.known.insert(location.clone(), id);
        let shape = match value {
            Value::Bool(true) => Shape::Any,
            Value::Bool(false) => Shape::Nothing,
            Value::Object(object) => self.object_shapes(object, id, &location)?,
            _ => return Err(invalid(format!("#{}", location.pointer), "a schema is an object or a boolean")),
        };
        if let Some(part) = self.parts.get_mut(id) {
            part.shape = shape;
        }
        Ok(id)
    }

    fn inside(&mut self, location: &Location, path: &[&str]) -> Build<PartId> {
        self.at(location.step(path), 0)
    }

    fn object_shapes(&mut self, object: &Map<String, Value>, own: PartId, at: &Location) -> Build<Shape> {
        let mut shapes = Vec::new();
        if let Some(Value::Array(values)) = object.get("enum") {
            shapes.push(Shape::Enum(values.clone()));
        }
        if let Some(value) = object.get("const") {
            shapes.push(Shape::Enum(vec![value.clone()]));
        }
        for criterion in [Criterion::All, Criterion::Any, Criterion::One] {
            if let Some(Value::Array(schemas)) = object.get(criterion.keyword()) {
                let keyword = criterion.keyword();
                let parts = (0..schemas.len()).map(|nth| self.inside(at, &[keyword, &nth.to_string()]));
                shapes.push(Shape::Combined(criterion, parts.collect::<Build<_>>()?));
            }
        }
        if object.contains_key("not") {
            shapes.push(Shape::Not(self.inside(at, &["not"])?));
        }
        if object.contains_key("if") {
            shapes.push(Shape::Conditional);
        }
        match object.get("type") {
            Some(Value::String(name)) => shapes.push(self.typed(name, object, at)?),
            Some(Value::Array(names)) => {
                let typed = names.iter().filter_map(Value::as_str).map(|name| {
                    let shape = self.typed(name, object, at)?;
                    self.add_shape(shape, own)
                });
                shapes.push(Shape::Combined(Criterion::Any, typed.collect::<Build<_>>()?));
            }
            _ => {
                for name in untyped(object) {
                    shapes.push(self.typed(name, object, at)?);
                }
            }
        }
        if shapes.len() > 1 {
            let parts = shapes.into_iter().map(|shape| self.add_shape(shape, own));
            return Ok(Shape::Combined(Criterion::All, parts.collect::<Build<_>>()?));
        }
        Ok(shapes.pop().unwrap_or(Shape::Any))
    }

    fn typed(&mut self, name: &str, object: &Map<String, Value>, at: &Location) -> Build<Shape> {
        let number = |keyword: &str| object.get(keyword).and_then(Value::as_f64);
        Ok(match name {
            "string" => Shape::String {
                length_min: number("minLength"),
                length_max: number("maxLength"),
                pattern: object.get("pattern").and_then(Value::as_str).map(str::to_owned),
            },
            "number" | "integer" => Shape::Number(self::number(object, name == "integer")),
            "boolean" => Shape::Boolean,
            "null" => Shape::Null,
            "array" => Shape::Array(Box::new(self.array(object, at)?)),
            _ => Shape::Object(Box::new(self.object(object, at)?)),
        })
    }

    /// The parts of an object of schemas.
    fn members(&mut self, object: &Map<String, Value>, keyword: &str, at: &Location) -> Build<Vec<(String, PartId)>> {
        let Some(Value::Object(members)) = object.get(keyword) else { return Ok(Vec::new()) };
        let schemas = members.iter().filter(|(_, schema)| !schema.is_array());
        schemas.map(|(name, _)| Ok((name.clone(), self.inside(at, &[keyword, name])?))).collect()
    }

    fn additional(&mut self, object: &Map<String, Value>, keyword: &str, at: &Location) -> Build<Additional> {
        Ok(match object.get(keyword) {
            None | Some(Value::Bool(true)) => Additional::Allowed,
            Some(Value::Bool(false)) => Additional::Refused,
            Some(_) => Additional::Schema(self.inside(at, &[keyword])?),
        })
    }

    fn object(&mut self, object: &Map<String, Value>, at: &Location) -> Build<Object> {
        let number = |keyword: &str| object.get(keyword).and_then(Value::as_f64);
        let names = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let rest =
            if object.contains_key("additionalProperties") { "additionalProperties" } else { "unevaluatedProperties" };
        let dependencies = ["dependencies", "dependentRequired"].iter().filter_map(|keyword| object.get(*keyword));
        let dependencies = dependencies.filter_map(Value::as_object).flatten().filter(|(_, value)| value.is_array());
        let mut schema_dependencies = self.members(object, "dependencies", at)?;
        schema_dependencies.extend(self.members(object, "dependentSchemas", at)?);
        Ok(Object {
            properties: self.members(object, "properties", at)?,
            patterns: self.members(object, "patternProperties", at)?,
            required: object.get("required").map(names).unwrap_or_default(),
            additional: self.additional(object, rest, at)?,
            dependencies: dependencies.map(|(name, value)| (name.clone(), names(value))).collect(),
            schema_dependencies,
            properties_max: number("maxProperties"),
            properties_min: number("minProperties"),
        })
    }

    fn array(&mut self, object: &Map<String, Value>, at: &Location) -> Build<Array> {
        let number = |keyword: &str| object.get(keyword).and_then(Value::as_f64);
        // Until 2019-09 a list in `items` is the prefix and `additionalItems` the rest; since 2020-12 `prefixItems` and
        // `items` are.
        let (prefix, rest) = match (object.get("prefixItems"), object.get("items")) {
            (Some(Value::Array(prefix)), _) => (Some(("prefixItems", prefix.len())), "items"),
            (_, Some(Value::Array(prefix))) => (Some(("items", prefix.len())), "additionalItems"),
            _ => (None, "additionalItems"),
        };
        let items = match (prefix, object.get("items")) {
            (None, Some(_)) => Some(self.inside(at, &["items"])?),
            _ => None,
        };
        let (keyword, count) = prefix.unwrap_or_default();
        let prefix = (0..count).map(|nth| self.inside(at, &[keyword, &nth.to_string()])).collect::<Build<_>>()?;
        let rest = if object.contains_key(rest) { rest } else { "unevaluatedItems" };
        Ok(Array {
            items,
            prefix,
            additional: self.additional(object, rest, at)?,
            items_max: number("maxItems"),
            items_min: number("minItems"),
            contains_max: number("maxContains"),
            contains_min: number("minContains"),
            unique: object.get("uniqueItems").and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

/// In draft 4 `exclusiveMaximum` is a flag of `maximum`.
fn number(object: &Map<String, Value>, integer: bool) -> Number {
    let number = |keyword: &str| object.get(keyword).and_then(Value::as_f64);
    let flag = |keyword: &str| object.get(keyword).and_then(Value::as_bool).unwrap_or_default();
    let bound = |keyword: &str, exclusive: &str| match flag(exclusive) {
        true => (None, number(keyword)),
        false => (number(keyword), number(exclusive)),
    };
    let (maximum, exclusive_maximum) = bound("maximum", "exclusiveMaximum");
    let (minimum, exclusive_minimum) = bound("minimum", "exclusiveMinimum");
    Number { integer, maximum, minimum, exclusive_maximum, exclusive_minimum, multiple_of: number("multipleOf") }
}

/// The types that keywords stand for where no `type` is given.
fn untyped(object: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    const KEYWORDS: [(&str, &[&str]); 4] = [
        (
            "object",
            &[
                "properties",
                "required",
                "additionalProperties",
                "minProperties",
                "maxProperties",
                "dependencies",
                "patternProperties",
                "dependentRequired",
                "dependentSchemas",
                "unevaluatedProperties",
            ],
        ),
        (
            "array",
            &["items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "unevaluatedItems"],
        ),
        ("string", &["minLength", "maxLength", "pattern"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ];
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| object.contains_key(*keyword));
    KEYWORDS.into_iter().filter(move |(_, keywords)| has(keywords)).map(|(name, _)| name)
}
