//! Pieces of texts, with Flink's answers at their edges.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::scalar::Function;

/// `SUBSTRING(text, from [, length])`
const SUBSTRING: &str = "__piece";
/// `OVERLAY(text PLACING by FROM from [FOR length])`
const OVERLAY: &str = "__overlay";
/// A DOUBLE as a text.
const OF_DOUBLE: &str = "__of_double";

pub(super) fn all() -> Vec<Function> {
    vec![
        Function { name: "left", takes: text_and_numbers, gives: |_| DataType::Utf8, does: |args| Ok(begins(args)) },
        Function { name: "right", takes: text_and_numbers, gives: |_| DataType::Utf8, does: |args| Ok(ends(args)) },
    ]
}

/// What DataFusion's planner makes calls of other functions of.
pub(crate) fn replaced(name: &str, args: &[Expr]) -> Option<Expr> {
    static FUNCTIONS: LazyLock<[Arc<ScalarUDF>; 2]> = LazyLock::new(|| {
        [
            Function {
                name: SUBSTRING,
                takes: text_and_numbers,
                gives: |_| DataType::Utf8,
                does: |args| Ok(substring(args)),
            },
            Function { name: OVERLAY, takes: overlay_takes, gives: |_| DataType::Utf8, does: |args| Ok(overlay(args)) },
        ]
        .map(|function| Arc::new(function.into()))
    });
    let [substring, overlay] = &*FUNCTIONS;
    match name {
        "substr" => Some(substring.call(args.to_vec())),
        "overlay" => Some(overlay.call(args.to_vec())),
        _ => None,
    }
}

/// A number with a point as Java writes it.
pub(crate) fn text_of_double(number: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let function = Function {
            name: OF_DOUBLE,
            takes: |types| Ok(types.to_vec()),
            gives: |_| DataType::Utf8,
            does: |args| {
                Ok(match args[0].data_type() {
                    DataType::Float32 => {
                        let numbers = args[0].as_primitive::<arrow::datatypes::Float32Type>();
                        let digits = |number: f32| java_text(f64::from(number), &format!("{number:e}"));
                        Arc::new(numbers.iter().map(|number| number.map(digits)).collect::<StringArray>())
                    }
                    _ => {
                        let numbers = args[0].as_primitive::<Float64Type>();
                        Arc::new(numbers.iter().map(|number| number.map(java_text_of)).collect::<StringArray>())
                    }
                })
            },
        };
        Arc::new(function.into())
    });
    FUNCTION.call(vec![number])
}

/// A number as Java writes it.
pub(super) fn java_text_of(number: f64) -> String {
    java_text(number, &format!("{number:e}"))
}

/// `Double.toString`: plain from a thousandth up to ten million, else with an exponent. `scientific` has the shortest digits.
fn java_text(number: f64, scientific: &str) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let with_point = |text: String| if text.contains('.') { text } else { format!("{text}.0") };
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
        return with_point(plain(digits, exponent.parse().unwrap_or(0)));
    }
    match scientific.split_once('e') {
        Some((digits, exponent)) => format!("{}E{exponent}", with_point(digits.to_owned())),
        None => scientific.to_owned(),
    }
}

/// `d.ddd` times a power of ten, without an exponent.
fn plain(digits: &str, exponent: i32) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let all: String = digits.chars().filter(|c| *c != '.').collect();
    let shift = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    if exponent < 0 {
        return format!("{sign}0.{}{all}", "0".repeat(shift.saturating_sub(1)));
    }
    let padded = format!("{all:0<width$}", width = shift + 1);
    match padded.split_at_checked(shift + 1) {
        Some((whole, "")) => format!("{sign}{whole}"),
        Some((whole, rest)) => format!("{sign}{whole}.{rest}"),
        None => padded,
    }
}

fn is_text(of: &DataType) -> bool {
    of.is_string() || of.is_null()
}

fn text_and_numbers(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text, numbers @ ..]
            if is_text(text)
                && matches!(numbers.len(), 1..=2)
                && numbers.iter().all(|of| of.is_integer() || of.is_null()) =>
        {
            Ok([DataType::Utf8].into_iter().chain(numbers.iter().map(|_| DataType::Int64)).collect())
        }
        _ => plan_err!("it takes a text and whole numbers"),
    }
}

fn overlay_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [text, by, numbers @ ..]
            if is_text(text)
                && is_text(by)
                && matches!(numbers.len(), 1..=2)
                && numbers.iter().all(|of| of.is_integer() || of.is_null()) =>
        {
            let texts = [DataType::Utf8, DataType::Utf8].into_iter();
            Ok(texts.chain(numbers.iter().map(|_| DataType::Int64)).collect())
        }
        _ => plan_err!("OVERLAY takes two texts and whole numbers"),
    }
}

/// The number of a row; none where it is NULL.
fn number(args: &[ArrayRef], column: usize, row: usize) -> Option<i64> {
    let numbers = args.get(column)?;
    numbers.is_valid(row).then(|| numbers.as_primitive::<Int64Type>().value(row))
}

fn texts<'a>(args: &'a [ArrayRef], of: impl Fn(usize, &'a str) -> Option<String>) -> ArrayRef {
    let rows = args[0].as_string::<i32>().iter().enumerate().map(|(row, text)| of(row, text?));
    Arc::new(rows.collect::<StringArray>())
}

fn some(text: impl Iterator<Item = char>) -> Option<String> {
    Some(text.collect())
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(if number < 0 { 0 } else { usize::MAX })
}

fn begins(args: &[ArrayRef]) -> ArrayRef {
    texts(args, |row, text| some(text.chars().take(index(number(args, 1, row)?))))
}

fn ends(args: &[ArrayRef]) -> ArrayRef {
    texts(args, |row, text| {
        let kept = index(number(args, 1, row)?);
        some(text.chars().skip(text.chars().count().saturating_sub(kept)))
    })
}

/// A negative place is one from the end, and none before the begin; of a negative length comes NULL.
fn substring(args: &[ArrayRef]) -> ArrayRef {
    texts(args, |row, text| {
        let from = number(args, 1, row)?;
        let length = match args.len() {
            2 => usize::MAX,
            _ => usize::try_from(number(args, 2, row)?).ok()?,
        };
        let count = text.chars().count();
        let start = match from {
            1.. => index(from - 1),
            0 => 0,
            _ => match count.checked_sub(usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX)) {
                Some(start) => start,
                None => return Some(String::new()),
            },
        };
        some(text.chars().skip(start).take(length))
    })
}

fn overlay(args: &[ArrayRef]) -> ArrayRef {
    texts(args, |row, text| {
        let by = args.get(1).filter(|by| by.is_valid(row))?.as_string::<i32>().value(row);
        let from = number(args, 2, row)?;
        let count = text.chars().count();
        let length = match args.len() {
            3 => by.chars().count() as i64,
            _ => number(args, 3, row)?,
        };
        if from <= 0 || index(from) > count {
            return Some(text.to_owned());
        }
        let goes_on = length > 0 && index(from.saturating_add(length)) <= count;
        let rest = text.chars().skip(if goes_on { index(from - 1 + length) } else { count });
        some(text.chars().take(index(from - 1)).chain(by.chars()).chain(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::java_text;

    #[test]
    fn numbers_are_written_as_java_does() {
        let written = |number: f64| java_text(number, &format!("{number:e}"));
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (-0.0125, "-0.0125"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (1.5e-7, "1.5E-7"),
            (-2.5e20, "-2.5E20"),
            (1.0 / 3.0, "0.3333333333333333"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(number), text);
        }
        assert_eq!(java_text(f64::from(0.1f32), &format!("{:e}", 0.1f32)), "0.1");
    }
}
