//! Functions of texts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use regex::Regex;

use crate::functions::scalar::Function;

pub(super) fn all() -> Vec<Function> {
    vec![Function {
        name: "regex_replace",
        takes: |types| match types {
            [text, pattern, by, start, occurrence]
                if [text, pattern, by].iter().all(|t| t.is_string() || t.is_null())
                    && start.is_integer()
                    && occurrence.is_integer() =>
            {
                let (text, number) = (DataType::Utf8, DataType::Int64);
                Ok(vec![text.clone(), text.clone(), text, number.clone(), number])
            }
            _ => plan_err!(
                "REGEX_REPLACE takes a text, a pattern, its replacement, the first character from 1, and which occurrence, 0 for all"
            ),
        },
        gives: |_| DataType::Utf8,
        does: regex_replace,
    }]
}

fn regex_replace(args: &[ArrayRef]) -> Result<ArrayRef> {
    let texts = |n: usize| args[n].as_string::<i32>().iter();
    let numbers = |n: usize| args[n].as_primitive::<Int64Type>().iter();
    let mut known: HashMap<String, Regex> = HashMap::new();
    let rows = texts(0).zip(texts(1)).zip(texts(2)).zip(numbers(3)).zip(numbers(4));
    let replaced = rows.map(|((((text, pattern), by), start), occurrence)| {
        let (Some(text), Some(pattern), Some(by), Some(start), Some(occurrence)) =
            (text, pattern, by, start, occurrence)
        else {
            return Ok(None);
        };
        if start < 1 || occurrence < 0 {
            return exec_err!(
                "REGEX_REPLACE: the first character is {start}, from 1, and the occurrence {occurrence}, from 0"
            );
        }
        if !known.contains_key(pattern) {
            let compiled = Regex::new(pattern)
                .map_err(|error| datafusion::error::DataFusionError::Execution(format!("REGEX_REPLACE: {error}")))?;
            known.insert(pattern.to_owned(), compiled);
        }
        let Some(regex) = known.get(pattern) else { return Ok(None) };
        Ok(Some(replace(text, regex, by, start, occurrence)))
    });
    Ok(Arc::new(replaced.collect::<Result<StringArray>>()?))
}

/// From the n-th character on, the n-th occurrence or all.
fn replace(text: &str, regex: &Regex, by: &str, start: i64, occurrence: i64) -> String {
    let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
    let Some((from, _)) = text.char_indices().nth(skip) else { return text.to_owned() };
    let (before, rest) = text.split_at(from);
    let mut out = before.to_owned();
    let mut done = 0;
    for (n, found) in (1i64..).zip(regex.captures_iter(rest)) {
        let Some(whole) = found.get(0) else { continue };
        if occurrence != 0 && n != occurrence {
            continue;
        }
        out.push_str(rest.get(done..whole.start()).unwrap_or_default());
        found.expand(by, &mut out);
        done = whole.end();
    }
    out.push_str(rest.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_counted_from_the_first_character_on() {
        let regex = Regex::new("a").unwrap();
        assert_eq!(replace("banana", &regex, "o", 1, 0), "bonono");
        assert_eq!(replace("banana", &regex, "o", 1, 2), "banona");
        assert_eq!(replace("banana", &regex, "o", 3, 1), "banona");
        assert_eq!(replace("banana", &regex, "o", 7, 0), "banana");
        let groups = Regex::new("(b)(a)").unwrap();
        assert_eq!(replace("bana", &groups, "$2$1", 1, 0), "abna");
    }
}
