//! Casts and types as the SQL standard and Flink have them. A Boolean is the text TRUE or FALSE, a time has a blank; a quotient of decimals has its own rule
//! ([`decimals`]). Numbers of different kinds: a DOUBLE beside a DECIMAL makes both a DOUBLE, as the SQL standard and Flink have it. DataFusion would
//! make the DOUBLE a DECIMAL, which most of its values don't fit.

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::{left, to_char, upper};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, TryCast, cast, lit, try_cast,
};

use crate::functions::{TYPE_OF, decimals, narrowed, replaced, text_of_double, time_as_text, type_text};
use crate::types::{LENGTH_MAX_KEY, timestamp};

/// The plan with such decimals cast. Numbers that don't fit the type of a cast are cut as Flink cuts them, or `fail`.
pub(super) fn widen(plan: LogicalPlan, fail: bool) -> Result<LogicalPlan> {
    transform(plan, &|expr, schema| widened(expr, schema, fail))
}

/// The plan with each quotient of floating-point numbers said by a function, which fails where it is one by 0.
pub(crate) fn divide_by(plan: LogicalPlan, function: &ScalarUDF) -> Result<LogicalPlan> {
    transform(plan, &|expr, schema| {
        let Ok(data_type) = expr.get_type(schema) else { return Transformed::no(expr) };
        match expr {
            Expr::ScalarFunction(call) => whole(call, schema),
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
    let widened = expr.transform_up(|expr| Ok(widened(expr, schema, false)))?.data;
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

/// A value as a text: Booleans in capital letters, times with a blank and as many digits as their type has.
fn text_of(expr: Expr, schema: &DFSchema) -> Expr {
    match expr.get_type(schema) {
        Ok(DataType::Boolean) => upper(cast(expr, DataType::Utf8)),
        Ok(DataType::Float32 | DataType::Float64) => text_of_double(expr),
        Ok(DataType::Timestamp(unit, _)) => {
            let digits = match unit {
                TimeUnit::Second => "",
                TimeUnit::Millisecond => "%.3f",
                TimeUnit::Microsecond => "%.6f",
                TimeUnit::Nanosecond => "%.9f",
            };
            let format = format!("%Y-%m-%d %H:%M:%S{digits}");
            match unit {
                TimeUnit::Second | TimeUnit::Millisecond => time_as_text(cast(expr, timestamp(3, false)), format),
                _ => to_char(cast(expr, DataType::Timestamp(unit, None)), lit(format)),
            }
        }
        _ => cast(expr, DataType::Utf8),
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

/// Decimals without what they lose; whole numbers have nothing to lose, and keep their type.
fn rounded(call: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    let rounds = ["ceil", "floor", "truncate"].contains(&call.func.name());
    match rounds.then(|| whole_type(&call, schema)).flatten() {
        Some(data_type) => Transformed::yes(cast(Expr::ScalarFunction(call), data_type)),
        None => whole(call, schema),
    }
}

/// Whole numbers by themselves.
fn whole(mut call: ScalarFunction, schema: &DFSchema) -> Transformed<Expr> {
    match (["ceil", "floor"].contains(&call.func.name()), call.args.as_slice()) {
        (true, [number]) if number.get_type(schema).is_ok_and(|data_type| data_type.is_integer()) => {
            Transformed::yes(call.args.remove(0))
        }
        _ => Transformed::no(Expr::ScalarFunction(call)),
    }
}

/// A cast of a number to a type that does not hold all numbers of its own: whole numbers lose bits, a decimal that is too long is NULL.
fn cut(expr: &Expr, to: &DataType, schema: &DFSchema) -> Option<Expr> {
    let from = expr.get_type(schema).ok()?;
    match to {
        DataType::Decimal128(..) if from.is_numeric() => Some(try_cast(expr.clone(), to.clone())),
        to => narrowed(expr, &from, to),
    }
}

fn widened(expr: Expr, schema: &DFSchema, fail: bool) -> Transformed<Expr> {
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
            Some(length) => Transformed::yes(left(text_of(*of.expr, schema), lit(length))),
            None => Transformed::no(Expr::Cast(of)),
        },
        Expr::Cast(of)
            if *of.field.data_type() == DataType::Utf8
                && is(&of.expr, |t| {
                    matches!(t, DataType::Boolean | DataType::Timestamp(..) | DataType::Float32 | DataType::Float64)
                }) =>
        {
            Transformed::yes(text_of(*of.expr, schema))
        }
        Expr::Cast(Cast { expr, field }) if !fail => match cut(&expr, field.data_type(), schema) {
            Some(cut) => Transformed::yes(cut),
            None => Transformed::no(Expr::Cast(Cast { expr, field })),
        },
        Expr::TryCast(TryCast { expr, field }) => match cut(&expr, field.data_type(), schema) {
            Some(cut) => Transformed::yes(cut),
            None => Transformed::no(Expr::TryCast(TryCast { expr, field })),
        },
        Expr::ScalarFunction(call) if call.func.name() == TYPE_OF => {
            let full = matches!(call.args.get(1), Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _)));
            let told = call.args.first().and_then(|of| Some(type_text(of, of.to_field(schema).ok()?.1.as_ref(), full)));
            match told {
                Some(told) => Transformed::yes(lit(told)),
                None => Transformed::no(Expr::ScalarFunction(call)),
            }
        }
        Expr::ScalarFunction(call) => match replaced(call.func.name(), &call.args) {
            Some(ours) => Transformed::yes(ours),
            None => rounded(call, schema),
        },
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
