//! `UNNEST`.

use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::builder::{Builder, compile_all, nullable};
use super::stream::{Stream, Traits};
use crate::error::{Result, SqlError};
use crate::logical::unnest::Unnest;
use crate::operators::calc::Step;

impl Builder<'_> {
    /// Rows once for each element of an array.
    pub(super) fn unnest(&mut self, unnest: &Unnest, schema: &DFSchemaRef) -> Result<Stream> {
        if unnest.array.contains_outer() {
            let error = SqlError::unsupported("UNNEST of an outer query's array in a sub-query is not built");
            return Err(error.hint("write CROSS JOIN UNNEST(…) in the FROM of the outer query"));
        }
        let mut input = self.plan(&unnest.input)?;
        let given = input.schema.fields().len();
        let mut expressions: Vec<Expr> = input.schema.columns().into_iter().map(Expr::Column).collect();
        expressions.push(unnest.array.clone());
        let array = arrow::datatypes::Field::new("__array", unnest.array.get_type(&input.schema)?, true);
        let mut fields: Vec<_> = input.columns().fields().iter().cloned().collect();
        fields.push(array.into());
        let with_array = nullable(&arrow::datatypes::Schema::new(fields));
        input.steps.push(Step::Project(compile_all(&expressions, &input.schema)?, with_array));
        input.steps.push(Step::Unnest { outer: unnest.outer, schema: nullable(schema.inner()) });
        let kept: Vec<Option<usize>> = (0..schema.fields().len()).map(|n| (n < given).then_some(n)).collect();
        input.traits = Traits { unique: None, versions: false, ..input.traits.projected(&kept) };
        input.schema = schema.clone();
        Ok(input)
    }
}
