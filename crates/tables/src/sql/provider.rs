//! A table as DataFusion sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraint, Constraints, DFSchema};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::TableScanExec;
use super::key_filter::{is_answerable, key_filter};
use crate::store::{Moment, Table};

/// One table as a provider. Filters on key columns are answered by the scan: as ranges of keys where they can be, and
/// tested on the rows otherwise; rows come in key order, from either end.
pub struct TableSource {
    table: Table,
    moment: Option<Moment>,
    constraints: Option<Constraints>,
}

impl TableSource {
    /// Each scan reads the table as it is when the scan starts.
    pub fn new(table: Table) -> TableSource {
        let schema = table.schema();
        let key = table.definition().key().iter().filter_map(|name| schema.index_of(name).ok()).collect();
        let constraints = Some(Constraints::new_unverified(vec![Constraint::PrimaryKey(key)]));
        TableSource { table, moment: None, constraints }
    }

    /// All scans read the table as it was at this moment.
    pub(crate) fn at(table: Table, moment: Moment) -> TableSource {
        TableSource { moment: Some(moment), ..TableSource::new(table) }
    }
}

impl std::fmt::Debug for TableSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TableSource").field(&self.table.name()).finish()
    }
}

#[async_trait]
impl TableProvider for TableSource {
    fn schema(&self) -> SchemaRef {
        self.table.schema().clone()
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.constraints.as_ref()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_answerable(filter, self.table.definition()) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let schema = self.table.schema();
        let output = projection.cloned().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let key_filter = key_filter(filters, self.table.definition(), &self.table.inner().codec)
            .map_err(|e| DataFusionError::External(Box::new(e)))?;

        // What has to be read: the output, and what the filters speak of.
        let mut read = output.clone();
        for filter in filters {
            for column in filter.column_refs() {
                let index = schema.index_of(&column.name)?;
                if !read.contains(&index) {
                    read.push(index);
                }
            }
        }
        let predicate = match conjunction(filters.to_vec()) {
            Some(filter) => {
                let read_schema: DFSchema = schema.project(&read)?.try_into()?;
                let unqualified = datafusion::logical_expr::expr_rewriter::unnormalize_col(filter);
                Some(state.create_physical_expr(unqualified, &read_schema)?)
            }
            None => None,
        };
        let scan =
            TableScanExec::new(self.table.clone(), self.moment.clone(), key_filter, read, output.len(), predicate)?;
        Ok(Arc::new(scan.limited(limit)))
    }
}
