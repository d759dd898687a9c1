//! Division of decimals, whose result has the digits that Flink and Kinesis Data Analytics give it.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, i256};
use arrow::error::ArrowError;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::scalar::Function;

const PRECISION_MAX: i32 = 38;
/// Where digits have to go, so many stay behind the point.
const SCALE_MIN: i32 = 6;

/// `a / b` of decimals.
pub(crate) fn divide(a: Expr, b: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let name = "__divide_decimals";
        Arc::new(ScalarUDF::from(Function { name, takes, gives: |types| quotient(types).0, does }))
    });
    FUNCTION.call(vec![a, b])
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Decimal128(..), DataType::Decimal128(..)] => Ok(types.to_vec()),
        _ => plan_err!("a decimal is divided by a decimal"),
    }
}

/// The result's type, and the scales of both sides.
fn quotient(types: &[DataType]) -> (DataType, [i32; 3]) {
    let [DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)] = types else {
        return (DataType::Null, [0; 3]);
    };
    let (p1, s1, p2, s2) = (i32::from(*p1), i32::from(*s1), i32::from(*p2), i32::from(*s2));
    let scale = SCALE_MIN.max(s1 + p2 + 1);
    let whole = p1 - s1 + s2;
    let scale = match whole + scale > PRECISION_MAX {
        true => (PRECISION_MAX - whole).max(scale.min(SCALE_MIN)),
        false => scale,
    };
    let precision = (whole + scale).clamp(1, PRECISION_MAX);
    (DataType::Decimal128(precision as u8, scale as i8), [s1, s2, scale])
}

/// Rounded half up, away from zero.
fn does(args: &[ArrayRef]) -> Result<ArrayRef> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type().clone()).collect();
    let (result, [s1, s2, scale]) = quotient(&types);
    let shift = scale - s1 + s2;
    let power = |n: i32| i256::from_i128(10).wrapping_pow(u32::try_from(n).unwrap_or_default());
    let rows = args[0].as_primitive::<Decimal128Type>().iter().zip(args[1].as_primitive::<Decimal128Type>());
    let divided = rows.map(|(a, b)| {
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        if b == 0 {
            return Err(ArrowError::DivideByZero);
        }
        let (a, b) = (i256::from_i128(a) * power(shift), i256::from_i128(b) * power(-shift));
        let (quotient, rest) = (a / b, a % b);
        let away = i256::from_i128(if (a < i256::ZERO) == (b < i256::ZERO) { 1 } else { -1 });
        let doubled = rest.wrapping_abs() * i256::from_i128(2);
        let rounded = if doubled >= b.wrapping_abs() { quotient + away } else { quotient };
        rounded.to_i128().map(Some).ok_or_else(|| ArrowError::ComputeError("a quotient has more than 38 digits".into()))
    });
    let divided = divided.collect::<Result<Decimal128Array, ArrowError>>()?;
    let DataType::Decimal128(precision, scale) = result else { return plan_err!("a quotient is a decimal") };
    Ok(Arc::new(divided.with_precision_and_scale(precision, scale)?))
}
