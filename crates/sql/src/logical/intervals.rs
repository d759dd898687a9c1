//! Intervals and steps of time as they are written: of several units in one, and `FLOOR(x TO unit)`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Interval, Value, VisitMut,
    VisitorMut,
};

use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::kinesis::{STEP, STEP_UP};
use crate::parse::call;

/// Says intervals of several units in seconds, and `FLOOR` and `CEIL` of times by functions.
pub(super) fn plainly(of: &mut impl VisitMut) -> Result<()> {
    struct Times;
    impl VisitorMut for Times {
        type Break = SqlError;

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
            let said = match expr {
                Expr::Interval(interval) if interval.last_field.is_some() => normal(expr),
                Expr::Floor { expr: inner, field: CeilFloorKind::DateTimeField(unit) }
                    if *unit != DateTimeField::NoDateTime =>
                {
                    *expr = stepping(STEP, inner, unit);
                    Ok(())
                }
                Expr::Ceil { expr: inner, field: CeilFloorKind::DateTimeField(unit) }
                    if *unit != DateTimeField::NoDateTime =>
                {
                    *expr = stepping(STEP_UP, inner, unit);
                    Ok(())
                }
                // Weeks begin with Sunday, which is 1.
                Expr::Extract { field: DateTimeField::DayOfWeek | DateTimeField::Dow, .. } => {
                    let (left, one) = (Box::new(expr.clone()), Expr::value(Value::Number("1".into(), false)));
                    *expr =
                        Expr::Nested(Box::new(Expr::BinaryOp { left, op: BinaryOperator::Plus, right: Box::new(one) }));
                    Ok(())
                }
                Expr::Extract { field: DateTimeField::Epoch, .. } => {
                    *expr = Expr::Cast {
                        kind: CastKind::Cast,
                        expr: Box::new(expr.clone()),
                        data_type: DataType::BigInt(None),
                        array: false,
                        format: None,
                    };
                    Ok(())
                }
                Expr::Extract { field: DateTimeField::Millisecond | DateTimeField::Milliseconds, .. } => {
                    // Without the seconds, which the parser's word would count, too.
                    let (left, thousand) = (Box::new(expr.clone()), Expr::value(Value::Number("1000".into(), false)));
                    let right = Box::new(thousand);
                    *expr = Expr::Nested(Box::new(Expr::BinaryOp { left, op: BinaryOperator::Modulo, right }));
                    Ok(())
                }
                Expr::Extract {
                    field: field @ (DateTimeField::Century | DateTimeField::Decade | DateTimeField::Millennium),
                    ..
                } => {
                    // The first century ends with the year 100, the first decade is that of the year 0.
                    let (years, before) = match field {
                        DateTimeField::Decade => ("10", "0"),
                        DateTimeField::Century => ("100", "99"),
                        _ => ("1000", "999"),
                    };
                    *field = DateTimeField::Year;
                    let number = |text: &str| Box::new(Expr::value(Value::Number(text.into(), false)));
                    let (left, right) = (Box::new(expr.clone()), number(before));
                    let left =
                        Box::new(Expr::Nested(Box::new(Expr::BinaryOp { left, op: BinaryOperator::Plus, right })));
                    let divided = Expr::BinaryOp { left, op: BinaryOperator::Divide, right: number(years) };
                    *expr = Expr::Nested(Box::new(divided));
                    Ok(())
                }
                _ => Ok(()),
            };
            match said {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    match of.visit(&mut Times) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

pub(super) fn seconds(value: &str) -> Expr {
    interval(value, DateTimeField::Second)
}

pub(super) fn interval(value: &str, unit: DateTimeField) -> Expr {
    Expr::Interval(Interval {
        value: Box::new(Expr::value(Value::SingleQuotedString(value.to_owned()))),
        leading_field: Some(unit),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// `FLOOR(x TO unit)` and `CEIL(x TO unit)`: months and longer units have no length, and weeks begin on Sunday.
pub(super) fn stepping(function: &str, inner: &Expr, unit: &DateTimeField) -> Expr {
    let binary = |left: Expr, op, right| Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) };
    let truncated = |of: Expr| {
        let unit = Expr::value(Value::SingleQuotedString(unit.to_string().to_lowercase()));
        call("date_trunc", [unit, of])
    };
    let (begin, length) = match unit {
        DateTimeField::Month | DateTimeField::Year => (truncated(inner.clone()), interval("1", unit.clone())),
        DateTimeField::Quarter => (truncated(inner.clone()), interval("3", DateTimeField::Month)),
        DateTimeField::Week(None) => {
            let day = || interval("1", DateTimeField::Day);
            let monday = truncated(binary(inner.clone(), BinaryOperator::Plus, day()));
            (binary(monday, BinaryOperator::Minus, day()), interval("7", DateTimeField::Day))
        }
        unit => {
            let mut length = interval("1", unit.clone());
            // A unit that has no length stays as it is, and is refused where it is planned.
            if normal(&mut length).is_err() {
                length = interval("1", unit.clone());
            }
            return call(function, [inner.clone(), length]);
        }
    };
    if function == STEP {
        return begin;
    }
    let after = binary(Expr::Nested(Box::new(begin.clone())), BinaryOperator::Plus, length);
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: binary(begin.clone(), BinaryOperator::Eq, inner.clone()),
            result: begin,
        }],
        else_result: Some(Box::new(after)),
    }
}

/// `INTERVAL '1-6' YEAR TO MONTH` in months.
fn months(written: &Interval) -> Result<i64> {
    let Expr::Value(value) = &*written.value else { return Err(SqlError::unsupported("an interval is a constant")) };
    let text = value.value.clone().into_string().unwrap_or_default();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.as_str()),
    };
    let parts = digits.split_once('-').and_then(|(years, months)| Some((years.parse().ok()?, months.parse().ok()?)));
    let Some((years, months)): Option<(i64, i64)> = parts else {
        let error = SqlError::new(Kind::Syntax, format!("'{text}' is no interval YEAR TO MONTH"));
        return Err(error.hint("write INTERVAL '1-6' YEAR TO MONTH").at(Place::of(value.span)));
    };
    Ok(sign * (years.saturating_mul(12).saturating_add(months)))
}

/// An interval of years and months in months, one of days, hours, minutes and seconds in seconds; others stay.
pub(super) fn normal(expr: &mut Expr) -> Result<()> {
    const UNITS: [(DateTimeField, f64); 4] = [
        (DateTimeField::Day, 86_400.0),
        (DateTimeField::Hour, 3_600.0),
        (DateTimeField::Minute, 60.0),
        (DateTimeField::Second, 1.0),
    ];
    let Expr::Interval(written) = expr else { return Ok(()) };
    if (&written.leading_field, &written.last_field) == (&Some(DateTimeField::Year), &Some(DateTimeField::Month)) {
        let months = months(written)?;
        *expr = interval(&months.to_string(), DateTimeField::Month);
        return Ok(());
    }
    let from = UNITS.iter().position(|(unit, _)| written.leading_field.as_ref() == Some(unit));
    let Some(from) = from else { return Ok(()) };
    let to =
        written.last_field.as_ref().and_then(|last| UNITS.iter().position(|(unit, _)| unit == last)).unwrap_or(from);
    let Expr::Value(value) = &*written.value else { return Ok(()) };
    let text = value.value.clone().into_string().unwrap_or_default();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.as_str()),
    };
    let wrong = || {
        let message = format!(
            "'{text}' is no interval {}",
            written.leading_field.as_ref().map(ToString::to_string).unwrap_or_default()
        );
        SqlError::new(Kind::Syntax, message).hint("write INTERVAL '1:30' MINUTE TO SECOND").at(Place::of(value.span))
    };
    let parts: Vec<&str> = digits.split([':', ' ']).collect();
    if to < from || parts.len() != to - from + 1 {
        return Err(wrong());
    }
    let mut total = 0.0;
    for (part, (_, length)) in parts.iter().zip(UNITS.iter().skip(from)) {
        total += part.parse::<f64>().map_err(|_| wrong())? * length;
    }
    *expr = seconds(&(sign * total).to_string());
    Ok(())
}
