//! Functions of numbers that keep their argument's type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, plan_err};

use super::scalar::Function;

pub(super) fn all() -> Vec<Function> {
    let first = |types: &[DataType]| types.first().cloned().unwrap_or(DataType::Null);
    vec![
        Function {
            name: "sign",
            takes: |types| match types {
                [number] if number.is_numeric() => Ok(vec![number.clone()]),
                _ => plan_err!("SIGN takes a number"),
            },
            gives: first,
            does: sign,
        },
        Function {
            name: "truncate",
            takes: |types| match types {
                [number] if number.is_numeric() => Ok(vec![number.clone()]),
                [number, digits] if number.is_numeric() && digits.is_integer() => {
                    Ok(vec![number.clone(), DataType::Int64])
                }
                _ => plan_err!("TRUNCATE takes a number and how many digits stay behind the point"),
            },
            gives: first,
            does: truncate,
        },
    ]
}

fn sign(args: &[ArrayRef]) -> Result<ArrayRef> {
    let numbers = &args[0];
    if let DataType::Decimal128(precision, scale) = numbers.data_type() {
        let one = 10i128.pow(u32::try_from(*scale).unwrap_or_default());
        let signs = numbers.as_primitive::<Decimal128Type>().unary::<_, Decimal128Type>(|number| number.signum() * one);
        return Ok(Arc::new(signs.with_precision_and_scale(*precision, *scale)?));
    }
    let wide = cast(numbers, &DataType::Float64)?;
    let signs = wide.as_primitive::<Float64Type>().unary::<_, Float64Type>(|number| match number {
        zero if zero == 0.0 => zero,
        other => other.signum(),
    });
    Ok(cast(&signs, numbers.data_type())?)
}

/// Digits are cut off, not rounded.
fn truncate(args: &[ArrayRef]) -> Result<ArrayRef> {
    let numbers = &args[0];
    let digits = |row: usize| match args.get(1) {
        Some(digits) => digits.is_valid(row).then(|| digits.as_primitive::<Int64Type>().value(row)),
        None => Some(0),
    };
    match numbers.data_type() {
        DataType::Decimal128(precision, scale) => {
            let decimals = numbers.as_primitive::<Decimal128Type>();
            let cut = decimals.iter().enumerate().map(|(row, number)| {
                let dropped = u32::try_from(i64::from(*scale) - digits(row)?).unwrap_or_default();
                let unit = 10i128.checked_pow(dropped)?;
                number.map(|number| number / unit * unit)
            });
            let cut: arrow::array::Decimal128Array = cut.collect();
            Ok(Arc::new(cut.with_precision_and_scale(*precision, *scale)?))
        }
        whole => {
            let wide = cast(numbers, &DataType::Float64)?;
            let cut = wide.as_primitive::<Float64Type>().iter().enumerate().map(|(row, number)| {
                let unit = 10f64.powi(i32::try_from(digits(row)?).unwrap_or(i32::MAX));
                let cut = number? * unit;
                Some(if cut.is_finite() { cut.trunc() / unit } else { number? })
            });
            Ok(cast(&cut.collect::<arrow::array::Float64Array>(), whole)?)
        }
    }
}
