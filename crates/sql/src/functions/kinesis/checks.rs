//! What a row may not be: such a row goes to the error stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::error::DataFusionError;

use crate::functions::scalar::Function;

/// `__not_null(value, column)`: the value, which a NOT NULL column takes.
pub(crate) const NOT_NULL: &str = "__not_null";
/// `__fits(text, length [, column])`: the text, which a column of VARCHAR(length), or a CAST to it, takes.
pub(crate) const FITS: &str = "__fits";
/// `__divide(a, b)`: a / b of floating-point numbers, where b is not 0.
pub(crate) const DIVIDE: &str = "__divide";

/// Logarithms, of numbers above 0 only.
pub(super) const LN: &str = "__ln";
pub(super) const LOG10: &str = "__log10";

pub(super) fn all() -> Vec<Function> {
    let logarithm = |name, does| Function {
        name,
        takes: |types| match types {
            [number] if number.is_numeric() => Ok(vec![DataType::Float64]),
            _ => plan_err!("a logarithm is of a number"),
        },
        gives: |_| DataType::Float64,
        does,
    };
    vec![
        logarithm(LN, |args| of_positive(args, f64::ln)),
        logarithm(LOG10, |args| of_positive(args, f64::log10)),
        Function { name: NOT_NULL, takes: |types| Ok(types.to_vec()), gives: first, does: not_null },
        Function { name: FITS, takes: |types| Ok(types.to_vec()), gives: first, does: fits },
        Function {
            name: DIVIDE,
            takes: |_| Ok(vec![DataType::Float64, DataType::Float64]),
            gives: |_| DataType::Float64,
            does: divide,
        },
    ]
}

fn first(types: &[DataType]) -> DataType {
    types.first().cloned().unwrap_or(DataType::Null)
}

fn not_null(args: &[ArrayRef]) -> Result<ArrayRef> {
    match args[0].logical_null_count() {
        0 => Ok(args[0].clone()),
        _ => exec_err!("column {} is NOT NULL", args[1].as_string::<i32>().value(0)),
    }
}

fn fits(args: &[ArrayRef]) -> Result<ArrayRef> {
    let lengths = args[1].as_primitive::<Int64Type>();
    let too_long = args[0].as_string::<i32>().iter().flatten().find(|text| {
        // Few texts are so long that their characters have to be counted.
        text.len() as i64 > lengths.value(0) && text.chars().count() as i64 > lengths.value(0)
    });
    match too_long {
        None => Ok(args[0].clone()),
        Some(text) => {
            let (length, has) = (lengths.value(0), text.chars().count());
            match args.get(2) {
                Some(column) => {
                    let column = column.as_string::<i32>().value(0);
                    exec_err!("column {column} is VARCHAR({length}), the text has {has} characters")
                }
                None => exec_err!("CAST to VARCHAR({length}): the text has {has} characters"),
            }
        }
    }
}

fn divide(args: &[ArrayRef]) -> Result<ArrayRef> {
    use arrow::datatypes::Float64Type;
    let (a, b) = (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>());
    let divided = arrow::compute::try_binary::<_, _, _, Float64Type>(a, b, |a, b| match b {
        0.0 => Err(arrow::error::ArrowError::DivideByZero),
        b => Ok(a / b),
    });
    Ok(Arc::new(divided.map_err(DataFusionError::from)?))
}

fn of_positive(args: &[ArrayRef], logarithm: fn(f64) -> f64) -> Result<ArrayRef> {
    use arrow::datatypes::Float64Type;
    let numbers = args[0].as_primitive::<Float64Type>();
    if let Some(number) = numbers.iter().flatten().find(|number| *number <= 0.0) {
        return exec_err!("a logarithm of {number}: it must be more than 0");
    }
    Ok(Arc::new(numbers.unary::<_, Float64Type>(logarithm)))
}
