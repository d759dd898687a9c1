//! Expressions in the standard's words: ROWTIME, steps, intervals, functions of the dialect.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, CharacterLength, DataType as AstType, DateTimeField, ExactNumberInfo,
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, NullTreatment,
    ObjectName, OrderByExpr, OrderByOptions, Query, Spanned, Value, Visit, VisitMut, Visitor, VisitorMut,
    WindowFrameBound, WindowSpec, WindowType,
};

use super::{NOT_BUILT, ROWTIME};
use crate::error::{Place, Result, SqlError};
use crate::functions::kinesis::{
    ARRIVAL, EXTRACT, EXTRACT_SECOND, FITS, PLACED, QUALIFIED, SCALED, STEP, STEP_UP, SUBSTRING, own_name,
};
use crate::logical::intervals::{normal, stepping};
use crate::parse::kinesis::NTH_FROM_LAST;
use crate::parse::{arguments, call};

/// What ROWTIME means in an expression, and names that two relations share.
#[derive(Clone)]
pub(super) struct Times {
    /// The time of the rows that come in.
    pub(super) input: Expr,
    /// The time of the row that goes out.
    pub(super) output: Expr,
    /// Columns of `USING` and `NATURAL`, each with its value.
    pub(super) shared: Vec<(String, Expr)>,
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

pub(super) fn and(left: Expr, right: Expr) -> Expr {
    binary(Expr::Nested(Box::new(left)), BinaryOperator::And, right)
}

/// Says a window's order: as rows arrive.
pub(super) fn order_by_arrival(spec: &mut WindowSpec, times: &Times) -> Result<()> {
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
pub(super) fn rewrite(expr: &mut Expr, times: &Times) -> Result<()> {
    match expr.visit(&mut Rewriter { times }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Rewrites all expressions of a query that has no stream in it.
pub(super) fn rewrite_query(query: &mut Query, times: &Times) -> Result<()> {
    match query.visit(&mut Rewriter { times }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

pub(super) struct Rewriter<'t> {
    pub(super) times: &'t Times,
}

impl Rewriter<'_> {
    fn expression(&self, expr: &mut Expr) -> Result<()> {
        let stepped = |inner: &mut Expr| {
            // Within it, ROWTIME is that of the rows that come in: it is what they are grouped by.
            let times = Times { output: self.times.input.clone(), ..self.times.clone() };
            rewrite(inner, &times)
        };
        match expr {
            Expr::Identifier(name) if name.value == ROWTIME => *expr = self.times.output.clone(),
            Expr::Identifier(name) if name.quote_style.is_none() && name.value == "CURRENT_ROW_TIMESTAMP" => {
                *expr = call("current_row_timestamp", []);
            }
            Expr::Identifier(name) if name.quote_style.is_none() && name.value == "UNKNOWN" => {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(Expr::value(Value::Null)),
                    data_type: AstType::Boolean,
                    array: false,
                    format: None,
                };
            }
            Expr::BinaryOp { left, op, right } if is_interval(left) => {
                let factor = match op {
                    BinaryOperator::Multiply => right.as_ref().clone(),
                    BinaryOperator::Divide => {
                        let one = Expr::Cast {
                            kind: CastKind::Cast,
                            expr: Box::new(Expr::value(Value::Number("1".into(), false))),
                            data_type: AstType::Double(ExactNumberInfo::None),
                            array: false,
                            format: None,
                        };
                        binary(one, BinaryOperator::Divide, right.as_ref().clone())
                    }
                    _ => return Ok(()),
                };
                *expr = call(SCALED, [left.as_ref().clone(), factor]);
            }
            Expr::Identifier(name) if self.times.shared.iter().any(|(shared, _)| *shared == name.value) => {
                let shared = self.times.shared.iter().find(|(shared, _)| *shared == name.value);
                if let Some((_, value)) = shared {
                    *expr = value.clone();
                }
            }
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
                if name == "STEP"
                    && let FunctionArguments::List(list) = &mut function.args
                    && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))) = list.args.first_mut()
                {
                    stepped(inner)?;
                }
                if function.over.is_some() {
                    placed(function);
                }
                if name == "MONOTONIC" {
                    // That it never falls is the writer's word.
                    let [of] = arguments(expr)[..] else {
                        return Err(SqlError::unsupported("MONOTONIC takes one expression").at(Place::of(expr.span())));
                    };
                    let mut of = of.clone();
                    rewrite(&mut of, self.times)?;
                    *expr = Expr::Nested(Box::new(of));
                    return Ok(());
                }
                if name == "EXP_AVG" {
                    if function.over.is_none() {
                        let error = SqlError::unsupported("EXP_AVG is of the rows of a window");
                        let hint = "write EXP_AVG(x, INTERVAL '10' SECOND) OVER w";
                        return Err(error.hint(hint).at(Place::of(function.name.span())));
                    }
                    push(function, self.times.input.clone());
                }
                if let Some(own) = own_name(&name) {
                    function.name = ObjectName::from(vec![Ident::new(own)]);
                }
                if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
                    order_by_arrival(spec, self.times)?;
                }
            }
            Expr::Cast { kind: CastKind::Cast, expr: of, data_type, .. } if length_of(data_type).is_some() => {
                let length = length_of(data_type).unwrap_or_default();
                let text = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: of.clone(),
                    data_type: AstType::Varchar(None),
                    array: false,
                    format: None,
                };
                *expr = call(FITS, [text, Expr::value(Value::Number(length.to_string(), false))]);
            }
            Expr::Interval(_) => normal(expr)?,
            Expr::Substring { expr: of, substring_from, substring_for, .. } => {
                let (from, length) = (substring_from.as_deref().cloned(), substring_for.as_deref().cloned());
                *expr = call(SUBSTRING, [of.as_ref().clone()].into_iter().chain(from).chain(length));
            }
            Expr::Extract { field: DateTimeField::Second, expr: of, .. } => {
                *expr = call(EXTRACT_SECOND, [of.as_ref().clone()]);
            }
            Expr::Extract { field, expr: of, .. } => {
                let unit = Expr::value(Value::SingleQuotedString(field.to_string()));
                *expr = call(EXTRACT, [unit, of.as_ref().clone()]);
            }
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

/// The length that a text may have.
fn length_of(data_type: &AstType) -> Option<u64> {
    match data_type {
        AstType::Varchar(Some(CharacterLength::IntegerLength { length, .. }))
        | AstType::CharacterVarying(Some(CharacterLength::IntegerLength { length, .. }))
        | AstType::CharVarying(Some(CharacterLength::IntegerLength { length, .. }))
        | AstType::Char(Some(CharacterLength::IntegerLength { length, .. }))
        | AstType::Character(Some(CharacterLength::IntegerLength { length, .. })) => Some(*length),
        _ => None,
    }
}

/// Whether an expression has an aggregate of a window in it.
pub(super) fn has_window(expr: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if function.over.is_some() => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Finder).is_break()
}

/// An interval that can be told from how it is written: a literal, or a difference with a unit.
fn is_interval(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) => true,
        Expr::Nested(inner) => is_interval(inner),
        Expr::Function(function) => [QUALIFIED, SCALED].contains(&function.name.to_string().as_str()),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply | BinaryOperator::Divide, .. } => is_interval(left),
        _ => false,
    }
}

/// Adds an argument to a call.
pub(super) fn push(function: &mut Function, argument: Expr) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)));
    }
}

/// `NTH_VALUE`, `FIRST_VALUE`, `LAST_VALUE`, and `LAG … IGNORE NULLS`, as calls of one function.
pub(super) fn placed(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    let within = list.clauses.iter().find_map(|clause| match clause {
        FunctionArgumentClause::IgnoreOrRespectNulls(nulls) => Some(*nulls),
        _ => None,
    });
    let ignored = function.null_treatment.or(within) == Some(NullTreatment::IgnoreNulls);
    let from = match function.name.to_string().as_str() {
        "FIRST_VALUE" | "NTH_VALUE" => "FIRST",
        "LAST_VALUE" | NTH_FROM_LAST => "LAST",
        "LAG" if ignored => "BEFORE",
        _ => return,
    };
    let argument = |expr: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let mut given = std::mem::take(&mut list.args).into_iter();
    let value = given.next();
    let place = given.next().unwrap_or_else(|| argument(Expr::value(Value::Number("1".into(), false))));
    let from = argument(Expr::value(Value::SingleQuotedString(from.to_owned())));
    let nulls = argument(Expr::value(Value::Boolean(!ignored)));
    list.args = value.into_iter().chain([from, place, nulls]).chain(given).collect();
    list.clauses.retain(|clause| !matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_)));
    function.null_treatment = None;
    function.name = ObjectName::from(vec![Ident::new(PLACED)]);
}
