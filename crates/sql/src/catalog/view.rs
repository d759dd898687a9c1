//! A view: a query with a name.

use std::borrow::Cow;

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{LogicalPlan, TableSource};

/// A view. Whoever names it gets its plan.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) plan: LogicalPlan,
    pub(crate) schema: SchemaRef,
    /// The statement that made it.
    pub(crate) text: String,
}

impl View {
    pub(crate) fn new(plan: LogicalPlan, text: String) -> Self {
        let schema = plan.schema().inner().clone();
        View { plan, schema, text }
    }
}

impl TableSource for View {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}
