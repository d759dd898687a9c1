//! A logical plan to a job: each node becomes a step of a [`Calc`](crate::operators::calc::Calc) or an operator.
//!
//! A [`Stream`] is what one node says to the next: where its rows come out, what their columns are, and what is known of them:
//! whether they are revised, which columns are the event time, in which windows they lie. Projections and filters cost no
//! operator of their own: they are steps that wait until an operator needs their result.
//!
//! | file | plans |
//! |---|---|
//! | [`scan`] | tables and values |
//! | [`calc`] | projections, filters |
//! | [`window`] | window table functions |
//! | [`aggregate`] | `GROUP BY`, with windows and without |
//! | [`grouping_sets`] | `GROUPING SETS`, `ROLLUP`, `CUBE` |
//! | [`late_data`] | `LATE DATA TO` |
//! | [`errors`] | the error table |
//! | [`join`] | joins: regular, of windows, of intervals |
//! | [`versioned`], [`lookup`] | joins with a table as of a time: temporal joins, look-up joins |
//! | [`unnest`] | `UNNEST` |
//! | [`over`] | `OVER` |
//! | [`rank`] | `ROW_NUMBER()` below a filter: top-n and de-duplication |
//! | [`pump`] | in-application streams |
//! | [`shared`] | aggregations that a job asks for more than once |
//! | [`sort`] | `ORDER BY`, `LIMIT` |
//! | [`sink`] | `INSERT INTO`, rows for the terminal |

mod aggregate;
mod builder;
mod calc;
mod errors;
mod grouping_sets;
mod join;
mod late_data;
mod lookup;
mod over;
mod pump;
mod rank;
mod scan;
mod shared;
mod sink;
mod sort;
mod stream;
mod unnest;
mod versioned;
mod window;

pub(crate) use self::builder::Builder;
pub use self::builder::{Node, NodeKind};
pub(crate) use self::sink::Target;
pub(crate) use self::stream::{Stream, Traits};

use datafusion::common::Column;
use datafusion::logical_expr::{Extension, LogicalPlan, Union};

use crate::error::{Result, SqlError};
use crate::logical::first_rows::FirstRows;
use crate::logical::unnest::Unnest;
use crate::logical::versioned::Versioned;
use crate::logical::versioned_join::VersionedJoin;
use crate::logical::window::WindowTvf;

impl Builder<'_> {
    /// Plans a node and all below it.
    pub(crate) fn plan(&mut self, plan: &LogicalPlan) -> Result<Stream> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::EmptyRelation(empty) => self.empty(empty),
            LogicalPlan::Aggregate(aggregate) => self.shared(plan, |builder| builder.aggregate(aggregate)),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Window(window) => self.over(window),
            LogicalPlan::Sort(sort) => self.sort(sort),
            LogicalPlan::Limit(limit) => self.limit(limit),
            LogicalPlan::Extension(extension) => self.extension(extension),
            LogicalPlan::Projection(projection) => {
                let input = match &*projection.input {
                    LogicalPlan::Filter(filter) => {
                        let uses =
                            |column: &Column| projection.expr.iter().any(|expr| expr.column_refs().contains(column));
                        match self.ranked(filter, &uses)? {
                            Some(ranked) => ranked,
                            None => self.plan(&projection.input)?,
                        }
                    }
                    other => self.plan(other)?,
                };
                let rows = self.project(input, &projection.expr, &projection.schema)?;
                self.retimed(rows, &projection.expr)
            }
            LogicalPlan::Filter(filter) => {
                if let Some(ranked) = self.ranked(filter, &|_| true)? {
                    return Ok(ranked);
                }
                let input = self.plan(&filter.input)?;
                self.filter(input, &filter.predicate)
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let mut input = self.plan(&alias.input)?;
                input.schema = alias.schema.clone();
                Ok(input)
            }
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Subquery(_) => Err(SqlError::unsupported("this sub-query can't be made a join")
                .hint("join the tables by equal columns instead")),
            other => {
                let name = other.display().to_string();
                let name = name.split([':', ' ']).next().unwrap_or_default();
                Err(SqlError::unsupported(format!("{name} is not built for streams")))
            }
        }
    }

    /// A node of ours.
    fn extension(&mut self, extension: &Extension) -> Result<Stream> {
        let node = extension.node.as_any();
        if let Some(window) = node.downcast_ref::<WindowTvf>() {
            return self.window(window, extension.node.schema());
        }
        if let Some(join) = node.downcast_ref::<VersionedJoin>() {
            return self.versioned_join(join, extension.node.schema()).map_err(|error| error.at(join.place));
        }
        if let Some(unnest) = node.downcast_ref::<Unnest>() {
            return self.unnest(unnest, extension.node.schema()).map_err(|error| error.at(unnest.place));
        }
        if let Some(rows) = node.downcast_ref::<FirstRows>() {
            return self.first_rows(rows);
        }
        let error = SqlError::unsupported("FOR SYSTEM_TIME AS OF is for the right side of a join");
        let place = node.downcast_ref::<Versioned>().and_then(|versioned| versioned.place);
        Err(error.hint("write a JOIN b FOR SYSTEM_TIME AS OF a.ts ON …").at(place))
    }

    /// Rows of several inputs, in no order.
    fn union(&mut self, union: &Union) -> Result<Stream> {
        let inputs = union.inputs.iter().map(|input| self.plan(input)).collect::<Result<Vec<_>>>()?;
        let mut traits: Option<Traits> = None;
        let mut ports = Vec::with_capacity(inputs.len());
        for mut input in inputs {
            self.conform(&mut input, &union.schema)?;
            let known = input.traits.clone();
            traits = Some(match traits {
                Some(traits) => traits.union(&known),
                None => known,
            });
            ports.extend(self.ports(input)?);
        }
        Ok(Stream::of_ports(ports, union.schema.clone(), traits.unwrap_or_default()))
    }
}
