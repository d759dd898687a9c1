//! `SYS_LOG_PARSE`: lines of syslog as RFC 3164 and RFC 5424 have them.

use std::ops::Range;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::w3c::month;
use super::{CutLine, LogField, unlike};
use crate::fault::Read;
use crate::time::{Instant, days_from_civil, days_of_month, parse_time, parse_timestamp};

/// Which form lines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    /// A version after the priority means RFC 5424.
    Auto,
    Rfc3164,
    Rfc5424,
}

pub(super) const STANDARDS: &[(&str, Standard)] =
    &[("auto", Standard::Auto), ("rfc3164", Standard::Rfc3164), ("rfc5424", Standard::Rfc5424)];

/// The columns: the first two are those of `SYS_LOG_PARSE`, the time and all that follows it.
pub(super) fn fields() -> Vec<Field> {
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    vec![
        Field::new("COLUMN1", time.clone(), true),
        text("COLUMN2"),
        Field::new("facility", DataType::Int32, true),
        Field::new("severity", DataType::Int32, true),
        Field::new("timestamp", time, true),
        text("hostname"),
        text("app_name"),
        text("proc_id"),
        text("msg_id"),
        text("structured_data"),
        text("message"),
    ]
}

pub(super) struct SyslogLine {
    pub(super) standard: Standard,
    /// RFC 3164's times have none.
    pub(super) year: i64,
}

/// What a line says, by its places in it.
struct Parts {
    time: LogField,
    rest: Range<usize>,
    hostname: LogField,
    app_name: LogField,
    proc_id: LogField,
    msg_id: LogField,
    structured_data: LogField,
    message: LogField,
}

impl CutLine for SyslogLine {
    fn cut(&self, line: &str, fields: &mut Vec<LogField>) -> Read {
        let (priority, at) = priority(line).ok_or_else(|| unlike("syslog line, its priority is wrong,", line))?;
        let after = line.get(at..).unwrap_or_default();
        let versioned = priority.is_some() && after.starts_with("1 ");
        let parts = match self.standard {
            Standard::Rfc3164 => self.rfc3164(line, at),
            Standard::Auto if !versioned => self.rfc3164(line, at),
            _ if versioned => rfc5424(line, at + 2),
            _ => None,
        };
        let parts = parts.ok_or_else(|| unlike("syslog line", line))?;
        let coded = |code: fn(i64) -> i64| priority.map_or(LogField::Missing, |p| LogField::Number(code(p)));
        fields.extend([
            parts.time.clone(),
            LogField::Part(parts.rest),
            coded(|priority| priority / 8),
            coded(|priority| priority % 8),
            parts.time,
            parts.hostname,
            parts.app_name,
            parts.proc_id,
            parts.msg_id,
            parts.structured_data,
            parts.message,
        ]);
        Ok(())
    }
}

/// The number in `<…>` at the beginning, if there is one, and where the line goes on.
fn priority(line: &str) -> Option<(Option<i64>, usize)> {
    let Some(inside) = line.strip_prefix('<') else { return Some((None, 0)) };
    let (number, _) = inside.split_once('>')?;
    let value: i64 = number.parse().ok().filter(|value| (0..=191).contains(value))?;
    Some((Some(value), number.len() + 2))
}

impl SyslogLine {
    /// `Oct 11 22:14:15 host tag[pid]: message`
    fn rfc3164(&self, line: &str, at: usize) -> Option<Parts> {
        let (time, end) = self.time(line, at)?;
        let begin = skip_blanks(line, end);
        let hostname = word(line, begin);
        let tag_begin = skip_blanks(line, hostname.end);
        let rest = line.get(tag_begin..)?;
        let tag = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c))).unwrap_or(rest.len());
        let after = rest.get(tag..)?;
        let (app_name, proc_id, message) = if let Some(pid) = after.strip_prefix('[') {
            let (pid, _) = pid.split_once(']')?;
            let begin = tag_begin + tag + 1;
            (tag_begin..tag_begin + tag, Some(begin..begin + pid.len()), begin + pid.len() + 1)
        } else if after.starts_with(':') {
            (tag_begin..tag_begin + tag, None, tag_begin + tag)
        } else {
            (tag_begin..tag_begin, None, tag_begin) // no tag: all is the message
        };
        let colon = usize::from(line.get(message..)?.starts_with(':'));
        let message = if app_name.is_empty() { tag_begin } else { skip_blanks(line, message + colon) };
        let some = |range: Range<usize>| if range.is_empty() { LogField::Missing } else { LogField::Part(range) };
        Some(Parts {
            time,
            rest: begin..line.len(),
            hostname: some(hostname),
            app_name: some(app_name),
            proc_id: proc_id.map_or(LogField::Missing, some),
            msg_id: LogField::Missing,
            structured_data: LogField::Missing,
            message: LogField::Part(message..line.len()),
        })
    }

    /// `Oct 11 22:14:15`, or the ISO form that many daemons write instead; where it ends.
    fn time(&self, line: &str, at: usize) -> Option<(LogField, usize)> {
        let first = word(line, at);
        if let Some(instant) = parse_timestamp(line.get(first.clone())?.as_bytes()) {
            return Some((LogField::Time(first.clone(), instant), first.end));
        }
        let month = month(line.get(first.clone())?)?;
        let day = word(line, skip_blanks(line, first.end));
        let clock = word(line, skip_blanks(line, day.end));
        let nanos = parse_time(line.get(clock.clone())?.as_bytes())?;
        let day: i64 = line.get(day)?.parse().ok()?;
        if !(1..=days_of_month(self.year, month)).contains(&day) {
            return None;
        }
        let seconds = days_from_civil(self.year, month, day) * 86_400 + nanos / 1_000_000_000;
        let instant = Instant { seconds, nanos: (nanos % 1_000_000_000) as u32 };
        Some((LogField::Time(at..clock.end, instant), clock.end))
    }
}

/// `2003-10-11T22:14:15.003Z host app pid msgid [data] message`, after the version.
fn rfc5424(line: &str, at: usize) -> Option<Parts> {
    let field = |range: &Range<usize>| match line.get(range.clone()) {
        Some("-") | None => LogField::Missing,
        Some(_) => LogField::Part(range.clone()),
    };
    let stamp = word(line, at);
    let time = match line.get(stamp.clone())? {
        "-" => LogField::Missing,
        text => LogField::Time(stamp.clone(), parse_timestamp(text.as_bytes())?),
    };
    let mut next = stamp.end + 1;
    let mut header = || {
        let range = word(line, next);
        next = range.end + 1;
        (!range.is_empty()).then_some(range)
    };
    let (hostname, app_name, proc_id, msg_id) = (header()?, header()?, header()?, header()?);
    let data_end = next + structured_data(line.get(next..)?)?;
    let data = next..data_end;
    let message = line.get(data_end..)?;
    let begin = data_end + usize::from(message.starts_with(' '));
    let begin = begin + if line.get(begin..)?.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Some(Parts {
        time,
        rest: hostname.start..line.len(),
        hostname: field(&hostname),
        app_name: field(&app_name),
        proc_id: field(&proc_id),
        msg_id: field(&msg_id),
        structured_data: field(&data),
        message: if begin < line.len() { LogField::Part(begin..line.len()) } else { LogField::Missing },
    })
}

/// How many bytes the structured data takes: `-`, or elements in brackets with quoted values.
fn structured_data(text: &str) -> Option<usize> {
    if text.starts_with('-') {
        return Some(1);
    }
    let bytes = text.as_bytes();
    let (mut at, mut quoted) = (0, false);
    if bytes.first() != Some(&b'[') {
        return None;
    }
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b']' if !quoted && bytes.get(at + 1) != Some(&b'[') => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The word that begins at a place: up to the next blank.
fn word(line: &str, at: usize) -> Range<usize> {
    let at = at.min(line.len());
    let rest = line.get(at..).unwrap_or_default();
    at..at + rest.find(' ').unwrap_or(rest.len())
}

fn skip_blanks(line: &str, at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    at + (rest.len() - rest.trim_start_matches(' ').len())
}
