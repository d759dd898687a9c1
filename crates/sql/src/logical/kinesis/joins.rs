//! Joins: which rows of two or more streams see each other, and columns that they share.

use datafusion::sql::sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Ident, JoinConstraint, JoinOperator};

use super::expressions::{and, binary};
use super::relations::Source;
use crate::error::{Kind, Place, Result, SqlError};
use crate::logical::intervals::seconds;
use crate::parse::call;

/// Adds a relation to those before it. What its rows' times must be to those before, if it is a stream and not the first one.
pub(super) fn add(
    sources: &mut Vec<Source>,
    source: Source,
    join: Option<&JoinOperator>,
    rowtime: &mut Option<Expr>,
    place: Option<Place>,
) -> Result<Option<Expr>> {
    let mut condition = None;
    if source.timed {
        *rowtime = Some(match (rowtime.take(), sources.iter().find(|known| known.timed)) {
            (None, _) | (_, None) => source.time(),
            (Some(known), Some(_)) if sources.iter().filter(|known| known.timed).count() > 1 => {
                let inner = matches!(join, None | Some(JoinOperator::Join(_) | JoinOperator::Inner(_)));
                if !inner || matches!(known, Expr::Case { .. }) {
                    let error = SqlError::unsupported("outer joins are of two streams");
                    return Err(error
                        .hint("pump the join of two into a stream, and join that with the third")
                        .at(place));
                }
                let before: Vec<&Source> = sources.iter().filter(|known| known.timed).collect();
                if before.iter().all(|known| known.window.is_none()) && source.window.is_none() {
                    return Err(no_window(place));
                }
                condition = Some(all_meet(&known, &before, &source));
                call("greatest", before.iter().map(|known| known.time()).chain([source.time()]))
            }
            (Some(_), Some(first)) => {
                if first.window.is_none() && source.window.is_none() {
                    return Err(no_window(place));
                }
                // Each row sees those of the other stream that its window still holds.
                condition = Some(meets(first.time(), first.keeps(), &source));
                let later = call("greatest", [first.time(), source.time()]);
                let left = |of: &Source| binary(of.time(), BinaryOperator::Plus, of.keeps());
                let without = |missing: &Source, kept: &Source| CaseWhen {
                    condition: Expr::IsNull(Box::new(missing.time())),
                    result: left(kept),
                };
                let unmatched = match join {
                    Some(JoinOperator::Left(_) | JoinOperator::LeftOuter(_)) => vec![without(&source, first)],
                    Some(JoinOperator::Right(_) | JoinOperator::RightOuter(_)) => vec![without(first, &source)],
                    Some(JoinOperator::FullOuter(_)) => vec![without(&source, first), without(first, &source)],
                    _ => Vec::new(),
                };
                match unmatched.is_empty() {
                    true => later,
                    false => Expr::Case {
                        case_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
                        end_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
                        operand: None,
                        conditions: unmatched,
                        else_result: Some(Box::new(later)),
                    },
                }
            }
        });
    }
    sources.push(source);
    Ok(condition)
}

pub(super) fn no_window(place: Option<Place>) -> SqlError {
    SqlError::unsupported("a join of two streams needs a window")
        .hint("write OVER (RANGE INTERVAL '1' MINUTE PRECEDING) behind a stream's name")
        .at(place)
}

/// A row of some time, which is seen for so long, and one of another stream see each other.
pub(super) fn meets(time: Expr, keeps: Expr, other: &Source) -> Expr {
    Expr::Between {
        expr: Box::new(time),
        negated: false,
        low: Box::new(binary(other.time(), BinaryOperator::Minus, keeps)),
        high: Box::new(binary(other.time(), BinaryOperator::Plus, other.keeps())),
    }
}

/// A row of a third stream meets each of those that met before. That it is near the time of these says how long it is kept.
pub(super) fn all_meet(known: &Expr, before: &[&Source], source: &Source) -> Expr {
    let length = |interval: &Expr| match interval {
        Expr::Interval(interval) => interval.value.to_string().trim_matches('\'').parse().unwrap_or(0f64),
        _ => 0f64,
    };
    let longest = before.iter().map(|known| known.keeps()).max_by(|a, b| length(a).total_cmp(&length(b)));
    let near = meets(known.clone(), longest.unwrap_or_else(|| seconds("0")), source);
    before.iter().fold(near, |all, known| and(all, meets(known.time(), known.keeps(), source)))
}

/// Makes `ON` of `USING` and `NATURAL`; the columns that are compared are one column from here on.
pub(super) fn share(
    sources: &[Source],
    source: &Source,
    join: &mut JoinOperator,
    shared: &mut Vec<(String, Expr)>,
    place: Option<Place>,
) -> Result<()> {
    let unknown = || {
        let error = SqlError::unsupported("the columns that two relations share are not known of SELECT *");
        error.hint("list the columns in the sub-query").at(place)
    };
    let has = |source: &Source, name: &str| -> Result<bool> {
        Ok(source
            .columns
            .as_ref()
            .ok_or_else(unknown)?
            .iter()
            .any(|column| column == name && !source.hidden.contains(column)))
    };
    let (right, full) = (
        matches!(join, JoinOperator::Right(_) | JoinOperator::RightOuter(_)),
        matches!(join, JoinOperator::FullOuter(_)),
    );
    let names: Vec<String> = match constraint(join) {
        Some(JoinConstraint::Using(names)) => {
            names.iter().filter_map(|name| name.0.last()?.as_ident()).map(|name| name.value.clone()).collect()
        }
        Some(JoinConstraint::Natural) => {
            let mut names = Vec::new();
            for column in source.columns.as_ref().ok_or_else(unknown)? {
                let mut is_shared = false;
                for known in sources {
                    is_shared |= has(known, column)?;
                }
                names.extend((is_shared && has(source, column)?).then(|| column.clone()));
            }
            names
        }
        _ => return Ok(()),
    };
    let column = |source: &Source, name: &str| {
        Expr::CompoundIdentifier(vec![Ident::new(source.alias.value.clone()), Ident::new(name)])
    };
    let mut condition: Option<Expr> = None;
    for name in names {
        let known = shared.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let left = match known {
            Some(value) => value,
            None => {
                let mut owner = None;
                for known in sources {
                    if has(known, &name)? {
                        owner = owner.or(Some(known));
                    }
                }
                let Some(owner) = owner.filter(|_| has(source, &name).unwrap_or_default()) else {
                    let message = format!("both sides of the join need a column \"{name}\"");
                    return Err(SqlError::new(Kind::Name, message).at(place));
                };
                column(owner, &name)
            }
        };
        let own = column(source, &name);
        let equal = binary(left.clone(), BinaryOperator::Eq, own.clone());
        condition = Some(match condition.take() {
            Some(condition) => and(condition, equal),
            None => equal,
        });
        let value = match (right, full) {
            (_, true) => call("coalesce", [left, own]),
            (true, _) => own,
            _ => left,
        };
        shared.retain(|(known, _)| *known != name);
        shared.push((name, value));
    }
    if let Some(constraint) = constraint(join) {
        *constraint = match condition {
            Some(condition) => JoinConstraint::On(condition),
            None => JoinConstraint::None,
        };
    }
    Ok(())
}

pub(super) fn constraint(join: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match join {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::FullOuter(on)
        | JoinOperator::CrossJoin(on) => Some(on),
        _ => None,
    }
}
