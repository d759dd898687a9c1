//! `INTERSECT ALL` and `EXCEPT ALL`, which keep a row as often as its counts on both sides say.
//!
//! DataFusion makes semi and anti joins of them, which keep every copy or none. Here the rows of both sides are counted together, and
//! each comes out so many times: `SELECT … FROM (counts) CROSS JOIN UNNEST(copies)`.

use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::functions_nested::expr_fn::array_repeat;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident, lit, when};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, Query, SetExpr, SetOperator, SetQuantifier, TableFactor,
    TableFunctionArgs, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::unnest;
use crate::error::{Kind, SqlError};

/// Relations that stand for the operations, their sides the arguments.
const INTERSECT_ALL: &str = "__intersect_all";
const EXCEPT_ALL: &str = "__except_all";

/// Says the operations as relations.
pub(super) fn name_set_operations(query: &mut Query) -> Result<(), SqlError> {
    struct Namer;
    impl VisitorMut for Namer {
        type Break = SqlError;

        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
            match named(&mut query.body) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }
    match query.visit(&mut Namer) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn named(body: &mut SetExpr) -> Result<(), SqlError> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    named(left)?;
    named(right)?;
    let relation = match (op, set_quantifier) {
        (SetOperator::Intersect, SetQuantifier::All) => INTERSECT_ALL,
        (SetOperator::Except | SetOperator::Minus, SetQuantifier::All) => EXCEPT_ALL,
        _ => return Ok(()),
    };
    let select = |text: &str| -> Result<Query, SqlError> {
        Ok(*Parser::new(&GenericDialect {}).try_with_sql(text)?.parse_query()?)
    };
    let mut sides = Vec::new();
    for side in [left, right] {
        let mut query = select("SELECT 1")?;
        std::mem::swap(&mut query.body, side);
        let subquery = SqlExpr::Subquery(Box::new(query));
        sides.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(subquery)));
    }
    let mut whole = select(&format!("SELECT * FROM {relation}(1)"))?;
    if let SetExpr::Select(select) = &mut *whole.body
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Table { args: Some(args), .. } = &mut from.relation
    {
        args.args = sides;
    }
    *body = *whole.body;
    Ok(())
}

/// The rows of such a relation; none where it is another one.
pub(super) fn relation(
    name: &str,
    args: &TableFunctionArgs,
    context: &mut dyn RelationPlannerContext,
) -> Option<Result<LogicalPlan>> {
    let intersects = match name {
        INTERSECT_ALL => true,
        EXCEPT_ALL => false,
        _ => return None,
    };
    let mut sides = Vec::new();
    for arg in &args.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Subquery(query))) = arg else { return None };
        let derived = TableFactor::Derived { lateral: false, subquery: query.clone(), alias: None, sample: None };
        sides.push(match context.plan(derived) {
            Ok(side) => side,
            Err(error) => return Some(Err(error)),
        });
    }
    let [left, right] = <[LogicalPlan; 2]>::try_from(sides).ok()?;
    Some(counted(left, right, intersects))
}

fn counted(left: LogicalPlan, right: LogicalPlan, intersects: bool) -> Result<LogicalPlan> {
    let names: Vec<String> = left.schema().fields().iter().map(|field| field.name().clone()).collect();
    let given = right.schema().fields().len();
    if names.len() != given {
        let message = format!("the left side has {} columns, the right side {given}", names.len());
        return Err(SqlError::new(Kind::Type, message).into());
    }
    let places: Vec<String> = (0..names.len()).map(|n| format!("__c{n}")).collect();
    let side = |plan: LogicalPlan, of_left: i64| {
        let columns = plan.schema().columns().into_iter().zip(&places);
        let columns: Vec<Expr> = columns.map(|(column, place)| Expr::Column(column).alias(place)).collect();
        let counts = [lit(of_left).alias("__l"), lit(1 - of_left).alias("__r")];
        LogicalPlanBuilder::from(plan).project(columns.into_iter().chain(counts))?.build()
    };
    let groups = || places.iter().map(ident);
    let (l, r) = (|| ident("__l"), || ident("__r"));
    let copies = match intersects {
        true => when(l().lt(r()), l()).otherwise(r())?,
        false => l() - r(),
    };
    let copied = LogicalPlanBuilder::from(side(left, 1)?)
        .union(side(right, 0)?)?
        .aggregate(groups(), [sum(l()).alias("__l"), sum(r()).alias("__r")])?
        .project(groups().chain([copies.alias("__n")]))?
        .filter(ident("__n").gt(lit(0i64)))?
        .build()?;
    let element = Field::new("__copy", DataType::Int64, true);
    let rows = unnest::elements(copied, array_repeat(lit(1i64), ident("__n")), element)?;
    let renamed = groups().zip(names).map(|(column, name)| column.alias(name));
    LogicalPlanBuilder::from(rows).project(renamed)?.build()
}
