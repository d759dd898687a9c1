//! Joins: which rows of two or more streams see each other, and columns that they share.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Ident, JoinConstraint, JoinOperator};

use super::expressions::{and, binary};
use super::relations::{Source, length};
use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::{GREATEST_KNOWN, LEAST_KNOWN};
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
    let before: Vec<&Source> = sources.iter().filter(|known| known.timed).collect();
    let (mut condition, mut time) = (None, rowtime.take());
    if source.timed {
        time = Some(match time {
            Some(known) if !before.is_empty() => {
                if before.iter().all(|known| known.window.is_none()) && source.window.is_none() {
                    return Err(no_window(place));
                }
                condition = Some(all_meet(&before, known != latest(&before), &source));
                joined_time(known, &before, &source, join)
            }
            _ => source.time(),
        });
    }
    *rowtime = time;
    sources.push(source);
    Ok(condition)
}

/// The time of rows that are joined with one more stream: the latest one's, or, of a row without a match, when it left its windows.
fn joined_time(known: Expr, before: &[&Source], source: &Source, join: Option<&JoinOperator>) -> Expr {
    let (left, right) = match join {
        Some(JoinOperator::Left(_) | JoinOperator::LeftOuter(_)) => (true, false),
        Some(JoinOperator::Right(_) | JoinOperator::RightOuter(_)) => (false, true),
        Some(JoinOperator::FullOuter(_)) => (true, true),
        _ => (false, false),
    };
    let latest = latest(before);
    let is_missing = |time: Expr| Expr::IsNull(Box::new(time));
    let ends = |of: &Source| binary(of.time(), BinaryOperator::Plus, of.kept_for(source));
    let mut conditions = Vec::new();
    if left {
        let first_end = match before {
            [only] => ends(only),
            _ => call(GREATEST_KNOWN, [known.clone(), call(LEAST_KNOWN, before.iter().map(|known| ends(known)))]),
        };
        conditions.push(CaseWhen { condition: is_missing(source.time()), result: first_end });
    }
    if right {
        let kept = before.iter().map(|known| source.kept_for(known));
        let kept = kept.min_by(|a, b| length(a).total_cmp(&length(b))).unwrap_or_else(|| source.keeps());
        let end = binary(source.time(), BinaryOperator::Plus, kept);
        conditions.push(CaseWhen { condition: is_missing(latest.clone()), result: end });
    }
    let both = match known == latest {
        true => call(GREATEST_KNOWN, before.iter().map(|known| known.time()).chain([source.time()])),
        false => call(GREATEST_KNOWN, [known, source.time()]),
    };
    if conditions.is_empty() {
        return both;
    }
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: Some(Box::new(both)),
    }
}

/// The latest time of those that are there.
fn latest(of: &[&Source]) -> Expr {
    match of {
        [only] => only.time(),
        _ => call(GREATEST_KNOWN, of.iter().map(|known| known.time())),
    }
}

fn no_window(place: Option<Place>) -> SqlError {
    SqlError::unsupported("a join of two streams needs a window")
        .hint("write OVER (RANGE INTERVAL '1' MINUTE PRECEDING) behind a stream's name")
        .at(place)
}

/// A row of some time, which is seen for so long, and one of another stream see each other.
fn meets(time: Expr, keeps: Expr, other: &Source, other_keeps: Expr) -> Expr {
    Expr::Between {
        expr: Box::new(time),
        negated: false,
        low: Box::new(binary(other.time(), BinaryOperator::Minus, keeps)),
        high: Box::new(binary(other.time(), BinaryOperator::Plus, other_keeps)),
    }
}

/// Each row sees those of the other streams that its window still holds. That it is near the latest time of more than one of them says how
/// long it is kept.
fn all_meet(before: &[&Source], may_miss: bool, source: &Source) -> Expr {
    let seen = |known: &Source| meets(known.time(), known.kept_for(source), source, source.kept_for(known));
    if let [only] = before {
        return seen(only);
    }
    let longest = |kept: &mut dyn Iterator<Item = Expr>| {
        kept.max_by(|a, b| length(a).total_cmp(&length(b))).unwrap_or_else(|| seconds("0"))
    };
    let ahead = longest(&mut before.iter().map(|known| known.kept_for(source)));
    let behind = longest(&mut before.iter().map(|known| source.kept_for(known)));
    let near = meets(latest(before), ahead, source, behind);
    before.iter().fold(near, |all, known| {
        let mut met = seen(known);
        if may_miss {
            let missing = Expr::IsNull(Box::new(known.time()));
            met = Expr::Nested(Box::new(binary(missing, BinaryOperator::Or, Expr::Nested(Box::new(met)))));
        }
        and(all, met)
    })
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
