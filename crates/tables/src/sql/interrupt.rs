//! Makes a plan one that can be stopped.
//!
//! DataFusion's sources yield now and then, which stops most plans; but a join makes billions of rows of two batches. So every
//! operator yields here, not the sources alone. A join that keeps none of its pairs does not even give a batch: those have a
//! filter that looks at the deadline, a filter being what a join evaluates for every few thousand pairs.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::JoinType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder};

use super::deadline::{Deadline, InTime};

/// The same plan, stoppable.
pub(super) fn interruptible(plan: Arc<dyn ExecutionPlan>, deadline: &Deadline) -> Result<Arc<dyn ExecutionPlan>> {
    let stoppable = plan.transform_up(|node| {
        let node = joins_in_time(node, deadline)?;
        Ok(Transformed::yes(match node.properties().scheduling_type {
            SchedulingType::Cooperative => node,
            SchedulingType::NonCooperative => Arc::new(CooperativeExec::new(node)),
        }))
    })?;
    Ok(stoppable.data)
}

fn joins_in_time(node: Arc<dyn ExecutionPlan>, deadline: &Deadline) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        let filter = match &join.filter {
            Some(filter) => in_time(filter, deadline),
            None if gives_each_pair(join.join_type) => return Ok(node),
            None => in_time(&JoinFilter::new(lit(true), Vec::new(), Arc::new(Schema::empty())), deadline),
        };
        return Ok(Arc::new(join.builder().with_filter(Some(filter)).build()?));
    }
    if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
        && let Some(filter) = join.filter()
    {
        let filter = Some(in_time(filter, deadline));
        return Ok(Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?));
    }
    Ok(node)
}

/// Whether a join without a filter gives a row for each pair of rows with the same key, so that it soon has a batch.
fn gives_each_pair(join: JoinType) -> bool {
    matches!(join, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
}

fn in_time(filter: &JoinFilter, deadline: &Deadline) -> JoinFilter {
    let expression = InTime { inner: filter.expression().clone(), deadline: deadline.clone() };
    JoinFilter::new(Arc::new(expression), filter.column_indices().to_vec(), filter.schema().clone())
}
