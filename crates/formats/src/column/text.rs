//! Text becomes a value of a column's type: the rules that JSON strings, CSV fields and log columns share.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Column, Kind, Unit};
use crate::decimal;
use crate::fault::{Fault, Read, quote};
use crate::time::{self, Instant};

/// How text is taken where systems differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TextRules {
    /// As Flink: binary is base64; a boolean is true or false.
    #[default]
    Standard,
    /// As Kinesis Data Analytics: binary is `X'3F67'`; each text but "true" is false.
    Kinesis,
}

impl Column {
    /// Adds the value that a text stands for.
    #[inline]
    pub(crate) fn parse_text(&mut self, text: &str, rules: TextRules) -> Read {
        if self.kind() == Kind::Text {
            return self.push_text(text);
        }
        self.parse_value(text, rules)
    }

    fn parse_value(&mut self, text: &str, rules: TextRules) -> Read {
        let trimmed = text.trim();
        let wrong = || Fault::mismatch(self.kind(), quote(text.as_bytes()));
        match self.kind() {
            Kind::Bool => {
                let value = match rules {
                    _ if trimmed.eq_ignore_ascii_case("true") => true,
                    TextRules::Kinesis => false,
                    TextRules::Standard if trimmed.eq_ignore_ascii_case("false") => false,
                    TextRules::Standard => return Err(wrong()),
                };
                self.push_bool(value)
            }
            Kind::Int { .. } | Kind::UInt64 | Kind::Float32 | Kind::Float64 | Kind::Decimal { .. } => {
                if trimmed.is_empty() {
                    return Err(wrong());
                }
                self.parse_number(trimmed)
            }
            Kind::Date => {
                let days = time::parse_date(trimmed.as_bytes()).ok_or_else(wrong)?;
                self.push_int(days)
            }
            Kind::Time(unit) => {
                let nanos = time::parse_time(trimmed.as_bytes()).ok_or_else(wrong)?;
                self.push_int(nanos / (Unit::Nano.per_second() / unit.per_second()))
            }
            Kind::Timestamp { .. } => {
                let instant = time::parse_timestamp(trimmed.as_bytes()).ok_or_else(wrong)?;
                self.push_instant(instant)
            }
            Kind::Binary | Kind::FixedBinary(_) => {
                let bytes = match rules {
                    TextRules::Standard => BASE64.decode(trimmed).ok(),
                    TextRules::Kinesis => hexadecimal(trimmed),
                };
                let bytes = bytes.ok_or_else(|| {
                    let form = if rules == TextRules::Standard { "base64" } else { "X'3F67'" };
                    Fault::mismatch(format_args!("bytes as {form}"), quote(text.as_bytes()))
                })?;
                self.push_bytes(&bytes)
            }
            Kind::Text => self.push_text(text),
            Kind::Null | Kind::List | Kind::Map | Kind::Struct => Err(wrong()),
        }
    }

    /// Adds a point in time, cut to the column's unit.
    pub(crate) fn push_instant(&mut self, instant: Instant) -> Read {
        let Kind::Timestamp { unit, .. } = self.kind() else {
            return Err(Fault::mismatch(self.kind(), "a timestamp"));
        };
        let value = instant
            .in_unit(unit)
            .ok_or_else(|| Fault::new("the timestamp is out of the range of its unit; declare a coarser one"))?;
        self.push_int(value)
    }

    /// Adds the number that a text stands for: digits with sign, fraction and exponent.
    pub(crate) fn parse_number(&mut self, text: &str) -> Read {
        let kind = self.kind();
        let wrong = || Fault::mismatch(kind, quote(text.as_bytes()));
        match kind {
            Kind::Int { .. } => match text.parse::<i64>() {
                Ok(value) => self.push_int(value),
                Err(_) => self.push_int(decimal::whole(text).and_then(|v| i64::try_from(v).ok()).ok_or_else(wrong)?),
            },
            Kind::UInt64 => match text.parse::<u64>() {
                Ok(value) => self.push_u64(value),
                Err(_) => self.push_u64(decimal::whole(text).and_then(|v| u64::try_from(v).ok()).ok_or_else(wrong)?),
            },
            // Parsed in its own width: rounding twice could miss the nearest value.
            Kind::Float32 => self.push_float(f64::from(text.parse::<f32>().map_err(|_| wrong())?)),
            Kind::Float64 => self.push_float(text.parse::<f64>().map_err(|_| wrong())?),
            Kind::Decimal { scale, .. } => {
                let value = decimal::parse(text, scale).ok_or_else(wrong)?;
                self.push_decimal(value)
            }
            _ => Err(wrong()),
        }
    }
}

/// The bytes of a literal `X'3F67'`.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(['X', 'x'])?.strip_prefix('\'')?.strip_suffix('\'')?.as_bytes();
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}
