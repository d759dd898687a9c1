//! Apache Avro's `SchemaCompatibility`.

use serde_json::{Map, Value, json};
use tidemill_schemas::{DataFormat, Definition, RuleSet};

use crate::random::Random;
use crate::{judged, pairs};

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
const FIELDS: [&str; 5] = ["a", "b", "c", "d", "e"];
const SYMBOLS: [&str; 4] = ["A", "B", "C", "D"];

/// Makes a schema. Names are few, so that some repeat.
struct Maker<'r> {
    random: &'r mut Random,
    /// Names that are taken, with what they stand for.
    named: Vec<String>,
}

impl Maker<'_> {
    fn schema(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 1 } else { 7 };
        match self.random.below(kinds) {
            1 => json!({"type": "array", "items": self.schema(depth - 1)}),
            2 => json!({"type": "map", "values": self.schema(depth - 1)}),
            3 => self.union(depth - 1),
            4 => self.named_type("enum"),
            5 => self.named_type("fixed"),
            6 => self.record(depth - 1),
            _ if !self.named.is_empty() && self.random.percent(15) => {
                let nth = self.random.below(self.named.len());
                json!(self.named[nth])
            }
            _ => json!(self.random.one(&PRIMITIVES)),
        }
    }

    fn union(&mut self, depth: usize) -> Value {
        let count = 1 + self.random.below(3);
        Value::Array((0..count).map(|_| self.schema(depth)).collect())
    }

    /// Mostly a new name.
    fn name(&mut self, kind: &str) -> String {
        let taken = self.named.len() - usize::from(!self.named.is_empty() && self.random.percent(3));
        let name = format!("{kind}{taken}");
        let name = if self.random.percent(20) { format!("n{}.{name}", self.random.below(2)) } else { name };
        self.named.push(name.clone());
        name
    }

    fn named_type(&mut self, kind: &str) -> Value {
        let mut made = json!({"type": kind, "name": self.name(kind)});
        if kind == "fixed" {
            made["size"] = json!(1 + self.random.below(2));
            return made;
        }
        let symbols = self.symbols();
        if self.random.percent(30) {
            made["default"] = json!(symbols[0]);
        }
        made["symbols"] = json!(symbols);
        made
    }

    /// One at least: Avro takes an enumeration without symbols, and a union without types, which have no values.
    fn symbols(&mut self) -> Vec<&'static str> {
        let symbols: Vec<&str> = SYMBOLS.into_iter().filter(|_| self.random.percent(60)).collect();
        if symbols.is_empty() { vec!["A"] } else { symbols }
    }

    fn record(&mut self, depth: usize) -> Value {
        let name = self.name("record");
        let names: Vec<&str> = FIELDS.into_iter().filter(|_| self.random.percent(50)).collect();
        let fields: Vec<Value> = names.into_iter().map(|name| self.field(name, depth)).collect();
        json!({"type": "record", "name": name, "fields": fields})
    }

    fn field(&mut self, name: &str, depth: usize) -> Value {
        let of = self.schema(depth);
        let mut field = json!({"name": name, "type": of});
        // Where a new field has no default and its enumeration has one, Avro says TYPE_MISMATCH: as incompatible.
        if self.random.percent(40) || of.get("default").is_some() {
            field["default"] = self.default(&of);
        }
        if self.random.percent(10) {
            field["aliases"] = json!([self.random.one(&FIELDS)]);
        }
        field
    }

    /// Mostly one that fits.
    fn default(&mut self, of: &Value) -> Value {
        if self.random.percent(10) {
            return self
                .random
                .one(&[&json!(null), &json!(1), &json!("x"), &json!(1.5), &json!([]), &json!({})])
                .clone();
        }
        let kind = of.get("type").unwrap_or(of);
        match kind {
            Value::Array(branches) => branches.first().map_or(Value::Null, |first| self.default(&first.clone())),
            Value::String(kind) => match kind.as_str() {
                "boolean" => json!(true),
                "int" | "long" => json!(7),
                "float" | "double" => json!(0.5),
                "bytes" | "string" => json!("x"),
                "array" => json!([]),
                "map" => json!({}),
                "enum" => of["symbols"].get(0).cloned().unwrap_or(Value::Null),
                "fixed" => json!("x".repeat(of["size"].as_u64().unwrap() as usize)),
                "record" => {
                    let fields = of["fields"].as_array().unwrap().clone();
                    let values = fields
                        .iter()
                        .map(|field| (field["name"].as_str().unwrap().to_owned(), self.default(&field["type"])));
                    Value::Object(values.collect::<Map<_, _>>())
                }
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }

    /// The same schema, changed in some places.
    fn changed(&mut self, schema: &Value) -> Value {
        if self.random.percent(8) {
            return self.schema(1);
        }
        match schema {
            Value::String(_) if self.random.percent(15) => json!(self.random.one(&PRIMITIVES)),
            Value::String(_) if self.random.percent(10) => json!(["null", schema]),
            Value::Array(branches) => {
                let mut branches: Vec<Value> = branches.iter().map(|branch| self.changed(branch)).collect();
                match self.random.below(8) {
                    0 => branches.push(self.schema(1)),
                    1 if branches.len() > 1 => drop(branches.pop()),
                    2 => branches.reverse(),
                    _ => {}
                }
                Value::Array(branches)
            }
            Value::Object(members) => {
                let mut members = members.clone();
                for inner in ["items", "values"] {
                    if let Some(schema) = members.get(inner).cloned() {
                        members.insert(inner.to_owned(), self.changed(&schema));
                    }
                }
                self.change_named(&mut members);
                Value::Object(members)
            }
            other => other.clone(),
        }
    }

    fn change_named(&mut self, members: &mut Map<String, Value>) {
        if let Some(name) = members.get("name").cloned()
            && self.random.percent(10)
        {
            members.insert("name".to_owned(), json!(format!("{}x", name.as_str().unwrap())));
            if self.random.percent(50) {
                members.insert("aliases".to_owned(), json!([name]));
            }
        }
        if members.contains_key("size") && self.random.percent(15) {
            members.insert("size".to_owned(), json!(3));
        }
        if members.contains_key("symbols") && self.random.percent(40) {
            members.insert("symbols".to_owned(), json!(self.symbols()));
        }
        let Some(Value::Array(fields)) = members.get("fields").cloned() else { return };
        let mut changed = Vec::new();
        for mut field in fields {
            if self.random.percent(15) {
                continue;
            }
            let of = field["type"].clone();
            field["type"] = self.changed(&of);
            if self.random.percent(10) {
                let old = field["name"].clone();
                field["name"] = json!("z");
                field["aliases"] = json!([old]);
            }
            changed.push(field);
        }
        if self.random.percent(30) {
            let name = self.random.one(&FIELDS);
            changed.push(self.field(name, 1));
        }
        members.insert("fields".to_owned(), Value::Array(changed));
    }
}

/// What ours says, in the judge's words.
fn verdict(reader: &str, writer: &str) -> String {
    let parsed = |text: &str| Definition::parse(DataFormat::Avro, text, &[]);
    let reader = match parsed(reader) {
        Ok(reader) => reader,
        Err(invalid) => return format!("reader is none: {invalid}"),
    };
    let writer = match parsed(writer) {
        Ok(writer) => writer,
        Err(invalid) => return format!("writer is none: {invalid}"),
    };
    let found = reader.differences_from(&writer, RuleSet::Confluent);
    let found: Vec<String> = found.iter().map(|found| format!("{} {}", found.rule, found.path)).collect();
    found.join("; ")
}

#[test]
fn avro_says_the_same() {
    let mut random = Random::new(1);
    let mut made: Vec<(String, String)> = Vec::new();
    for _ in 0..pairs() {
        let mut maker = Maker { random: &mut random, named: Vec::new() };
        let writer = match maker.random.percent(70) {
            true => maker.record(3),
            false => maker.schema(3),
        };
        let reader = maker.changed(&writer);
        made.push((reader.to_string(), writer.to_string()));
    }
    let lines: Vec<String> = made.iter().map(|(reader, writer)| format!("{reader}\t{writer}")).collect();
    let mut wrong = Vec::new();
    let (mut compatible, mut none) = (0, 0);
    for ((reader, writer), theirs) in made.iter().zip(judged("tests/clients/java/avro", "Avro", &lines)) {
        let ours = verdict(reader, writer);
        let is_none = |said: &str| said.contains(" is none: ");
        // It fails where an alias of a field is another field's name.
        // Of a union, ours takes defaults of any branch, as Avro does from 1.12 on.
        let of_union =
            theirs.contains("Invalid default") && (theirs.contains("not a [") || theirs.contains("\"type\":["));
        if theirs.starts_with("no verdict") || of_union {
            continue;
        }
        compatible += usize::from(theirs.is_empty());
        none += usize::from(is_none(&theirs));
        // What Avro has found once it tells again wherever the same two types meet; the first reason is the same.
        let first = |said: &str| said.split(' ').next().unwrap_or_default().to_owned();
        let same = match (is_none(&ours), is_none(&theirs)) {
            (false, false) => first(&ours) == first(&theirs),
            (ours, theirs) => ours == theirs,
        };
        if !same {
            wrong.push(format!("reader {reader}\nwriter {writer}\n  Avro: {theirs}\n  ours: {ours}"));
        }
    }
    println!("{} pairs: {compatible} compatible, {none} with what is no schema", made.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), made.len(), wrong.join("\n"));
    // Neither all nor none: the pairs tell something.
    assert!(compatible > made.len() / 10 && none < made.len() / 2);
}
