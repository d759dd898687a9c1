//! Functions of maps: of equal keys the last one's value stays, at the first one's place.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StringBuilder, StructArray, UInt64Array};
use arrow::array::{MapBuilder, MapFieldNames};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, exec_err, plan_err};
use regex::Regex;

use super::rewritten::common;
use super::scalar::Function;
use crate::types::{array, map};

pub(super) fn all() -> Vec<Function> {
    vec![
        Function {
            name: "map_keys",
            takes: one_map,
            gives: |types| array(parts(types).0),
            does: |args| of_entries(args, |map| map.keys().clone()),
        },
        Function {
            name: "map_values",
            takes: one_map,
            gives: |types| array(parts(types).1),
            does: |args| of_entries(args, |map| map.values().clone()),
        },
        Function {
            name: "map_entries",
            takes: one_map,
            gives: |types| {
                let (key, value) = parts(types);
                let fields = vec![Field::new("key", key, false), Field::new("value", value, true)];
                array(DataType::Struct(fields.into()))
            },
            does: |args| of_entries(args, |map| Arc::new(map.entries().clone())),
        },
        Function {
            name: "map_from_arrays",
            takes: |types| match types {
                [DataType::List(_), DataType::List(_)] => Ok(types.to_vec()),
                _ => plan_err!("MAP_FROM_ARRAYS takes an array of keys and one of values"),
            },
            gives: |types| match types {
                [DataType::List(keys), DataType::List(values)] => {
                    map(keys.data_type().clone(), values.data_type().clone())
                }
                _ => DataType::Null,
            },
            does: from_arrays,
        },
        Function {
            name: "map_union",
            takes: maps,
            gives: |types| types.first().cloned().unwrap_or(DataType::Null),
            does: union,
        },
        Function {
            name: "str_to_map",
            takes: |types| match types {
                [_, ..]
                    if types.len() <= 3
                        && types.len() != 2
                        && types.iter().all(|of| of.is_string() || of.is_null()) =>
                {
                    Ok(vec![DataType::Utf8; types.len()])
                }
                _ => plan_err!(
                    "STR_TO_MAP takes a text and, if not ',' and '=', the patterns between entries and in them"
                ),
            },
            gives: |_| map(DataType::Utf8, DataType::Utf8),
            does: of_text,
        },
    ]
}

/// The types of keys and values.
fn parts(types: &[DataType]) -> (DataType, DataType) {
    match types.first() {
        Some(DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                (fields[0].data_type().clone(), fields[1].data_type().clone())
            }
            _ => (DataType::Null, DataType::Null),
        },
        _ => (DataType::Null, DataType::Null),
    }
}

fn one_map(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Map(..)] => {
            let (key, value) = parts(types);
            Ok(vec![map(key, value)])
        }
        _ => plan_err!("it takes a map"),
    }
}

fn maps(types: &[DataType]) -> Result<Vec<DataType>> {
    let of: Vec<_> = types.iter().filter(|of| !of.is_null()).map(|of| parts(std::slice::from_ref(of))).collect();
    let (keys, values): (Vec<_>, Vec<_>) = of.into_iter().unzip();
    match (common(&keys), common(&values)) {
        (Some(key), Some(value)) if !key.is_null() => Ok(vec![map(key, value); types.len()]),
        _ => plan_err!("MAP_UNION takes maps whose keys and values are of one kind"),
    }
}

/// A list for each map.
fn of_entries(args: &[ArrayRef], of: fn(&MapArray) -> ArrayRef) -> Result<ArrayRef> {
    let maps = args[0].as_map();
    let values = of(maps);
    let field: FieldRef = Arc::new(Field::new("item", values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, maps.offsets().clone(), values, maps.nulls().cloned())?))
}

/// Maps of entries, given by their places among keys and values.
fn made(
    keys: &ArrayRef,
    values: &ArrayRef,
    maps: impl Iterator<Item = Result<Option<Vec<(usize, usize)>>>>,
) -> Result<ArrayRef> {
    let rows = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?
        .convert_columns(std::slice::from_ref(keys))?;
    let (mut key_places, mut value_places, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for entries in maps {
        let entries = entries?;
        valid.push(entries.is_some());
        let begin = key_places.len();
        let mut known = HashMap::new();
        for (key, value) in entries.unwrap_or_default() {
            if keys.is_null(key) {
                return exec_err!("a key of a map is NULL");
            }
            match known.get(rows.row(key).data()) {
                Some(place) => value_places[*place] = value as u64,
                None => {
                    known.insert(rows.row(key).data(), key_places.len());
                    key_places.push(key as u64);
                    value_places.push(value as u64);
                }
            }
        }
        lengths.push(key_places.len() - begin);
    }
    let (keys, values) =
        (take(keys, &UInt64Array::from(key_places), None)?, take(values, &UInt64Array::from(value_places), None)?);
    let DataType::Map(field, _) = map(keys.data_type().clone(), values.data_type().clone()) else {
        return exec_err!("a map has entries");
    };
    let DataType::Struct(fields) = field.data_type() else { return exec_err!("a map has entries") };
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(MapArray::try_new(field.clone(), offsets, entries, Some(NullBuffer::from(valid)), false)?))
}

fn from_arrays(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (keys, values) = (args[0].as_list::<i32>(), args[1].as_list::<i32>());
    let range = |list: &ListArray, row: usize| {
        let place = |at: usize| usize::try_from(list.value_offsets()[at]).unwrap_or(0);
        list.is_valid(row).then(|| place(row)..place(row + 1))
    };
    let maps = (0..keys.len()).map(|row| match (range(keys, row), range(values, row)) {
        (Some(keys), Some(values)) if keys.len() != values.len() => {
            exec_err!("MAP_FROM_ARRAYS: there are {} keys and {} values", keys.len(), values.len())
        }
        (Some(keys), Some(values)) => Ok(Some(keys.zip(values).collect())),
        _ => Ok(None),
    });
    made(keys.values(), values.values(), maps)
}

fn union(args: &[ArrayRef]) -> Result<ArrayRef> {
    let maps: Vec<&MapArray> = args.iter().map(|arg| arg.as_map()).collect();
    let joined =
        |of: fn(&MapArray) -> &ArrayRef| concat(&maps.iter().map(|map| of(map).as_ref()).collect::<Vec<&dyn Array>>());
    let (keys, values) = (joined(MapArray::keys)?, joined(MapArray::values)?);
    let rows = (0..args[0].len()).map(|row| {
        let (mut begin, mut entries) = (0, Vec::new());
        for map in &maps {
            if map.is_null(row) {
                return Ok(None);
            }
            let place = |at: usize| usize::try_from(map.value_offsets()[at]).unwrap_or(0);
            entries.extend((begin + place(row)..begin + place(row + 1)).map(|at| (at, at)));
            begin += map.keys().len();
        }
        Ok(Some(entries))
    });
    made(&keys, &values, rows)
}

/// `STR_TO_MAP('a=1,b=2')`; the two that divide are regular expressions.
fn of_text(args: &[ArrayRef]) -> Result<ArrayRef> {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    let mut patterns: HashMap<String, Option<Regex>> = HashMap::new();
    let texts = args[0].as_string::<i32>();
    for (row, text) in texts.iter().enumerate() {
        let mut pattern = |column: usize, otherwise: &str| {
            let given = match args.get(column) {
                Some(patterns) => patterns.is_valid(row).then(|| patterns.as_string::<i32>().value(row))?,
                None => otherwise,
            };
            patterns.entry(given.to_owned()).or_insert_with(|| Regex::new(given).ok()).clone()
        };
        let (Some(text), Some(between), Some(within)) = (text, pattern(1, ","), pattern(2, "=")) else {
            maps.append(false)?;
            continue;
        };
        // As Java splits: what is empty at the end is no part.
        let mut entries: Vec<&str> = between.split(text).collect();
        while entries.last().is_some_and(|last| last.is_empty()) {
            entries.pop();
        }
        let mut known: Vec<(&str, Option<&str>)> = Vec::new();
        for entry in entries {
            let mut of_entry = within.splitn(entry, 2);
            let (key, value) = (of_entry.next().unwrap_or_default(), of_entry.next());
            match known.iter_mut().find(|(other, _)| *other == key) {
                Some((_, known)) => *known = value,
                None => known.push((key, value)),
            }
        }
        for (key, value) in known {
            maps.keys().append_value(key);
            maps.values().append_option(value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}
