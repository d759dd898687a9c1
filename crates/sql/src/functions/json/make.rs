//! `JSON_OBJECT`, `JSON_ARRAY`, `JSON_STRING`, and the outer parts of `JSON_OBJECTAGG` and `JSON_ARRAYAGG`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::error::DataFusionError;
use serde_json::value::RawValue;
use tidemill_formats::{Format, Options, Records};

use super::{ARRAY, ARRAY_OF, JSON, JSON_STRING, MEMBER, OBJECT, OBJECT_OF};
use crate::functions::scalar::Function;

pub(super) fn all() -> Vec<Function> {
    let gives = |_: &[DataType]| DataType::Utf8;
    vec![
        Function { name: JSON_STRING, takes: one, gives, does: json_string },
        Function { name: JSON, takes: text, gives, does: json },
        Function { name: "json_quote", takes: text, gives, does: quote },
        Function { name: "json_unquote", takes: text, gives, does: unquote },
        Function { name: OBJECT, takes: flag_and_texts, gives, does: object },
        Function { name: ARRAY, takes: flag_and_texts, gives, does: array },
        Function { name: MEMBER, takes: |types| Ok(vec![DataType::Utf8; types.len()]), gives, does: member },
        Function { name: ARRAY_OF, takes: |types| Ok(types.to_vec()), gives, does: array_of },
        Function { name: OBJECT_OF, takes: |types| Ok(types.to_vec()), gives, does: object_of },
    ]
}

fn one(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_] => Ok(types.to_vec()),
        _ => plan_err!("JSON_STRING takes one value"),
    }
}

fn text(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text] if text.is_string() || text.is_null() => Ok(vec![DataType::Utf8]),
        _ => plan_err!("it takes a text"),
    }
}

/// Whether NULLs are left out, then keys and values, or values.
fn flag_and_texts(types: &[DataType]) -> Result<Vec<DataType>> {
    let texts = vec![DataType::Utf8; types.len().saturating_sub(1)];
    Ok([DataType::Boolean].into_iter().chain(texts).collect())
}

/// The JSON of each value; of NULL it is NULL.
fn json_string(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [values] = args else { return exec_err!("JSON_STRING takes one value") };
    let failed = |error: tidemill_formats::Error| DataFusionError::Execution(format!("JSON_STRING: {error}"));
    let schema = Arc::new(Schema::new(vec![Field::new("v", values.data_type().clone(), true)]));
    let options = Options::new().with("format", "json").with("json.timestamp-format.standard", "ISO-8601");
    let mut encoder =
        Format::from_options(&options).and_then(|format| format.encoder(schema.clone())).map_err(failed)?;
    let mut records = Records::new();
    encoder.encode(&RecordBatch::try_new(schema, vec![values.clone()])?, None, &mut records).map_err(failed)?;
    // Each is {"v":value}.
    let of_row = |row: usize| {
        let record = records.get(row).and_then(|record| std::str::from_utf8(record).ok());
        record.and_then(|record| record.strip_prefix("{\"v\":")?.strip_suffix('}'))
    };
    let texts = (0..values.len()).map(|row| of_row(row).filter(|_| !values.is_null(row)));
    Ok(Arc::new(texts.collect::<StringArray>()))
}

/// A text that is JSON, without its spaces.
fn json(args: &[ArrayRef]) -> Result<ArrayRef> {
    let texts = texts(args, 0)?.iter().map(|text| match text.map(serde_json::from_str::<serde_json::Value>) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value.to_string())),
        Some(Err(error)) => exec_err!("JSON: it is no JSON: {error}"),
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

fn quote(args: &[ArrayRef]) -> Result<ArrayRef> {
    Ok(Arc::new(texts(args, 0)?.iter().map(|text| text.map(quoted)).collect::<StringArray>()))
}

fn unquote(args: &[ArrayRef]) -> Result<ArrayRef> {
    let unquoted = |text: &str| match serde_json::from_str::<String>(text) {
        Ok(unquoted) => unquoted,
        Err(_) => text.to_owned(),
    };
    Ok(Arc::new(texts(args, 0)?.iter().map(|text| text.map(unquoted)).collect::<StringArray>()))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn texts(args: &[ArrayRef], place: usize) -> Result<&StringArray> {
    match args.get(place).and_then(|argument| argument.as_string_opt::<i32>()) {
        Some(texts) => Ok(texts),
        None => exec_err!("a text is expected"),
    }
}

fn leaves_out_nulls(args: &[ArrayRef]) -> bool {
    let flag = args.first().and_then(|flag| flag.as_boolean_opt());
    flag.is_some_and(|flag| !flag.is_empty() && flag.value(0))
}

/// `__json_object(absent on null, key, value, …)`
fn object(args: &[ArrayRef]) -> Result<ArrayRef> {
    let absent = leaves_out_nulls(args);
    let members = (1..args.len()).step_by(2).map(|at| Ok((texts(args, at)?, texts(args, at + 1)?)));
    let members = members.collect::<Result<Vec<_>>>()?;
    let rows = args.first().map_or(0, |flag| flag.len());
    let of_row = |row: usize| {
        let mut object = BTreeMap::new();
        for (keys, values) in &members {
            if keys.is_null(row) {
                return exec_err!("JSON_OBJECT: a key is NULL");
            }
            let value = values.is_valid(row).then(|| values.value(row));
            if value.is_some() || !absent {
                object.insert(quoted(keys.value(row)), value.unwrap_or("null"));
            }
        }
        Ok(Some(object_text(&object)))
    };
    Ok(Arc::new((0..rows).map(of_row).collect::<Result<StringArray>>()?))
}

/// An object of quoted names and JSON, in the names' order.
fn object_text(members: &BTreeMap<String, &str>) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// `__json_array(absent on null, value, …)`
fn array(args: &[ArrayRef]) -> Result<ArrayRef> {
    let absent = leaves_out_nulls(args);
    let values = (1..args.len()).map(|at| texts(args, at)).collect::<Result<Vec<_>>>()?;
    let rows = args.first().map_or(0, |flag| flag.len());
    let of_row = |row: usize| {
        let values = values.iter().map(|values| values.is_valid(row).then(|| values.value(row)));
        Some(array_text(values, absent))
    };
    Ok(Arc::new((0..rows).map(of_row).collect::<StringArray>()))
}

fn array_text<'t>(values: impl Iterator<Item = Option<&'t str>>, absent: bool) -> String {
    let values = values.filter(|value| value.is_some() || !absent).map(|value| value.unwrap_or("null"));
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

/// `__json_member(key, value)`: a pair as JSON.
fn member(args: &[ArrayRef]) -> Result<ArrayRef> {
    let pairs = texts(args, 0)?.iter().zip(texts(args, 1)?).map(|(key, value)| match key {
        Some(key) => Ok(Some(format!("[{},{}]", quoted(key), value.unwrap_or("null")))),
        None => exec_err!("JSON_OBJECTAGG: a key is NULL"),
    });
    Ok(Arc::new(pairs.collect::<Result<StringArray>>()?))
}

/// The texts of each row's list.
fn lists(args: &[ArrayRef]) -> Result<impl Iterator<Item = Result<StringArray>>> {
    let Some(lists) = args.get(1).and_then(|lists| lists.as_list_opt::<i32>()) else {
        return exec_err!("a list of JSON is expected");
    };
    let empty = || Ok(StringArray::new_null(0));
    Ok(lists.iter().map(move |list| match list {
        Some(list) => list.as_string_opt::<i32>().cloned().map_or_else(empty, Ok),
        None => empty(),
    }))
}

/// `__json_array_of(absent on null, list)`
fn array_of(args: &[ArrayRef]) -> Result<ArrayRef> {
    let absent = leaves_out_nulls(args);
    let arrays = lists(args)?.map(|list| Ok(Some(array_text(list?.iter(), absent))));
    Ok(Arc::new(arrays.collect::<Result<StringArray>>()?))
}

/// `__json_object_of(absent on null, list)`: of several members with one name the last one stays.
fn object_of(args: &[ArrayRef]) -> Result<ArrayRef> {
    let absent = leaves_out_nulls(args);
    let objects = lists(args)?.map(|list| {
        let list = list?;
        let mut object = BTreeMap::new();
        for pair in list.iter().flatten() {
            match serde_json::from_str::<(String, &RawValue)>(pair) {
                Ok((name, value)) => object.insert(quoted(&name), value.get()),
                Err(error) => return exec_err!("JSON_OBJECTAGG: {error}"),
            };
        }
        object.retain(|_, value| !(absent && *value == "null"));
        Ok(Some(object_text(&object)))
    });
    Ok(Arc::new(objects.collect::<Result<StringArray>>()?))
}
