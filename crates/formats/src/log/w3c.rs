//! `W3C_LOG_PARSE`: access logs of web servers, by the name of a format or by directives like Apache's.

use super::{CutLine, LogField, unlike};
use crate::fault::Read;
use crate::time::{Instant, days_from_civil, days_of_month};

/// Directives of a pattern; a longer one is refused.
const DIRECTIVES_MAX: usize = 200;

/// The formats with names, as the SQL reference lists them.
const NAMED: &[(&str, &str)] = &[
    ("COMMON", "%h %l %u [%t] \"%r\" %>s %b"),
    ("COMMON WITH VHOST", "%v %h %l %u [%t] \"%r\" %>s %b"),
    ("NCSA EXTENDED", "%h %l %u [%t] \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\""),
    ("REFERER", "%{Referer}i ---> %U"),
    ("AGENT", "%{User-agent}i"),
    ("IIS", "%h, %u, %d, %T, %S, %v, %A, %D, %I, %O, %>s, %W, %m, %U, %q,"),
];

/// A piece of a pattern.
#[derive(Debug)]
enum Piece {
    /// Text that must be there; a blank stands for one or more.
    Literal(String),
    /// A field up to what follows it.
    Field { time: bool },
}

pub(super) struct W3cLine {
    pieces: Vec<Piece>,
    columns: usize,
}

impl W3cLine {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let named = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(pattern.trim()));
        let mut rest = named.map_or(pattern, |(_, directives)| directives);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut columns = 0;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix('%').filter(|after| !after.starts_with('%')) {
                if matches!(pieces.last(), Some(Piece::Field { .. })) {
                    return Err("two directives need something between them".into());
                }
                let (letter, after) =
                    directive(after).ok_or_else(|| format!("`{rest}` is no directive like %h or %{{Referer}}i"))?;
                pieces.push(Piece::Field { time: letter == 't' });
                columns += 1;
                rest = after;
                continue;
            }
            rest = rest.strip_prefix("%%").unwrap_or(&rest[c.len_utf8()..]);
            match pieces.last_mut() {
                Some(Piece::Literal(text)) => text.push(c),
                _ => pieces.push(Piece::Literal(c.to_string())),
            }
        }
        if columns == 0 || columns > DIRECTIVES_MAX {
            let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
            return Err(format!("say {}, or directives like `%h %l %u [%t] \"%r\" %>s %b`", names.join(", ")));
        }
        Ok(W3cLine { pieces, columns })
    }

    pub(super) fn len(&self) -> usize {
        self.columns
    }
}

/// The letter of a directive after `%`, with what may stand before it: `>`, `{Referer}`, `!200,304`.
fn directive(text: &str) -> Option<(char, &str)> {
    let text = text.trim_start_matches(|c: char| matches!(c, '>' | '<' | '!' | ',') || c.is_ascii_digit());
    let text = match text.strip_prefix('{') {
        Some(named) => named.split_once('}')?.1,
        None => text,
    };
    let letter = text.chars().next().filter(char::is_ascii_alphabetic)?;
    Some((letter, &text[1..]))
}

impl CutLine for W3cLine {
    fn cut(&self, line: &str, fields: &mut Vec<LogField>) -> Read {
        let mut at = 0;
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            let rest = line.get(at..).unwrap_or_default();
            match piece {
                Piece::Literal(text) => {
                    at += literal(text, rest).ok_or_else(|| unlike("log line of this pattern", line))?
                }
                Piece::Field { time } => {
                    let end = match pieces.peek() {
                        Some(Piece::Literal(next)) => {
                            at + field_end(next, rest).ok_or_else(|| unlike("log line of this pattern", line))?
                        }
                        _ => line.len(),
                    };
                    fields.push(field(line, at, end, *time));
                    at = end;
                }
            }
        }
        if line.get(at..).is_some_and(|rest| !rest.trim().is_empty()) {
            return Err(unlike("log line of this pattern", line));
        }
        Ok(())
    }
}

/// How many bytes of the line a literal takes.
fn literal(text: &str, line: &str) -> Option<usize> {
    let mut rest = line;
    for c in text.chars() {
        if c == ' ' {
            let trimmed = rest.trim_start_matches(' ');
            if trimmed.len() == rest.len() {
                return None;
            }
            rest = trimmed;
        } else {
            rest = rest.strip_prefix(c)?;
        }
    }
    Some(line.len() - rest.len())
}

/// Where a field ends: at the first character of the literal behind it. A quote after a backslash, as Apache writes
/// quotes in requests, ends nothing, and blanks between brackets (a time without brackets in its pattern) neither.
fn field_end(next: &str, rest: &str) -> Option<usize> {
    let stop = next.bytes().next()?;
    let bytes = rest.as_bytes();
    if stop == b' ' && bytes.first() == Some(&b'[') {
        return rest.find(']').map(|at| at + 1);
    }
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' && stop == b'"' {
            at += 1;
        } else if byte == stop {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn field(line: &str, begin: usize, end: usize, time: bool) -> LogField {
    let text = line.get(begin..end).unwrap_or_default();
    let bracketed = time && text.starts_with('[') && text.ends_with(']') && text.len() > 1;
    let range = if bracketed { begin + 1..end - 1 } else { begin..end };
    match line.get(range.clone()).filter(|_| time).and_then(common_log_time) {
        Some(instant) => LogField::Time(range, instant),
        None => LogField::Part(range),
    }
}

/// The number of a month by its English abbreviation.
pub(super) fn month(name: &str) -> Option<i64> {
    const NAMES: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = NAMES.find(name).filter(|at| name.len() == 3 && at % 3 == 0)?;
    Some(at as i64 / 3 + 1)
}

/// `10/Oct/2000:13:55:36 -0700`
fn common_log_time(text: &str) -> Option<Instant> {
    let (day, rest) = text.split_once('/')?;
    let (name, rest) = rest.split_once('/')?;
    let (year, rest) = rest.split_once(':')?;
    let (day, month, year): (i64, i64, i64) = (day.parse().ok()?, month(name)?, year.parse().ok()?);
    if !(1..=days_of_month(year, month)).contains(&day) || !(0..=9_999).contains(&year) {
        return None;
    }
    let clock = crate::time::parse_timestamp(format!("1970-01-01 {rest}").as_bytes())?;
    let seconds = days_from_civil(year, month, day) * 86_400 + clock.seconds;
    Some(Instant { seconds, nanos: clock.nanos })
}
