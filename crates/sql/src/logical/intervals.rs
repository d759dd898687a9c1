//! Intervals and steps of time as they are written: of several units in one, and `FLOOR(x TO unit)`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Interval, Value, VisitMut, VisitorMut,
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

/// An interval of days, hours, minutes and seconds in seconds; others stay.
pub(super) fn normal(expr: &mut Expr) -> Result<()> {
    const UNITS: [(DateTimeField, f64); 4] = [
        (DateTimeField::Day, 86_400.0),
        (DateTimeField::Hour, 3_600.0),
        (DateTimeField::Minute, 60.0),
        (DateTimeField::Second, 1.0),
    ];
    let Expr::Interval(written) = expr else { return Ok(()) };
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
