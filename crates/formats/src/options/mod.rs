//! Options as they come from SQL's `WITH`: names and values as text, checked against what is documented.

mod catalog;

use std::collections::BTreeMap;

pub use catalog::{FORMATS, FormatSpec, OptionSpec};

use crate::error::{Error, Result};

/// Least likeness of two names for one to be suggested for the other.
const LIKENESS_MIN: f64 = 0.75;

/// Options of a format, as `WITH ('format' = 'json', 'json.ignore-parse-errors' = 'true')` gives them.
///
/// Options of the format begin with its name and a dot; those of others (the connector's) are left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    entries: BTreeMap<String, String>,
}

impl Options {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more, or another value.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.entries.insert(name.into(), value.into());
        self
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(String::as_str)
    }

    /// All names with their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Options {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Options { entries: entries.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}

/// The options of one format, checked: every name is known.
pub(crate) struct Chosen<'a> {
    spec: &'static FormatSpec,
    options: &'a Options,
}

impl<'a> Chosen<'a> {
    pub(crate) fn new(spec: &'static FormatSpec, options: &'a Options) -> Result<Self> {
        for name in options.entries.keys() {
            let Some(short) = name.strip_prefix(spec.name).and_then(|rest| rest.strip_prefix('.')) else { continue };
            if !spec.options.iter().any(|option| option.matches(short)) {
                let known = spec.options.iter().map(|option| option.name);
                let hint = suggest(short, known, |known| format!("{}.{known}", spec.name));
                return Err(Error::UnknownOption { format: spec.name, option: name.clone(), hint });
            }
        }
        Ok(Chosen { spec, options })
    }

    fn full(&self, short: &str) -> String {
        format!("{}.{short}", self.spec.name)
    }

    /// What was given.
    pub(crate) fn given(&self, short: &str) -> Option<&'a str> {
        self.options.entries.get(&self.full(short)).map(String::as_str)
    }

    /// What was given, or the default; empty where there is neither.
    pub(crate) fn text(&self, short: &'static str) -> &'a str {
        let default = self.spec.options.iter().find(|option| option.name == short).and_then(|option| option.default);
        debug_assert!(self.spec.options.iter().any(|option| option.name == short), "{short} is not documented");
        self.given(short).or(default).unwrap_or_default()
    }

    /// What must be given.
    pub(crate) fn required(&self, short: &'static str, what: &'static str) -> Result<&'a str> {
        self.given(short).filter(|value| !value.is_empty()).ok_or_else(|| Error::MissingOption {
            format: self.spec.name,
            option: self.full(short),
            what,
        })
    }

    pub(crate) fn flag(&self, short: &'static str) -> Result<bool> {
        match self.text(short) {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            text => Err(self.invalid(short, text, "say true or false")),
        }
    }

    /// One of some words, in any case.
    pub(crate) fn one_of<T: Copy>(&self, short: &'static str, words: &[(&str, T)]) -> Result<T> {
        let text = self.text(short);
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, value)) => Ok(*value),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.invalid(short, text, format!("say one of {}", known.join(", "))))
            }
        }
    }

    /// A single byte, as a delimiter is; `\t`, `\n`, `\r` and `\\` are understood.
    pub(crate) fn byte(&self, short: &'static str) -> Result<Option<u8>> {
        let text = unescape(self.text(short));
        match text.as_bytes() {
            [] => Ok(None),
            [byte] => Ok(Some(*byte)),
            _ => Err(self.invalid(short, text, "say one ASCII character")),
        }
    }

    /// The options of a family: `json.path.<column>`.
    pub(crate) fn family(&self, prefix: &'static str) -> Vec<(&'a str, &'a str)> {
        let full = self.full(prefix);
        let entries = self.options.entries.iter();
        entries.filter_map(|(name, value)| Some((name.strip_prefix(&full)?, value.as_str()))).collect()
    }

    pub(crate) fn invalid(&self, short: &str, value: impl Into<String>, rule: impl Into<String>) -> Error {
        Error::invalid_option(self.full(short), value, rule)
    }
}

/// A value as it is written in SQL, with `\t`, `\n`, `\r`, `\\` for what can't be typed.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('\\') | None => out.push('\\'),
                Some(other) => out.extend(['\\', other]),
            },
            _ => out.push(c),
        }
    }
    out
}

/// ", did you mean `…`", where a known name is like the given one.
pub fn suggest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>, show: impl Fn(&str) -> String) -> String {
    let given = given.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&given, name);
    let best = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best {
        Some(best) if likeness(best) >= LIKENESS_MIN => format!(", did you mean `{}`", show(best)),
        _ => String::new(),
    }
}
