//! Casts of numbers to whole numbers as Java has them: of whole numbers and decimals the lowest bits stay, others become the nearest number
//! that there is.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::scalar::Function;

/// The cast of an expression, where a value of the one type may not be one of the other.
pub(crate) fn narrowed(expr: &Expr, from: &DataType, to: &DataType) -> Option<Expr> {
    static FUNCTIONS: LazyLock<[(DataType, Arc<ScalarUDF>); 4]> = LazyLock::new(|| {
        [
            (DataType::Int8, of::<Int8Type>("__to_tinyint")),
            (DataType::Int16, of::<Int16Type>("__to_smallint")),
            (DataType::Int32, of::<Int32Type>("__to_int")),
            (DataType::Int64, of::<Int64Type>("__to_bigint")),
        ]
    });
    let loses = match from {
        whole if whole.is_signed_integer() => whole.primitive_width() > to.primitive_width(),
        other => other.is_floating() || matches!(other, DataType::Decimal128(..)),
    };
    let (_, function) = FUNCTIONS.iter().find(|(gives, _)| gives == to && loses)?;
    Some(function.call(vec![expr.clone()]))
}

fn of<T: Narrow>(name: &'static str) -> Arc<ScalarUDF> {
    let function = Function { name, takes: |types| Ok(types.to_vec()), gives: |_| T::DATA_TYPE, does: does::<T> };
    Arc::new(function.into())
}

/// A type of whole numbers.
trait Narrow: ArrowPrimitiveType {
    /// The lowest bits.
    fn low(whole: i128) -> Self::Native;
    /// The nearest, of 32 bits at least, and of that the lowest bits; 0 for what is no number.
    fn nearest(number: f64) -> Self::Native;
}

macro_rules! narrow {
    ($($of:ty, $native:ty, $by:ty;)*) => {$(
        impl Narrow for $of {
            fn low(whole: i128) -> $native {
                whole as $native
            }

            fn nearest(number: f64) -> $native {
                number as $by as $native
            }
        }
    )*};
}

narrow! {
    Int8Type, i8, i32;
    Int16Type, i16, i32;
    Int32Type, i32, i32;
    Int64Type, i64, i64;
}

fn does<T: Narrow>(args: &[ArrayRef]) -> Result<ArrayRef> {
    let numbers = &args[0];
    let narrowed: PrimitiveArray<T> = match numbers.data_type() {
        DataType::Decimal128(_, scale) => {
            let unit = 10i128.checked_pow(u32::try_from(*scale).unwrap_or_default()).unwrap_or(i128::MAX);
            numbers.as_primitive::<Decimal128Type>().unary(|number| T::low(number / unit))
        }
        whole if whole.is_integer() => {
            cast(numbers, &DataType::Int64)?.as_primitive::<Int64Type>().unary(|number| T::low(number.into()))
        }
        _ => cast(numbers, &DataType::Float64)?.as_primitive::<Float64Type>().unary(T::nearest),
    };
    Ok(Arc::new(narrowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lose_what_java_loses() {
        assert_eq!((Int8Type::low(300), Int32Type::low(5_000_000_000)), (44, 705_032_704));
        assert_eq!(
            (Int32Type::nearest(3e10), Int16Type::nearest(3e10), Int64Type::nearest(1e30)),
            (i32::MAX, -1, i64::MAX)
        );
        assert_eq!((Int32Type::nearest(f64::NAN), Int8Type::nearest(-1.9)), (0, -1));
    }
}
