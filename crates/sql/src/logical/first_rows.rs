//! `SELECT STREAM DISTINCT`: the first row of each kind in a period.

use std::fmt;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{
    Distinct, Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore,
};

use super::relation::micros_of;
use crate::functions::kinesis;

/// The first of the rows that are equal in all columns but the last, their time, in each period.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub(crate) struct FirstRows {
    pub(crate) input: LogicalPlan,
    /// Periods begin at its multiples since 1970: microseconds.
    pub(crate) period: i64,
}

impl UserDefinedLogicalNodeCore for FirstRows {
    fn name(&self) -> &'static str {
        "FirstRows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstRows: in each {} µs", self.period)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.pop() else { return plan_err!("rows without an input") };
        Ok(FirstRows { input, period: self.period })
    }

    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        // What a row is equal in are all columns.
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

/// Makes nodes of ours of `DISTINCT ON (__period(…))`.
pub(crate) fn distinct(plan: LogicalPlan) -> Result<LogicalPlan> {
    let transformed = plan.transform_up(|plan| {
        let LogicalPlan::Distinct(Distinct::On(on)) = &plan else { return Ok(Transformed::no(plan)) };
        let period =
            on.on_expr.first().and_then(|expr| kinesis::called(expr, kinesis::PERIOD)?.first().and_then(micros_of));
        let Some(period) = period else { return Ok(Transformed::no(plan)) };
        let input = LogicalPlanBuilder::from(on.input.as_ref().clone()).project(on.select_expr.clone())?.build()?;
        Ok(Transformed::yes(LogicalPlan::Extension(Extension {
            node: std::sync::Arc::new(FirstRows { input, period }),
        })))
    })?;
    Ok(transformed.data)
}
