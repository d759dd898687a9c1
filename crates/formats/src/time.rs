//! Dates and times between text and numbers, for the proleptic Gregorian calendar.
//!
//! Reading takes both forms that are written here, and what lies between: a space or a `T`, any number of fraction
//! digits (those after the ninth are dropped), no zone, `Z` or an offset. A text without a zone is taken as UTC.

use crate::column::Unit;

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A point in time. Invariant: `nanos` < 1,000,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

impl Instant {
    /// The number of units since 1970, cut downwards; `None` where 64 bits don't suffice.
    pub(crate) fn in_unit(self, unit: Unit) -> Option<i64> {
        i64::try_from(self.wide_unit(unit)).ok()
    }

    fn wide_unit(self, unit: Unit) -> i128 {
        let per_second = unit.per_second();
        let part = i64::from(self.nanos) / (NANOS_PER_SECOND / per_second);
        i128::from(self.seconds) * i128::from(per_second) + i128::from(part)
    }

    pub(crate) fn from_unit(value: i64, unit: Unit) -> Self {
        let per_second = unit.per_second();
        let nanos = value.rem_euclid(per_second) * (NANOS_PER_SECOND / per_second);
        Instant { seconds: value.div_euclid(per_second), nanos: nanos as u32 }
    }
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimestampStyle {
    /// `2026-02-14 18:35:44.123`, with a `Z` where the type is zoned.
    #[default]
    Sql,
    /// `2026-02-14T18:35:44.123`, with a `Z` where the type is zoned.
    Iso,
    /// A number of units since 1970.
    Epoch(Unit),
}

/// Reads bytes from the left.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn eat(&mut self, any_of: &[u8]) -> bool {
        match self.0 {
            [first, rest @ ..] if any_of.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn two(&mut self) -> Option<i64> {
        let (&[a, b], rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
    }

    /// A year: four to six digits, with a sign or without.
    fn year(&mut self) -> Option<i64> {
        let negative = self.eat(b"-");
        if !negative {
            self.eat(b"+");
        }
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(4..=6).contains(&digits) {
            return None;
        }
        let (year, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        let year = year.iter().fold(0, |year, digit| year * 10 + i64::from(digit - b'0'));
        Some(if negative { -year } else { year })
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.year()?;
        let month = self.eat(b"-").then(|| self.two())??;
        let day = self.eat(b"-").then(|| self.two())??;
        let fits = (1..=12).contains(&month) && day >= 1 && day <= days_of_month(year, month);
        fits.then(|| days_from_civil(year, month, day))
    }

    /// Hours and minutes, then maybe seconds, then maybe a fraction: (seconds of the day, nanoseconds).
    fn time(&mut self) -> Option<(i64, u32)> {
        let hour = self.two()?;
        let minute = self.eat(b":").then(|| self.two())??;
        let second = if self.eat(b":") { self.two()? } else { 0 };
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut nanos = 0;
        if self.eat(b".,") {
            let mut place = 100_000_000;
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, rest) = self.0.split_at_checked(digits)?;
            for digit in fraction {
                nanos += u32::from(digit - b'0') * place;
                place /= 10;
            }
            self.0 = rest;
        }
        Some((hour * 3_600 + minute * 60 + second, nanos))
    }

    /// The zone's seconds east of UTC.
    fn zone(&mut self) -> Option<i64> {
        self.eat(b" ");
        if self.0.is_empty() || self.eat(b"Zz") {
            return Some(0);
        }
        let negative = self.eat(b"-");
        if !negative && !self.eat(b"+") {
            return None;
        }
        let hours = self.two()?;
        self.eat(b":");
        let minutes = if self.0.is_empty() { 0 } else { self.two()? };
        let seconds = hours * 3_600 + minutes * 60;
        (hours <= 18 && minutes <= 59).then_some(if negative { -seconds } else { seconds })
    }
}

/// Days since 1970 of a date; a time after it is passed over, as SQL's cast does.
pub(crate) fn parse_date(text: &[u8]) -> Option<i64> {
    let mut cursor = Cursor(text);
    let days = cursor.date()?;
    if cursor.eat(b" T") {
        cursor.time()?;
        cursor.zone()?;
    }
    cursor.0.is_empty().then_some(days)
}

/// Nanoseconds since midnight of a time of the day.
pub(crate) fn parse_time(text: &[u8]) -> Option<i64> {
    let mut cursor = Cursor(text);
    let (seconds, nanos) = cursor.time()?;
    cursor.eat(b"Zz");
    cursor.0.is_empty().then_some(seconds * NANOS_PER_SECOND + i64::from(nanos))
}

/// A date with a time, or without (midnight).
pub(crate) fn parse_timestamp(text: &[u8]) -> Option<Instant> {
    let mut cursor = Cursor(text);
    let days = cursor.date()?;
    let (seconds, nanos, zone) = if cursor.eat(b" Tt") {
        let (seconds, nanos) = cursor.time()?;
        (seconds, nanos, cursor.zone()?)
    } else {
        (0, 0, 0)
    };
    cursor.0.is_empty().then(|| Instant { seconds: days * SECONDS_PER_DAY + seconds - zone, nanos })
}

/// Writes a date.
pub(crate) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9_999).contains(&year) {
        two_digits(year / 100, out);
        two_digits(year % 100, out);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        let digits = format!("{:04}", year.unsigned_abs());
        out.extend_from_slice(digits.as_bytes());
    }
    out.push(b'-');
    two_digits(month, out);
    out.push(b'-');
    two_digits(day, out);
}

/// Writes a time of the day, with as many fraction digits as are needed.
pub(crate) fn write_time(seconds: i64, nanos: u32, out: &mut Vec<u8>) {
    two_digits(seconds / 3_600, out);
    out.push(b':');
    two_digits(seconds / 60 % 60, out);
    out.push(b':');
    two_digits(seconds % 60, out);
    if nanos > 0 {
        out.push(b'.');
        let mut rest = nanos;
        let mut place = 100_000_000;
        while rest > 0 {
            out.push(b'0' + (rest / place) as u8);
            rest %= place;
            place /= 10;
        }
    }
}

/// Writes a timestamp.
pub(crate) fn write_timestamp(value: i64, unit: Unit, zoned: bool, style: TimestampStyle, out: &mut Vec<u8>) {
    let instant = Instant::from_unit(value, unit);
    if let TimestampStyle::Epoch(unit) = style {
        out.extend_from_slice(itoa::Buffer::new().format(instant.wide_unit(unit)).as_bytes());
        return;
    }
    write_date(instant.seconds.div_euclid(SECONDS_PER_DAY), out);
    out.push(if style == TimestampStyle::Iso { b'T' } else { b' ' });
    write_time(instant.seconds.rem_euclid(SECONDS_PER_DAY), instant.nanos, out);
    if zoned {
        out.push(b'Z');
    }
}

fn two_digits(number: i64, out: &mut Vec<u8>) {
    out.push(b'0' + (number / 10 % 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

pub(crate) fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day: the same source, `civil_from_days`.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(text: &str) -> Option<i64> {
        parse_timestamp(text.as_bytes())?.in_unit(Unit::Milli)
    }

    #[test]
    fn the_forms_of_the_systems_are_all_read() {
        for (text, expected) in [
            ("1970-01-01 00:00:00", 0),
            ("1992-02-14", 698_025_600_000),
            ("1992-02-14 18:35:44.0", 698_092_544_000),
            ("2018-05-09T12:50:41.337510", 1_525_870_241_337),
            ("2020-05-01T17:11:49.973Z", 1_588_353_109_973),
            ("2020-05-01T19:11:49.973+02:00", 1_588_353_109_973),
            ("2020-05-01 12:11:49.973 -0500", 1_588_353_109_973),
            ("1969-12-31T23:59:59.999", -1),
            ("2026-11-22T22:40", 1_795_387_200_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "2026", "2026-13-01", "2026-02-29", "2026-02-01 24:00:00", "2026-2-1", "2026-02-01x", "26-02-01"]
        {
            assert_eq!(millis(text), None, "{text}");
        }
        assert_eq!(parse_time(b"25:00"), None);
        assert_eq!(parse_date(b"2026-02-14 18:35:44"), parse_date(b"2026-02-14"));
    }

    #[test]
    fn a_fraction_is_written_as_short_as_it_can_be() {
        let written = |value, unit, zoned, style| {
            let mut out = Vec::new();
            write_timestamp(value, unit, zoned, style, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(698_092_544_000, Unit::Milli, false, TimestampStyle::Sql), "1992-02-14 18:35:44");
        assert_eq!(written(698_092_544_120, Unit::Milli, true, TimestampStyle::Iso), "1992-02-14T18:35:44.12Z");
        assert_eq!(written(-1, Unit::Nano, false, TimestampStyle::Sql), "1969-12-31 23:59:59.999999999");
        assert_eq!(written(1_500, Unit::Milli, false, TimestampStyle::Epoch(Unit::Second)), "1");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value: i64, unit in 1usize..4, iso: bool, zoned: bool) {
            let unit = [Unit::Second, Unit::Milli, Unit::Micro, Unit::Nano][unit];
            let style = if iso { TimestampStyle::Iso } else { TimestampStyle::Sql };
            let value = if unit == Unit::Milli { value / 1_000 } else { value }; // six digits of a year
            let mut out = Vec::new();
            write_timestamp(value, unit, zoned, style, &mut out);
            prop_assert_eq!(parse_timestamp(&out).and_then(|instant| instant.in_unit(unit)), Some(value));
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(prop_oneof![Just(b'-'), Just(b':'), b'0'..=b'9', any::<u8>()], 0..40)) {
            parse_timestamp(&text);
            parse_date(&text);
            parse_time(&text);
        }
    }
}
