//! The form that says whether two texts are the same schema.
//!
//! The specification's Parsing Canonical Form drops what evolution needs (defaults, aliases, logical types). This one
//! keeps it all and only undoes what writers may choose: white space, the order of attributes, where a name space
//! stands, `{"type": "int"}` for `"int"`.

use serde_json::{Map, Value};

/// The normal form, as JSON with sorted members.
pub(crate) fn normal_form(schema: &Value) -> Value {
    of_type(schema, "")
}

fn of_type(schema: &Value, space: &str) -> Value {
    match schema {
        Value::String(name) => Value::String(full_name(name, space)),
        Value::Array(branches) => Value::Array(branches.iter().map(|branch| of_type(branch, space)).collect()),
        Value::Object(object) => of_object(object, space),
        other => other.clone(),
    }
}

fn of_object(object: &Map<String, Value>, space: &str) -> Value {
    let text = |member: &str| object.get(member).and_then(Value::as_str);
    let named = matches!(text("type"), Some("record" | "error" | "enum" | "fixed"));
    let full = text("name").filter(|_| named).map(|name| match text("namespace") {
        Some(given) if !name.contains('.') => full_name_of(name, given),
        _ => full_name_of(name, space),
    });
    let inner = full.as_deref().and_then(|full| full.rsplit_once('.')).map_or("", |(inner, _)| inner);
    let inner = if named { inner } else { space };
    if object.len() == 1
        && let Some(only) = object.get("type")
    {
        return of_type(only, space);
    }
    let members = object.iter().filter(|(member, _)| !(named && *member == "namespace"));
    let members = members.map(|(member, value)| {
        let value = match (member.as_str(), full.as_ref()) {
            ("name", Some(full)) => Value::String(full.clone()),
            ("type", _) => of_type(value, space),
            ("items" | "values", _) => of_type(value, inner),
            ("aliases", Some(_)) => match value {
                Value::Array(aliases) => {
                    let full = |alias: &Value| alias.as_str().map(|alias| Value::String(full_name_of(alias, inner)));
                    Value::Array(aliases.iter().filter_map(full).collect())
                }
                other => other.clone(),
            },
            ("fields", Some(_)) => match value {
                Value::Array(fields) => Value::Array(fields.iter().map(|field| of_field(field, inner)).collect()),
                other => other.clone(),
            },
            _ => value.clone(),
        };
        (member.clone(), value)
    });
    Value::Object(members.collect())
}

fn of_field(field: &Value, space: &str) -> Value {
    let Value::Object(members) = field else { return field.clone() };
    let members = members.iter().map(|(member, value)| {
        let value = if member == "type" { of_type(value, space) } else { value.clone() };
        (member.clone(), value)
    });
    Value::Object(members.collect())
}

/// The name of a type as it is used.
fn full_name(name: &str, space: &str) -> String {
    const SIMPLE: [&str; 14] = [
        "null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "error", "enum", "array",
        "map", "fixed",
    ];
    if SIMPLE.contains(&name) { name.to_owned() } else { full_name_of(name, space) }
}

fn full_name_of(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}
