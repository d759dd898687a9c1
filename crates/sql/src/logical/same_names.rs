//! Calls that differ in a CAST only: DataFusion calls `AVG(x)` and `AVG(CAST(x AS DOUBLE))` by one name, and refuses two columns of it. A
//! query that has such says its casts by a function that has the type in its name.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SetExpr, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::functions::TYPED;
use crate::parse::call;

/// Tells them apart.
pub(super) fn told_apart(query: &mut Query) {
    if clashes(&query.body) {
        let _ = VisitMut::visit(&mut query.body, &mut Typed);
        if let Some(order) = &mut query.order_by {
            let _ = VisitMut::visit(order, &mut Typed);
        }
    }
}

fn clashes(body: &SetExpr) -> bool {
    match body {
        SetExpr::SetOperation { left, right, .. } => clashes(left) || clashes(right),
        SetExpr::Select(select) => clash(select),
        _ => false,
    }
}

/// Whether two groups or calls of a SELECT are the same but for casts.
fn clash(select: &Select) -> bool {
    let mut calls = Calls(Vec::new());
    let _ = Visit::visit(&select.projection, &mut calls);
    let _ = Visit::visit(&select.having, &mut calls);
    if let GroupByExpr::Expressions(groups, _) = &select.group_by {
        calls.0.extend(groups.iter().cloned());
    }
    let mut known: HashMap<String, String> = HashMap::new();
    calls.0.into_iter().any(|call| {
        let mut plain = call.clone();
        let _ = VisitMut::visit(&mut plain, &mut Stripped);
        let text = call.to_string();
        *known.entry(plain.to_string()).or_insert_with(|| text.clone()) != text
    })
}

struct Calls(Vec<Expr>);

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Function(_)) {
            self.0.push(expr.clone());
        }
        ControlFlow::Continue(())
    }
}

struct Stripped;

impl VisitorMut for Stripped {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, .. } = expr {
            *expr = (**inner).clone();
        }
        ControlFlow::Continue(())
    }
}

struct Typed;

impl VisitorMut for Typed {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { data_type, .. } = expr {
            let of = Expr::value(Value::SingleQuotedString(data_type.to_string()));
            *expr = call(TYPED, [expr.clone(), of]);
        }
        ControlFlow::Continue(())
    }
}
