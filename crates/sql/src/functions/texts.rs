//! Functions of texts that Flink has and DataFusion has not, or calls otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Int64Type};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use datafusion::common::{Result, plan_err};
use md5::{Digest, Md5};
use regex::{NoExpand, Regex};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::scalar::Function;

pub(super) fn all() -> Vec<Function> {
    let coded = |name, does| Function { name, takes: one_text, gives: |_| DataType::Utf8, does };
    let text = |name, does| Function { name, takes: one_text, gives: |_| DataType::Boolean, does };
    vec![
        Function { name: "regexp", takes: two_texts, gives: |_| DataType::Boolean, does: matches },
        Function {
            name: "regexp_replace",
            takes: |types| match types {
                [_, _, _] if types.iter().all(is_text) => Ok(vec![DataType::Utf8; 3]),
                _ => plan_err!("REGEXP_REPLACE takes a text, a pattern and what takes the place of each match"),
            },
            gives: |_| DataType::Utf8,
            does: replace,
        },
        Function { name: "regexp_extract", takes: extract_takes, gives: |_| DataType::Utf8, does: extract },
        Function { name: "locate", takes: locate_takes, gives: |_| DataType::Int32, does: locate },
        coded("md5", |args| coded_as(args, |text| Some(hex(&Md5::digest(text))))),
        coded("sha224", |args| coded_as(args, |text| Some(hex(&Sha224::digest(text))))),
        coded("sha256", |args| coded_as(args, |text| Some(hex(&Sha256::digest(text))))),
        coded("sha384", |args| coded_as(args, |text| Some(hex(&Sha384::digest(text))))),
        coded("sha512", |args| coded_as(args, |text| Some(hex(&Sha512::digest(text))))),
        Function { name: "regexp_substr", takes: two_texts, gives: |_| DataType::Utf8, does: extract },
        Function {
            name: "regexp_extract_all",
            takes: extract_takes,
            gives: |_| DataType::new_list(DataType::Utf8, true),
            does: extract_all,
        },
        coded("to_base64", |args| coded_as(args, |text| Some(BASE64.encode(text)))),
        coded("from_base64", |args| coded_as(args, |text| String::from_utf8(BASE64.decode(text).ok()?).ok())),
        Function { name: "regexp_count", takes: two_texts, gives: |_| DataType::Int32, does: count },
        Function { name: "regexp_instr", takes: two_texts, gives: |_| DataType::Int32, does: place_of_match },
        Function { name: "split", takes: two_texts, gives: |_| DataType::new_list(DataType::Utf8, true), does: split },
        Function {
            name: "translate",
            takes: |types| match types {
                [_, _, _] if types.iter().all(is_text) => Ok(vec![DataType::Utf8; 3]),
                _ => plan_err!("TRANSLATE takes a text, characters, and those that take their places"),
            },
            gives: |_| DataType::Utf8,
            does: translate,
        },
        Function {
            name: "elt",
            takes: |types| match types {
                [place, texts @ ..]
                    if (place.is_integer() || place.is_null()) && !texts.is_empty() && texts.iter().all(is_text) =>
                {
                    Ok([DataType::Int64].into_iter().chain(texts.iter().map(|_| DataType::Utf8)).collect())
                }
                _ => plan_err!("ELT takes a number, and the texts that it chooses from"),
            },
            gives: |_| DataType::Utf8,
            does: chosen,
        },
        text("is_alpha", |args| each(args, |text| !text.is_empty() && text.chars().all(char::is_alphabetic))),
        text("is_digit", |args| each(args, |text| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))),
        text("is_decimal", |args| each(args, |text| text.parse::<f64>().is_ok())),
    ]
}

pub(super) fn is_text(of: &DataType) -> bool {
    of.is_string() || of.is_null()
}

pub(super) fn one_text(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text] if is_text(text) => Ok(vec![DataType::Utf8]),
        _ => plan_err!("it takes a text"),
    }
}

fn two_texts(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text, pattern] if is_text(text) && is_text(pattern) => Ok(vec![DataType::Utf8; 2]),
        _ => plan_err!("it takes a text and a pattern"),
    }
}

fn extract_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text, pattern] if is_text(text) && is_text(pattern) => Ok(vec![DataType::Utf8; 2]),
        [text, pattern, group] if is_text(text) && is_text(pattern) && group.is_integer() => {
            Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
        }
        _ => plan_err!("it takes a text, a pattern and the number of a group"),
    }
}

fn locate_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [part, text] if is_text(part) && is_text(text) => Ok(vec![DataType::Utf8; 2]),
        [part, text, from] if is_text(part) && is_text(text) && from.is_integer() => {
            Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
        }
        _ => plan_err!("LOCATE takes a part, a text and, if not 1, the first character"),
    }
}

fn each(args: &[ArrayRef], holds: fn(&str) -> bool) -> Result<ArrayRef> {
    let texts = args[0].as_string::<i32>();
    Ok(Arc::new(texts.iter().map(|text| Some(text.is_some_and(holds))).collect::<BooleanArray>()))
}

pub(super) fn coded_as(args: &[ArrayRef], code: fn(&str) -> Option<String>) -> Result<ArrayRef> {
    Ok(Arc::new(args[0].as_string::<i32>().iter().map(|text| code(text?)).collect::<StringArray>()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Patterns that were compiled for earlier rows; none where it is none, which Flink takes for one that matches nothing.
#[derive(Default)]
struct Patterns(HashMap<String, Option<Regex>>);

impl Patterns {
    fn of(&mut self, pattern: &str) -> Option<&Regex> {
        if !self.0.contains_key(pattern) {
            self.0.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        self.0.get(pattern)?.as_ref()
    }
}

/// `REGEXP(text, pattern)`: some part of the text matches.
fn matches(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut patterns = Patterns::default();
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    let rows = rows.map(|(text, pattern)| {
        let (text, pattern) = (text?, pattern?);
        Some(patterns.of(pattern).is_some_and(|regex| regex.is_match(text)))
    });
    Ok(Arc::new(rows.collect::<BooleanArray>()))
}

/// `REGEXP_REPLACE`: all matches by a text that is taken as it is.
fn replace(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut patterns = Patterns::default();
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).zip(args[2].as_string::<i32>());
    let rows =
        rows.map(|((text, pattern), by)| Some(patterns.of(pattern?)?.replace_all(text?, NoExpand(by?)).into_owned()));
    Ok(Arc::new(rows.collect::<StringArray>()))
}

/// A group of each match, the first one where it is not said; NULL where the pattern has no such group.
fn extract_all(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut patterns = Patterns::default();
    let groups = args.get(2).map(|groups| groups.as_primitive::<Int64Type>());
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (row, (text, pattern)) in args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).enumerate() {
        let group = usize::try_from(groups.map_or(1, |groups| groups.value(row))).ok();
        let regex = pattern.and_then(|pattern| patterns.of(pattern));
        let found = text.zip(regex).zip(group).filter(|((_, regex), group)| *group < regex.captures_len());
        for (one, group) in
            found.iter().flat_map(|((text, regex), group)| regex.captures_iter(text).map(|one| (one, *group)))
        {
            lists.values().append_option(one.get(group).map(|one| one.as_str()));
        }
        lists.append(found.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// `REGEXP_EXTRACT(text, pattern [, group])`
fn extract(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut patterns = Patterns::default();
    let groups = args.get(2).map(|groups| groups.as_primitive::<Int64Type>());
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).enumerate();
    let rows = rows.map(|(row, (text, pattern))| {
        let group = groups.map_or(0, |groups| groups.value(row));
        let found = patterns.of(pattern?)?.captures(text?)?;
        Some(found.get(usize::try_from(group).ok()?)?.as_str().to_owned())
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}

/// `LOCATE(part, text [, from])`: the place of the first character from 1; 0 where the part is not there.
fn locate(args: &[ArrayRef]) -> Result<ArrayRef> {
    let from = args.get(2).map(|from| from.as_primitive::<Int64Type>());
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()).enumerate();
    let rows = rows.map(|(row, (part, text))| {
        let (part, text) = (part?, text?);
        let from = usize::try_from(from.map_or(1, |from| from.value(row))).ok().filter(|from| *from > 0);
        let Some(begin) = from.and_then(|from| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(from - 1))
        else {
            return Some(0);
        };
        let found = text.get(begin..)?.find(part).map(|at| begin + at);
        Some(found.map_or(0, |at| text.get(..at).map_or(0, |before| before.chars().count() as i32 + 1)))
    });
    Ok(Arc::new(rows.collect::<Int32Array>()))
}

/// `REGEXP_COUNT(text, pattern)`; NULL where the pattern is none.
fn count(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut patterns = Patterns::default();
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    let rows = rows.map(|(text, pattern)| i32::try_from(patterns.of(pattern?)?.find_iter(text?).count()).ok());
    Ok(Arc::new(rows.collect::<Int32Array>()))
}

/// `REGEXP_INSTR(text, pattern)`: the place of the first match from 1, or 0.
fn place_of_match(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut patterns = Patterns::default();
    let rows = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    let rows = rows.map(|(text, pattern)| {
        let (text, pattern) = (text?, patterns.of(pattern?)?);
        let before = pattern.find(text).and_then(|found| text.get(..found.start()));
        Some(before.map_or(0, |before| before.chars().count() as i32 + 1))
    });
    Ok(Arc::new(rows.collect::<Int32Array>()))
}

/// `SPLIT(text, between)`; nothing divides into characters.
fn split(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>()) {
        if let (Some(text), Some(between)) = row {
            match between {
                _ if text.is_empty() => {}
                "" => text.chars().for_each(|c| lists.values().append_value(c.to_string())),
                _ => text.split(between).for_each(|part| lists.values().append_value(part)),
            }
        }
        lists.append(row.0.is_some() && row.1.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// `TRANSLATE(text, characters, others)`: each character becomes the one at its place; one without such goes.
fn translate(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (from, to) = (args[1].as_string::<i32>(), args[2].as_string::<i32>());
    let rows = args[0].as_string::<i32>().iter().zip(from.iter().zip(to)).map(|(text, (from, to))| {
        let (text, to) = (text?, to.unwrap_or_default());
        let Some(from) = from else { return Some(text.to_owned()) };
        let other = |c: char| match from.chars().position(|known| known == c) {
            Some(place) => to.chars().nth(place),
            None => Some(c),
        };
        Some(text.chars().filter_map(other).collect())
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}

/// `ELT(n, text, …)`: the nth text.
fn chosen(args: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = args[0].as_primitive::<Int64Type>().iter().enumerate().map(|(row, place)| {
        let texts = args.get(usize::try_from(place?).ok().filter(|place| *place > 0)?)?.as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row))
    });
    Ok(Arc::new(rows.collect::<StringArray>()))
}
