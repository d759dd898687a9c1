//! Decimal numbers between text and unscaled integers.

/// Most digits of an exponent that is worth reading: beyond, a value is zero or does not fit.
const EXPONENT_MAX: i32 = 1_000;

/// A number's digits and where the point is: value = digits × 10^exponent.
struct Parts {
    negative: bool,
    digits: u128,
    exponent: i32,
    /// The first digit that did not fit into `digits`, for rounding.
    next_digit: u8,
    /// How many digits did not fit.
    dropped: i32,
}

/// The unscaled value of a number at a scale, rounded half away from zero as Flink does; `None` where the text is no
/// number or the value has more than 38 digits.
pub(crate) fn parse(text: &str, scale: i8) -> Option<i128> {
    let parts = split(text.as_bytes())?;
    let shift = parts.exponent + i32::from(scale);
    let magnitude = if parts.digits == 0 {
        0
    } else if parts.dropped > 0 && shift >= 0 {
        return None; // 38 digits and still no point reached
    } else if shift >= 0 {
        parts.digits.checked_mul(10u128.checked_pow(shift.unsigned_abs())?)?
    } else {
        let (whole, rest_digit) = match 10u128.checked_pow(shift.unsigned_abs() - 1) {
            Some(power) => {
                let cut = parts.digits / power;
                (cut / 10, cut % 10)
            }
            None => (0, 0),
        };
        if rest_digit >= 5 { whole + 1 } else { whole }
    };
    let value = i128::try_from(magnitude).ok()?;
    Some(if parts.negative { -value } else { value })
}

/// The value of a number without a fraction: `12`, `12.0`, `1.2e1`.
pub(crate) fn whole(text: &str) -> Option<i128> {
    let parts = split(text.as_bytes())?;
    if parts.dropped > 0 || parts.next_digit > 0 {
        return None;
    }
    let magnitude = if parts.digits == 0 {
        0
    } else if parts.exponent >= 0 {
        parts.digits.checked_mul(10u128.checked_pow(parts.exponent.unsigned_abs())?)?
    } else {
        let power = 10u128.checked_pow(parts.exponent.unsigned_abs())?;
        if parts.digits % power != 0 {
            return None;
        }
        parts.digits / power
    };
    let value = i128::try_from(magnitude).ok()?;
    Some(if parts.negative { -value } else { value })
}

fn split(text: &[u8]) -> Option<Parts> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut parts = Parts { negative, digits: 0, exponent: 0, next_digit: 0, dropped: 0 };
    let (mut any, mut point) = (false, false);
    let mut bytes = rest.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'0'..=b'9' => {
                any = true;
                let digit = byte - b'0';
                let more = parts.digits.checked_mul(10).and_then(|d| d.checked_add(u128::from(digit)));
                match more {
                    Some(digits) if parts.dropped == 0 => {
                        parts.digits = digits;
                        parts.exponent -= i32::from(point);
                    }
                    _ => {
                        if parts.dropped == 0 {
                            parts.next_digit = digit;
                        }
                        parts.dropped += 1;
                        parts.exponent += i32::from(!point);
                    }
                }
            }
            b'.' if !point => point = true,
            b'e' | b'E' if any => {
                let exponent: i32 = std::str::from_utf8(bytes.as_slice()).ok()?.parse().ok()?;
                parts.exponent = parts.exponent.checked_add(exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX))?;
                return Some(parts);
            }
            _ => return None,
        }
    }
    any.then_some(parts)
}

/// Writes an unscaled value with its point.
pub(crate) fn write(value: i128, scale: i8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let digits = value.unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(digits).as_bytes();
    match usize::try_from(scale) {
        Ok(0) => out.extend_from_slice(text),
        Ok(scale) => {
            let whole = text.len().saturating_sub(scale);
            let (before, after) = text.split_at(whole);
            out.extend_from_slice(if before.is_empty() { b"0" } else { before });
            out.push(b'.');
            out.resize(out.len() + (scale - after.len()), b'0');
            out.extend_from_slice(after);
        }
        Err(_) => {
            out.extend_from_slice(text);
            if digits != 0 {
                out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: i128, scale: i8) -> String {
        let mut out = Vec::new();
        write(value, scale, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn digits_after_the_scale_are_rounded_half_away_from_zero() {
        let cases = [("1.005", 101), ("1.004", 100), ("-1.015", -102), ("12.5e1", 12_500), ("7", 700), ("0.004999", 0)];
        for (text, expected) in cases {
            assert_eq!(parse(text, 2), Some(expected), "{text}");
        }
        assert_eq!(parse("1250", -2), Some(13));
        assert_eq!(parse("1e-900", 2), Some(0));
        assert_eq!(parse("1e40", 2), None);
        assert_eq!(parse("", 2), None);
        assert_eq!(parse("1.2.3", 2), None);
        assert_eq!(parse("-", 0), None);
        assert_eq!(parse("e5", 0), None);
    }

    #[test]
    fn more_digits_than_fit_are_dropped_after_the_point_only() {
        let long = format!("1.{}", "3".repeat(60));
        assert_eq!(parse(&long, 4), Some(13_333));
        assert_eq!(parse(&"9".repeat(60), 0), None);
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_fraction_of_zeros() {
        assert_eq!(whole("12.0"), Some(12));
        assert_eq!(whole("1.2e1"), Some(12));
        assert_eq!(whole("123.4"), None);
        assert_eq!(whole("1e30"), Some(10i128.pow(30)));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (value, scale, text) in
            [(5, 2, "0.05"), (-12_345, 2, "-123.45"), (12, 0, "12"), (12, -2, "1200"), (0, 3, "0.000")]
        {
            assert_eq!(written(value, scale), text);
            assert_eq!(parse(text, scale), Some(value));
        }
        let most = 10i128.pow(38) - 1;
        assert_eq!(parse(&written(most, 10), 10), Some(most));
    }
}
