//! How much a query may ask of the planner, judged from its text before it is planned.
//!
//! The planner walks expressions and plans by recursion, several dozen times: its stack grows with their depth and its time
//! with the square of it. The parser bounds brackets by itself, but a chain such as `1 + 1 + …` nests without any.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr, TableFactor, Visit, Visitor};

use super::context::SqlLimits;
use crate::error::{Error, Result};

/// Refuses a statement that is nested too deeply or reads too many tables.
pub(super) fn check(statement: &Statement, limits: &SqlLimits) -> Result<()> {
    let mut walk = Walk { depth: 0, tables: 0, limits };
    let outcome = match statement {
        Statement::Statement(statement) => statement.visit(&mut walk),
        Statement::Explain(explain) => return check(&explain.statement, limits),
        // DataFusion's own: none of them is a query.
        other => return Err(Error::ReadOnly(other.to_string())),
    };
    match outcome {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Walk<'l> {
    depth: usize,
    tables: usize,
    limits: &'l SqlLimits,
}

impl Walk<'_> {
    /// Stops the walk at the limit, so that it can't go deeper itself.
    fn deeper(&mut self, levels: usize) -> ControlFlow<Error> {
        self.depth += levels;
        match self.depth > self.limits.depth_max {
            false => ControlFlow::Continue(()),
            true => ControlFlow::Break(Error::Limit {
                what: "the nesting of a query",
                found: self.depth as u64,
                limit: self.limits.depth_max as u64,
                hint: "write a chain of ORs as IN (…), and join a table of values instead of many terms",
            }),
        }
    }
}

/// `a UNION b UNION c …` nests to the left, and the visitor has no word for it.
fn set_operations(query: &Query) -> usize {
    let (mut levels, mut body) = (0, query.body.as_ref());
    while let SetExpr::SetOperation { left, .. } = body {
        (levels, body) = (levels + 1, left.as_ref());
    }
    levels
}

impl Visitor for Walk<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.deeper(1 + set_operations(query))
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        self.depth -= 1 + set_operations(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Error> {
        self.deeper(1)
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, _: &TableFactor) -> ControlFlow<Error> {
        self.tables += 1;
        match self.tables > self.limits.query_tables_max {
            false => ControlFlow::Continue(()),
            true => ControlFlow::Break(Error::Limit {
                what: "the tables that a query reads",
                found: self.tables as u64,
                limit: self.limits.query_tables_max as u64,
                hint: "ask in several queries",
            }),
        }
    }
}
