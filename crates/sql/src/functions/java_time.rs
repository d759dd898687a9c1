//! Patterns of Java's `SimpleDateFormat`, and what its `DateTimeFormatter` has of them, in UTC and English.

use std::collections::HashMap;
use std::fmt::Write;

use jiff::{Timestamp, civil, tz::TimeZone};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// A letter, so many times.
    Field(char, usize),
    /// Text that stands for itself.
    Text(String),
}

/// A pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

/// Patterns that were read before.
#[derive(Default)]
pub(super) struct Patterns {
    known: HashMap<String, Pattern>,
}

impl Patterns {
    pub(super) fn of(&mut self, pattern: &str) -> Result<&Pattern, String> {
        if !self.known.contains_key(pattern) {
            self.known.insert(pattern.to_owned(), Pattern::new(pattern)?);
        }
        self.known.get(pattern).ok_or_else(|| "a pattern is missing".to_owned())
    }
}

/// What a text says of a time.
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    afternoon: bool,
    minute: i64,
    second: i64,
    millis: i64,
    offset_ms: i64,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let text = |parts: &mut Vec<Part>, ch: char| match parts.last_mut() {
            Some(Part::Text(text)) => text.push(ch),
            _ => parts.push(Part::Text(ch.to_string())),
        };
        let mut chars = pattern.chars().peekable();
        while let Some(ch) = chars.next() {
            match ch {
                // Two quotes are one, in quoted text and outside.
                '\'' if chars.next_if_eq(&'\'').is_some() => text(&mut parts, '\''),
                '\'' => loop {
                    match chars.next() {
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => text(&mut parts, '\''),
                        Some('\'') => break,
                        Some(ch) => text(&mut parts, ch),
                        None => return Err(format!("a quote is open in the pattern '{pattern}'")),
                    }
                },
                'y' | 'M' | 'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' | 'S' | 'a' | 'E' | 'D' | 'z' | 'Z' | 'X' => {
                    match parts.last_mut() {
                        Some(Part::Field(last, count)) if *last == ch => *count += 1,
                        _ => parts.push(Part::Field(ch, 1)),
                    }
                }
                ch if ch.is_ascii_alphabetic() => {
                    return Err(format!(
                        "'{ch}' in the pattern '{pattern}' is no part of a time; quote text that stands for itself"
                    ));
                }
                ch => text(&mut parts, ch),
            }
        }
        Ok(Pattern { parts })
    }

    /// A time, milliseconds from 1970, as a text.
    pub(super) fn format(&self, ms: i64) -> String {
        let mut out = String::new();
        let Ok(at) = Timestamp::from_millisecond(ms) else { return out };
        let at = TimeZone::UTC.to_datetime(at);
        for part in &self.parts {
            let (letter, count) = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Field(letter, count) => (*letter, *count),
            };
            let name = |names: &[&str], at: i8| -> String {
                let name = usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or_default();
                if count >= 4 { name.to_owned() } else { name.chars().take(3).collect() }
            };
            let number = match letter {
                'y' if count == 2 => i64::from(at.year()).rem_euclid(100),
                'y' => i64::from(at.year()),
                'M' if count >= 3 => {
                    out.push_str(&name(&MONTHS, at.month() - 1));
                    continue;
                }
                'E' => {
                    out.push_str(&name(&DAYS, at.weekday().to_monday_zero_offset()));
                    continue;
                }
                'a' => {
                    out.push_str(if at.hour() < 12 { "AM" } else { "PM" });
                    continue;
                }
                'z' => {
                    out.push_str("UTC");
                    continue;
                }
                'Z' => {
                    out.push_str("+0000");
                    continue;
                }
                'X' => {
                    out.push('Z');
                    continue;
                }
                'M' => i64::from(at.month()),
                'd' => i64::from(at.day()),
                'D' => i64::from(at.day_of_year()),
                'H' => i64::from(at.hour()),
                'k' => i64::from(if at.hour() == 0 { 24 } else { at.hour() }),
                'K' => i64::from(at.hour() % 12),
                'h' => i64::from(if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 }),
                'm' => i64::from(at.minute()),
                's' => i64::from(at.second()),
                _ => i64::from(at.millisecond()),
            };
            // Writing to a text can't fail.
            let _ = write!(out, "{number:0count$}");
        }
        out
    }

    /// The time that a text begins with; what it leaves out is that of 1970-01-01 00:00:00.
    pub(super) fn parse(&self, text: &str) -> Result<i64, String> {
        let (fields, _) = self.fields(text)?;
        fields.millis().ok_or_else(|| format!("'{text}' is no time"))
    }

    /// The time that a text is as a whole. Up to its 31st each month's days behind its last one are the last one, as Java's
    /// `DateTimeFormatter` has it; other parts must be of the calendar and the clock.
    pub(super) fn parse_whole(&self, text: &str) -> Option<i64> {
        let (mut fields, rest) = self.fields(text).ok()?;
        let date = civil::Date::new(fields.year.try_into().ok()?, fields.month.try_into().ok()?, 1).ok()?;
        let exists = (1..=31).contains(&fields.day)
            && (0..24).contains(&fields.hour)
            && (0..60).contains(&fields.minute)
            && (0..60).contains(&fields.second);
        fields.day = fields.day.min(i64::from(date.days_in_month()));
        if rest.is_empty() && exists { fields.millis() } else { None }
    }

    fn fields<'t>(&self, text: &'t str) -> Result<(Fields, &'t str), String> {
        let mut fields = Fields {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            afternoon: false,
            minute: 0,
            second: 0,
            millis: 0,
            offset_ms: 0,
        };
        let mut rest = text;
        for (n, part) in self.parts.iter().enumerate() {
            let wrong = || format!("'{text}' is no time of the pattern");
            match part {
                Part::Text(expected) => rest = rest.strip_prefix(expected.as_str()).ok_or_else(wrong)?,
                Part::Field(letter, count) => {
                    // Numbers that touch each other are as long as they are written in the pattern.
                    let touches = matches!(self.parts.get(n + 1), Some(Part::Field(next, _)) if !matches!(next, 'a' | 'E' | 'z' | 'Z' | 'X'));
                    rest = fields.take(*letter, *count, touches, rest).ok_or_else(wrong)?;
                }
            }
        }
        Ok((fields, rest))
    }
}

impl Fields {
    /// Takes a field from the begin of a text; what is left of it.
    fn take<'t>(&mut self, letter: char, count: usize, touches: bool, text: &'t str) -> Option<&'t str> {
        let named = |names: &[&str]| -> Option<(i64, &'t str)> {
            (1i64..).zip(names).find_map(|(n, name)| {
                let short = name.get(..3)?;
                let starts =
                    |prefix: &str| text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
                let length = if starts(name) {
                    name.len()
                } else if starts(short) {
                    3
                } else {
                    return None;
                };
                Some((n, text.get(length..)?))
            })
        };
        match letter {
            'M' if count >= 3 => {
                let (month, rest) = named(&MONTHS)?;
                self.month = month;
                return Some(rest);
            }
            'E' => return named(&DAYS).map(|(_, rest)| rest),
            'a' => {
                let begin = text.get(..2)?.to_ascii_uppercase();
                self.afternoon = match begin.as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                };
                return text.get(2..);
            }
            'z' | 'Z' | 'X' => return self.zone(text),
            _ => {}
        }
        let text = text.trim_start_matches(' ');
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let digits = if touches { digits.min(count) } else { digits };
        let value: i64 = text.get(..digits)?.parse().ok()?;
        match letter {
            'y' if count <= 2 && digits == 2 => self.year = if value < 70 { 2000 + value } else { 1900 + value },
            'y' => self.year = value,
            'M' => self.month = value,
            'd' | 'D' => self.day = value,
            'H' | 'K' => self.hour = value,
            'h' => self.hour = value % 12,
            'k' => self.hour = value % 24,
            'm' => self.minute = value,
            's' => self.second = value,
            _ => self.millis = value,
        }
        text.get(digits..)
    }

    /// `Z`, `UTC`, `GMT`, `+0100`, `+01:00`
    fn zone<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        for name in ["UTC", "GMT", "Z"] {
            if let Some(rest) = text.strip_prefix(name) {
                return Some(rest);
            }
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let colon = usize::from(text.as_bytes().get(3) == Some(&b':'));
        let hours: i64 = text.get(1..3)?.parse().ok()?;
        let minutes: i64 = text.get(3 + colon..5 + colon)?.parse().ok()?;
        self.offset_ms = sign * (hours * 60 + minutes) * 60_000;
        text.get(5 + colon..)
    }

    /// Lenient: what is too large goes on in the next unit.
    fn millis(&self) -> Option<i64> {
        let months = self.year.checked_mul(12)?.checked_add(self.month - 1)?;
        let (year, month) = (i16::try_from(months.div_euclid(12)).ok()?, i8::try_from(months.rem_euclid(12)).ok()? + 1);
        let first = civil::Date::new(year, month, 1).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
        let hour = self.hour + if self.afternoon { 12 } else { 0 };
        let seconds = (hour * 60).checked_add(self.minute)?.checked_mul(60)?.checked_add(self.second)?;
        let within = (self.day - 1)
            .checked_mul(86_400_000)?
            .checked_add(seconds.checked_mul(1_000)?)?
            .checked_add(self.millis)?;
        first.checked_add(within)?.checked_sub(self.offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Result<i64, String> {
        Pattern::new(pattern)?.parse(text)
    }

    #[test]
    fn times_are_written_and_read_as_java_does() {
        let ms = 1_589_028_770_041; // 2020-05-09 12:52:50.041
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2020-05-09 12:52:50.041"),
            ("yyyyMMddHHmmssSSS", "20200509125250041"),
            ("yy/M/d h:m:s.S a", "20/5/9 12:52:50.41 PM"),
            ("EEE, d MMM yyyy HH:mm:ss.SSS Z", "Sat, 9 May 2020 12:52:50.041 +0000"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2020-05-09T12:52:50.041Z"),
            ("EEEE 'o''clock' MMMM yyyy-MM-dd k:mm:ss.SSS", "Saturday o'clock May 2020-05-09 12:52:50.041"),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().format(ms), text, "{pattern}");
            assert_eq!(read(pattern, text), Ok(ms), "{pattern}");
        }
    }

    #[test]
    fn a_whole_text_has_nothing_more_and_nothing_too_large() {
        let whole = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().parse_whole(text);
        assert_eq!(whole("dd.MM.yyyy", "02.01.1970"), Some(86_400_000));
        assert_eq!(whole("dd.MM.yyyy", "30.02.1970"), whole("dd.MM.yyyy", "28.02.1970"));
        for text in ["02.01.1970 ", "32.01.1970", "02.13.1970", "2nd"] {
            assert_eq!(whole("dd.MM.yyyy", text), None, "{text}");
        }
    }

    #[test]
    fn what_is_left_out_is_1970_and_what_follows_is_ignored() {
        assert_eq!(read("HH:mm", "01:02 and more"), Ok(3_720_000));
        assert_eq!(read("yyyy-MM-dd", "1970-01-32"), Ok(31 * 86_400_000));
        assert_eq!(read("yyyy-MM-dd HH:mm Z", "1970-01-01 01:00 +01:00"), Ok(0));
        assert!(read("yyyy-MM-dd", "yesterday").is_err());
        assert!(read("yyyy-MM-dd", "").is_err());
        assert!(Pattern::new("yyyy 'open").is_err());
        assert!(Pattern::new("bogus").is_err());
        assert!(read("yyyy", "99999999999999999999").is_err());
    }
}
