//! Whether each keyword has a value that it may have, as the drafts' own schemas say.

use serde_json::{Map, Value};

use super::invalid;
use crate::definition::Invalid;

/// How deep schemas may lie in each other.
const DEPTH_MAX: usize = 128;

/// The types of values.
pub(super) const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "null", "object", "array"];

/// Checks a schema and all in it.
pub(super) fn check(schema: &Value) -> Result<(), Invalid> {
    schema_at(schema, "#", 0)
}

fn schema_at(schema: &Value, place: &str, depth: usize) -> Result<(), Invalid> {
    if depth > DEPTH_MAX {
        return Err(invalid(place, format!("schemas lie deeper than {DEPTH_MAX}")));
    }
    match schema {
        Value::Bool(_) => Ok(()),
        Value::Object(members) => {
            members.iter().try_for_each(|(name, value)| keyword(name, value, &format!("{place}/{name}"), depth))
        }
        other => Err(invalid(place, format!("a schema is an object or a boolean, not {other}"))),
    }
}

fn keyword(name: &str, value: &Value, place: &str, depth: usize) -> Result<(), Invalid> {
    let must = |sound: bool, what: &str| match sound {
        true => Ok(()),
        false => Err(invalid(place, format!("{name} must be {what}, not {value}"))),
    };
    match name {
        "type" => types(value, place),
        "properties" | "patternProperties" | "definitions" | "$defs" | "dependentSchemas" => {
            let members = value.as_object().ok_or_else(|| invalid(place, format!("{name} must be an object")))?;
            each(members, place, depth)
        }
        "not"
        | "if"
        | "then"
        | "else"
        | "additionalProperties"
        | "additionalItems"
        | "unevaluatedProperties"
        | "unevaluatedItems"
        | "propertyNames"
        | "contains"
        | "contentSchema" => schema_at(value, place, depth + 1),
        "items" => match value {
            Value::Array(items) => all(items, place, depth),
            one => schema_at(one, place, depth + 1),
        },
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            let schemas = value.as_array().filter(|schemas| !schemas.is_empty());
            let schemas =
                schemas.ok_or_else(|| invalid(place, format!("{name} must be an array of schemas, not empty")))?;
            all(schemas, place, depth)
        }
        "required" => must(value.is_boolean() || is_texts(value), "an array of different strings"),
        "dependencies" | "dependentRequired" => {
            let members = value.as_object().ok_or_else(|| invalid(place, format!("{name} must be an object")))?;
            members.iter().try_for_each(|(property, value)| match value {
                Value::Array(_) => must(is_texts(value), "arrays of different strings"),
                schema => schema_at(schema, &format!("{place}/{property}"), depth + 1),
            })
        }
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties" | "maxContains"
        | "minContains" => must(is_count(value), "a whole number from 0"),
        "maximum" | "minimum" => must(value.is_number(), "a number"),
        "exclusiveMaximum" | "exclusiveMinimum" => must(value.is_number() || value.is_boolean(), "a number"),
        "multipleOf" => must(value.as_f64().is_some_and(|number| number > 0.0), "a number above 0"),
        "uniqueItems" => must(value.is_boolean(), "true or false"),
        "enum" => must(value.as_array().is_some_and(|values| !values.is_empty()), "an array of values, not empty"),
        "pattern" | "format" | "$ref" | "$schema" | "$id" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" | "title"
        | "description" | "$comment" => must(value.is_string(), "a string"),
        _ => Ok(()),
    }
}

fn all(schemas: &[Value], place: &str, depth: usize) -> Result<(), Invalid> {
    schemas.iter().enumerate().try_for_each(|(nth, schema)| schema_at(schema, &format!("{place}/{nth}"), depth + 1))
}

fn each(schemas: &Map<String, Value>, place: &str, depth: usize) -> Result<(), Invalid> {
    schemas.iter().try_for_each(|(name, schema)| schema_at(schema, &format!("{place}/{name}"), depth + 1))
}

fn types(value: &Value, place: &str) -> Result<(), Invalid> {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let sound = match value {
        Value::Array(names) => !names.is_empty() && names.iter().all(known) && is_texts(value),
        one => known(one),
    };
    match sound {
        true => Ok(()),
        false => Err(invalid(place, format!("{value} is no type; there are {}", TYPES.join(", ")))),
    }
}

fn is_texts(value: &Value) -> bool {
    let Some(values) = value.as_array() else { return false };
    values.iter().all(Value::is_string)
        && values.iter().enumerate().all(|(nth, value)| values.iter().take(nth).all(|other| other != value))
}

fn is_count(value: &Value) -> bool {
    value.as_u64().is_some() || value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}
