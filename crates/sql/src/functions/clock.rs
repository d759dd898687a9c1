//! Functions of the current time. On a stream they are asked anew for each batch, so nothing may fold them before.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Time32MillisecondArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, not_impl_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use tidemill_engine::EventTime;

/// What a function says of the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tells {
    /// `TIMESTAMP_LTZ(3)`
    Instant,
    /// `TIMESTAMP(3)` in the session's zone, which is UTC.
    Local,
    /// `DATE`
    Date,
    /// `TIME(3)`
    Time,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Clock {
    name: &'static str,
    aliases: Vec<String>,
    tells: Tells,
    signature: Signature,
}

const PROCESSING_TIME: &str = "proctime";

/// `PROCTIME()`, `CURRENT_TIMESTAMP`, `LOCALTIMESTAMP`, `CURRENT_DATE`, `CURRENT_TIME`, `LOCALTIME`.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        clock(PROCESSING_TIME, &[], Tells::Instant),
        clock("now", &["current_timestamp", "current_row_timestamp"], Tells::Instant),
        clock("localtimestamp", &[], Tells::Local),
        clock("current_date", &["today"], Tells::Date),
        clock("current_time", &["localtime"], Tells::Time),
    ]
}

/// The function that asks for the watermark. The planner makes a column of it: it has no value by itself.
pub(crate) const CURRENT_WATERMARK: &str = "current_watermark";

/// `CURRENT_WATERMARK(time)`
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentWatermark(Signature);

/// It is asked anew for each batch.
pub(super) fn current_watermark() -> ScalarUDF {
    ScalarUDF::from(CurrentWatermark(Signature::user_defined(Volatility::Volatile)))
}

impl ScalarUDFImpl for CurrentWatermark {
    fn name(&self) -> &str {
        CURRENT_WATERMARK
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Timestamp(..)] => Ok(types.to_vec()),
            _ => plan_err!("CURRENT_WATERMARK takes the rows' event time"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(crate::types::timestamp(3, matches!(types, [DataType::Timestamp(_, Some(_))])))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("CURRENT_WATERMARK is for SELECT and WHERE of rows with a WATERMARK")
    }
}

/// A call of `PROCTIME()`.
pub(crate) fn processing_time() -> Expr {
    clock(PROCESSING_TIME, &[], Tells::Instant).call(Vec::new())
}

fn clock(name: &'static str, aliases: &[&str], tells: Tells) -> ScalarUDF {
    let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
    ScalarUDF::from(Clock { name, aliases, tells, signature: Signature::nullary(Volatility::Volatile) })
}

/// Whether an expression is `PROCTIME()` and nothing else.
pub(crate) fn is_processing_time(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => call.func.name() == PROCESSING_TIME,
        Expr::Alias(alias) => is_processing_time(&alias.expr),
        _ => false,
    }
}

impl ScalarUDFImpl for Clock {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.tells {
            Tells::Instant => crate::types::timestamp(3, true),
            Tells::Local => DataType::Timestamp(TimeUnit::Millisecond, None),
            Tells::Date => DataType::Date32,
            Tells::Time => DataType::Time32(TimeUnit::Millisecond),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (now, rows) = (EventTime::now().millis(), args.number_rows);
        let array: ArrayRef = match self.tells {
            Tells::Instant => Arc::new(TimestampMillisecondArray::from(vec![now; rows]).with_timezone("UTC")),
            Tells::Local => Arc::new(TimestampMillisecondArray::from(vec![now; rows])),
            Tells::Date => {
                let day = i32::try_from(now.div_euclid(86_400_000)).unwrap_or(i32::MAX);
                Arc::new(Date32Array::from(vec![day; rows]))
            }
            Tells::Time => {
                let time = i32::try_from(now.rem_euclid(86_400_000)).unwrap_or_default();
                Arc::new(Time32MillisecondArray::from(vec![time; rows]))
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}
