//! `JSON_VALUE`, `JSON_QUERY`, `JSON_EXISTS`, `IS JSON`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::error::DataFusionError;
use serde_json::Value;

use super::{IS_JSON, JSON_EXISTS, JSON_QUERY, JSON_VALUE, Path};
use crate::functions::scalar::Function;

pub(super) fn all() -> Vec<Function> {
    fn texts(types: &[DataType]) -> Result<Vec<DataType>> {
        match types.first() {
            Some(text) if text.is_string() || text.is_null() => Ok(vec![DataType::Utf8; types.len()]),
            Some(other) => plan_err!("a text that holds JSON is expected, not {}", crate::types::name(other)),
            None => plan_err!("a text that holds JSON is missing"),
        }
    }
    vec![
        Function { name: JSON_VALUE, takes: texts, gives: |_| DataType::Utf8, does: value },
        Function { name: JSON_QUERY, takes: texts, gives: |_| DataType::Utf8, does: query },
        Function { name: JSON_EXISTS, takes: texts, gives: |_| DataType::Boolean, does: exists },
        Function { name: IS_JSON, takes: texts, gives: |_| DataType::Boolean, does: is_json },
    ]
}

/// What each row's text holds at its path; none where the text or the path is NULL.
type Found = Option<std::result::Result<Option<Value>, String>>;

/// Follows each row's path.
fn follow(args: &[ArrayRef]) -> Result<Vec<(Found, bool)>> {
    let [texts, paths, ..] = args else { return exec_err!("a text and a path are expected") };
    let mut known: Option<(&str, Path)> = None;
    let rows = texts.as_string::<i32>().iter().zip(paths.as_string::<i32>());
    rows.map(|(text, path)| {
        let (Some(text), Some(path)) = (text, path) else { return Ok((None, false)) };
        if known.as_ref().is_none_or(|(of, _)| *of != path) {
            known = Some((path, Path::parse(path).map_err(DataFusionError::Execution)?));
        }
        let Some((_, path)) = &known else { return Ok((None, false)) };
        let found = match serde_json::from_str::<Value>(text) {
            Ok(json) => path.find(&json),
            // In lax mode there is nothing in it, as in Flink.
            Err(_) if path.lax => Ok(None),
            Err(error) => Err(format!("it is no JSON: {error}")),
        };
        Ok((Some(found), path.lax))
    })
    .collect()
}

fn is_scalar(value: &Value) -> bool {
    !(value.is_array() || value.is_object())
}

/// What a clause says, which is the same for all rows.
fn said(args: &[ArrayRef], place: usize) -> &str {
    let argument = args.get(place).and_then(|argument| argument.as_string_opt::<i32>());
    argument.filter(|texts| !texts.is_empty() && texts.is_valid(0)).map_or("", |texts| texts.value(0))
}

/// A row's text in an argument.
fn text(args: &[ArrayRef], place: usize, row: usize) -> Option<String> {
    let texts = args.get(place)?.as_string_opt::<i32>()?;
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

/// `json_value(x, path, type, on empty, its default, on error, its default)`
fn value(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (wanted, on_empty, on_error) = (said(args, 2), said(args, 3), said(args, 5));
    let rows = follow(args)?.into_iter().enumerate().map(|(row, (found, lax))| {
        let Some(found) = found else { return Ok(None) };
        let scalar = match found {
            Ok(Some(Value::Null)) if !lax => return Ok(None),
            Ok(Some(Value::Null) | None) => Ok(None),
            Ok(Some(value)) if is_scalar(&value) => scalar(&value, wanted).map(Some),
            Ok(Some(_)) if lax => Ok(None),
            Ok(Some(_)) => Err("there is an object or array at the path".to_owned()),
            Err(error) => Err(error),
        };
        match (scalar, on_empty, on_error) {
            (Ok(Some(text)), ..) => Ok(Some(text)),
            (Ok(None), "ERROR", _) => exec_err!("JSON_VALUE: there is nothing at the path"),
            (Ok(None), "DEFAULT", _) => Ok(text(args, 4, row)),
            (Err(error), _, "ERROR") => exec_err!("JSON_VALUE: {error}"),
            (Err(_), _, "DEFAULT") => Ok(text(args, 6, row)),
            _ => Ok(None),
        }
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// A scalar as a text that can be cast to the wanted type.
fn scalar(value: &Value, wanted: &str) -> std::result::Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fits = match wanted {
        "BOOLEAN" => value.is_boolean() || text == "true" || text == "false",
        "INTEGER" => text.parse::<i32>().is_ok(),
        "BIGINT" => text.parse::<i64>().is_ok(),
        "DOUBLE" => text.parse::<f64>().is_ok(),
        _ => true,
    };
    if fits { Ok(text) } else { Err(format!("{value} is no {wanted}")) }
}

/// `json_query(x, path, wrapper, on empty, on error)`
fn query(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (wrapper, on_empty, on_error) = (said(args, 2), said(args, 3), said(args, 4));
    let instead = |behavior: &str, error: &str| match behavior {
        "ERROR" => exec_err!("JSON_QUERY: {error}"),
        "EMPTY ARRAY" => Ok(Some("[]".to_owned())),
        "EMPTY OBJECT" => Ok(Some("{}".to_owned())),
        _ => Ok(None),
    };
    let rows = follow(args)?.into_iter().map(|(found, lax)| {
        let Some(found) = found else { return Ok(None) };
        let value = found.map(|value| match (value, wrapper) {
            (Some(Value::Null), _) if lax => None,
            (Some(value), "UNCONDITIONAL") => Some(Value::Array(vec![value])),
            (Some(value), "CONDITIONAL") if !value.is_array() => Some(Value::Array(vec![value])),
            (value, _) => value,
        });
        match value {
            Ok(Some(value)) if !is_scalar(&value) => Ok(Some(value.to_string())),
            Ok(Some(_)) if !lax => instead(on_error, "there is a scalar at the path"),
            Ok(_) => instead(on_empty, "there is nothing at the path"),
            Err(error) => instead(on_error, &error),
        }
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// `json_exists(x, path, on error)`
fn exists(args: &[ArrayRef]) -> Result<ArrayRef> {
    let on_error = said(args, 2);
    let rows = follow(args)?.into_iter().map(|(found, _)| match (found, on_error) {
        (None, _) => Ok(None),
        (Some(Ok(value)), _) => Ok(Some(value.is_some_and(|value| !value.is_null()))),
        (Some(Err(error)), "ERROR") => exec_err!("JSON_EXISTS: {error}"),
        (Some(Err(_)), "TRUE") => Ok(Some(true)),
        (Some(Err(_)), "UNKNOWN") => Ok(None),
        (Some(Err(_)), _) => Ok(Some(false)),
    });
    Ok(Arc::new(rows.collect::<Result<BooleanArray>>()?))
}

/// `__is_json(x, kind)`
fn is_json(args: &[ArrayRef]) -> Result<ArrayRef> {
    let kind = said(args, 1);
    let Some(texts) = args.first().and_then(|texts| texts.as_string_opt::<i32>()) else {
        return exec_err!("IS JSON takes a text");
    };
    let holds = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(value) => match kind {
            "OBJECT" => value.is_object(),
            "ARRAY" => value.is_array(),
            "SCALAR" => is_scalar(&value),
            _ => true,
        },
        Err(_) => false,
    };
    Ok(Arc::new(texts.iter().map(|text| Some(text.is_some_and(holds))).collect::<BooleanArray>()))
}
