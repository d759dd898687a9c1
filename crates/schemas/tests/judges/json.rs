//! Everit's validator: what it accepts, and whether readers that are called compatible accept what writers do.

use serde_json::{Map, Value, json};
use tidemill_schemas::{DataFormat, Definition, RuleSet};

use crate::random::Random;
use crate::{judged, pairs};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TEXTS: [&str; 6] = ["", "a", "ab", "abc", "x1", "2024-02-29"];
const PATTERNS: [&str; 4] = ["^a", "b$", "^[a-c]*$", "^x"];
/// What Confluent's rules do not look at, so that readers are called compatible that are not; of `oneOf`, whether its
/// schemas exclude each other. Nor do they look at a writer's `patternProperties` where the reader has a new property.
const UNSEEN: [&str; 4] = ["\"contains\"", "\"propertyNames\"", "\"if\"", "\"oneOf\""];
/// Values of each schema.
const VALUES: usize = 12;

/// Makes schemas of draft 7, and values that are often accepted.
struct Maker<'r> {
    random: &'r mut Random,
}

impl Maker<'_> {
    fn schema(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 6 } else { 16 };
        match self.random.below(kinds) {
            0 => json!({"type": self.random.one(&["null", "boolean", "string", "integer", "number"])}),
            1 | 2 => self.number(),
            3 => self.string(),
            4 => json!({"enum": self.several(|maker| maker.scalar())}),
            5 => match self.random.below(4) {
                0 => json!({"const": self.scalar()}),
                1 => json!({}),
                2 => json!({"type": ["null", self.random.one(&["string", "integer"])]}),
                _ => json!({"type": "string"}),
            },
            6 | 7 => self.array(depth - 1),
            8 => self.combined(depth - 1),
            _ => self.object(depth - 1),
        }
    }

    fn several(&mut self, make: impl Fn(&mut Self) -> Value) -> Value {
        let mut made: Vec<Value> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let value = make(self);
            if !made.contains(&value) {
                made.push(value);
            }
        }
        Value::Array(made)
    }

    fn scalar(&mut self) -> Value {
        match self.random.below(5) {
            0 => Value::Null,
            1 => json!(self.random.percent(50)),
            2 => json!(self.random.one(&TEXTS)),
            3 => json!(self.random.below(9)),
            _ => json!(self.random.below(9) as f64 + 0.5),
        }
    }

    /// Sets some of the keywords.
    fn some(&mut self, percent: usize, schema: &mut Value, keyword: &str, make: impl FnOnce(&mut Self) -> Value) {
        if self.random.percent(percent) {
            schema[keyword] = make(self);
        }
    }

    fn number(&mut self) -> Value {
        let mut schema = json!({"type": self.random.one(&["integer", "number"])});
        for keyword in ["minimum", "exclusiveMinimum"] {
            self.some(20, &mut schema, keyword, |maker| json!(maker.random.below(5)));
        }
        for keyword in ["maximum", "exclusiveMaximum"] {
            self.some(20, &mut schema, keyword, |maker| json!(4 + maker.random.below(5)));
        }
        self.some(15, &mut schema, "multipleOf", |maker| {
            maker.random.one(&[&json!(2), &json!(0.5), &json!(3)]).clone()
        });
        schema
    }

    fn string(&mut self) -> Value {
        let mut schema = json!({"type": "string"});
        self.some(25, &mut schema, "minLength", |maker| json!(maker.random.below(3)));
        self.some(25, &mut schema, "maxLength", |maker| json!(1 + maker.random.below(3)));
        self.some(20, &mut schema, "pattern", |maker| json!(maker.random.one(&PATTERNS)));
        self.some(8, &mut schema, "format", |maker| json!(maker.random.one(&["date", "ipv4", "email"])));
        schema
    }

    fn array(&mut self, depth: usize) -> Value {
        let mut schema = json!({"type": "array"});
        match self.random.below(3) {
            0 => {
                schema["items"] = self.several(|maker| maker.schema(depth));
                self.some(50, &mut schema, "additionalItems", |maker| maker.rest(depth));
            }
            1 => schema["items"] = self.schema(depth),
            _ => {}
        }
        self.some(20, &mut schema, "minItems", |maker| json!(maker.random.below(3)));
        self.some(20, &mut schema, "maxItems", |maker| json!(1 + maker.random.below(3)));
        self.some(15, &mut schema, "uniqueItems", |_| json!(true));
        self.some(10, &mut schema, "contains", |maker| maker.schema(0));
        schema
    }

    /// Of members or items that are not named.
    fn rest(&mut self, depth: usize) -> Value {
        match self.random.below(3) {
            0 => json!(false),
            1 => json!(true),
            _ => self.schema(depth),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut schema = json!({"type": "object"});
        let mut properties = Map::new();
        for name in NAMES {
            if self.random.percent(50) {
                properties.insert(name.to_owned(), self.schema(depth));
            }
        }
        // Whether one is required that has no schema is not looked at either.
        let named = NAMES.into_iter().filter(|name| properties.contains_key(*name));
        let required: Vec<&str> = named.filter(|_| self.random.percent(30)).collect();
        schema["properties"] = Value::Object(properties);
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        self.some(50, &mut schema, "additionalProperties", |maker| maker.rest(depth));
        self.some(10, &mut schema, "patternProperties", |maker| json!({"^[ab]": maker.schema(0)}));
        self.some(5, &mut schema, "propertyNames", |maker| json!({"pattern": maker.random.one(&PATTERNS)}));
        self.some(10, &mut schema, "dependencies", |maker| match maker.random.percent(50) {
            true => json!({"a": ["b"]}),
            false => json!({"a": maker.object(0)}),
        });
        self.some(10, &mut schema, "minProperties", |maker| json!(maker.random.below(3)));
        self.some(10, &mut schema, "maxProperties", |maker| json!(1 + maker.random.below(3)));
        schema
    }

    fn combined(&mut self, depth: usize) -> Value {
        match self.random.below(5) {
            0 => json!({"not": self.schema(depth)}),
            1 => json!({"if": self.schema(depth), "then": self.schema(depth), "else": self.schema(depth)}),
            nth => {
                let keyword = ["allOf", "anyOf", "oneOf"][nth - 2];
                json!({keyword: self.several(|maker| maker.schema(depth))})
            }
        }
    }

    /// The same schema, changed in some places.
    fn changed(&mut self, schema: &Value, depth: usize) -> Value {
        if self.random.percent(6) {
            return self.schema(depth.min(1));
        }
        let Value::Object(members) = schema else { return schema.clone() };
        let mut members = members.clone();
        for (keyword, value) in &mut members {
            match (keyword.as_str(), &mut *value) {
                ("items" | "additionalProperties" | "additionalItems" | "not" | "contains", inner)
                    if inner.is_object() =>
                {
                    *inner = self.changed(inner, depth.saturating_sub(1));
                }
                ("properties", Value::Object(properties)) => {
                    for property in properties.values_mut() {
                        *property = self.changed(property, depth.saturating_sub(1));
                    }
                    let name = self.random.one(&NAMES);
                    match self.random.below(6) {
                        0 => drop(properties.insert(name.to_owned(), self.schema(depth.min(1)))),
                        1 => drop(properties.remove(name)),
                        _ => {}
                    }
                }
                ("items" | "allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    for inner in &mut *schemas {
                        *inner = self.changed(inner, depth.saturating_sub(1));
                    }
                    match self.random.below(6) {
                        0 => schemas.push(self.schema(depth.min(1))),
                        1 if schemas.len() > 1 => drop(schemas.pop()),
                        _ => {}
                    }
                }
                ("minimum" | "maximum" | "minLength" | "maxLength" | "minItems" | "maxItems", number)
                    if self.random.percent(30) =>
                {
                    *number = json!(self.random.below(6));
                }
                ("enum", Value::Array(values)) if self.random.percent(30) => {
                    let value = self.scalar();
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                ("type", kind) if *kind == json!("integer") && self.random.percent(20) => *kind = json!("number"),
                _ => {}
            }
        }
        const BOUNDS: [&str; 14] = [
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "pattern",
            "required",
            "minItems",
            "maxItems",
            "uniqueItems",
            "additionalProperties",
            "dependencies",
        ];
        let dropped = self.random.one(&BOUNDS);
        if self.random.percent(40) {
            members.remove(dropped);
        }
        Value::Object(members)
    }

    /// A value that the schema may accept.
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if depth == 0 || self.random.percent(8) {
            return self.any(2);
        }
        let one = |maker: &mut Self, schemas: &Value| {
            let schemas = schemas.as_array().unwrap();
            let nth = maker.random.below(schemas.len());
            maker.value(&schemas[nth], depth - 1)
        };
        for keyword in ["allOf", "anyOf", "oneOf"] {
            if let Some(schemas) = schema.get(keyword) {
                return one(self, schemas);
            }
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values[self.random.below(values.len())].clone();
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("null") => Value::Null,
            Some("boolean") => json!(self.random.percent(50)),
            Some("string") => json!(self.random.one(&TEXTS)),
            Some("integer") => json!(self.random.below(9)),
            // No 4.0, which is an integer by the drafts from 6 on, and none by Everit.
            Some("number") if self.random.percent(50) => json!(self.random.below(9) as f64 + 0.5),
            Some("number") => json!(self.random.below(9)),
            Some("array") => {
                let count = self.random.below(4);
                let item = |nth: usize| match &schema["items"] {
                    Value::Array(items) => items.get(nth).unwrap_or(&schema["additionalItems"]).clone(),
                    one => one.clone(),
                };
                (0..count).map(|nth| self.value(&item(nth), depth - 1)).collect()
            }
            Some("object") => {
                let mut members = Map::new();
                for name in NAMES {
                    let required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
                    let inner = schema["properties"].get(name).or(schema.get("additionalProperties"));
                    if inner != Some(&json!(false)) && (required || self.random.percent(45)) {
                        let inner = inner.cloned().unwrap_or(Value::Null);
                        members.insert(name.to_owned(), self.value(&inner, depth - 1));
                    }
                }
                Value::Object(members)
            }
            _ => self.any(2),
        }
    }

    fn any(&mut self, depth: usize) -> Value {
        match self.random.below(if depth == 0 { 4 } else { 6 }) {
            4 => (0..self.random.below(3)).map(|_| self.any(depth - 1)).collect(),
            5 => {
                let names: Vec<&str> = NAMES.into_iter().filter(|_| self.random.percent(40)).collect();
                names.into_iter().map(|name| (name.to_owned(), self.any(depth - 1))).collect::<Map<_, _>>().into()
            }
            _ => self.scalar(),
        }
    }
}

fn definition(schema: &Value) -> Definition {
    Definition::parse(DataFormat::Json, &schema.to_string(), &[]).unwrap()
}

fn line(schema: &Value, values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(Value::to_string).collect();
    format!("{schema}\t{}", values.join("\t"))
}

#[test]
fn everit_says_the_same() {
    let mut random = Random::new(2);
    let mut maker = Maker { random: &mut random };
    let (mut made, mut lines) = (Vec::new(), Vec::new());
    for _ in 0..pairs() {
        let writer = maker.schema(3);
        let reader = maker.changed(&writer, 3);
        let values: Vec<Value> = (0..VALUES).map(|_| maker.value(&writer, 5)).collect();
        lines.extend([line(&writer, &values), line(&reader, &values)]);
        made.push((writer, reader, values));
    }
    let said = judged("tests/clients/java/json", "Json", &lines);
    let (mut wrong, mut compatible, mut accepted, mut told) = (Vec::new(), 0, 0, 0);
    for ((writer, reader, values), said) in made.iter().zip(said.chunks(2)) {
        let [of_writer, of_reader] = said else { panic!("a verdict for each") };
        for (schema, said) in [(writer, of_writer), (reader, of_reader)] {
            let acceptance = definition(schema).acceptance().unwrap();
            assert_eq!(said.len(), values.len(), "{schema}: {said}");
            for (value, theirs) in values.iter().zip(said.chars()) {
                let ours = acceptance.violation(value);
                told += 1;
                accepted += usize::from(theirs == '1');
                if ours.is_none() != (theirs == '1') {
                    let ours = ours.map_or_else(|| "accepted".to_owned(), |violation| violation.to_string());
                    wrong.push(format!("schema {schema}\nvalue {value}\n  they: {theirs}\n  ours: {ours}"));
                }
            }
        }
        let differences = definition(reader).differences_from(&definition(writer), RuleSet::Confluent);
        if differences.iter().any(|difference| difference.breaks) {
            continue;
        }
        compatible += 1;
        let (writer_text, reader_text) = (writer.to_string(), reader.to_string());
        let unseen = UNSEEN.iter().any(|keyword| reader_text.contains(keyword))
            || (writer_text.contains("patternProperties") && writer_text != reader_text);
        if unseen {
            continue;
        }
        let mut verdicts = values.iter().zip(of_writer.chars().zip(of_reader.chars()));
        if let Some((value, _)) = verdicts.find(|(_, verdicts)| *verdicts == ('1', '0')) {
            let rules: Vec<String> =
                differences.iter().map(|difference| format!("{} {}", difference.rule, difference.path)).collect();
            wrong.push(format!(
                "writer {writer}\nreader {reader}\nvalue {value}\n  they: the reader does not accept it\n  ours: {}",
                rules.join("; ")
            ));
        }
    }
    println!("{told} values: {accepted} accepted; {} pairs: {compatible} compatible", made.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(accepted > told / 5 && compatible > made.len() / 10);
}
