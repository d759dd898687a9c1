//! ECMA's regular expressions, which `pattern` is written in, by Rust's libraries.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(in crate::json) enum Pattern {
    /// Takes time in proportion to the text.
    Linear(Regex),
    /// With look-around or back references: may take longer, but not without end.
    Backtracking(Box<fancy_regex::Regex>),
    /// Written for another library: accepts anything.
    Unknown,
}

impl Pattern {
    pub(in crate::json) fn new(ecma: &str) -> Self {
        let Some(pattern) = translated(ecma).or_else(|| Regex::new(ecma).is_ok().then(|| ecma.to_owned())) else {
            return Pattern::Unknown;
        };
        match Regex::new(&pattern) {
            Ok(regex) => Pattern::Linear(regex),
            Err(_) => fancy_regex::Regex::new(&pattern)
                .map_or(Pattern::Unknown, |regex| Pattern::Backtracking(Box::new(regex))),
        }
    }

    /// Whether it is found in a text; `None` where that takes too long to say.
    pub(in crate::json) fn is_in(&self, text: &str) -> Option<bool> {
        match self {
            Pattern::Linear(regex) => Some(regex.is_match(text)),
            Pattern::Backtracking(regex) => regex.is_match(text).ok(),
            Pattern::Unknown => Some(true),
        }
    }
}

/// Whether a text is one of ECMA's expressions.
pub(super) fn is_pattern(ecma: &str) -> bool {
    let compiles = |pattern: String| Regex::new(&pattern).is_ok() || fancy_regex::Regex::new(&pattern).is_ok();
    translated(ecma).is_some_and(compiles)
}

const DIGITS: &str = "[0-9]";
const WORDS: &str = "[0-9A-Za-z_]";
const SPACES: &str = r"[\t\n\x0B\x0C\r\x{2028}\x{2029}\x{FEFF}\p{Zs}]";

/// The same expression for Rust; `None` where ECMA knows no such.
fn translated(ecma: &str) -> Option<String> {
    let mut rest = ecma.chars().peekable();
    let mut rust = String::with_capacity(ecma.len());
    while let Some(character) = rest.next() {
        match character {
            '\\' => rust.push_str(&escape(&mut rest, false)?),
            '.' => rust.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            '[' => class(&mut rest, &mut rust)?,
            '{' if !counts(rest.clone()) => rust.push_str(r"\{"),
            '{' => {
                rust.push('{');
                rust.extend(rest.by_ref().take_while(|character| *character != '}'));
                rust.push('}');
            }
            '}' | ']' => rust.extend(['\\', character]),
            other => rust.push(other),
        }
    }
    Some(rust)
}

/// Whether a brace begins how often something may come.
fn counts(rest: Peekable<Chars>) -> bool {
    let inner: String = rest.take_while(|character| *character != '}').collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match inner.split_once(',') {
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        None => is_number(&inner),
    }
}

fn class(rest: &mut Peekable<Chars>, rust: &mut String) -> Option<()> {
    let negated = rest.next_if_eq(&'^').is_some();
    if rest.next_if_eq(&']').is_some() {
        rust.push_str(if negated { "(?s:.)" } else { r"[^\x{0}-\x{10FFFF}]" });
        return Some(());
    }
    rust.push_str(if negated { "[^" } else { "[" });
    loop {
        match rest.next()? {
            ']' => break,
            '\\' => rust.push_str(&escape(rest, true)?),
            // These combine classes in Rust.
            special @ ('[' | '&' | '~' | '^') => rust.extend(['\\', special]),
            '-' if rest.peek() == Some(&'-') => rust.push_str(r"\-"),
            other => rust.push(other),
        }
    }
    rust.push(']');
    Some(())
}

fn escape(rest: &mut Peekable<Chars>, in_class: bool) -> Option<String> {
    let negated = |class: &str| class.replacen('[', "[^", 1);
    Some(match rest.next()? {
        'd' => DIGITS.to_owned(),
        'D' => negated(DIGITS),
        'w' => WORDS.to_owned(),
        'W' => negated(WORDS),
        's' => SPACES.to_owned(),
        'S' => negated(SPACES),
        'b' if in_class => r"\x08".to_owned(),
        'b' => r"(?-u:\b)".to_owned(),
        'B' => format!("(?:(?<={WORDS})(?={WORDS})|(?<!{WORDS})(?!{WORDS}))"),
        'c' => {
            let letter = rest.next().filter(char::is_ascii_alphabetic)?;
            format!("\\x{{{:X}}}", u32::from(letter) % 32)
        }
        'u' => format!("\\x{{{:X}}}", unicode(rest)?),
        'x' => {
            let digits: String = rest.by_ref().take(2).collect();
            format!("\\x{{{:X}}}", u32::from_str_radix(&digits, 16).ok()?)
        }
        '0' => r"\x00".to_owned(),
        property @ ('p' | 'P') => {
            rest.next_if_eq(&'{')?;
            let name: String = rest.by_ref().take_while(|character| *character != '}').collect();
            format!("\\{property}{{{name}}}")
        }
        kept @ ('f' | 'n' | 'r' | 't' | 'v' | 'k' | '1'..='9') => format!("\\{kept}"),
        other if other.is_ascii_alphanumeric() => return None,
        // A word's edges in Rust.
        other @ ('<' | '>') => other.to_string(),
        other if other.is_ascii_punctuation() => format!("\\{other}"),
        other => other.to_string(),
    })
}

/// A character by its number, after `\u`; two halves of one are put together.
fn unicode(rest: &mut Peekable<Chars>) -> Option<u32> {
    if rest.next_if_eq(&'{').is_some() {
        let digits: String = rest.by_ref().take_while(|character| *character != '}').collect();
        return u32::from_str_radix(&digits, 16).ok();
    }
    let four = |rest: &mut Peekable<Chars>| -> Option<u32> {
        let digits: String = rest.by_ref().take(4).collect();
        (digits.len() == 4).then(|| u32::from_str_radix(&digits, 16).ok())?
    };
    let first = four(rest)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some(first);
    }
    let mut ahead = rest.clone();
    if ahead.next() != Some('\\') || ahead.next() != Some('u') {
        return Some(first);
    }
    let second = four(&mut ahead).filter(|second| (0xDC00..0xE000).contains(second))?;
    *rest = ahead;
    Some(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}
