//! Which aggregate functions there are, by their names in SQL, and what they give.

use arrow::datatypes::{DataType, Field};
use tidemill_engine::{EngineError, Result};

use super::{OtherFunction, Placement};

/// An aggregate function. Rows whose argument is null do not count, but for those functions that say otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// `COUNT(*)`: all rows. Over rows, also `ROW_NUMBER()`.
    CountAll,
    /// `COUNT(x, …)`: rows where no argument is null.
    Count,
    /// `APPROX_COUNT_DISTINCT(x)`, which here is exact.
    CountDistinct,
    /// `SUM(x)`, of the argument's type: integers wrap around where they overflow, as Flink's do; decimals that need more
    /// than 38 digits give null.
    Sum,
    /// `AVG(x)`, of the argument's type: integers are truncated, decimals rounded half up.
    Avg,
    /// `MIN(x)`.
    Min,
    /// `MAX(x)`.
    Max,
    /// `FIRST_VALUE(x)`: the first that came and was not null.
    FirstValue,
    /// `LAST_VALUE(x)`: the last that came and was not null.
    LastValue,
    /// `VAR_POP(x)`.
    VarPop,
    /// `VAR_SAMP(x)` and `VARIANCE(x)`: null for fewer than two rows.
    VarSamp,
    /// `STDDEV_POP(x)`.
    StddevPop,
    /// `STDDEV_SAMP(x)` and `STDDEV(x)`: null for fewer than two rows.
    StddevSamp,
    /// `ARRAY_AGG(x)`: all values in the order of arrival, nulls included.
    ArrayAgg,
    /// `COLLECT(x)`: all values that are not null, in the order of arrival.
    Collect,
    /// `LISTAGG(x[, separator])` and `STRING_AGG`: texts in the order of arrival, with a comma or the second argument between.
    ListAgg,
    /// `BOOL_AND(x)` and `EVERY(x)`.
    BoolAnd,
    /// `BOOL_OR(x)`, `SOME(x)` and `ANY(x)`.
    BoolOr,
    /// `PERCENTILE(x, p [, frequency])`: p is a number from 0 to 1, or an array of such.
    Percentile,
    /// `LAG(x)` over rows: the value so many rows before, or the second argument, or null. Nulls count.
    Lag {
        /// How many rows before, 1 by default.
        offset: usize,
    },
    /// The value of a row by its place in the frame, or the second argument, or null: `NTH_VALUE(x, n)`, `FIRST_VALUE(x)` and
    /// `LAST_VALUE(x)` with `RESPECT NULLS`, `LAG(x)` with `IGNORE NULLS`.
    Placed {
        /// Which row.
        at: Placement,
        /// Rows with nulls are counted.
        nulls: bool,
    },
    /// `EXP_AVG(x, half-life)`: values count less with their age. Takes a DOUBLE and its time in microseconds.
    ExpAvg {
        /// A value counts half after so many microseconds.
        half_life: i64,
    },
    /// Any other: MEDIAN, CORR, PERCENTILE_CONT and so on.
    Other(OtherFunction),
}

impl AggregateFunction {
    /// The function of that name for arguments of these types, and the type of what it gives.
    pub fn resolve(name: &str, arguments: &[DataType], distinct: bool) -> Result<(Self, DataType)> {
        let function = match name.to_ascii_uppercase().as_str() {
            "COUNT" if arguments.is_empty() => AggregateFunction::CountAll,
            "COUNT" => AggregateFunction::Count,
            "ROW_NUMBER" => AggregateFunction::CountAll,
            "APPROX_COUNT_DISTINCT" | "APPROX_DISTINCT" => AggregateFunction::CountDistinct,
            "SUM" => AggregateFunction::Sum,
            "AVG" | "MEAN" => AggregateFunction::Avg,
            "MIN" => AggregateFunction::Min,
            "MAX" => AggregateFunction::Max,
            "FIRST_VALUE" => AggregateFunction::FirstValue,
            "LAST_VALUE" => AggregateFunction::LastValue,
            "VAR_POP" | "VAR_POPULATION" => AggregateFunction::VarPop,
            "VAR_SAMP" | "VARIANCE" | "VAR" | "VAR_SAMPLE" => AggregateFunction::VarSamp,
            "STDDEV_POP" => AggregateFunction::StddevPop,
            "STDDEV_SAMP" | "STDDEV" => AggregateFunction::StddevSamp,
            "ARRAY_AGG" => AggregateFunction::ArrayAgg,
            "COLLECT" => AggregateFunction::Collect,
            "LISTAGG" | "STRING_AGG" => AggregateFunction::ListAgg,
            "BOOL_AND" | "EVERY" => AggregateFunction::BoolAnd,
            "BOOL_OR" | "SOME" | "ANY" => AggregateFunction::BoolOr,
            "PERCENTILE" => AggregateFunction::Percentile,
            "LAG" => AggregateFunction::Lag { offset: 1 },
            "__PLACED" => AggregateFunction::Placed { at: Placement::First(1), nulls: true },
            "EXP_AVG" => AggregateFunction::ExpAvg { half_life: 1 },
            _ => match OtherFunction::named(name, arguments, &[]) {
                Some(function) => AggregateFunction::Other(function?),
                None => {
                    return Err(EngineError::Plan(format!(
                        "there is no aggregate function '{name}'; among those that there are: COUNT, SUM, AVG, MIN, MAX, FIRST_VALUE, LAST_VALUE, STDDEV_POP, STDDEV_SAMP, VAR_POP, VAR_SAMP, COLLECT, ARRAY_AGG, LISTAGG, BOOL_AND, BOOL_OR, APPROX_COUNT_DISTINCT, MEDIAN"
                    )));
                }
            },
        };
        if distinct && matches!(function, AggregateFunction::CountAll | AggregateFunction::Lag { .. }) {
            return Err(EngineError::Plan(format!("{name} needs an argument for DISTINCT to choose from")));
        }
        let result = function.result(arguments).ok_or_else(|| {
            let types: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            EngineError::Plan(format!(
                "{name} does not take ({}); cast its argument to a type that it takes",
                types.join(", ")
            ))
        })?;
        Ok((function, result))
    }

    /// What the function gives for arguments of these types; none where it does not take them.
    pub fn result(&self, arguments: &[DataType]) -> Option<DataType> {
        use AggregateFunction as F;
        match (self, arguments) {
            (F::CountAll, []) | (F::CountDistinct, [_]) => Some(DataType::Int64),
            (F::Count, [_, ..]) => Some(DataType::Int64),
            (F::Sum, [DataType::Decimal128(_, scale)]) => Some(DataType::Decimal128(38, *scale)),
            (F::Avg | F::VarPop | F::VarSamp | F::StddevPop | F::StddevSamp, [DataType::Decimal128(_, scale)]) => {
                Some(DataType::Decimal128(38, (*scale).max(6)))
            }
            (F::Sum | F::Avg | F::VarPop | F::VarSamp | F::StddevPop | F::StddevSamp, [number]) => {
                let takes = number.is_integer() || matches!(number, DataType::Float32 | DataType::Float64);
                takes.then(|| number.clone())
            }
            (F::Min | F::Max, [value]) => (!value.is_nested()).then(|| value.clone()),
            (F::FirstValue | F::LastValue, [value]) => Some(value.clone()),
            (F::ArrayAgg | F::Collect, [value]) => {
                Some(DataType::List(Field::new_list_field(value.clone(), true).into()))
            }
            (F::ListAgg, [value]) => value.is_string().then_some(DataType::Utf8),
            (F::ListAgg, [value, between]) => (value.is_string() && between.is_string()).then_some(DataType::Utf8),
            (F::Percentile, [value, parts, frequency @ ..]) => {
                let numbers = value.is_numeric() && frequency.len() <= 1 && frequency.iter().all(DataType::is_integer);
                match parts {
                    DataType::List(item) if numbers && item.data_type().is_numeric() => {
                        Some(DataType::List(Field::new_list_field(DataType::Float64, true).into()))
                    }
                    part => (numbers && part.is_numeric()).then_some(DataType::Float64),
                }
            }
            (F::BoolAnd | F::BoolOr, [DataType::Boolean]) => Some(DataType::Boolean),
            (F::Placed { .. }, [value, ..]) => Some(value.clone()),
            (F::ExpAvg { .. }, [value, ..]) => value.is_numeric().then_some(DataType::Float64),
            (F::Lag { .. }, [value]) => Some(value.clone()),
            (F::Lag { .. }, [value, otherwise]) => (value == otherwise).then(|| value.clone()),
            (F::Other(function), arguments) => (function.arguments() == arguments.len()).then(|| function.result()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, argument: DataType) -> DataType {
        AggregateFunction::resolve(name, &[argument], false).unwrap().1
    }

    #[test]
    fn results_have_the_types_that_flink_gives_them() {
        assert_eq!(result("count", DataType::Utf8), DataType::Int64);
        assert_eq!(result("SUM", DataType::Int32), DataType::Int32);
        assert_eq!(result("sum", DataType::Decimal128(10, 2)), DataType::Decimal128(38, 2));
        assert_eq!(result("avg", DataType::Decimal128(10, 2)), DataType::Decimal128(38, 6));
        assert_eq!(result("avg", DataType::Int64), DataType::Int64);
        assert_eq!(result("stddev", DataType::Float64), DataType::Float64);
    }

    #[test]
    fn what_a_function_does_not_take_is_told() {
        let error = AggregateFunction::resolve("SUM", &[DataType::Utf8], false).unwrap_err().to_string();
        assert!(error.contains("SUM does not take (Utf8)"), "{error}");
        let error = AggregateFunction::resolve("MODUS", &[DataType::Int64], false).unwrap_err().to_string();
        assert!(error.contains("no aggregate function 'MODUS'"), "{error}");
    }
}
