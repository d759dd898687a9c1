//! A query of Kinesis Data Analytics, said in the standard's words.
//!
//! Every stream has a time, ROWTIME, that `*` leaves out. Here it is a column: the last one of every relation that is a stream, and of every
//! query. The rewriting puts it where the dialect has it unseen:
//!
//! | the query | its ROWTIME |
//! |---|---|
//! | of one stream | the row's |
//! | of two streams, each with a window or without | the later row's; of a row without a match, when it left its window |
//! | grouped by `STEP` or `FLOOR` of ROWTIME | the window's end |
//! | of stagger windows | the window's end |
//!
//! Calls of [`markers`](crate::functions::kinesis) say to the planner what standard SQL can't: that a column is the rows' time
//! (`__rowtime`), that rows are aggregated as they arrive (`__arrival`), until when rows are distinct (`__period`).

mod item_counts;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Distinct, ExceptSelectItem, Expr, GroupByExpr, Ident,
    Interval, Join, JoinConstraint, JoinOperator, NamedWindowExpr, ObjectName, OrderByExpr, OrderByKind,
    OrderByOptions, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier,
    Spanned, TableAlias, TableAliasColumnDef, TableFactor, TableVersion, Value, VisitMut, VisitorMut,
    WildcardAdditionalOptions, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use crate::error::{Kind, Place, Result, SqlError};
use crate::functions::kinesis::{ARRIVAL, PERIOD, RETIME_MARKER, ROWTIME_MARKER, STEP, STEP_END, STEP_UP, own_name};
use crate::parse::call;
use crate::parse::kinesis::{STAGGER, WITHIN};

/// The name of a stream's time.
pub(crate) const ROWTIME: &str = "ROWTIME";
/// Columns of a stream that `*` leaves out.
const SYSTEM_COLUMNS: [&str; 5] = [ROWTIME, "APPROXIMATE_ARRIVAL_TIME", "PARTITION_KEY", "SHARD_ID", "SEQUENCE_NUMBER"];
/// Functions of the dialect that come later.
const NOT_BUILT: [&str; 3] = ["EXP_AVG", "NTH_VALUE", "GROUP_RANK"];
/// Ends of stagger windows.
pub(crate) const STAGGER_END: &str = "__stagger_end";

/// Rewrites queries; knows the columns of relations.
pub(crate) struct Kinesis<'a> {
    /// The names of a relation's columns, and whether it is a stream.
    pub(crate) columns: &'a dyn Fn(&Ident) -> Result<(Vec<String>, bool)>,
}

/// A relation in FROM.
struct Source {
    alias: Ident,
    /// It is a stream.
    timed: bool,
    /// Columns that `*` leaves out.
    hidden: Vec<String>,
    /// `OVER (RANGE i PRECEDING)`
    window: Option<Expr>,
}

impl Source {
    fn time(&self) -> Expr {
        Expr::CompoundIdentifier(vec![Ident::new(self.alias.value.clone()), Ident::new(ROWTIME)])
    }

    /// How long its rows are seen after their time.
    fn keeps(&self) -> Expr {
        self.window.clone().unwrap_or_else(|| seconds("0"))
    }
}

/// What ROWTIME means in an expression.
struct Times {
    /// The time of the rows that come in.
    input: Expr,
    /// The time of the row that goes out.
    output: Expr,
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
        let mut sorting = None;
        if let Some(order_by) = query.order_by.take() {
            let OrderByKind::Expressions(by) = order_by.kind else { return Err(unordered()) };
            sorting = sorting_of(by)?;
        }
        self.body(&mut query.body, sorting.as_ref())
    }

    fn body(&self, body: &mut SetExpr, sorting: Option<&Sorting>) -> Result<()> {
        match body {
            SetExpr::Select(select) => self.select(select, sorting),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { .. } if sorting.is_some() => {
                let error = SqlError::unsupported("ORDER BY … WITHIN is for one SELECT");
                Err(error.hint("order a query FROM (… UNION ALL …) AS x"))
            }
            SetExpr::SetOperation { op: SetOperator::Union, set_quantifier: SetQuantifier::All, left, right } => {
                self.body(left, None)?;
                self.body(right, None)
            }
            SetExpr::SetOperation { .. } => {
                Err(SqlError::unsupported("streams are put together by UNION ALL only").hint("write UNION ALL"))
            }
            other => Err(SqlError::unsupported(format!("{other} is not built on streams"))),
        }
    }

    fn select(&self, select: &mut Select, sorting: Option<&Sorting>) -> Result<()> {
        let (sources, rowtime) = self.from(select)?;
        let Some(rowtime) = rowtime else {
            let error = SqlError::unsupported("a query needs a stream in FROM");
            return Err(error
                .hint("an input is a stream if its CREATE TABLE has a column ROWTIME with a WATERMARK")
                .at(Place::of(select.span())));
        };
        let input = Times { input: rowtime.clone(), output: rowtime.clone() };
        if let Some(condition) = &mut select.selection {
            rewrite(condition, &input)?;
        }
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                order_by_arrival(spec, &input)?;
            }
        }
        let mut output = rowtime.clone();
        let mut out_time = rowtime;
        let is_grouped = matches!(&select.group_by, GroupByExpr::Expressions(all, _) if !all.is_empty());
        if is_grouped && let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
            groups.iter_mut().try_for_each(|group| rewrite(group, &input))?;
            let end = window_end(groups, &input.input)?;
            groups.push(end.clone());
            (output, out_time) = (end.clone(), marked(end));
        } else if !matches!(out_time, Expr::CompoundIdentifier(_)) {
            out_time = marked(out_time);
        }
        let times = Times { input: input.input, output };
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
                SelectItem::Wildcard(_) => items.extend(sources.iter().map(all_of)),
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
                    items.push(all_of(source));
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
                    // The time as a column to see is another one than the time of the row.
                    let name = if name == ROWTIME { format!("{ROWTIME}$") } else { name };
                    items.push(SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) });
                }
                other => return Err(SqlError::unsupported(format!("{other} can't be selected here"))),
            }
        }
        if let Some(Distinct::Distinct) = select.distinct {
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
        match (promoted, sorting) {
            (Some(time), None) => out_time = call(RETIME_MARKER, [time, seconds("0")]),
            (Some(time), Some(sorting)) => {
                let mut by = sorting.by.clone();
                rewrite(&mut by, &times)?;
                // The output's own name for it says the same.
                if by != time && by != times.output {
                    return Err(unpromoted(sorting));
                }
                out_time = call(RETIME_MARKER, [time, sorting.within.clone()]);
            }
            (None, Some(sorting)) => return Err(unpromoted(sorting)),
            (None, None) => {}
        }
        items.push(SelectItem::ExprWithAlias { expr: out_time, alias: Ident::with_quote('"', ROWTIME) });
        select.projection = items;
        Ok(())
    }

    /// The relations in FROM, and the time of the rows that come of them.
    fn from(&self, select: &mut Select) -> Result<(Vec<Source>, Option<Expr>)> {
        let windows = select.named_window.clone();
        let window_of = |hint: &Expr| -> Result<Expr> {
            let Expr::Identifier(name) = hint else { return Ok(hint.clone()) };
            let known = windows.iter().find(|window| window.0 == *name).map(|window| &window.1);
            let frame = match known {
                Some(NamedWindowExpr::WindowSpec(spec)) if spec.partition_by.is_empty() => spec.window_frame.as_ref(),
                _ => None,
            };
            match frame.map(|frame| (frame.units, &frame.start_bound)) {
                Some((WindowFrameUnits::Range, WindowFrameBound::Preceding(Some(interval)))) => {
                    Ok((**interval).clone())
                }
                _ => {
                    let error = SqlError::unsupported(format!("{name} can't be the window of a joined stream"));
                    Err(error.hint("WINDOW w AS (RANGE INTERVAL '1' MINUTE PRECEDING)").at(Place::of(name.span)))
                }
            }
        };
        let mut sources: Vec<Source> = Vec::new();
        let mut rowtime: Option<Expr> = None;
        let mut conditions = Vec::new();
        for from in &mut select.from {
            let source = self.source(&mut from.relation, &window_of)?;
            let relation_span = Place::of(from.relation.span());
            if let Some(condition) = add(&mut sources, source, None, &mut rowtime, relation_span)? {
                conditions.push(condition);
            }
            for Join { relation, join_operator, .. } in &mut from.joins {
                let place = Place::of(relation.span());
                let source = self.source(relation, &window_of)?;
                if let (TableFactor::Table { version, .. }, Some(time), false) = (relation, &rowtime, source.timed) {
                    // A row meets those of a reference table that are there when it comes.
                    *version = Some(TableVersion::ForSystemTimeAsOf(time.clone()));
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
                        return Err(error.hint("write ON a.x = b.x in place of USING or NATURAL").at(place));
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
        Ok((sources, rowtime))
    }

    fn source(&self, factor: &mut TableFactor, window_of: &dyn Fn(&Expr) -> Result<Expr>) -> Result<Source> {
        match factor {
            TableFactor::Table { name, alias, with_hints, args: None, .. } => {
                let own = name.0.last().and_then(|part| part.as_ident()).cloned().unwrap_or_else(|| Ident::new(""));
                let (columns, timed) = (self.columns)(&own)?;
                let is_hidden = |name: &&String| timed && SYSTEM_COLUMNS.contains(&name.as_str());
                let hidden: Vec<String> = columns.iter().filter(is_hidden).cloned().collect();
                let window = with_hints.pop().map(|hint| window_of(&hint)).transpose()?;
                let window = window.map(|mut window| normal(&mut window).map(|()| window)).transpose()?;
                alias.iter_mut().try_for_each(|alias| name_all(alias, &columns, &hidden))?;
                let alias = alias.as_ref().map_or(own, |alias| alias.name.clone());
                Ok(Source { alias, timed, hidden, window })
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                self.query(subquery)?;
                let hidden = vec![ROWTIME.to_owned()];
                if !alias.columns.is_empty() {
                    let Some(columns) = names_of(subquery) else {
                        let error = SqlError::unsupported("columns of SELECT * are named where they are selected");
                        return Err(error.hint("list them in the sub-query").at(Place::of(alias.name.span)));
                    };
                    name_all(alias, &columns, &hidden)?;
                }
                Ok(Source { alias: alias.name.clone(), timed: true, hidden, window: None })
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
                Ok(Source { alias: name, timed: true, hidden, window: None })
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

/// `ORDER BY … WITHIN INTERVAL …`: rows are put in order of a time that they come out of order by.
struct Sorting {
    by: Expr,
    within: Expr,
}

/// Streams are in the order of ROWTIME as they are; by another time they are sorted within an interval.
fn sorting_of(by: Vec<OrderByExpr>) -> Result<Option<Sorting>> {
    let mut by = by.into_iter().peekable();
    let mut sorting = None;
    while let Some(OrderByExpr { expr, options, .. }) = by.next() {
        let place = Place::of(expr.span());
        let next = by.peek().map(|next| &next.expr);
        let is_within = matches!(next, Some(Expr::Function(function)) if function.name.to_string() == WITHIN);
        if options.asc == Some(false) {
            return Err(unordered().at(place));
        }
        if is_within {
            let within = by.next().and_then(|within| arguments(&within.expr).first().copied().cloned());
            let Some(mut within) = within else { return Err(unordered().at(place)) };
            normal(&mut within)?;
            sorting = Some(Sorting { by: expr, within });
            continue;
        }
        let is_rowtime = match &expr {
            Expr::Identifier(name) => name.value == ROWTIME,
            Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|name| name.value == ROWTIME),
            _ => false,
        };
        if !is_rowtime {
            return Err(unordered().at(place));
        }
    }
    Ok(sorting)
}

fn unpromoted(sorting: &Sorting) -> SqlError {
    SqlError::unsupported("rows that are put in the order of a time have it as their ROWTIME")
        .hint(format!("select {} AS ROWTIME", sorting.by))
        .at(Place::of(sorting.by.span()))
}

/// The names behind an alias are those of the columns that `*` shows; the others keep theirs.
fn name_all(alias: &mut TableAlias, columns: &[String], hidden: &[String]) -> Result<()> {
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
fn names_of(query: &Query) -> Option<Vec<String>> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

fn unordered() -> SqlError {
    SqlError::unsupported("ORDER BY of a stream is by ROWTIME").hint("leave it out: rows are in the order of ROWTIME")
}

/// Adds a relation to those before it. What its rows' times must be to those before, if it is a stream and not the first one.
fn add(
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
            (Some(_), Some(first)) => {
                if sources.iter().filter(|known| known.timed).count() > 1 {
                    let error = SqlError::unsupported("more than two streams can't be joined at once");
                    return Err(error
                        .hint("pump the join of two into a stream, and join that with the third")
                        .at(place));
                }
                if first.window.is_none() && source.window.is_none() {
                    let error = SqlError::unsupported("a join of two streams needs a window");
                    return Err(error
                        .hint("write OVER (RANGE INTERVAL '1' MINUTE PRECEDING) behind a stream's name")
                        .at(place));
                }
                // Each row sees those of the other stream that its window still holds.
                let least = binary(source.time(), BinaryOperator::Minus, first.keeps());
                let most = binary(source.time(), BinaryOperator::Plus, source.keeps());
                condition = Some(Expr::Between {
                    expr: Box::new(first.time()),
                    negated: false,
                    low: Box::new(least),
                    high: Box::new(most),
                });
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

fn constraint(join: &mut JoinOperator) -> Option<&mut JoinConstraint> {
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

/// A window's end, for the windows that the groups make.
fn window_end(groups: &mut [Expr], rowtime: &Expr) -> Result<Expr> {
    for group in groups.iter_mut() {
        if *group == *rowtime {
            *group = call(STEP, [group.clone(), seconds("0.001")]);
        }
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

fn arguments(call: &Expr) -> Vec<&Expr> {
    use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let Expr::Function(function) = call else { return Vec::new() };
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let argument = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().filter_map(argument).collect()
}

/// `alias.*`, without its time.
fn all_of(source: &Source) -> SelectItem {
    let name = ObjectName::from(vec![source.alias.clone()]);
    let mut options = WildcardAdditionalOptions::default();
    let mut hidden = source.hidden.iter().map(|name| Ident::with_quote('"', name));
    if let Some(first_element) = hidden.next() {
        options.opt_except = Some(ExceptSelectItem { first_element, additional_elements: hidden.collect() });
    }
    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
}

fn marked(time: Expr) -> Expr {
    call(ROWTIME_MARKER, [time])
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn and(left: Expr, right: Expr) -> Expr {
    binary(Expr::Nested(Box::new(left)), BinaryOperator::And, right)
}

fn seconds(value: &str) -> Expr {
    interval(value, DateTimeField::Second)
}

fn interval(value: &str, unit: DateTimeField) -> Expr {
    Expr::Interval(Interval {
        value: Box::new(Expr::value(Value::SingleQuotedString(value.to_owned()))),
        leading_field: Some(unit),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// Says a window's order: as rows arrive.
fn order_by_arrival(spec: &mut WindowSpec, times: &Times) -> Result<()> {
    if let Some(by) = spec.order_by.first() {
        let error = SqlError::unsupported("a window has no ORDER BY here");
        return Err(error.hint("leave it out: rows are in the order of ROWTIME").at(Place::of(by.expr.span())));
    }
    spec.partition_by.iter_mut().try_for_each(|key| rewrite(key, times))?;
    if let Some(frame) = &mut spec.window_frame
        && let WindowFrameBound::Preceding(Some(bound)) = &mut frame.start_bound
    {
        normal(bound)?;
    }
    let options = OrderByOptions { asc: Some(true), nulls_first: None };
    spec.order_by.push(OrderByExpr { expr: call(ARRIVAL, [times.input.clone()]), options, with_fill: None });
    Ok(())
}

/// Rewrites an expression.
fn rewrite(expr: &mut Expr, times: &Times) -> Result<()> {
    match expr.visit(&mut Rewriter { times }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter<'t> {
    times: &'t Times,
}

impl Rewriter<'_> {
    fn expression(&self, expr: &mut Expr) -> Result<()> {
        let stepped = |inner: &mut Expr| {
            // Within it, ROWTIME is that of the rows that come in: it is what they are grouped by.
            let times = Times { input: self.times.input.clone(), output: self.times.input.clone() };
            rewrite(inner, &times)
        };
        match expr {
            Expr::Identifier(name) if name.value == ROWTIME => *expr = self.times.output.clone(),
            // Quotes have done what they are for: one name is written one way.
            Expr::Identifier(name) => name.quote_style = None,
            Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(|part| part.quote_style = None),
            Expr::Floor { expr: inner, field: CeilFloorKind::DateTimeField(unit) }
                if *unit != DateTimeField::NoDateTime =>
            {
                stepped(inner)?;
                *expr = stepping(STEP, inner, unit);
            }
            Expr::Ceil { expr: inner, field: CeilFloorKind::DateTimeField(unit) }
                if *unit != DateTimeField::NoDateTime =>
            {
                stepped(inner)?;
                *expr = stepping(STEP_UP, inner, unit);
            }
            Expr::Function(function) => {
                let name = function.name.to_string();
                if NOT_BUILT.contains(&name.as_str()) {
                    let error = SqlError::unsupported(format!("{name} is not built"));
                    return Err(error.at(Place::of(function.name.span())));
                }
                if name == "STEP" {
                    use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
                    if let FunctionArguments::List(list) = &mut function.args
                        && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))) = list.args.first_mut()
                    {
                        stepped(inner)?;
                    }
                }
                if let Some(own) = own_name(&name) {
                    function.name = ObjectName::from(vec![Ident::new(own)]);
                }
                if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
                    order_by_arrival(spec, self.times)?;
                }
            }
            Expr::Interval(_) => normal(expr)?,
            _ => {}
        }
        Ok(())
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match self.expression(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// `FLOOR(x TO unit)`: months and years have no length.
fn stepping(function: &str, inner: &Expr, unit: &DateTimeField) -> Expr {
    match unit {
        DateTimeField::Month | DateTimeField::Year => {
            let unit = Expr::value(Value::SingleQuotedString(unit.to_string().to_lowercase()));
            call("date_trunc", [unit, inner.clone()])
        }
        unit => {
            let mut length = interval("1", unit.clone());
            // A unit that has no length stays as it is, and is refused where it is planned.
            if normal(&mut length).is_err() {
                length = interval("1", unit.clone());
            }
            call(function, [inner.clone(), length])
        }
    }
}

/// An interval of days, hours, minutes and seconds in seconds; others stay.
fn normal(expr: &mut Expr) -> Result<()> {
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
