//! `SUBSTRING` by place, by a regular expression, and by a pattern of three parts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use regex::Regex;

use super::{SUBSTRING, SUBSTRING_SIMILAR};
use crate::functions::scalar::Function;
use crate::logical::similar::regex_part;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function {
            name: SUBSTRING,
            takes: |types| match types {
                [text, pattern] if is_text(text) && pattern.is_string() => Ok(vec![DataType::Utf8; 2]),
                [text, places @ ..]
                    if is_text(text) && matches!(places.len(), 1..=2) && places.iter().all(is_place) =>
                {
                    Ok([DataType::Utf8].into_iter().chain(places.iter().map(|_| DataType::Int64)).collect())
                }
                _ => {
                    plan_err!("SUBSTRING takes a text, and the first character with how many, or a regular expression")
                }
            },
            gives: |_| DataType::Utf8,
            does: |args| match args {
                [texts, patterns] if patterns.data_type().is_string() => by_regex(texts, patterns),
                [texts, places @ ..] => Ok(by_place(texts, places)),
                [] => exec_err!("SUBSTRING of nothing"),
            },
        },
        Function {
            name: SUBSTRING_SIMILAR,
            takes: |types| match types {
                [_, _, _] if types.iter().all(is_text) => Ok(vec![DataType::Utf8; 3]),
                _ => plan_err!("SUBSTRING(x SIMILAR pattern ESCAPE character) takes texts"),
            },
            gives: |_| DataType::Utf8,
            does: by_parts,
        },
    ]
}

fn is_text(data_type: &DataType) -> bool {
    data_type.is_string() || data_type.is_null()
}

fn is_place(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_null()
}

/// Characters from a place on, which may be before the first one: those before count, too.
fn by_place(texts: &ArrayRef, places: &[ArrayRef]) -> ArrayRef {
    let number = |column: usize, row: usize| {
        places.get(column).map(|numbers| numbers.is_valid(row).then(|| numbers.as_primitive::<Int64Type>().value(row)))
    };
    let rows = texts.as_string::<i32>().iter().enumerate().map(|(row, text)| {
        let (text, from) = (text?, number(0, row)??);
        let end = match number(1, row) {
            None => i64::MAX,
            Some(length) => from.saturating_add(length?),
        };
        let from = from.max(1);
        let index = |place: i64| usize::try_from(place).unwrap_or(usize::MAX);
        let length = index(end.saturating_sub(from).max(0));
        Some(text.chars().skip(index(from - 1)).take(length).collect::<String>())
    });
    Arc::new(rows.collect::<StringArray>())
}

/// The first match, and NULL where there is none.
fn by_regex(texts: &ArrayRef, patterns: &ArrayRef) -> Result<ArrayRef> {
    let mut known: HashMap<&str, Regex> = HashMap::new();
    let rows = texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>().iter());
    let found = rows.map(|(text, pattern)| {
        let (Some(text), Some(pattern)) = (text, pattern) else { return Ok(None) };
        let regex = compiled(&mut known, pattern, |pattern| Ok(pattern.to_owned()))?;
        Ok(regex.find(text).map(|found| found.as_str()))
    });
    Ok(Arc::new(found.collect::<Result<StringArray>>()?))
}

/// The middle one of three parts, where the three follow each other.
fn by_parts(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts, patterns, escapes] = args else { return exec_err!("SUBSTRING … SIMILAR takes three texts") };
    let mut known: HashMap<(&str, &str), Regex> = HashMap::new();
    let patterns = patterns.as_string::<i32>().iter().zip(escapes.as_string::<i32>().iter());
    let found = texts.as_string::<i32>().iter().zip(patterns).map(|(text, pattern)| {
        let (Some(text), (Some(pattern), Some(escape))) = (text, pattern) else { return Ok(None) };
        let regex = compiled(&mut known, (pattern, escape), |(pattern, escape)| three_parts(pattern, escape))?;
        Ok(regex.captures(text).and_then(|found| found.get(1)).map(|found| found.as_str()))
    });
    Ok(Arc::new(found.collect::<Result<StringArray>>()?))
}

/// The regular expression of a pattern: the part before the quotes is as short as can be.
fn three_parts(pattern: &str, escape: &str) -> Result<String> {
    let mut chars = escape.chars();
    let (Some(character), None) = (chars.next(), chars.next()) else {
        return exec_err!("SUBSTRING … ESCAPE '{escape}': one character is needed");
    };
    let parts: Vec<&str> = pattern.split(&format!("{character}\"")).collect();
    let [before, of, behind] = parts.as_slice() else {
        return exec_err!(
            "SUBSTRING … SIMILAR '{pattern}': the part to give stands between {character}\" and {character}\""
        );
    };
    let part = |part| regex_part(part, Some(character));
    Ok(format!("(?sU:{})(?s:({}))(?s:{})", part(before), part(of), part(behind)))
}

/// Each pattern is compiled once a batch.
fn compiled<K: Copy + Eq + std::hash::Hash>(
    known: &mut HashMap<K, Regex>,
    key: K,
    regex: impl Fn(K) -> Result<String>,
) -> Result<&Regex> {
    use std::collections::hash_map::Entry;
    Ok(match known.entry(key) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(free) => {
            let regex = Regex::new(&regex(key)?).map_err(|error| exec_datafusion_err!("SUBSTRING: {error}"))?;
            free.insert(regex)
        }
    })
}
