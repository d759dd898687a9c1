//! `PRINTF(format, …)`: formats of Java's `Formatter` for texts, whole and floating-point numbers, Booleans. NULL where a format does not
//! fit its value, and where there is none.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::plan_err;

use super::pieces::java_text_of;
use super::scalar::Function;
use super::texts::is_text;

/// The widest that something is made, characters.
const WIDTH_MAX: usize = 10_000;

pub(super) fn function() -> Function {
    Function {
        name: "printf",
        takes: |types| match types {
            [format, values @ ..] if is_text(format) && values.iter().all(takes) => {
                Ok([DataType::Utf8].into_iter().chain(values.iter().cloned()).collect())
            }
            _ => plan_err!("PRINTF takes a format, and texts, numbers and Booleans"),
        },
        gives: |_| DataType::Utf8,
        does: |args| Ok(Arc::new((0..args[0].len()).map(|row| printed(args, row)).collect::<StringArray>())),
    }
}

fn takes(of: &DataType) -> bool {
    of.is_string() || of.is_null() || of.is_numeric() || *of == DataType::Boolean
}

enum Value {
    Null,
    Text(String),
    Whole(i64, u32),
    Double(f64),
    Boolean(bool),
}

fn value(column: &ArrayRef, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return Some(Value::Null);
    }
    let one = column.slice(row, 1);
    Some(match column.data_type() {
        DataType::Boolean => Value::Boolean(one.as_boolean().value(0)),
        whole if whole.is_integer() => {
            let bits = u32::try_from(whole.primitive_width()?).ok()? * 8;
            Value::Whole(cast(&one, &DataType::Int64).ok()?.as_primitive::<Int64Type>().value(0), bits)
        }
        float if float.is_floating() => {
            Value::Double(cast(&one, &DataType::Float64).ok()?.as_primitive::<Float64Type>().value(0))
        }
        _ => Value::Text(cast(&one, &DataType::Utf8).ok()?.as_string::<i32>().value(0).to_owned()),
    })
}

/// `%[index$][flags][width][.precision]conversion`
#[derive(Default)]
struct Spec {
    index: Option<usize>,
    left: bool,
    zeros: bool,
    plus: bool,
    space: bool,
    grouped: bool,
    parentheses: bool,
    width: usize,
    precision: Option<usize>,
}

fn printed(args: &[ArrayRef], row: usize) -> Option<String> {
    let formats = args.first()?.as_string::<i32>();
    let format = formats.is_valid(row).then(|| formats.value(row))?;
    let (mut out, mut next) = (String::new(), 1);
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut number = String::new();
        let mut spec = Spec::default();
        while let Some(digit) = chars.next_if(|c| c.is_ascii_digit() && (!number.is_empty() || *c != '0')) {
            number.push(digit);
        }
        if !number.is_empty() && chars.next_if_eq(&'$').is_some() {
            spec.index = number.parse().ok();
            number.clear();
        }
        while let Some(flag) = chars.next_if(|c| number.is_empty() && "-0+ ,(".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '0' => spec.zeros = true,
                '+' => spec.plus = true,
                ' ' => spec.space = true,
                ',' => spec.grouped = true,
                _ => spec.parentheses = true,
            }
        }
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            number.push(digit);
        }
        spec.width = if number.is_empty() { 0 } else { number.parse().ok().filter(|width| *width <= WIDTH_MAX)? };
        if chars.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            spec.precision = Some(digits.parse().ok().filter(|digits| *digits <= WIDTH_MAX)?);
        }
        let conversion = chars.next()?;
        let text = match conversion {
            '%' => "%".to_owned(),
            'n' => "\n".to_owned(),
            _ => {
                let place = spec.index.unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                let text = converted(&spec, conversion, value(args.get(place).filter(|_| place > 0)?, row)?)?;
                if conversion.is_ascii_uppercase() { text.to_uppercase() } else { text }
            }
        };
        let missing = spec.width.saturating_sub(text.chars().count());
        let blanks = " ".repeat(missing);
        out.push_str(&if spec.left { format!("{text}{blanks}") } else { format!("{blanks}{text}") });
    }
    Some(out)
}

fn converted(spec: &Spec, conversion: char, value: Value) -> Option<String> {
    let cut = |text: String| match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    match (conversion.to_ascii_lowercase(), value) {
        ('s', value) => Some(cut(match value {
            Value::Null => "null".to_owned(),
            Value::Text(text) => text,
            Value::Whole(number, _) => number.to_string(),
            Value::Double(number) => java_text_of(number),
            Value::Boolean(is) => is.to_string(),
        })),
        ('b', value) => Some(cut(match value {
            Value::Null => "false".to_owned(),
            Value::Boolean(is) => is.to_string(),
            _ => "true".to_owned(),
        })),
        ('d' | 'x' | 'o' | 'e' | 'f', Value::Null) => Some("null".to_owned()),
        ('d', Value::Whole(number, _)) if conversion == 'd' && spec.precision.is_none() => {
            Some(signed(spec, number < 0, number.unsigned_abs().to_string()))
        }
        ('x', Value::Whole(number, bits)) => Some(padded(spec, format!("{:x}", low(number, bits)))),
        ('o', Value::Whole(number, bits)) if conversion == 'o' => {
            Some(padded(spec, format!("{:o}", low(number, bits))))
        }
        ('f', Value::Double(number)) if conversion == 'f' && number.is_finite() => {
            Some(signed(spec, number < 0.0, half_up(number.abs(), spec.precision.unwrap_or(6))))
        }
        ('e', Value::Double(number)) if number.is_finite() => {
            Some(signed(spec, number < 0.0, scientific(number.abs(), spec.precision.unwrap_or(6))))
        }
        _ => None,
    }
}

/// The bits of a number of so many.
fn low(number: i64, bits: u32) -> u64 {
    let mask = u64::MAX >> 64u32.saturating_sub(bits).min(63);
    number.cast_unsigned() & mask
}

/// A number's shortest digits, rounded half up at a place behind the point.
fn half_up(number: f64, places: usize) -> String {
    let shortest = format!("{number}");
    let (whole, behind) = shortest.split_once('.').unwrap_or((&shortest, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(behind.bytes().take(places)).collect();
    if behind.as_bytes().get(places).is_some_and(|digit| *digit >= b'5') {
        let mut carry = true;
        for digit in digits.iter_mut().rev() {
            (*digit, carry) = if *digit == b'9' { (b'0', true) } else { (*digit + 1, false) };
            if !carry {
                break;
            }
        }
        if carry {
            digits.insert(0, b'1');
        }
    }
    let before = digits.len() - behind.len().min(places);
    let text: String = digits.into_iter().map(char::from).collect();
    let (whole, behind) = text.split_at(before);
    if places == 0 { whole.to_owned() } else { format!("{whole}.{behind:0<places$}") }
}

fn scientific(number: f64, places: usize) -> String {
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let mut mantissa = half_up(digits.parse().unwrap_or(0.0), places);
    if mantissa.starts_with("10") {
        exponent += 1;
        mantissa = half_up(1.0, places);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn padded(spec: &Spec, text: String) -> String {
    let width = if spec.zeros { spec.width } else { 0 };
    format!("{text:0>width$}")
}

/// Digits with their sign, commas and zeros.
fn signed(spec: &Spec, is_negative: bool, digits: String) -> String {
    let (mut digits, behind) = match digits.split_once(['.', 'e']) {
        Some((whole, _)) => (whole.to_owned(), digits.split_at(whole.len()).1.to_owned()),
        None => (digits, String::new()),
    };
    if spec.grouped {
        let count = digits.len();
        digits = digits
            .chars()
            .enumerate()
            .flat_map(|(n, c)| (n > 0 && (count - n) % 3 == 0).then_some(',').into_iter().chain([c]))
            .collect();
    }
    let (before, after) = match is_negative {
        true if spec.parentheses => ("(", ")"),
        true => ("-", ""),
        false if spec.plus => ("+", ""),
        false if spec.space => (" ", ""),
        false => ("", ""),
    };
    let width = if spec.zeros { spec.width.saturating_sub(before.len() + behind.len() + after.len()) } else { 0 };
    format!("{before}{digits:0>width$}{behind}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_half_up_by_their_shortest_digits() {
        assert_eq!(half_up(1.255, 2), "1.26");
        assert_eq!(half_up(9.99, 1), "10.0");
        assert_eq!(half_up(3.0, 2), "3.00");
        assert_eq!(half_up(0.5, 0), "1");
        assert_eq!(scientific(12.5, 1), "1.3e+01");
        assert_eq!(scientific(0.00012, 6), "1.200000e-04");
        assert_eq!(scientific(9.99, 1), "1.0e+01");
    }
}
