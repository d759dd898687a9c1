//! A query of Kinesis Data Analytics, said in the standard's words.
//!
//! Every stream has a time, ROWTIME, that `*` leaves out. Here it is a column: the last one of every relation that is a stream, and of every
//! query. The rewriting puts it where the dialect has it unseen:
//!
//! | the query | its ROWTIME |
//! |---|---|
//! | of one stream | the row's |
//! | of several streams, each with a window or without | the latest row's; of a row without a match, when it left its window |
//! | grouped by `STEP` or `FLOOR` of ROWTIME | the window's end |
//! | of stagger windows | the window's end |
//! | ordered by other columns in a period | the period's end |
//!
//! Calls of [`markers`](crate::functions::kinesis) say to the planner what standard SQL can't: that a column is the rows' time
//! (`__rowtime`), that rows are aggregated as they arrive (`__arrival`), until when rows are distinct (`__period`).

mod expressions;
mod item_counts;
mod joins;
mod order;
mod relations;

use datafusion::sql::sqlparser::ast::{
    Distinct, ExceptSelectItem, Expr, GroupByExpr, Ident, JoinConstraint, NamedWindowExpr, ObjectName, OrderBy,
    OrderByExpr, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator,
    SetQuantifier, Spanned, TableFactor, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use self::expressions::{Times, has_window, order_by_arrival, rewrite};
use self::joins::constraint;
use self::order::{Order, order_of, period_order, unordered, unpromoted};
use self::relations::{Relations, Source};
use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::kinesis::{PERIOD, RETIME_MARKER, ROWTIME_MARKER, STEP, STEP_END};
use crate::logical::intervals::seconds;
use crate::parse::kinesis::STAGGER;
use crate::parse::{arguments, call};

/// The name of a stream's time.
pub(crate) const ROWTIME: &str = "ROWTIME";

/// Columns of a stream that `*` leaves out.
const SYSTEM_COLUMNS: [&str; 5] = [ROWTIME, "APPROXIMATE_ARRIVAL_TIME", "PARTITION_KEY", "SHARD_ID", "SEQUENCE_NUMBER"];

/// Functions of the dialect that come later.
const NOT_BUILT: [&str; 1] = ["GROUP_RANK"];

/// Ends of stagger windows.
pub(crate) const STAGGER_END: &str = "__stagger_end";

/// Rewrites queries; knows the columns of relations.
pub(crate) struct Kinesis<'a> {
    /// The names of a relation's columns, and whether it is a stream.
    pub(crate) columns: &'a dyn Fn(&Ident) -> Result<(Vec<String>, bool)>,
}

impl Kinesis<'_> {
    /// Rewrites a query; its last column is its ROWTIME.
    ///
    /// # Errors
    /// For what is not built, or has no meaning on streams.
    pub(crate) fn query(&self, query: &mut Query) -> Result<()> {
        if query.with.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
            let error = SqlError::unsupported("WITH, LIMIT and FETCH are not of this dialect");
            return Err(error.hint("write sub-queries or streams in place of WITH").at(Place::of(query.span())));
        }
        let mut order = Order::Rowtime;
        if let Some(order_by) = query.order_by.take() {
            let OrderByKind::Expressions(by) = order_by.kind else { return Err(unordered()) };
            order = order_of(by)?;
        }
        if let (SetExpr::SetOperation { .. }, Order::Period(_)) = (&*query.body, &order) {
            let union = std::mem::replace(&mut *query.body, all_of_nothing("__union")?);
            put_in(&mut query.body, union);
        }
        let by = self.body(&mut query.body, &order)?;
        if !by.is_empty() {
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(by), interpolate: None });
        }
        Ok(())
    }

    /// Rewrites what a query selects; says by what its rows are sorted.
    fn body(&self, body: &mut SetExpr, order: &Order) -> Result<Vec<OrderByExpr>> {
        match body {
            SetExpr::Select(select) => self.select(select, order),
            SetExpr::Query(query) => self.query(query).map(|()| Vec::new()),
            SetExpr::SetOperation { .. } if !matches!(order, Order::Rowtime) => {
                let error = SqlError::unsupported("ORDER BY of streams that are put together is by ROWTIME");
                Err(error.hint("order a query FROM (… UNION ALL …) AS x"))
            }
            SetExpr::SetOperation { op: SetOperator::Union, set_quantifier: SetQuantifier::All, left, right } => {
                self.body(left, order)?;
                self.body(right, order)
            }
            SetExpr::SetOperation { .. } => {
                Err(SqlError::unsupported("streams are put together by UNION ALL only").hint("write UNION ALL"))
            }
            SetExpr::Values(_) => {
                let rows = std::mem::replace(body, now_as_rowtime()?);
                put_in(body, rows);
                Ok(Vec::new())
            }
            other => Err(SqlError::unsupported(format!("{other} is not built on streams"))),
        }
    }

    fn select(&self, select: &mut Select, order: &Order) -> Result<Vec<OrderByExpr>> {
        let Relations { sources, rowtime, shared } = self.from(select)?;
        let Some(rowtime) = rowtime else {
            let error = SqlError::unsupported("a query needs a stream in FROM");
            return Err(error
                .hint("an input is a stream if its CREATE TABLE has a column ROWTIME with a WATERMARK")
                .at(Place::of(select.span())));
        };
        let input = Times { input: rowtime.clone(), output: rowtime.clone(), shared };
        let windowed = select.selection.as_ref().filter(|condition| has_window(condition));
        if let Some(condition) = select.qualify.as_ref().or(windowed) {
            let clause =
                if select.qualify.is_some() { "QUALIFY is not of this dialect" } else { "WHERE comes before OVER" };
            let error = SqlError::unsupported(clause).at(Place::of(condition.span()));
            return Err(error.hint("filter a query FROM (SELECT STREAM …, … OVER w AS x …) AS t"));
        }
        if let Some(condition) = &mut select.selection {
            rewrite(condition, &input)?;
        }
        for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
            if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
                rewrite(condition, &input)?;
            }
        }
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                order_by_arrival(spec, &input)?;
            }
        }
        let mut output = rowtime.clone();
        let mut out_time = rowtime;
        let mut by_rowtime = false;
        let is_grouped = matches!(&select.group_by, GroupByExpr::Expressions(all, _) if !all.is_empty());
        if is_grouped && let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
            groups.iter_mut().try_for_each(|group| rewrite(group, &input))?;
            by_rowtime = groups.contains(&input.input);
            let end = window_end(groups, &input.input)?;
            groups.push(end.clone());
            (output, out_time) = (end.clone(), marked(end));
        } else if !matches!(out_time, Expr::CompoundIdentifier(_)) {
            out_time = marked(out_time);
        }
        let times = Times { output, ..input };
        // What is grouped by ROWTIME itself is grouped by steps as short as times can tell.
        let in_group = |expr: &mut Expr| {
            if by_rowtime && *expr == times.input {
                *expr = call(STEP, [times.input.clone(), seconds("0.001")]);
            }
        };
        if let Some(having) = &mut select.having {
            if !is_grouped {
                return Err(SqlError::unsupported("HAVING needs GROUP BY").at(Place::of(having.span())));
            }
            rewrite(having, &times)?;
        }
        let mut items = Vec::with_capacity(select.projection.len() + 1);
        let mut promoted = None;
        for (n, item) in select.projection.drain(..).enumerate() {
            match item {
                SelectItem::Wildcard(_) => {
                    let shared = times.shared.iter().map(|(name, value)| SelectItem::ExprWithAlias {
                        expr: value.clone(),
                        alias: Ident::with_quote('"', name),
                    });
                    items.extend(shared);
                    items.extend(sources.iter().map(|source| all_of(source, &times.shared)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = name
                        .0
                        .last()
                        .and_then(|part| part.as_ident())
                        .map(|name| name.value.clone())
                        .unwrap_or_default();
                    let source = sources.iter().find(|source| source.alias.value == name);
                    let Some(source) = source else {
                        return Err(SqlError::new(Kind::Name, format!("there is no '{name}' in FROM")));
                    };
                    items.push(all_of(source, &[]));
                }
                SelectItem::ExprWithAlias { mut expr, alias } if alias.value == ROWTIME => {
                    let place = Place::of(expr.span());
                    rewrite(&mut expr, &times)?;
                    let own = expr == times.output || expr == times.input;
                    if !own && is_grouped {
                        let error = SqlError::unsupported("the time of a group is the end of its window");
                        return Err(error.hint("make the column ROWTIME in a query of this one").at(place));
                    }
                    if !own {
                        promoted = Some(expr);
                    } else if expr == times.input && !is_grouped {
                        out_time = if matches!(expr, Expr::CompoundIdentifier(_)) { expr } else { marked(expr) };
                    }
                }
                SelectItem::ExprWithAlias { mut expr, alias } => {
                    rewrite(&mut expr, &times)?;
                    in_group(&mut expr);
                    items.push(SelectItem::ExprWithAlias { expr, alias });
                }
                SelectItem::UnnamedExpr(mut expr) => {
                    let name = match &expr {
                        Expr::Identifier(name) => name.value.clone(),
                        Expr::CompoundIdentifier(parts) => {
                            parts.last().map(|name| name.value.clone()).unwrap_or_default()
                        }
                        _ => format!("EXPR${n}"),
                    };
                    rewrite(&mut expr, &times)?;
                    in_group(&mut expr);
                    // The time as a column to see is another one than the time of the row.
                    let name = if name == ROWTIME { format!("{ROWTIME}$") } else { name };
                    items.push(SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) });
                }
                other => return Err(SqlError::unsupported(format!("{other} can't be selected here"))),
            }
        }
        let mut by = Vec::new();
        if let Order::Period(order) = order {
            let period = period_order(order, &items, &times, is_grouped || promoted.is_some())?;
            if let Some(step) = period.step {
                out_time = marked(call(STEP_END, [times.input.clone(), step]));
            }
            by = period.by;
        }
        if let Some(Distinct::Distinct) = select.distinct {
            if let Some(first) = by.first() {
                let error = SqlError::unsupported("ORDER BY beside DISTINCT is not built");
                return Err(error
                    .hint("order a query FROM (SELECT STREAM DISTINCT …) AS x")
                    .at(Place::of(first.span())));
            }
            if is_grouped {
                return Err(SqlError::unsupported("DISTINCT beside GROUP BY is not built")
                    .hint("GROUP BY gives each group once"));
            }
            let period = items.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, .. } => period_of(expr, &times.input),
                _ => None,
            });
            let Some(period) = period else {
                let error = SqlError::unsupported("SELECT DISTINCT of a stream needs a period");
                return Err(error
                    .hint("select FLOOR(s.ROWTIME TO MINUTE), or STEP(s.ROWTIME BY …), too")
                    .at(Place::of(select.span())));
            };
            select.distinct = Some(Distinct::On(vec![call(PERIOD, [period])]));
        }
        match (promoted, order) {
            (Some(time), Order::Within(sorting)) => {
                let mut by = sorting.by.clone();
                rewrite(&mut by, &times)?;
                // The output's own name for it says the same.
                if by != time && by != times.output {
                    return Err(unpromoted(sorting));
                }
                out_time = call(RETIME_MARKER, [time, sorting.within.clone()]);
            }
            (Some(time), _) => out_time = call(RETIME_MARKER, [time, seconds("0")]),
            (None, Order::Within(sorting)) => return Err(unpromoted(sorting)),
            (None, _) => {}
        }
        items.push(SelectItem::ExprWithAlias { expr: out_time, alias: Ident::with_quote('"', ROWTIME) });
        select.projection = items;
        Ok(by)
    }
}

/// `VALUES`, whose rows are those of the moment.
fn now_as_rowtime() -> Result<SetExpr> {
    read(&format!("SELECT *, {ROWTIME_MARKER}(localtimestamp()) AS \"{ROWTIME}\" FROM (VALUES (0)) AS __values"))
}

/// All that a sub-query gives, which is to be [put in](put_in).
fn all_of_nothing(alias: &str) -> Result<SetExpr> {
    read(&format!("SELECT * FROM (VALUES (0)) AS {alias}"))
}

fn read(text: &str) -> Result<SetExpr> {
    Ok(*Parser::new(&GenericDialect {}).try_with_sql(text)?.parse_query()?.body)
}

/// Makes these rows those of the sub-query in FROM.
fn put_in(body: &mut SetExpr, rows: SetExpr) {
    if let SetExpr::Select(select) = body
        && let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation)
    {
        *subquery.body = rows;
    }
}

/// The query with its expression at a place as ROWTIME; where each SELECT says it in the select list.
pub(crate) fn name_rowtime(body: &mut SetExpr, place: usize) -> Result<()> {
    match body {
        SetExpr::Query(query) => name_rowtime(&mut query.body, place),
        SetExpr::SetOperation { left, right, .. } => {
            name_rowtime(left, place)?;
            name_rowtime(right, place)
        }
        SetExpr::Select(select) if select.projection.iter().take(place + 1).all(is_one_column) => {
            if let Some(item) = select.projection.get_mut(place)
                && let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', ROWTIME) };
            }
            Ok(())
        }
        other => {
            let error = SqlError::unsupported("ROWTIME among a pump's columns needs a SELECT that lists its columns");
            Err(error.hint("write SELECT STREAM …, x AS ROWTIME").at(Place::of(other.span())))
        }
    }
}

fn is_one_column(item: &SelectItem) -> bool {
    matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
}

/// A window's end, for the windows that the groups make.
fn window_end(groups: &mut [Expr], rowtime: &Expr) -> Result<Expr> {
    groups.iter_mut().filter(|group| **group == *rowtime).for_each(|group| {
        *group = call(STEP, [group.clone(), seconds("0.001")]);
    });
    if let Some(second) = groups.iter().filter(|group| period_of(group, rowtime).is_some()).nth(1) {
        let error = SqlError::unsupported("GROUP BY takes one window of ROWTIME").at(Place::of(second.span()));
        return Err(error.hint("group by the shorter one; FLOOR(x TO HOUR) of it needs no group of its own"));
    }
    for group in groups.iter_mut() {
        let Expr::Function(function) = &*group else { continue };
        let arguments = arguments(group);
        match (function.name.to_string().as_str(), arguments.as_slice()) {
            (STEP, [time, step]) if *time == rowtime => return Ok(call(STEP_END, [rowtime.clone(), (*step).clone()])),
            (STAGGER, [length]) => {
                let end = call(STAGGER_END, [rowtime.clone(), (*length).clone()]);
                *group = call(STAGGER, [rowtime.clone(), (*length).clone()]);
                return Ok(end);
            }
            _ => {}
        }
    }
    let error = SqlError::unsupported("GROUP BY of a stream needs a window");
    let place = groups.first().and_then(|group| Place::of(group.span()));
    Err(error.hint("group by FLOOR(s.ROWTIME TO MINUTE) or STEP(s.ROWTIME BY INTERVAL '10' SECOND), too").at(place))
}

/// The period of an expression that steps with the time.
fn period_of(expr: &Expr, rowtime: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    match (function.name.to_string().as_str(), arguments(expr).as_slice()) {
        (STEP, [time, step]) if *time == rowtime => Some((*step).clone()),
        _ => None,
    }
}

/// `alias.*`, without its time and some columns.
fn all_of(source: &Source, shared: &[(String, Expr)]) -> SelectItem {
    let name = ObjectName::from(vec![source.alias.clone()]);
    let mut options = WildcardAdditionalOptions::default();
    let is_own = |name: &&String| source.columns.as_ref().is_some_and(|own| own.contains(name));
    let shared = shared.iter().map(|(name, _)| name).filter(is_own);
    let mut hidden = source.hidden.iter().chain(shared).map(|name| Ident::with_quote('"', name));
    if let Some(first_element) = hidden.next() {
        options.opt_except = Some(ExceptSelectItem { first_element, additional_elements: hidden.collect() });
    }
    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
}

fn marked(time: Expr) -> Expr {
    call(ROWTIME_MARKER, [time])
}
