//! `a JOIN b FOR SYSTEM_TIME AS OF a.time`: each left row with the right row as it was, or is, at the left row's time.
//!
//! It is a node of its own and no join of DataFusion's, so that no rule moves a condition into the right side: there it would hide a
//! version, and make the one before it valid again.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef, JoinType, Result, plan_err};
use datafusion::logical_expr::builder::build_join_schema;
use datafusion::logical_expr::utils::{
    check_all_columns_from_schema, conjunction, find_valid_equijoin_key_pair, split_conjunction_owned,
};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Extension, Filter, Join, LogicalPlan, Operator, UserDefinedLogicalNodeCore, lit,
};

use super::versioned::Versioned;
use crate::error::{Kind, Place, SqlError, similar};

/// A join whose right side is as of a time of the left side's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct VersionedJoin {
    pub(crate) left: LogicalPlan,
    pub(crate) right: LogicalPlan,
    /// Left rows without a partner stay.
    pub(crate) outer: bool,
    /// The left column that says the time.
    pub(crate) as_of: Column,
    /// What must hold of a left and a right row.
    pub(crate) condition: Expr,
    /// Where the time is named.
    pub(crate) place: Option<Place>,
    schema: DFSchemaRef,
}

/// The plan with all joins with versioned tables as [`VersionedJoin`]s.
pub(super) fn join_versions(plan: LogicalPlan) -> Result<LogicalPlan> {
    let planned = plan.transform_up_with_subqueries(|plan| {
        Ok(match plan {
            LogicalPlan::Join(join) => match versioned(&join.right) {
                Some(versioned) => Transformed::yes(of_join(&join, versioned)?),
                None => Transformed::no(LogicalPlan::Join(join)),
            },
            LogicalPlan::Filter(filter) => filtered(filter)?,
            other => Transformed::no(other),
        })
    })?;
    Ok(planned.data)
}

/// The versioned table that a join's right side is.
fn versioned(plan: &LogicalPlan) -> Option<&Versioned> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
        LogicalPlan::SubqueryAlias(alias) => versioned(&alias.input),
        LogicalPlan::Projection(projection) => versioned(&projection.input),
        _ => None,
    }
}

fn of_join(join: &Join, versioned: &Versioned) -> Result<LogicalPlan> {
    let outer = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left => true,
        other => {
            let error = SqlError::unsupported(format!(
                "a {} join FOR SYSTEM_TIME AS OF has no meaning",
                other.to_string().to_uppercase()
            ));
            return Err(error
                .hint("write JOIN or LEFT JOIN: each left row asks for one version")
                .at(versioned.place)
                .into());
        }
    };
    let as_of = left_column(&versioned.as_of, join.left.schema()).map_err(|error| error.at(versioned.place))?;
    let place = versioned.place;
    let bare = join.right.as_ref().clone().transform_down(|plan| {
        Ok(match versioned_itself(&plan) {
            Some(versioned) => {
                Transformed::new(versioned.input.clone(), true, datafusion::common::tree_node::TreeNodeRecursion::Stop)
            }
            None => Transformed::no(plan),
        })
    })?;
    let equal = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
    let condition = conjunction(equal.chain(join.filter.clone())).unwrap_or_else(|| lit(true));
    let node = VersionedJoin::new(join.left.as_ref().clone(), bare.data, outer, as_of, condition, place)?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

fn versioned_itself(plan: &LogicalPlan) -> Option<&Versioned> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
        _ => None,
    }
}

/// The column of the left side that the time names.
fn left_column(name: &Column, left: &DFSchema) -> std::result::Result<Column, SqlError> {
    let found = match &name.relation {
        Some(_) => left.qualified_field_from_column(name),
        None => left.qualified_field_with_unqualified_name(&name.name),
    };
    found.map(Column::from).map_err(|_| {
        let error = SqlError::new(Kind::Name, format!("the left side of the join has no column '{name}'"));
        let known: Vec<String> = left.columns().iter().map(ToString::to_string).collect();
        match similar(&name.to_string(), known.iter().map(String::as_str)) {
            Some(known) => error.hint(format!("did you mean '{known}'?")),
            None => error.hint("the time is a time column of the left side"),
        }
    })
}

/// Conditions on the left side alone decide before the join: fewer rows wait, or ask. Others are those of a join that has none.
fn filtered(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Extension(extension) = filter.input.as_ref() else {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    };
    let Some(join) = extension.node.as_any().downcast_ref::<VersionedJoin>() else {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    };
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for condition in split_conjunction_owned(filter.predicate.clone()) {
        let moves =
            !condition.is_volatile() && check_all_columns_from_schema(&condition.column_refs(), join.left.schema())?;
        if moves { below.push(condition) } else { above.push(condition) }
    }
    // FROM a, b WHERE a.k = b.k: the conditions are the join's.
    let own = if join.condition == lit(true) && !join.outer { std::mem::take(&mut above) } else { Vec::new() };
    if below.is_empty() && own.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let left = match conjunction(below) {
        Some(below) => filtered(Filter::try_new(below, Arc::new(join.left.clone()))?)?.data,
        None => join.left.clone(),
    };
    let condition = conjunction([join.condition.clone()].into_iter().chain(own)).unwrap_or_else(|| lit(true));
    let node = VersionedJoin { left, condition, ..join.clone() };
    let joined = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    Ok(Transformed::yes(match conjunction(above) {
        Some(above) => LogicalPlan::Filter(Filter::try_new(above, Arc::new(joined))?),
        None => joined,
    }))
}

impl VersionedJoin {
    fn new(
        left: LogicalPlan,
        right: LogicalPlan,
        outer: bool,
        as_of: Column,
        condition: Expr,
        place: Option<Place>,
    ) -> Result<Self> {
        let kind = if outer { JoinType::Left } else { JoinType::Inner };
        let schema = Arc::new(build_join_schema(left.schema(), right.schema(), &kind)?);
        Ok(VersionedJoin { left, right, outer, as_of, condition, place, schema })
    }

    /// Equalities of a left and a right expression, and all other conditions.
    pub(crate) fn compared(&self) -> Result<(Vec<(Expr, Expr)>, Vec<Expr>)> {
        let (mut pairs, mut rest) = (Vec::new(), Vec::new());
        for condition in split_conjunction_owned(self.condition.clone()) {
            let pair = match &condition {
                Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                    find_valid_equijoin_key_pair(left, right, self.left.schema(), self.right.schema())?
                }
                _ => None,
            };
            match pair {
                Some(pair) => pairs.push(pair),
                None if condition == lit(true) => {}
                None => rest.push(condition),
            }
        }
        Ok((pairs, rest))
    }
}

impl fmt::Debug for VersionedJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_for_explain(f)
    }
}

impl PartialOrd for VersionedJoin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_of.partial_cmp(&other.as_of)
    }
}

impl UserDefinedLogicalNodeCore for VersionedJoin {
    fn name(&self) -> &str {
        "VersionedJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![Expr::Column(self.as_of.clone()), self.condition.clone()]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionedJoin: as of {} on {}", self.as_of, self.condition)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (exprs.pop(), exprs.pop(), inputs.pop(), inputs.pop()) {
            (Some(condition), Some(Expr::Column(as_of)), Some(right), Some(left)) => {
                VersionedJoin::new(left, right, self.outer, as_of, condition.unalias(), self.place)
            }
            _ => plan_err!("a join with versions lost a side or the time"),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        // The optimizer adds what the expressions need.
        let first = self.left.schema().fields().len();
        let (left, right): (Vec<usize>, Vec<usize>) = output_columns.iter().partition(|column| **column < first);
        Some(vec![left, right.into_iter().map(|column| column - first).collect()])
    }
}
