//! Relations that DataFusion doesn't know: window table functions, tables as of a time, UNNEST.

use std::sync::Arc;

use arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::TableReference;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Spanned, TableAlias,
    TableFactor, TableFunctionArgs, TableVersion,
};

use super::versioned::Versioned;
use super::window::{WindowTvf, Windows};
use super::{set_operations, unnest};
use crate::error::{Kind, Place, SqlError};
use crate::parse::{DESCRIPTOR, TABLE_ARGUMENT};

/// The relation that its argument's query gives.
pub(crate) const ROWS: &str = "__rows";

/// Plans them.
#[derive(Debug)]
pub(super) struct StreamRelations;

impl RelationPlanner for StreamRelations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match relation {
            TableFactor::TableFunction { expr: SqlExpr::Function(function), alias } => {
                let plan = window_function(&function, context)?;
                Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
            }
            TableFactor::Table { version: Some(TableVersion::ForSystemTimeAsOf(time)), name, alias, args, .. } => {
                let plan = versioned(name, args, &time, context)?;
                Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
            }
            TableFactor::Table { name, alias, args: Some(args), .. } if name.to_string().starts_with("__") => {
                let name_of = name.to_string();
                if let (ROWS, [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Subquery(rows)))]) =
                    (name_of.as_str(), args.args.as_slice())
                {
                    let rows =
                        TableFactor::Derived { lateral: false, subquery: rows.clone(), alias: None, sample: None };
                    return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(context.plan(rows)?, alias))));
                }
                match set_operations::relation(&name_of, &args, context) {
                    Some(plan) => Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan?, alias)))),
                    None => {
                        let error = SqlError::new(Kind::Name, format!("there is no table function {name}"));
                        Err(error.at(Place::of(name.span())).into())
                    }
                }
            }
            TableFactor::Table { name, alias, args: Some(args), .. } if WindowKind::of(&name).is_some() => {
                let args = args.args.iter().collect::<Vec<_>>();
                let plan = window_call(&name, &args, context)?;
                Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
            }
            TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
                let planned = unnest::relation(&array_exprs, with_ordinality, alias, context)?;
                Ok(RelationPlanning::Planned(Box::new(planned)))
            }
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                let error = SqlError::unsupported("TABLESAMPLE is not built");
                Err(error.hint("choose rows WHERE RAND() < 0.1").into())
            }
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => {
                let error = SqlError::unsupported("PIVOT and UNPIVOT are not built");
                Err(error.hint("aggregate with FILTER (WHERE …), or UNION ALL the columns").into())
            }
            TableFactor::Function { name, args, .. } => {
                // LATERAL TABLE(f(x))
                let name = match args.as_slice() {
                    [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Function(inner)))] => inner.name.clone(),
                    _ => name,
                };
                let error = SqlError::new(Kind::Name, format!("there is no table function {name}"));
                Err(error
                    .hint("CROSS JOIN UNNEST(array) gives a row for each element")
                    .at(Place::of(name.span()))
                    .into())
            }
            TableFactor::MatchRecognize { .. } => {
                let error = SqlError::unsupported("MATCH_RECOGNIZE is not built");
                Err(error.hint("compare a row with earlier ones by LAG(…) OVER").into())
            }
            other => Ok(RelationPlanning::Original(Box::new(other))),
        }
    }
}

fn versioned(
    name: ObjectName,
    args: Option<TableFunctionArgs>,
    time: &SqlExpr,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let as_of = match time {
        SqlExpr::Identifier(name) => Column::new_unqualified(&name.value),
        SqlExpr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, name] => Column::new(Some(TableReference::bare(table.value.as_str())), &name.value),
            _ => return Err(as_of_what(time).into()),
        },
        _ => return Err(as_of_what(time).into()),
    };
    let input = context.plan(named(name, None, args))?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(Versioned { input, as_of, place: Place::of(time.span()) }) }))
}

/// A table, or a table function where there are arguments.
pub(super) fn named(name: ObjectName, alias: Option<TableAlias>, args: Option<TableFunctionArgs>) -> TableFactor {
    TableFactor::Table {
        name,
        alias,
        args,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

fn as_of_what(time: &SqlExpr) -> SqlError {
    SqlError::unsupported(format!("FOR SYSTEM_TIME AS OF {time}: the time must be a time column of the left side"))
        .hint("write FOR SYSTEM_TIME AS OF left.ts")
        .at(Place::of(time.span()))
}

#[derive(Clone, Copy)]
enum WindowKind {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl WindowKind {
    fn of(name: &ObjectName) -> Option<Self> {
        let name = name.0.last()?.as_ident()?.value.to_ascii_uppercase();
        Some(match name.as_str() {
            "TUMBLE" => WindowKind::Tumble,
            "HOP" => WindowKind::Hop,
            "CUMULATE" => WindowKind::Cumulate,
            "SESSION" => WindowKind::Session,
            _ => return None,
        })
    }

    /// What it is called with, and the intervals' names.
    fn signature(self) -> (&'static str, &'static [&'static str]) {
        match self {
            WindowKind::Tumble => ("TUMBLE(TABLE t, DESCRIPTOR(ts), size [, offset])", &["SIZE", "OFFSET"]),
            WindowKind::Hop => ("HOP(TABLE t, DESCRIPTOR(ts), slide, size [, offset])", &["SLIDE", "SIZE", "OFFSET"]),
            WindowKind::Cumulate => {
                ("CUMULATE(TABLE t, DESCRIPTOR(ts), step, size [, offset])", &["STEP", "SIZE", "OFFSET"])
            }
            WindowKind::Session => ("SESSION(TABLE t [PARTITION BY k, …], DESCRIPTOR(ts), gap)", &["GAP"]),
        }
    }
}

fn window_function(function: &Function, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
    let args = match &function.args {
        FunctionArguments::List(list) => list.args.iter().collect(),
        _ => Vec::new(),
    };
    window_call(&function.name, &args, context)
}

fn window_call(
    name: &ObjectName,
    args: &[&FunctionArg],
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let place = Place::of(name.span());
    let Some(kind) = WindowKind::of(name) else {
        let error = SqlError::new(Kind::Name, format!("there is no table function {name}"));
        return Err(error.hint("there are TUMBLE, HOP, CUMULATE and SESSION").at(place).into());
    };
    let (signature, intervals) = kind.signature();
    let wrong = |what: String| SqlError::new(Kind::Syntax, what).hint(format!("write {signature}")).at(place);
    // By position, or by name.
    let names: Vec<&str> = ["DATA", "TIMECOL"].into_iter().chain(intervals.iter().copied()).collect();
    let mut given: Vec<Option<&SqlExpr>> = vec![None; names.len()];
    for (position, arg) in args.iter().enumerate() {
        let (place, expr) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => (position, expr),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } => {
                let known = names.iter().position(|known| name.value.eq_ignore_ascii_case(known));
                (known.ok_or_else(|| wrong(format!("{name} is no argument here")))?, expr)
            }
            other => return Err(wrong(format!("{other} is no argument here")).into()),
        };
        match given.get_mut(place) {
            Some(free @ None) => *free = Some(expr),
            _ => return Err(wrong("there are too many arguments".into()).into()),
        }
    }
    let mut given = given.into_iter();
    let (Some(Some(data)), Some(Some(time))) = (given.next(), given.next()) else {
        return Err(wrong("the table or the time column is missing".into()).into());
    };
    let (input, partition_by) = table(data, context, &wrong)?;
    let time = descriptor(time, &wrong)?;
    let values: Vec<Option<i64>> =
        given.map(|given| given.map(|expr| micros(expr, context)).transpose()).collect::<Result<_>>()?;
    let at_least = |value: Option<Option<i64>>, what: &str| match value.flatten() {
        Some(value) if value > 0 => Ok(value),
        Some(_) => Err(wrong(format!("the {what} must be longer than nothing"))),
        None => Err(wrong(format!("the {what} is missing"))),
    };
    let value = |n: usize| values.get(n).copied();
    let offset = |n: usize| value(n).flatten().unwrap_or(0);
    let windows = match kind {
        WindowKind::Tumble => Windows::Tumble { size: at_least(value(0), "size")?, offset: offset(1) },
        WindowKind::Hop => {
            Windows::Hop { slide: at_least(value(0), "slide")?, size: at_least(value(1), "size")?, offset: offset(2) }
        }
        WindowKind::Cumulate => {
            let (step, size) = (at_least(value(0), "step")?, at_least(value(1), "size")?);
            if size % step != 0 {
                return Err(wrong("the size of CUMULATE must be a multiple of its step".into()).into());
            }
            Windows::Cumulate { step, size, offset: offset(2) }
        }
        WindowKind::Session => Windows::Session { gap: at_least(value(0), "gap")? },
    };
    if !partition_by.is_empty() && !matches!(windows, Windows::Session { .. }) {
        return Err(wrong("only SESSION is PARTITION BY".into()).into());
    }
    let resolve = |name: &Ident| -> Result<Column> {
        let found = input.schema().qualified_field_with_unqualified_name(&name.value).map_err(|_| {
            let columns = input.schema().fields().iter().map(|field| field.name().as_str());
            let error = SqlError::new(Kind::Name, format!("there is no column '{}'", name.value));
            let known: Vec<&str> = columns.clone().collect();
            let hint = match crate::error::similar(&name.value, columns) {
                Some(known) => format!("did you mean '{known}'?"),
                None => format!("there are {}", known.join(", ")),
            };
            error.hint(hint).at(Place::of(name.span))
        })?;
        Ok(Column::from(found))
    };
    let (time, partition_by) = (resolve(&time)?, partition_by.iter().map(resolve).collect::<Result<_>>()?);
    let node = WindowTvf::new(input, windows, time, partition_by)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// `TABLE t [PARTITION BY …]` or a query in parentheses.
fn table(
    data: &SqlExpr,
    context: &mut dyn RelationPlannerContext,
    wrong: &dyn Fn(String) -> SqlError,
) -> Result<(LogicalPlan, Vec<Ident>)> {
    let expected = || wrong(format!("expected TABLE and a name, found: {data}"));
    match data {
        SqlExpr::Function(call) if call.name.to_string() == TABLE_ARGUMENT => {
            let FunctionArguments::List(list) = &call.args else { return Err(expected().into()) };
            let mut names = list.args.iter().map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::CompoundIdentifier(parts))) => Ok(parts.clone()),
                _ => Err(expected()),
            });
            let Some(name) = names.next() else { return Err(expected().into()) };
            let table = TableFactor::Table {
                name: ObjectName::from(name?),
                alias: None,
                args: None,
                with_hints: Vec::new(),
                version: None,
                with_ordinality: false,
                partitions: Vec::new(),
                json_path: None,
                sample: None,
                index_hints: Vec::new(),
            };
            let keys = names.map(|parts| Ok(parts?.pop().ok_or_else(expected)?)).collect::<Result<Vec<Ident>>>()?;
            Ok((context.plan(table)?, keys))
        }
        SqlExpr::Subquery(query) => {
            let derived = TableFactor::Derived { lateral: false, subquery: query.clone(), alias: None, sample: None };
            Ok((context.plan(derived)?, Vec::new()))
        }
        _ => Err(expected().into()),
    }
}

/// `DESCRIPTOR(column)`.
fn descriptor(time: &SqlExpr, wrong: &dyn Fn(String) -> SqlError) -> Result<Ident> {
    if let SqlExpr::Function(call) = time
        && call.name.to_string().eq_ignore_ascii_case(DESCRIPTOR)
        && let FunctionArguments::List(list) = &call.args
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Identifier(column)))] = list.args.as_slice()
    {
        return Ok(column.clone());
    }
    Err(wrong(format!("expected DESCRIPTOR(column), found: {time}")).into())
}

/// An interval in microseconds.
fn micros(interval: &SqlExpr, context: &mut dyn RelationPlannerContext) -> Result<i64> {
    let planned = context.sql_to_expr(interval.clone(), &DFSchema::empty())?;
    let place = Place::of(interval.span());
    micros_of(&planned).ok_or_else(|| {
        SqlError::new(Kind::Type, format!("expected an interval of days or less, found: {interval}"))
            .hint("write INTERVAL '10' MINUTE")
            .at(place)
            .into()
    })
}

/// A constant interval in microseconds; none for months, which have no length.
pub(crate) fn micros_of(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => {
            let IntervalMonthDayNano { months, days, nanoseconds } = *interval;
            (months == 0).then_some(i64::from(days) * 86_400_000_000 + nanoseconds / 1_000)
        }
        Expr::Literal(ScalarValue::IntervalDayTime(Some(interval)), _) => {
            Some(i64::from(interval.days) * 86_400_000_000 + i64::from(interval.milliseconds) * 1_000)
        }
        Expr::Negative(inner) => micros_of(inner).map(|micros| -micros),
        Expr::Alias(alias) => micros_of(&alias.expr),
        _ => None,
    }
}
