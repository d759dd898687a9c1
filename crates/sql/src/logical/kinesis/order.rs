//! `ORDER BY`: by another time within an interval, and by other columns in a period.

use datafusion::sql::sqlparser::ast::{Expr, Ident, OrderByExpr, OrderByOptions, SelectItem, Spanned, Value};

use super::expressions::{Times, rewrite};
use super::{ROWTIME, period_of};
use crate::error::{Place, Result, SqlError};
use crate::logical::intervals::normal;
use crate::parse::arguments;
use crate::parse::kinesis::WITHIN;

/// `ORDER BY … WITHIN INTERVAL …`: rows are put in order of a time that they come out of order by.
pub(super) struct Sorting {
    pub(super) by: Expr,
    pub(super) within: Expr,
}

/// What a query's rows are in the order of.
pub(super) enum Order {
    /// ROWTIME, which they are in anyway.
    Rowtime,
    /// A time that they come out of order by.
    Within(Box<Sorting>),
    /// A period of ROWTIME, and in each other columns.
    Period(Vec<OrderByExpr>),
}

pub(super) fn is_rowtime(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(name) => name.value == ROWTIME,
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|name| name.value == ROWTIME),
        _ => false,
    }
}

/// Streams are in the order of ROWTIME as they are; by another time they are sorted within an interval, by other columns in a period.
pub(super) fn order_of(by: Vec<OrderByExpr>) -> Result<Order> {
    if let Some(descends) = by.first().filter(|by| by.options.asc == Some(false)) {
        return Err(unordered().at(Place::of(descends.expr.span())));
    }
    if by.iter().all(|by| is_rowtime(&by.expr) && by.options.asc != Some(false)) {
        return Ok(Order::Rowtime);
    }
    let is_within = |by: &OrderByExpr| matches!(&by.expr, Expr::Function(call) if call.name.to_string() == WITHIN);
    match by.as_slice() {
        [time, within] if is_within(within) => {
            let Some(mut within) = arguments(&within.expr).first().copied().cloned() else { return Err(unordered()) };
            normal(&mut within)?;
            Ok(Order::Within(Box::new(Sorting { by: time.expr.clone(), within })))
        }
        _ if by.iter().any(is_within) => {
            let error = SqlError::unsupported("ORDER BY … WITHIN is by one time");
            Err(error.at(by.first().and_then(|by| Place::of(by.expr.span()))))
        }
        _ => Ok(Order::Period(by)),
    }
}

/// The order of rows in each period.
pub(super) struct PeriodOrder {
    /// The period, where the rows' time is not its end already.
    pub(super) step: Option<Expr>,
    pub(super) by: Vec<OrderByExpr>,
}

/// `ORDER BY FLOOR(s.ROWTIME TO MINUTE), …`: rows go out when the period ends, whose end is their ROWTIME.
pub(super) fn period_order(
    by: &[OrderByExpr],
    items: &[SelectItem],
    times: &Times,
    timed: bool,
) -> Result<PeriodOrder> {
    let selected = |expr: &Expr| -> Option<Expr> {
        let item = match expr {
            Expr::Value(value) => match &value.value {
                Value::Number(place, _) => items.get(place.to_string().parse::<usize>().ok()?.checked_sub(1)?),
                _ => None,
            },
            Expr::Identifier(name) => items
                .iter()
                .find(|item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == name.value)),
            _ => None,
        };
        match item? {
            SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
            _ => None,
        }
    };
    let Some((first, rest)) = by.split_first() else { return Err(unordered()) };
    let period = match selected(&first.expr) {
        Some(period) => period,
        None => {
            let mut period = first.expr.clone();
            // A period is one of the rows that come in.
            rewrite(&mut period, times)?;
            period
        }
    };
    let step = period_of(&period, &times.input);
    if step.is_none() && period != times.input && period != times.output && !is_rowtime(&period) {
        return Err(unordered().at(Place::of(first.expr.span())));
    }
    let options = OrderByOptions { asc: Some(true), nulls_first: None };
    let time = Expr::Identifier(Ident::with_quote('"', ROWTIME));
    let mut sorted = vec![OrderByExpr { expr: time, options, with_fill: None }];
    for by in rest {
        let mut by = by.clone();
        if selected(&by.expr).is_none() {
            rewrite(&mut by.expr, times)?;
        }
        sorted.push(by);
    }
    Ok(PeriodOrder { step: step.filter(|_| !timed), by: sorted })
}

pub(super) fn unpromoted(sorting: &Sorting) -> SqlError {
    SqlError::unsupported("rows that are put in the order of a time have it as their ROWTIME")
        .hint(format!("select {} AS ROWTIME", sorting.by))
        .at(Place::of(sorting.by.span()))
}

pub(super) fn unordered() -> SqlError {
    SqlError::unsupported("ORDER BY of a stream begins with a period of ROWTIME")
        .hint("write ORDER BY FLOOR(s.ROWTIME TO MINUTE), …, or leave it out: rows are in the order of ROWTIME")
}
