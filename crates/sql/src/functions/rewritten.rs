//! Flink's functions that are others of DataFusion's in other words: a call becomes that expression when the query is planned.

use std::hash::{Hash, Hasher};

use arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use datafusion::common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion::functions::expr_fn::{coalesce, date_part};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast, lit, when,
};

use super::date_format::text_of;
use crate::types::{name, timestamp};

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
    signature: Signature,
}

/// All of them.
pub(super) fn all() -> Vec<ScalarUDF> {
    let part: Gives = |types| matches!(types, [DataType::Timestamp(..) | DataType::Date32]).then_some(DataType::Int64);
    let of = |name, takes, gives, means| {
        // Not immutable, so that nothing asks for a value before the call is rewritten.
        ScalarUDF::from(Rewritten { name, takes, gives, means, signature: Signature::user_defined(Volatility::Stable) })
    };
    vec![
        of("year", "a time", part, |args| of_time("year", args)),
        of("quarter", "a time", part, |args| of_time("quarter", args)),
        of("month", "a time", part, |args| of_time("month", args)),
        of("week", "a time", part, |args| of_time("week", args)),
        of("dayofyear", "a time", part, |args| of_time("doy", args)),
        of("dayofmonth", "a time", part, |args| of_time("day", args)),
        of("hour", "a time", part, |args| of_time("hour", args)),
        of("minute", "a time", part, |args| of_time("minute", args)),
        of("second", "a time", part, |args| of_time("second", args)),
        of("mod", "two numbers", remainder_type, remainder),
        of(
            "if",
            "a condition and two values",
            |types| matches!(types, [DataType::Boolean, a, b] if a == b).then(|| types[1].clone()),
            |args| {
                let [condition, yes, no] = taken("if", args)?;
                when(condition, yes).otherwise(no)
            },
        ),
        of(
            "ifnull",
            "two values",
            |types| matches!(types, [a, b] if a == b).then(|| types[0].clone()),
            |args| Ok(coalesce(args)),
        ),
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
            "to_timestamp",
            "a text",
            |types| matches!(types, [DataType::Utf8]).then(|| timestamp(3, false)),
            |args| {
                let [text] = taken("to_timestamp", args)?;
                Ok(cast(text, timestamp(3, false)))
            },
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
            "to_date",
            "a text",
            |types| matches!(types, [DataType::Utf8]).then_some(DataType::Date32),
            |args| {
                let [text] = taken("to_date", args)?;
                Ok(cast(text, DataType::Date32))
            },
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
            "unix_timestamp",
            "a text",
            |types| matches!(types, [DataType::Utf8]).then_some(DataType::Int64),
            |args| {
                let [text] = taken("unix_timestamp", args)?;
                Ok(cast(cast(text, timestamp(3, false)), DataType::Int64) / lit(1_000i64))
            },
        ),
        of(
            "timestampadd",
            "a unit, a number and a time",
            |types| match types {
                [DataType::Utf8, number, time @ DataType::Timestamp(..)] if number.is_integer() => Some(time.clone()),
                _ => None,
            },
            added,
        ),
        of(
            "timestampdiff",
            "a unit and two times",
            |types| {
                matches!(types, [DataType::Utf8, DataType::Timestamp(..), DataType::Timestamp(..)])
                    .then_some(DataType::Int32)
            },
            difference,
        ),
    ]
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
        [a, b] if a.is_numeric() && b.is_numeric() => Some(DataType::Float64),
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

/// Microseconds of a unit that has a length.
fn unit_micros(unit: &Expr) -> Result<i64> {
    let Expr::Literal(ScalarValue::Utf8(Some(unit)), _) = unit else {
        return plan_err!("the unit of time must be a word");
    };
    Ok(match unit.to_ascii_uppercase().trim_start_matches("SQL_TSI_") {
        "SECOND" | "SECONDS" => 1_000_000,
        "MINUTE" | "MINUTES" => 60_000_000,
        "HOUR" | "HOURS" => 3_600_000_000,
        "DAY" | "DAYS" => 86_400_000_000,
        "WEEK" | "WEEKS" => 604_800_000_000,
        _ => return plan_err!("{unit} is no unit of time here; there are SECOND, MINUTE, HOUR, DAY, WEEK"),
    })
}

fn added(args: Vec<Expr>) -> Result<Expr> {
    let [unit, number, time] = taken("timestampadd", args)?;
    let micros = unit_micros(&unit)?;
    let Some(number) = whole(&number) else {
        return plan_err!("TIMESTAMPADD needs its number in the statement; add an INTERVAL instead");
    };
    let nanoseconds = number.saturating_mul(micros).saturating_mul(1_000);
    let interval = IntervalMonthDayNano { months: 0, days: 0, nanoseconds };
    Ok(time + lit(ScalarValue::IntervalMonthDayNano(Some(interval))))
}

fn difference(args: Vec<Expr>) -> Result<Expr> {
    let [unit, from, to] = taken("timestampdiff", args)?;
    let micros = unit_micros(&unit)?;
    let count = |time| cast(cast(time, DataType::Timestamp(TimeUnit::Microsecond, None)), DataType::Int64);
    Ok(cast((count(to) - count(from)) / lit(micros), DataType::Int32))
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
        let given = (self.gives)(types);
        match (given, self.name) {
            (Some(wider), "mod") => Ok(vec![wider.clone(), wider]),
            (Some(_), _) => Ok(types.to_vec()),
            (None, _) => {
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
