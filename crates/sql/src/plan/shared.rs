//! What several queries of a job, or several parts of one, ask for alike is worked out once: aggregations, which cost most and
//! whose plans are equal where their texts are.

use std::collections::HashMap;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use super::builder::Builder;
use super::stream::Stream;
use crate::error::Result;

/// Plans that a job has more than once.
#[derive(Default)]
pub(super) struct Shared {
    /// How often each aggregation is asked for.
    asked: HashMap<LogicalPlan, usize>,
    planned: HashMap<LogicalPlan, Stream>,
}

impl Shared {
    /// Notes a plan that is going to be planned.
    pub(super) fn ask(&mut self, plan: &LogicalPlan) {
        if matches!(plan, LogicalPlan::Aggregate(_)) && is_deterministic(plan) {
            *self.asked.entry(plan.clone()).or_default() += 1;
        }
    }
}

impl Builder<'_> {
    /// Plans an aggregation, or takes the operator that an equal one has.
    pub(super) fn shared(
        &mut self,
        plan: &LogicalPlan,
        make: impl FnOnce(&mut Self) -> Result<Stream>,
    ) -> Result<Stream> {
        if self.shared.asked.get(plan).is_none_or(|times| *times < 2) {
            return make(self);
        }
        if let Some(planned) = self.shared.planned.get(plan) {
            return Ok(planned.clone());
        }
        let planned = make(self)?;
        self.shared.planned.insert(plan.clone(), planned.clone());
        Ok(planned)
    }
}

/// Whether it gives the same rows each time.
fn is_deterministic(plan: &LogicalPlan) -> bool {
    let mut is = true;
    let looked = plan.apply_with_subqueries(|node| {
        is &= !node.expressions().iter().any(|expression| expression.is_volatile());
        Ok(if is { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    looked.is_ok() && is
}
