//! When a query must have ended, and the places that look at it.
//!
//! A query ends in three ways that make one: its task is aborted, which takes effect when it yields; rules between those of
//! the planner end the planning; and an expression in the filters of joins ends the loops of joins that find nothing, which
//! neither yield nor give rows.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DataFusionError, internal_err};
use datafusion::error::Result as DataFusionResult;
use datafusion::execution::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{ColumnarValue, LogicalPlan};
use datafusion::optimizer::{AnalyzerRule, OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// The end of one query. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Deadline {
    at: Instant,
    given_up: Arc<AtomicBool>,
}

impl Deadline {
    pub(super) fn new(at: Instant) -> Deadline {
        Deadline { at, given_up: Arc::default() }
    }

    /// Nobody waits for the answer any more.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || Instant::now() >= self.at
    }

    pub(super) fn check(&self) -> DataFusionResult<()> {
        match self.is_over() {
            false => Ok(()),
            true => Err(DataFusionError::Execution("the query's time is over".into())),
        }
    }

    /// A session whose planner looks at the deadline before each of its rules.
    pub(super) fn watch(&self, state: SessionState) -> SessionState {
        let rule = Arc::new(Rule(self.clone()));
        let analyzer = state.analyzer().rules.iter();
        let analyzer = analyzer.flat_map(|next| [rule.clone() as Arc<_>, next.clone()]).collect();
        let optimizer = state.optimizers().iter();
        let optimizer = optimizer.flat_map(|next| [rule.clone() as Arc<_>, next.clone()]).collect();
        let physical = state.physical_optimizers().iter();
        let physical = physical.flat_map(|next| [rule.clone() as Arc<_>, next.clone()]).collect();
        let rewrites = state.analyzer().function_rewrites().to_vec();
        let mut watched = SessionStateBuilder::new_from_existing(state)
            .with_analyzer_rules(analyzer)
            .with_optimizer_rules(optimizer)
            .with_physical_optimizer_rules(physical);
        if let Some(analyzer) = watched.analyzer() {
            rewrites.into_iter().for_each(|rewrite| analyzer.add_function_rewrite(rewrite));
        }
        watched.build()
    }
}

/// Changes nothing, and fails when the time is over.
#[derive(Debug)]
struct Rule(Deadline);

const RULE: &str = "deadline";

impl AnalyzerRule for Rule {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        self.0.check().map(|()| plan)
    }

    fn name(&self) -> &str {
        RULE
    }
}

impl OptimizerRule for Rule {
    fn name(&self) -> &str {
        RULE
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> DataFusionResult<Transformed<LogicalPlan>> {
        self.0.check().map(|()| Transformed::no(plan))
    }
}

impl PhysicalOptimizerRule for Rule {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.0.check().map(|()| plan)
    }

    fn name(&self) -> &str {
        RULE
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What the expression inside says, while there is time.
#[derive(Debug)]
pub(super) struct InTime {
    pub(super) inner: Arc<dyn PhysicalExpr>,
    pub(super) deadline: Deadline,
}

impl fmt::Display for InTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}

impl PartialEq for InTime {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for InTime {}

impl Hash for InTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for InTime {
    fn data_type(&self, input: &Schema) -> DataFusionResult<DataType> {
        self.inner.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> DataFusionResult<bool> {
        self.inner.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> DataFusionResult<FieldRef> {
        self.inner.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> DataFusionResult<ColumnarValue> {
        self.deadline.check()?;
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> DataFusionResult<Arc<dyn PhysicalExpr>> {
        match <[_; 1]>::try_from(children) {
            Ok([inner]) => Ok(Arc::new(InTime { inner, deadline: self.deadline.clone() })),
            Err(children) => internal_err!("a deadline is around one expression, not {}", children.len()),
        }
    }

    fn fmt_sql(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(out)
    }
}
