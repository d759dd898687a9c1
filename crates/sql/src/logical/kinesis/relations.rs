//! What is in FROM: streams, reference tables, sub-queries, each with its window.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, NamedWindowExpr, ObjectName, Parens,
    Query, Select, SelectItem, SetExpr, Spanned, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs,
    TableVersion, WindowFrameBound, WindowFrameUnits,
};

use super::expressions::{Times, and, rewrite_query};
use super::joins::{add, constraint, share};
use super::{Kinesis, ROWTIME, SYSTEM_COLUMNS, item_counts};
use crate::error::{Kind, Place, Result, SqlError};
use crate::logical::intervals::{normal, seconds};
use crate::logical::relation::{ROWS, named};
use crate::parse::kinesis::{FOLLOWING, WINDOW};
use crate::parse::{arguments, call};

/// What FROM comes to.
pub(super) struct Relations {
    pub(super) sources: Vec<Source>,
    /// The time of the rows; none where there is no stream.
    pub(super) rowtime: Option<Expr>,
    /// Columns of `USING` and `NATURAL`, each with its value.
    pub(super) shared: Vec<(String, Expr)>,
}

/// A relation in FROM.
pub(super) struct Source {
    pub(super) alias: Ident,
    /// It is a stream.
    pub(super) timed: bool,
    /// Its columns; none where they are those of a `*`.
    pub(super) columns: Option<Vec<String>>,
    /// Columns that `*` leaves out.
    pub(super) hidden: Vec<String>,
    /// `OVER (RANGE i PRECEDING)`
    pub(super) window: Option<Expr>,
    /// `OVER (RANGE BETWEEN … AND i FOLLOWING)`
    pub(super) follows: Option<Expr>,
}

impl Source {
    pub(super) fn time(&self) -> Expr {
        Expr::CompoundIdentifier(vec![Ident::new(self.alias.value.clone()), Ident::new(ROWTIME)])
    }

    /// With what its window says.
    fn with_window(self, window: Option<Expr>) -> Result<Self> {
        let Some(window) = window else { return Ok(self) };
        let (mut before, behind) = match arguments(&window).as_slice() {
            [before, behind] => ((*before).clone(), Some((*behind).clone())),
            _ => (window, None),
        };
        normal(&mut before)?;
        let follows = behind.map(|mut behind| normal(&mut behind).map(|()| behind)).transpose()?;
        Ok(Source { window: Some(before), follows, ..self })
    }

    /// How long its rows are seen by those of another stream, which may look ahead.
    pub(super) fn kept_for(&self, other: &Source) -> Expr {
        let (own, ahead) = (self.keeps(), other.follows.clone());
        ahead.filter(|ahead| length(ahead) > length(&own)).unwrap_or(own)
    }

    /// How long its rows are seen after their time.
    pub(super) fn keeps(&self) -> Expr {
        self.window.clone().unwrap_or_else(|| seconds("0"))
    }
}

/// Seconds of an interval.
pub(super) fn length(interval: &Expr) -> f64 {
    match interval {
        Expr::Interval(interval) => interval.value.to_string().trim_matches('\'').parse().unwrap_or(0f64),
        _ => 0f64,
    }
}

impl Kinesis<'_> {
    pub(super) fn from(&self, select: &mut Select) -> Result<Relations> {
        let windows = select.named_window.clone();
        let window_of = |hint: &Expr| -> Result<Expr> {
            let Expr::Identifier(name) = hint else { return Ok(hint.clone()) };
            let known = windows.iter().find(|window| window.0 == *name).map(|window| &window.1);
            let frame = match known {
                Some(NamedWindowExpr::WindowSpec(spec)) if spec.partition_by.is_empty() => spec.window_frame.as_ref(),
                _ => None,
            };
            use WindowFrameBound::{CurrentRow, Following, Preceding};
            let range = frame.filter(|frame| frame.units == WindowFrameUnits::Range);
            match range.map(|frame| (&frame.start_bound, &frame.end_bound)) {
                Some((Preceding(Some(before)), None | Some(CurrentRow))) => Ok((**before).clone()),
                Some((Preceding(Some(before)), Some(Following(Some(behind))))) => {
                    Ok(call(FOLLOWING, [(**before).clone(), (**behind).clone()]))
                }
                Some((CurrentRow, None | Some(CurrentRow))) => Ok(seconds("0")),
                Some((Following(Some(behind)), None) | (CurrentRow, Some(Following(Some(behind))))) => {
                    Ok(call(FOLLOWING, [seconds("0"), (**behind).clone()]))
                }
                _ => {
                    let error = SqlError::unsupported(format!("{name} can't be the window of a joined stream"));
                    Err(error.hint("WINDOW w AS (RANGE INTERVAL '1' MINUTE PRECEDING)").at(Place::of(name.span)))
                }
            }
        };
        let turned = self.turn(select)?;
        let mut sources: Vec<Source> = Vec::new();
        let mut rowtime: Option<Expr> = None;
        let mut shared: Vec<(String, Expr)> = Vec::new();
        let mut conditions = Vec::new();
        for from in &mut select.from {
            let source = self.source(&mut from.relation, &window_of)?;
            as_of_stream(&mut from.relation, &source, &sources);
            let relation_span = Place::of(from.relation.span());
            if let Some(condition) = add(&mut sources, source, None, &mut rowtime, relation_span)? {
                conditions.push(condition);
            }
            for Join { relation, join_operator, .. } in &mut from.joins {
                let place = Place::of(relation.span());
                let source = self.source(relation, &window_of)?;
                as_of_stream(relation, &source, &sources);
                share(&sources, &source, join_operator, &mut shared, place)?;
                let keeps_all = matches!(
                    join_operator,
                    JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
                );
                if keeps_all && !source.timed && rowtime.is_some() {
                    let error = SqlError::unsupported(
                        "a RIGHT or FULL join with a reference table would wait for the end of the stream",
                    );
                    return Err(error.hint("write LEFT JOIN: each row of the stream is kept").at(place));
                }
                let condition = add(&mut sources, source, Some(join_operator), &mut rowtime, place)?;
                let Some(condition) = condition else { continue };
                match constraint(join_operator) {
                    Some(JoinConstraint::On(on)) => {
                        let both = std::mem::replace(on, condition.clone());
                        *on = and(both, condition);
                    }
                    Some(JoinConstraint::None) => conditions.push(condition),
                    _ => {
                        let error = SqlError::unsupported("streams are joined ON a condition");
                        return Err(error.hint("write JOIN … ON a.x = b.x").at(place));
                    }
                }
            }
        }
        for condition in conditions {
            select.selection = Some(match select.selection.take() {
                Some(known) => and(known, condition),
                None => condition,
            });
        }
        if turned && sources.len() > 1 {
            sources.swap(0, 1);
        }
        Ok(Relations { sources, rowtime, shared })
    }

    /// Puts a stream before a reference table that is joined with it, which it asks.
    fn turn(&self, select: &mut Select) -> Result<bool> {
        let is_stream = |relation: &TableFactor| match relation {
            TableFactor::Table { name, args: None, .. } => match name.0.last().and_then(|part| part.as_ident()) {
                Some(name) => (self.columns)(name).map(|(_, timed)| timed),
                None => Ok(true),
            },
            TableFactor::Derived { subquery, .. } => Ok(rows_of(subquery).is_none() && !self.refers(subquery)),
            _ => Ok(true),
        };
        let Some((first, rest)) = select.from.split_first_mut() else { return Ok(false) };
        if is_stream(&first.relation)? {
            return Ok(false);
        }
        if let Some(join) = first.joins.first_mut() {
            if !is_stream(&join.relation)? {
                return Ok(false);
            }
            join.join_operator = match &join.join_operator {
                JoinOperator::Right(on) | JoinOperator::RightOuter(on) => JoinOperator::LeftOuter(on.clone()),
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => JoinOperator::RightOuter(on.clone()),
                other => other.clone(),
            };
            std::mem::swap(&mut first.relation, &mut join.relation);
            return Ok(true);
        }
        match rest.first_mut() {
            Some(second) if is_stream(&second.relation)? => {
                std::mem::swap(first, second);
                Ok(second.joins.is_empty() && first.joins.is_empty())
            }
            _ => Ok(false),
        }
    }

    /// Whether all that a sub-query reads are reference tables.
    fn refers(&self, query: &Query) -> bool {
        let SetExpr::Select(select) = &*query.body else { return false };
        let relations = select
            .from
            .iter()
            .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
        let refers = |relation: &TableFactor| match relation {
            TableFactor::Table { name, args: None, .. } => name
                .0
                .last()
                .and_then(|part| part.as_ident())
                .is_some_and(|name| (self.columns)(name).is_ok_and(|(_, timed)| !timed)),
            TableFactor::Derived { subquery, .. } => rows_of(subquery).is_some() || self.refers(subquery),
            _ => false,
        };
        !select.from.is_empty() && relations.into_iter().all(refers)
    }

    fn source(&self, factor: &mut TableFactor, window_of: &dyn Fn(&Expr) -> Result<Expr>) -> Result<Source> {
        match factor {
            TableFactor::Table { name, alias, with_hints, args: None, .. } => {
                let own = name.0.last().and_then(|part| part.as_ident()).cloned().unwrap_or_else(|| Ident::new(""));
                let (columns, timed) = (self.columns)(&own)?;
                let is_hidden = |name: &&String| timed && SYSTEM_COLUMNS.contains(&name.as_str());
                let hidden: Vec<String> = columns.iter().filter(is_hidden).cloned().collect();
                let window = with_hints.pop().map(|hint| window_of(&hint)).transpose()?;
                alias.iter_mut().try_for_each(|alias| name_all(alias, &columns, &hidden))?;
                let alias = alias.as_ref().map_or(own, |alias| alias.name.clone());
                let source = Source { alias, timed, columns: Some(columns), hidden, window: None, follows: None };
                source.with_window(window)
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } if rows_of(subquery).is_some() => {
                let width = rows_of(subquery).and_then(|rows| rows.first()).map_or(0, |row| row.content.len());
                let columns: Vec<String> = (0..width).map(|n| format!("EXPR${n}")).collect();
                if alias.columns.is_empty() {
                    alias.columns = columns.iter().map(TableAliasColumnDef::from_name).collect();
                }
                name_all(alias, &columns, &[])?;
                let columns = alias.columns.iter().map(|column| column.name.value.clone()).collect();
                let alias = alias.name.clone();
                Ok(Source {
                    alias,
                    timed: false,
                    columns: Some(columns),
                    hidden: Vec::new(),
                    window: None,
                    follows: None,
                })
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } if self.refers(subquery) => {
                // Its names and functions are those of the dialect; a time it has not.
                let time = Expr::Identifier(Ident::new(ROWTIME));
                let times = Times { input: time.clone(), output: time, shared: Vec::new() };
                rewrite_query(subquery, &times)?;
                name_items(subquery);
                let columns = names_of(subquery);
                if let Some(columns) = &columns {
                    name_all(alias, columns, &[])?;
                }
                let columns = match alias.columns.as_slice() {
                    [] => columns,
                    named => Some(named.iter().map(|column| column.name.value.clone()).collect()),
                };
                let (alias, hidden) = (alias.name.clone(), Vec::new());
                Ok(Source { alias, timed: false, columns, hidden, window: None, follows: None })
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                let window = window_of_query(&mut subquery.body).map(|window| window_of(&window)).transpose()?;
                self.query(subquery)?;
                let hidden = vec![ROWTIME.to_owned()];
                if !alias.columns.is_empty() {
                    let Some(columns) = names_of(subquery) else {
                        let error = SqlError::unsupported("columns of SELECT * are named where they are selected");
                        return Err(error.hint("list them in the sub-query").at(Place::of(alias.name.span)));
                    };
                    name_all(alias, &columns, &hidden)?;
                }
                let columns = match alias.columns.as_slice() {
                    [] => names_of(subquery),
                    named => Some(named.iter().map(|column| column.name.value.clone()).collect()),
                };
                let alias = alias.name.clone();
                Source { alias, timed: true, columns, hidden, window: None, follows: None }.with_window(window)
            }
            TableFactor::TableFunction { expr: Expr::Function(function), alias }
                if [item_counts::TOP_K, item_counts::COUNT_DISTINCT].contains(&function.name.to_string().as_str()) =>
            {
                let mut counts = item_counts::ItemCounts::read(function)?;
                self.query(&mut counts.windows)?;
                let subquery = counts.rows()?;
                let mut alias = alias.take().unwrap_or_else(|| TableAlias {
                    explicit: true,
                    name: Ident::new("__items"),
                    columns: Vec::new(),
                    at: None,
                });
                let hidden = vec![ROWTIME.to_owned()];
                name_all(&mut alias, &names_of(&subquery).unwrap_or_default(), &hidden)?;
                let name = alias.name.clone();
                *factor = TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
                Ok(Source { alias: name, timed: true, columns: None, hidden, window: None, follows: None })
            }
            TableFactor::TableFunction { expr: Expr::Function(function), .. } => {
                Err(SqlError::unsupported(format!("{} is not built", function.name))
                    .at(Place::of(function.name.span())))
            }
            other => Err(SqlError::unsupported(format!("{other} can't be in FROM here"))
                .hint("name a stream, or give the sub-query an alias")
                .at(Place::of(other.span()))),
        }
    }
}

/// A row of a stream meets those of a reference table that are there when it comes.
fn as_of_stream(relation: &mut TableFactor, source: &Source, before: &[Source]) {
    let Some(stream) = before.iter().find(|known| known.timed) else { return };
    if source.timed {
        return;
    }
    name_rows(relation);
    if let TableFactor::Table { version, .. } = relation {
        *version = Some(TableVersion::ForSystemTimeAsOf(stream.time()));
    }
}

/// The rows of `VALUES`.
fn rows_of(query: &Query) -> Option<&[Parens<Vec<Expr>>]> {
    match &*query.body {
        SetExpr::Values(values) => Some(&values.rows),
        SetExpr::Query(query) => rows_of(query),
        _ => None,
    }
}

/// Names what a sub-query selects, as a query of the dialect would.
fn name_items(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else { return };
    for (n, item) in select.projection.iter_mut().enumerate() {
        if let SelectItem::UnnamedExpr(expr) = item {
            let alias = match &expr {
                Expr::Identifier(name) => name.value.clone(),
                Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()).unwrap_or_default(),
                _ => format!("EXPR${n}"),
            };
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', alias) };
        }
    }
}

/// A sub-query, or `VALUES`, as a table that is asked as of a time, as reference tables are.
fn name_rows(factor: &mut TableFactor) {
    let TableFactor::Derived { subquery, alias, .. } = factor else { return };
    let rows = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(subquery.clone())));
    let args = TableFunctionArgs { args: vec![rows], settings: None };
    *factor = named(ObjectName::from(vec![Ident::new(ROWS)]), alias.take(), Some(args));
}

/// The names behind an alias are those of the columns that `*` shows; the others keep theirs.
pub(super) fn name_all(alias: &mut TableAlias, columns: &[String], hidden: &[String]) -> Result<()> {
    if alias.columns.is_empty() {
        return Ok(());
    }
    let place = alias.columns.first().and_then(|column| Place::of(column.name.span));
    let mut given = std::mem::take(&mut alias.columns).into_iter();
    for column in columns {
        alias.columns.push(match hidden.contains(column) {
            true => TableAliasColumnDef::from_name(column),
            false => given.next().ok_or_else(|| {
                SqlError::new(Kind::Name, format!("{} has more columns than are named", alias.name)).at(place)
            })?,
        });
    }
    match given.next() {
        None => Ok(()),
        Some(extra) => {
            Err(SqlError::new(Kind::Name, format!("{} has no column for the name {extra}", alias.name)).at(place))
        }
    }
}

/// What the columns of a query will be called, its ROWTIME last; none where `*` is among them.
pub(super) fn names_of(query: &Query) -> Option<Vec<String>> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

/// The window of a sub-query, which the parser put before what it selects.
pub(super) fn window_of_query(body: &mut SetExpr) -> Option<Expr> {
    match body {
        SetExpr::Select(select) => {
            let is_window = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(Expr::Function(call)) if call.name.to_string() == WINDOW);
            select.projection.first().filter(|item| is_window(item))?;
            match select.projection.remove(0) {
                SelectItem::UnnamedExpr(call) => arguments(&call).first().copied().cloned(),
                _ => None,
            }
        }
        SetExpr::Query(query) => window_of_query(&mut query.body),
        SetExpr::SetOperation { left, .. } => window_of_query(left),
        _ => None,
    }
}
