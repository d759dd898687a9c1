//! Numbers as they are written: 0.3 is three times 0.1, though no binary fraction is either.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A whole number, however it is written: 1.0 is one.
pub(super) fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// A whole number, written without a fraction. Those that do not fit 64 bits have been read as floating-point numbers.
pub(super) fn is_written_whole(number: &Number) -> bool {
    const BEYOND_64_BITS: f64 = 18_446_744_073_709_551_616.0;
    !number.is_f64() || number.as_f64().is_some_and(|number| number.abs() >= BEYOND_64_BITS)
}

/// Which of two numbers is greater.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// Whether a number is another one, any number of times.
pub(super) fn is_multiple(number: &Number, of: &Number) -> bool {
    let (Some(number), Some(of)) = (Decimal::of(number), Decimal::of(of)) else { return true };
    if number.digits == 0 || of.digits == 0 {
        return true;
    }
    let shift = number.exponent - of.exponent;
    let (mut rest, mut divisor) = (number.digits, of.digits);
    if shift >= 0 {
        // Both are below 2^64, so that products fit.
        rest %= divisor;
        (0..shift).for_each(|_| rest = rest * 10 % divisor);
        return rest == 0;
    }
    for _ in 0..-shift {
        match divisor.checked_mul(10) {
            Some(larger) if larger <= number.digits => divisor = larger,
            _ => return false,
        }
    }
    rest % divisor == 0
}

/// `digits · 10^exponent`, without its sign.
struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    fn of(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i128() {
            return Some(Decimal { digits: whole.unsigned_abs(), exponent: 0 });
        }
        // The shortest text that is this number: at most 17 digits.
        let text = format!("{:e}", number.as_f64()?.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
        Some(Decimal { digits: format!("{whole}{fraction}").parse().ok()?, exponent })
    }
}

/// Equal as JSON is: 1 and 1.0 are the same number.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
