//! Flink's functions that are others of DataFusion's in other words: a call becomes that expression when the query is planned.

use std::hash::{Hash, Hasher};

use arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::functions::expr_fn::{
    coalesce, date_part, date_trunc, ends_with, floor, greatest, least, ln, random, starts_with,
};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, binary_expr,
    cast, lit, when,
};

use super::date_format::text_of;
use crate::types::{name, timestamp};

/// The call of a value that says its type: `__typed(value, type)`. Where a column has no name of its own, that tells it from others.
pub(crate) const TYPED: &str = "__typed";

/// What a function gives for arguments of these types; none where it does not take them.
type Gives = fn(&[DataType]) -> Option<DataType>;
/// The expression that a call is.
type Means = fn(Vec<Expr>) -> Result<Expr>;

#[derive(Debug)]
struct Rewritten {
    name: &'static str,
    takes: &'static str,
    gives: Gives,
    means: Means,
    /// From this argument on, all take the type of the value.
    alike_from: usize,
    signature: Signature,
}

/// All of them.
pub(super) fn all() -> Vec<ScalarUDF> {
    let part: Gives = |types| matches!(types, [DataType::Timestamp(..) | DataType::Date32]).then_some(DataType::Int64);
    let of = |name, takes, gives, means| {
        // Not immutable, so that nothing asks for a value before the call is rewritten.
        let signature = Signature::user_defined(Volatility::Stable);
        Rewritten { name, takes, gives, means, alike_from: usize::MAX, signature }
    };
    let alike = |from, function: Rewritten| Rewritten { alike_from: from, ..function };
    let all = vec![
        of("year", "a time", part, |args| of_time("year", args)),
        of("quarter", "a time", part, |args| of_time("quarter", args)),
        of("month", "a time", part, |args| of_time("month", args)),
        of("week", "a time", part, |args| of_time("week", args)),
        of("dayofyear", "a time", part, |args| of_time("doy", args)),
        of("dayofmonth", "a time", part, |args| of_time("day", args)),
        of("hour", "a time", part, |args| of_time("hour", args)),
        of("minute", "a time", part, |args| of_time("minute", args)),
        of("second", "a time", part, |args| of_time("second", args)),
        of("dayofweek", "a time", part, |args| Ok(of_time("dow", args)? + lit(1i64))),
        of(
            "concat",
            "texts",
            |types| {
                (!types.is_empty() && types.iter().all(|of| of.is_string() || of.is_null())).then_some(DataType::Utf8)
            },
            |args| {
                let texts = args.into_iter().map(|text| cast(text, DataType::Utf8));
                let all = texts.reduce(|left, right| binary_expr(left, Operator::StringConcat, right));
                Ok(all.unwrap_or_else(|| lit("")))
            },
        ),
        of(
            "log",
            "a number, or a base and a number",
            |types| {
                (matches!(types.len(), 1..=2) && types.iter().all(DataType::is_numeric)).then_some(DataType::Float64)
            },
            |args| {
                let mut logs = args.into_iter().map(|number| ln(cast(number, DataType::Float64)));
                match (logs.next(), logs.next()) {
                    (Some(base), Some(number)) => Ok(number / base),
                    (Some(number), None) => Ok(number),
                    _ => plan_err!("LOG takes a number, or a base and a number"),
                }
            },
        ),
        of(
            "rand_integer",
            "a whole number",
            |types| matches!(types, [bound] if bound.is_integer()).then_some(DataType::Int32),
            |args| {
                let [bound] = taken("rand_integer", args)?;
                Ok(cast(floor(random() * cast(bound, DataType::Float64)), DataType::Int32))
            },
        ),
        of(
            TYPED,
            "a value and its type",
            |types| if let [of, DataType::Utf8] = types { Some(of.clone()) } else { None },
            |args| {
                let [value, _] = taken(TYPED, args)?;
                Ok(value)
            },
        ),
        of("e", "nothing", |types| types.is_empty().then_some(DataType::Float64), |_| Ok(lit(std::f64::consts::E))),
        of(
            "startswith",
            "two texts",
            |types| texts(types, DataType::Boolean),
            |args| {
                let [text, begin] = taken("startswith", args)?;
                Ok(starts_with(text, begin))
            },
        ),
        of(
            "endswith",
            "two texts",
            |types| texts(types, DataType::Boolean),
            |args| {
                let [text, end] = taken("endswith", args)?;
                Ok(ends_with(text, end))
            },
        ),
        alike(0, of("mod", "two numbers", remainder_type, remainder)),
        alike(
            1,
            of(
                "if",
                "a condition and two values of one kind",
                |types| match types {
                    [DataType::Boolean, values @ ..] if values.len() == 2 => common(values),
                    _ => None,
                },
                |args| {
                    let [condition, yes, no] = taken("if", args)?;
                    when(condition, yes).otherwise(no)
                },
            ),
        ),
        alike(
            0,
            of(
                "ifnull",
                "two values of one kind",
                |types| if types.len() == 2 { common(types) } else { None },
                |args| Ok(coalesce(args)),
            ),
        ),
        alike(0, of("greatest", "values of one kind", common, |args| unless_null(args, greatest))),
        alike(0, of("least", "values of one kind", common, |args| unless_null(args, least))),
        of(
            "date_format",
            "a time and a format",
            |types| {
                matches!(types, [DataType::Timestamp(..) | DataType::Date32 | DataType::Utf8, DataType::Utf8])
                    .then_some(DataType::Utf8)
            },
            date_format,
        ),
        of(
            "to_timestamp_ltz",
            "a number and 0 (seconds) or 3 (milliseconds)",
            |types| {
                matches!(types, [number, precision] if number.is_integer() && precision.is_integer())
                    .then(|| timestamp(3, true))
            },
            instant,
        ),
        of(
            "from_unixtime",
            "a number of seconds, and a format",
            |types| match types {
                [number] | [number, DataType::Utf8] if number.is_integer() => Some(DataType::Utf8),
                _ => None,
            },
            |mut args| {
                let format = if args.len() > 1 { args.pop() } else { None };
                let [seconds] = taken("from_unixtime", args)?;
                let time = cast(cast(seconds, DataType::Int64) * lit(1_000i64), timestamp(3, false));
                date_format(vec![time, format.unwrap_or_else(|| lit("yyyy-MM-dd HH:mm:ss"))])
            },
        ),
        of(
            "timestampadd",
            "a unit, a number and a time",
            |types| match types {
                [DataType::Utf8, number, time] if number.is_integer() && is_time(time) => Some(time.clone()),
                _ => None,
            },
            added,
        ),
        of(
            "timestampdiff",
            "a unit and two times",
            |types| match types {
                [DataType::Utf8, from, to] if is_time(from) && is_time(to) => Some(DataType::Int32),
                _ => None,
            },
            difference,
        ),
    ];
    all.into_iter().map(ScalarUDF::from).collect()
}

fn texts(types: &[DataType], gives: DataType) -> Option<DataType> {
    (types.len() == 2 && types.iter().all(|of| *of == DataType::Utf8)).then_some(gives)
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32)
}

/// The type that holds values of all of these. Numbers that may be of any size and those with digits of their own are DOUBLE, as in
/// operators.
pub(super) fn common(types: &[DataType]) -> Option<DataType> {
    let is_text = |of: &DataType| of.is_string();
    if types.iter().any(is_text) && !types.iter().all(|of| of.is_string() || of.is_null()) {
        return None;
    }
    let floats = types.iter().any(DataType::is_floating);
    match floats && types.iter().any(DataType::is_decimal) {
        true => types.iter().all(|t| t.is_numeric() || t.is_null()).then_some(DataType::Float64),
        false => type_union_resolution(types).filter(|found| *found != DataType::Utf8View),
    }
}

/// NULL where one of the values is; DataFusion would pass over it.
fn unless_null(values: Vec<Expr>, otherwise: fn(Vec<Expr>) -> Expr) -> Result<Expr> {
    let missing = values.iter().cloned().map(Expr::is_null).reduce(Expr::or).unwrap_or_else(|| lit(false));
    when(missing.is_not_true(), otherwise(values)).end()
}

fn taken<const N: usize>(function: &str, args: Vec<Expr>) -> Result<[Expr; N]> {
    <[Expr; N]>::try_from(args).or_else(|args| plan_err!("{function} takes {N} arguments, not {}", args.len()))
}

fn of_time(part: &str, args: Vec<Expr>) -> Result<Expr> {
    let [time] = taken(part, args)?;
    Ok(cast(date_part(lit(part), time), DataType::Int64))
}

fn remainder_type(types: &[DataType]) -> Option<DataType> {
    match types {
        [a, b] if a.is_integer() && b.is_integer() => {
            let wider = if a.primitive_width() > b.primitive_width() { a } else { b };
            Some(wider.clone())
        }
        [a, b] if a.is_numeric() && b.is_numeric() => common(types),
        _ => None,
    }
}

fn remainder(args: Vec<Expr>) -> Result<Expr> {
    let [number, by] = taken("mod", args)?;
    Ok(number % by)
}

/// `DATE_FORMAT(time, 'yyyy-MM-dd HH:mm:ss')`
fn date_format(args: Vec<Expr>) -> Result<Expr> {
    let [time, format] = taken("date_format", args)?;
    let Expr::Literal(ScalarValue::Utf8(Some(format)), _) = &format else {
        return plan_err!("DATE_FORMAT needs its format as a text in the statement");
    };
    let time = cast(time, DataType::Timestamp(TimeUnit::Millisecond, None));
    Ok(text_of(time, strftime(format)?))
}

/// A format of Java's as one of C's.
fn strftime(format: &str) -> Result<String> {
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            for quoted in letters.by_ref().take_while(|c| *c != '\'') {
                out.push(quoted);
            }
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            out.push(letter);
            if letter == '%' {
                out.push('%');
            }
            continue;
        }
        let mut count = 1;
        while letters.next_if_eq(&letter).is_some() {
            count += 1;
        }
        out.push_str(match (letter, count) {
            ('y', 2) => "%y",
            ('y' | 'u', _) => "%Y",
            ('M' | 'L', 1) => "%-m",
            ('M' | 'L', 2) => "%m",
            ('M' | 'L', 3) => "%b",
            ('M' | 'L', _) => "%B",
            ('d', 1) => "%-d",
            ('d', _) => "%d",
            ('H', 1) => "%-H",
            ('H', _) => "%H",
            ('h', 1) => "%-I",
            ('h', _) => "%I",
            ('m', 1) => "%-M",
            ('m', _) => "%M",
            ('s', 1) => "%-S",
            ('s', _) => "%S",
            ('S', 1..=3) => "%3f",
            ('S', _) => "%6f",
            ('a', _) => "%p",
            ('E', 1..=3) => "%a",
            ('E', _) => "%A",
            ('D', _) => "%j",
            _ => {
                return plan_err!(
                    "DATE_FORMAT: '{letter}' in '{format}' is not built; there are y M d H h m s S a E D"
                );
            }
        });
    }
    Ok(out)
}

fn instant(args: Vec<Expr>) -> Result<Expr> {
    let [number, precision] = taken("to_timestamp_ltz", args)?;
    let scale = match whole(&precision) {
        Some(0) => 1_000i64,
        Some(3) => 1,
        _ => return plan_err!("TO_TIMESTAMP_LTZ takes 0 (seconds) or 3 (milliseconds) as its precision"),
    };
    Ok(cast(cast(number, DataType::Int64) * lit(scale), timestamp(3, true)))
}

fn whole(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(number) => number,
            _ => None,
        },
        Expr::Negative(inner) => whole(inner).map(|number| -number),
        _ => None,
    }
}

/// A unit of time.
enum Unit {
    /// It has a length.
    Micros(i64),
    /// It has so many months.
    Months(i32),
}

fn unit_of(unit: &Expr) -> Result<Unit> {
    let Expr::Literal(ScalarValue::Utf8(Some(unit)), _) = unit else {
        return plan_err!("the unit of time must be a word");
    };
    Ok(match unit.to_ascii_uppercase().trim_start_matches("SQL_TSI_") {
        "SECOND" | "SECONDS" => Unit::Micros(1_000_000),
        "MINUTE" | "MINUTES" => Unit::Micros(60_000_000),
        "HOUR" | "HOURS" => Unit::Micros(3_600_000_000),
        "DAY" | "DAYS" => Unit::Micros(86_400_000_000),
        "WEEK" | "WEEKS" => Unit::Micros(604_800_000_000),
        "MONTH" | "MONTHS" => Unit::Months(1),
        "QUARTER" | "QUARTERS" => Unit::Months(3),
        "YEAR" | "YEARS" => Unit::Months(12),
        _ => {
            return plan_err!(
                "{unit} is no unit of time here; there are SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER, YEAR"
            );
        }
    })
}

fn added(args: Vec<Expr>) -> Result<Expr> {
    let [unit, number, time] = taken("timestampadd", args)?;
    let Some(number) = whole(&number) else {
        return plan_err!("TIMESTAMPADD needs its number in the statement; add an INTERVAL instead");
    };
    let interval = match unit_of(&unit)? {
        Unit::Months(months) => {
            let months = i32::try_from(number).ok().and_then(|number| number.checked_mul(months));
            let Some(months) = months else { return plan_err!("TIMESTAMPADD: {number} is too large") };
            IntervalMonthDayNano { months, days: 0, nanoseconds: 0 }
        }
        Unit::Micros(micros) => {
            let nanoseconds = number.saturating_mul(micros).saturating_mul(1_000);
            IntervalMonthDayNano { months: 0, days: 0, nanoseconds }
        }
    };
    Ok(time + lit(ScalarValue::IntervalMonthDayNano(Some(interval))))
}

fn difference(args: Vec<Expr>) -> Result<Expr> {
    let [unit, from, to] = taken("timestampdiff", args)?;
    let micros = |time| cast(cast(time, DataType::Timestamp(TimeUnit::Microsecond, None)), DataType::Int64);
    let months = |time: Expr| {
        let part = |part: &str| cast(date_part(lit(part), time.clone()), DataType::Int64);
        part("year") * lit(12i64) + part("month")
    };
    let difference = match unit_of(&unit)? {
        Unit::Micros(of) => (micros(to) - micros(from)) / lit(of),
        Unit::Months(of) => {
            // A month is whole when its day and time have come again: what is beyond the month's begin is compared.
            let instant = |time| cast(time, DataType::Timestamp(TimeUnit::Microsecond, None));
            let beyond = |time: Expr| micros(time.clone()) - micros(date_trunc(lit("month"), instant(time)));
            let count = months(to.clone()) - months(from.clone());
            let (short, long) = (beyond(to.clone()).lt(beyond(from.clone())), beyond(to).gt(beyond(from)));
            let whole = when(count.clone().gt(lit(0i64)).and(short), count.clone() - lit(1i64))
                .when(count.clone().lt(lit(0i64)).and(long), count.clone() + lit(1i64))
                .otherwise(count)?;
            whole / lit(i64::from(of))
        }
    };
    Ok(cast(difference, DataType::Int32))
}

impl PartialEq for Rewritten {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Rewritten {}

impl Hash for Rewritten {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Rewritten {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.gives)(types) {
            Some(given) => {
                let own = types.iter().take(self.alike_from).cloned();
                Ok(own.chain(types.iter().skip(self.alike_from).map(|_| given.clone())).collect())
            }
            None => {
                let given = types.iter().map(name).collect::<Vec<_>>().join(", ");
                plan_err!("{} takes {}, not ({given})", self.name.to_uppercase(), self.takes)
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.gives)(types) {
            Some(data_type) => Ok(data_type),
            None => self.coerce_types(types).and_then(|_| plan_err!("{} takes {}", self.name, self.takes)),
        }
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(ExprSimplifyResult::Simplified((self.means)(args)?))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("{} was not rewritten when the query was planned", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_java_become_those_of_c() {
        assert_eq!(strftime("yyyy-MM-dd'T'HH:mm:ss.SSS a").unwrap(), "%Y-%m-%dT%H:%M:%S.%3f %p");
        assert_eq!(strftime("d.M.yy 100%").unwrap(), "%-d.%-m.%y 100%%");
        assert!(strftime("YYYY").unwrap_err().to_string().contains("'Y' in 'YYYY'"));
    }
}
