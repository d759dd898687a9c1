//! Casts and types as the SQL standard and Flink have them. A Boolean is the text TRUE or FALSE; a quotient of decimals has its own rule
//! ([`decimals`]). Numbers of different kinds: a DOUBLE beside a DECIMAL makes both a DOUBLE, as the SQL standard and Flink have it. DataFusion would
//! make the DOUBLE a DECIMAL, which most of its values don't fit.

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::{left, right, upper};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, cast, lit};

use crate::functions::decimals;
use crate::types::LENGTH_MAX_KEY;

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

/// The type of a decimal that has lost digits behind the point, where it has fewer then.
fn whole_type(call: &ScalarFunction, schema: &DFSchema) -> Option<DataType> {
    let DataType::Decimal128(precision, scale) = call.args.first()?.get_type(schema).ok()? else { return None };
    let kept = match call.args.get(1) {
        None => 0,
        Some(Expr::Literal(ScalarValue::Int64(Some(digits)), _)) => i8::try_from(*digits).ok()?.clamp(0, scale),
        Some(_) => return None,
    };
    let more = u8::from(call.func.name() == "ceil" || call.func.name() == "floor");
    let precision = precision.saturating_sub(u8::try_from(scale - kept).ok()?).saturating_add(more).clamp(1, 38);
    (kept < scale).then_some(DataType::Decimal128(precision, kept))
}

/// The length of a VARCHAR(n).
fn length_of(field: &Field) -> Option<i64> {
    let length = field.metadata().get(LENGTH_MAX_KEY)?;
    (*field.data_type() == DataType::Utf8).then(|| length.parse().ok()).flatten()
}

fn is_negative(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => *number < 0,
        Expr::Negative(number) => matches!(&**number, Expr::Literal(ScalarValue::Int64(Some(_)), _)),
        _ => false,
    }
}

/// A number as a decimal that holds all numbers of its type.
fn as_decimal(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let precision = match expr.get_type(schema).ok()? {
        DataType::Decimal128(..) => return Some(expr.clone()),
        DataType::Int8 => 3,
        DataType::Int16 => 5,
        DataType::Int32 => 10,
        // A number in the statement is an INT, where it fits.
        DataType::Int64 => match expr {
            Expr::Literal(ScalarValue::Int64(Some(number)), _) if i32::try_from(*number).is_ok() => 10,
            _ => 19,
        },
        _ => return None,
    };
    Some(cast(expr.clone(), DataType::Decimal128(precision, 0)))
}

fn widened(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let is = |expr: &Expr, kind: fn(&DataType) -> bool| expr.get_type(schema).is_ok_and(|data_type| kind(&data_type));
    let float = |expr: &Expr| is(expr, DataType::is_floating);
    let decimal =
        |expr: &Expr| is(expr, |data_type| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..)));
    let double = |expr: Box<Expr>| Box::new(cast(*expr, DataType::Float64));
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right })
            if (decimal(&left) || decimal(&right)) && !float(&left) && !float(&right) =>
        {
            match (as_decimal(&left, schema), as_decimal(&right, schema)) {
                (Some(left), Some(right)) => Transformed::yes(decimals::divide(left, right)),
                _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right })),
            }
        }
        Expr::Cast(of) if length_of(&of.field).is_some() => match length_of(&of.field) {
            Some(length) => Transformed::yes(left(cast(*of.expr, DataType::Utf8), lit(length))),
            None => Transformed::no(Expr::Cast(of)),
        },
        Expr::Cast(cast)
            if *cast.field.data_type() == DataType::Utf8 && is(&cast.expr, |t| *t == DataType::Boolean) =>
        {
            Transformed::yes(upper(Expr::Cast(cast)))
        }
        // All matches, not the first.
        Expr::ScalarFunction(mut call) if call.func.name() == "regexp_replace" && call.args.len() == 3 => {
            call.args.push(lit("g"));
            Transformed::yes(Expr::ScalarFunction(call))
        }
        Expr::ScalarFunction(call) if ["ceil", "floor", "truncate"].contains(&call.func.name()) => {
            match whole_type(&call, schema) {
                Some(data_type) => Transformed::yes(cast(Expr::ScalarFunction(call), data_type)),
                None => Transformed::no(Expr::ScalarFunction(call)),
            }
        }
        // A negative place is one from the end.
        Expr::ScalarFunction(mut call) if call.func.name() == "substr" && call.args.get(1).is_some_and(is_negative) => {
            if let [text, from, ..] = call.args.as_mut_slice() {
                *text = right(text.clone(), Expr::Negative(Box::new(from.clone())));
                *from = lit(1i64);
            }
            Transformed::yes(Expr::ScalarFunction(call))
        }
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
