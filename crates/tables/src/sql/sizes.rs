//! Bounds what functions make out of a number: `repeat('x', 2000000000)` is a short text and gigabytes of memory, which the
//! limit of a query's memory does not see, since functions allocate for themselves.
//!
//! The analyzer puts the number of such a call into a function of ours, which gives it back if the result is small enough.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

/// Bytes that one call of a function may make for one batch of rows, about.
const RESULT_BYTES_MAX: i64 = 64 << 20;

/// Puts numbers that become sizes into [`Bounded`].
#[derive(Debug)]
pub(super) struct BoundSizes(Arc<ScalarUDF>);

impl BoundSizes {
    pub(super) fn new() -> Self {
        BoundSizes(Arc::new(ScalarUDF::from(Bounded(Signature::variadic_any(Volatility::Immutable)))))
    }

    /// `size`, if so many times `unit` (or a value of its size) from `start` in steps of `step` are not too much.
    fn bounded(&self, size: Expr, unit: Expr, start: Expr, step: Expr) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(self.0.clone(), vec![size, unit, start, step]))
    }
}

impl FunctionRewrite for BoundSizes {
    fn name(&self) -> &str {
        "bound_sizes"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        let bounded = match (call.func.name(), call.args.as_slice()) {
            ("repeat" | "array_repeat", [value, count, ..]) => {
                Some((1, self.bounded(count.clone(), value.clone(), lit(0), lit(1))))
            }
            ("lpad" | "rpad" | "array_resize", [_, size, ..]) => {
                Some((1, self.bounded(size.clone(), lit(0_i64), lit(0), lit(1))))
            }
            ("range" | "generate_series", [end]) => Some((0, self.bounded(end.clone(), lit(0_i64), lit(0), lit(1)))),
            ("range" | "generate_series", [start, end, rest @ ..]) => {
                let step = rest.first().cloned().unwrap_or(lit(1));
                Some((1, self.bounded(end.clone(), lit(0_i64), start.clone(), step)))
            }
            _ => None,
        };
        match bounded {
            Some((place, bounded)) if !is_bounded(&call.args, place) => {
                call.args.iter_mut().skip(place).take(1).for_each(|argument| *argument = bounded.clone());
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            _ => Ok(Transformed::no(Expr::ScalarFunction(call))),
        }
    }
}

fn is_bounded(arguments: &[Expr], place: usize) -> bool {
    matches!(arguments.get(place), Some(Expr::ScalarFunction(call)) if call.func.name() == NAME)
}

const NAME: &str = "bounded_size";

/// Gives its first argument back.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded(Signature);

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(size) => Ok(size.clone()),
            None => plan_err!("{NAME} needs a size"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [size, unit, start, step] = <[ColumnarValue; 4]>::try_from(arguments.args)
            .or_else(|arguments| plan_err!("{NAME} takes four arguments, not {}", arguments.len()))?;
        let is_number = |value: &ColumnarValue| value.data_type().is_integer();
        // Dates and times: a range of them ends with the calendar, and says itself when it is too long.
        if !is_number(&size) || !is_number(&start) || !is_number(&step) {
            return Ok(size);
        }
        let is_one = matches!(size, ColumnarValue::Scalar(_)) && matches!(unit, ColumnarValue::Scalar(_));
        let rows = if is_one { 1 } else { rows };
        let unit_bytes = match &unit {
            ColumnarValue::Scalar(value) => value.size(),
            ColumnarValue::Array(values) => values.get_array_memory_size() / values.len().max(1),
        };
        let unit_bytes = i64::try_from(unit_bytes).unwrap_or(i64::MAX).clamp(8, RESULT_BYTES_MAX);
        let numbers = |value: &ColumnarValue| cast(&value.clone().into_array(rows)?, &DataType::Int64);
        let (sizes, starts, steps) = (numbers(&size)?, numbers(&start)?, numbers(&step)?);
        let [sizes, starts, steps] = [&sizes, &starts, &steps].map(|array| array.as_primitive::<Int64Type>());
        let mut bytes = 0_i64;
        for row in (0..rows).filter(|row| sizes.is_valid(*row) && starts.is_valid(*row) && steps.is_valid(*row)) {
            let distance = sizes.value(row).saturating_sub(starts.value(row));
            let step = steps.value(row);
            // A range in the other direction is empty; sizes below 0 are none.
            let count = if step == 0 || (distance < 0) != (step < 0) { 0 } else { distance / step };
            bytes = bytes.saturating_add(count.saturating_mul(unit_bytes));
        }
        if bytes > RESULT_BYTES_MAX {
            return exec_err!(
                "a function would make about {bytes} bytes at once, the limit is {RESULT_BYTES_MAX}; \
                 ask for fewer repetitions, or for rows: SELECT value FROM generate_series(…)"
            );
        }
        Ok(size)
    }
}
