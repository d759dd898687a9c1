//! `FOR SYSTEM_TIME AS OF`: a table as it was at a time that the other side of a join says. The [join](super::versioned_join) of it is
//! made when the whole query is known.

use std::cmp::Ordering;
use std::fmt;

use datafusion::common::{Column, DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

use crate::error::Place;

/// The right side of such a join, until the join is made.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Versioned {
    pub(crate) input: LogicalPlan,
    /// The column of the left side that says the time.
    pub(crate) as_of: Column,
    /// Where it is named.
    pub(crate) place: Option<Place>,
}

impl fmt::Debug for Versioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_for_explain(f)
    }
}

impl PartialOrd for Versioned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_of.partial_cmp(&other.as_of)
    }
}

impl UserDefinedLogicalNodeCore for Versioned {
    fn name(&self) -> &str {
        "Versioned"
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
        write!(f, "Versioned: as of {}", self.as_of)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match inputs.pop() {
            Some(input) => Ok(Versioned { input, ..self.clone() }),
            None => plan_err!("a versioned table without an input"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }
}
