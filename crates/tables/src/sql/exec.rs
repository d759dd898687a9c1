//! The physical scan of one table: ranges of keys, in key order, from either end.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{SortOptions, filter_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, internal_err};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
    SortOrderPushdownResult,
};

use super::key_filter::KeyFilter;
use crate::store::{ByteRange, Moment, Table};

/// Batches that wait between the thread that reads and the query.
const BATCHES_WAITING_MAX: usize = 2;

/// Reads one table.
#[derive(Clone)]
pub(crate) struct TableScanExec {
    table: Table,
    moment: Option<Moment>,
    ranges: Arc<Vec<ByteRange>>,
    constant_columns: usize,
    /// Positions of the columns to read; the first `output_columns` of them are the output.
    read: Vec<usize>,
    output_columns: usize,
    /// Over the columns read.
    predicate: Option<Arc<dyn PhysicalExpr>>,
    fetch: Option<usize>,
    descending: bool,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TableScanExec {
    pub(crate) fn new(
        table: Table,
        moment: Option<Moment>,
        filter: KeyFilter,
        read: Vec<usize>,
        output_columns: usize,
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> DataFusionResult<TableScanExec> {
        let output: Vec<usize> = read.iter().take(output_columns).copied().collect();
        let schema = Arc::new(table.schema().project(&output)?);
        let properties = properties(&table, &schema, filter.constant_columns, false);
        Ok(TableScanExec {
            table,
            moment,
            ranges: Arc::new(filter.ranges),
            constant_columns: filter.constant_columns,
            read,
            output_columns,
            predicate,
            fetch: None,
            descending: false,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    pub(crate) fn limited(self, fetch: Option<usize>) -> TableScanExec {
        TableScanExec { fetch, ..self }
    }

    fn backwards(&self) -> TableScanExec {
        let descending = !self.descending;
        let properties = properties(&self.table, &self.schema(), self.constant_columns, descending);
        TableScanExec { descending, properties: Arc::new(properties), ..self.clone() }
    }

    /// Reads on the calling thread, gives each batch to `send` until that says stop.
    fn run(&self, mut send: impl FnMut(RecordBatch) -> bool) -> DataFusionResult<()> {
        let external = |e: crate::Error| DataFusionError::External(Box::new(e));
        let projection = self.table.inner().codec.project(Some(&self.read)).map_err(external)?;
        let mut ranges = self.ranges.as_ref().clone();
        if self.descending {
            ranges.reverse();
        }
        let rows_max = match self.predicate {
            None => self.fetch.unwrap_or(usize::MAX),
            Some(_) => usize::MAX,
        };
        let batches = self
            .table
            .batches(&ranges, projection, self.descending, rows_max, self.moment.as_ref())
            .map_err(external)?;
        let output: Vec<usize> = (0..self.output_columns).collect();
        let mut left = self.fetch.unwrap_or(usize::MAX);
        for batch in batches {
            let mut batch = batch.map_err(external)?;
            if let Some(predicate) = &self.predicate {
                let keep = predicate.evaluate(&batch)?.into_array(batch.num_rows())?;
                let Some(keep) = keep.as_any().downcast_ref::<BooleanArray>() else {
                    return internal_err!("a filter of table {} is not boolean", self.table.name());
                };
                batch = filter_record_batch(&batch, keep)?;
            }
            let batch = batch.slice(0, batch.num_rows().min(left)).project(&output)?;
            left -= batch.num_rows();
            if batch.num_rows() > 0 && !send(batch) || left == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Rows come in the order of the key. Its first columns may be left out of an ordering when each has one value.
fn properties(table: &Table, schema: &SchemaRef, constant_columns: usize, descending: bool) -> PlanProperties {
    let key = table.definition().key();
    let options = SortOptions { descending, nulls_first: descending };
    let orderings = (0..=constant_columns.min(key.len())).filter_map(|skipped| {
        let columns = key.iter().skip(skipped).map_while(|name| {
            let index = schema.index_of(name).ok()?;
            Some(PhysicalSortExpr::new(Arc::new(Column::new(name, index)), options))
        });
        LexOrdering::new(columns)
    });
    let equivalence = EquivalenceProperties::new_with_orderings(schema.clone(), orderings);
    PlanProperties::new(
        equivalence,
        Partitioning::UnknownPartitioning(1),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
}

impl std::fmt::Debug for TableScanExec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}

impl DisplayAs for TableScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TableScanExec: table={}, ", self.table.name())?;
        match self.ranges.as_slice() {
            [all] if all.start.is_empty() && all.end.is_none() => write!(f, "whole table")?,
            ranges => write!(f, "key ranges={}", ranges.len())?,
        }
        if let Some(predicate) = &self.predicate {
            write!(f, ", filter={predicate}")?;
        }
        if self.descending {
            write!(f, ", descending")?;
        }
        if let Some(fetch) = self.fetch {
            write!(f, ", limit={fetch}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for TableScanExec {
    fn name(&self) -> &'static str {
        "TableScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        self.predicate.as_ref().map_or(Ok(TreeNodeRecursion::Continue), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("a table scan has no children"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a table scan has one partition, {partition} was asked for");
        }
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let mut stream = RecordBatchReceiverStream::builder(self.schema(), BATCHES_WAITING_MAX);
        let (batches, scan) = (stream.tx(), self.clone());
        stream.spawn_blocking(move || {
            let _timer = metrics.elapsed_compute().timer();
            scan.run(|batch| {
                metrics.record_output(batch.num_rows());
                batches.blocking_send(Ok(batch)).is_ok()
            })
        });
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn supports_limit_pushdown(&self) -> bool {
        false
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(self.clone().limited(limit)))
    }

    /// Key columns are never null, so the place of nulls does not matter.
    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> DataFusionResult<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        // Which rows a limit keeps depends on the direction: it is settled once there is one.
        let descending = order.first().is_some_and(|first| first.options.descending);
        if self.fetch.is_some() || order.iter().any(|o| o.options.descending != descending) {
            return Ok(SortOrderPushdownResult::Unsupported);
        }
        let name = |o: &PhysicalSortExpr| o.expr.downcast_ref::<Column>().map(|c| c.name().to_owned());
        let wanted: Option<Vec<String>> = order.iter().map(name).collect();
        let Some(wanted) = wanted else { return Ok(SortOrderPushdownResult::Unsupported) };
        let key = self.table.definition().key();
        let answered = (0..=self.constant_columns.min(key.len()))
            .any(|skipped| key.iter().skip(skipped).take(wanted.len()).eq(&wanted));
        Ok(match answered {
            false => SortOrderPushdownResult::Unsupported,
            true if descending == self.descending => SortOrderPushdownResult::Exact { inner: Arc::new(self.clone()) },
            true => SortOrderPushdownResult::Exact { inner: Arc::new(self.backwards()) },
        })
    }
}
