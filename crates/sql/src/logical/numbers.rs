//! Numbers of different kinds: a DOUBLE beside a DECIMAL makes both a DOUBLE, as the SQL standard and Flink have it. DataFusion would
//! make the DOUBLE a DECIMAL, which most of its values don't fit.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, cast};

/// The plan with such decimals cast.
pub(super) fn widen(plan: LogicalPlan) -> Result<LogicalPlan> {
    transform(plan, &widened)
}

/// The plan with each quotient of floating-point numbers said by a function, which fails where it is one by 0.
pub(crate) fn divide_by(plan: LogicalPlan, function: &ScalarUDF) -> Result<LogicalPlan> {
    transform(plan, &|expr, schema| {
        let Ok(data_type) = expr.get_type(schema) else { return Transformed::no(expr) };
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) if data_type.is_floating() => {
                let divided = function.call(vec![*left, *right]);
                Transformed::yes(if data_type == DataType::Float64 { divided } else { cast(divided, data_type) })
            }
            other => Transformed::no(other),
        }
    })
}

/// The plan with its expressions changed. What columns are called stays.
pub(super) fn transform(
    plan: LogicalPlan,
    change: &dyn Fn(Expr, &DFSchema) -> Transformed<Expr>,
) -> Result<LogicalPlan> {
    let changed = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let changed = expr.transform_up(|expr| Ok(change(expr, &schema)))?;
            Ok(changed.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(changed.data)
}

/// The same for an expression by itself, with patterns of the standard.
pub(super) fn widen_expr(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let widened = expr.transform_up(|expr| Ok(widened(expr, schema)))?.data;
    Ok(widened.transform_up(|expr| Ok(super::similar::similar(expr, schema)))?.data)
}

fn widened(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let is = |expr: &Expr, kind: fn(&DataType) -> bool| expr.get_type(schema).is_ok_and(|data_type| kind(&data_type));
    let float = |expr: &Expr| is(expr, DataType::is_floating);
    let decimal =
        |expr: &Expr| is(expr, |data_type| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..)));
    let double = |expr: Box<Expr>| Box::new(cast(*expr, DataType::Float64));
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if float(&left) && decimal(&right) => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right: double(right) }))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if decimal(&left) && float(&right) => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: double(left), op, right }))
        }
        Expr::Between(Between { expr, negated, low, high }) if float(&expr) && (decimal(&low) || decimal(&high)) => {
            Transformed::yes(Expr::Between(Between { expr, negated, low: double(low), high: double(high) }))
        }
        other => Transformed::no(other),
    }
}
