//! Fields of rows: `person.name` is called `name`, as the standard has it.

use arrow::datatypes::Field;
use datafusion::common::{Column, Result, TableReference};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};

/// Plans them.
#[derive(Debug)]
pub(crate) struct FieldNames;

impl ExprPlanner for FieldNames {
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        for name in nested_names {
            expr = get_field(expr, name.as_str());
        }
        Ok(PlannerResult::Planned(match nested_names.last() {
            Some(name) => expr.alias(name),
            None => expr,
        }))
    }
}
