//! Joins with a table as of a time: by event time with the version of that time, by processing time with what is
//! [looked up](super::lookup).

use arrow::datatypes::DataType;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Expr, LogicalPlan, utils::conjunction};
use tidemill_engine::{OperatorContext, Port, Routing};

use super::builder::{Builder, compile, nullable, table_of};
use super::calc::origin;
use super::join::joined;
use super::stream::{Stream, Traits};
use crate::catalog::Table;
use crate::error::{Result, SqlError};
use crate::logical::kinesis::ROWTIME;
use crate::logical::versioned_join::VersionedJoin;
use crate::operators::join::{
    AsOf, JoinType, REJECTS, ReferenceJoin, ReferenceJoinConfig, TemporalJoin, TemporalJoinConfig,
};

impl Builder<'_> {
    pub(super) fn versioned_join(&mut self, join: &VersionedJoin, schema: &DFSchemaRef) -> Result<Stream> {
        let left = self.plan(&join.left)?;
        let time = left.schema.index_of_column(&join.as_of)?;
        // Joined streams meet a reference table at the latest of their times.
        let is_joined = join.as_of.name == ROWTIME && left.traits.latest_of.contains(&time);
        if left.traits.event_time.contains(&time) || is_joined {
            // In the dialect of Kinesis Data Analytics a table that ends is a reference: its rows hold at all times.
            return self.temporal_join(join, left, join.as_of.name == ROWTIME, schema);
        }
        if left.traits.processing_time.contains(&time) {
            return match self.is_loaded(&join.right) {
                true => self.temporal_join(join, left, true, schema),
                false => self.lookup_join(join, left, schema),
            };
        }
        let message = match left.schema.field(time).data_type() {
            DataType::Timestamp(..) => format!("'{}' is only a TIMESTAMP, no time column", join.as_of),
            other => format!("'{}' is {}, no time column", join.as_of, crate::types::name(other)),
        };
        let hint = "declare WATERMARK FOR it in CREATE TABLE, or a column AS PROCTIME() to look rows up; and select it as it is";
        Err(SqlError::unsupported(message).hint(hint))
    }

    /// Each left row with the version that is valid at its event time; with the row of a table that ends, where that may be a reference.
    fn temporal_join(
        &mut self,
        join: &VersionedJoin,
        left: Stream,
        may_refer: bool,
        schema: &DFSchemaRef,
    ) -> Result<Stream> {
        let right = self.plan(&join.right)?;
        let (mut pairs, mut rest) = join.compared()?;
        let is_reference = may_refer && right.traits.bounded && right.traits.event_time.is_empty();
        let mut of_key = if is_reference { std::mem::take(&mut pairs) } else { Vec::new() };
        let key = match is_reference {
            true => Vec::new(),
            false => right.traits.unique.clone().ok_or_else(|| no_key(join))?,
        };
        for column in key {
            let compares = |(_, expr): &(Expr, Expr)| origin(below_cast(expr), &right) == Some(column);
            let at = pairs.iter().position(compares).ok_or_else(|| no_key(join))?;
            of_key.push(pairs.remove(at));
        }
        if !right.traits.versions && !is_reference {
            let error = SqlError::unsupported("the right side's rows don't say from when on they hold");
            return Err(error.hint("declare WATERMARK FOR the time of the table's changes"));
        }
        rest.extend(pairs.into_iter().map(|(left, right)| left.eq(right)));

        let (left_columns, right_columns) = (left.schema.fields().len(), right.schema.fields().len());
        let (lefts, rights): (Vec<Expr>, Vec<Expr>) = of_key.into_iter().unzip();
        let key = lefts.iter().zip(&rights).map(|(l, r)| format!("{l} = {r}")).collect::<Vec<_>>().join(", ");
        let (left, left_keys) = self.with_keys(left, &lefts)?;
        let (right, right_keys) = self.with_keys(right, &rights)?;
        let whole = joined(&left.schema, &right.schema)?;
        let condition = conjunction(rest).map(|condition| compile(&condition, &whole)).transpose()?;
        let extended = left.schema.fields().len();
        let bounded = left.traits.bounded && right.traits.bounded;
        // A left row goes out at its own time. With versions it has one partner at the most, with a reference there may be more.
        let traits = Traits { bounded, in_order_by: None, versions: false, ..left.traits.clone() };
        let (left, left_input) = self.side(left, left_keys, false)?;
        let (right, right_input) = self.side(right, right_keys, false)?;
        let kind = if join.outer { JoinType::Left } else { JoinType::Inner };
        let schema_out = nullable(whole.inner());
        let port = if is_reference {
            let config =
                ReferenceJoinConfig { join: kind, left: left_input, right: right_input, condition, schema: schema_out };
            self.reference_join(config, format!("{kind:?}"), key, vec![left, right], traits.changes)?
        } else {
            let config = TemporalJoinConfig {
                join: kind,
                left: left_input,
                right: right_input,
                as_of: AsOf::EventTime,
                condition,
                schema: schema_out,
            };
            TemporalJoin::new(config.clone())?;
            let mut node = self.node("temporal join", format!("{kind:?} as of {}", join.as_of), traits.changes);
            node.key = Some(key);
            node.state =
                Some("versions that left rows may still ask for, and left rows until the watermark".to_owned());
            let origin = self.origin(&node.name);
            let make = move |_: &OperatorContext| Ok(TemporalJoin::new(config.clone())?.with_rejects(origin.clone()));
            let port = self.operator(node, vec![left, right], make)?;
            self.rejects(Port { output: REJECTS, ..port });
            port
        };
        let stream = Stream::of_ports(vec![port], whole, traits);
        let kept: Vec<usize> = (0..left_columns).chain(extended..extended + right_columns).collect();
        self.kept(stream, &kept, schema)
    }
}

impl Builder<'_> {
    /// Left rows with what a table that ends says of them.
    pub(super) fn reference_join(
        &mut self,
        config: ReferenceJoinConfig,
        about: String,
        key: String,
        inputs: Vec<(Stream, Routing)>,
        changes: bool,
    ) -> Result<Port> {
        ReferenceJoin::new(config.clone())?;
        let mut node = self.node("reference join", about, changes);
        node.key = Some(key).filter(|key| !key.is_empty());
        node.state = Some("the table".to_owned());
        let origin = self.origin(&node.name);
        let make = move |_: &OperatorContext| Ok(ReferenceJoin::new(config.clone())?.with_rejects(origin.clone()));
        let port = self.operator(node, inputs, make)?;
        self.rejects(Port { output: REJECTS, ..port });
        Ok(port)
    }
}

fn below_cast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => below_cast(&cast.expr),
        other => other,
    }
}

/// The right side has no key, or not all of it is compared.
fn no_key(join: &VersionedJoin) -> SqlError {
    let Some(table) = table_below(&join.right) else {
        let error = SqlError::unsupported("the join must compare all columns of the right side's key by =");
        return error.hint("a view has the key of ROW_NUMBER() OVER (PARTITION BY key ORDER BY time DESC) … = 1");
    };
    let key: Vec<String> = table.primary_key.iter().map(|column| table.schema.field(*column).name().clone()).collect();
    match key.as_slice() {
        [] => SqlError::unsupported(format!(
            "table '{}' has no primary key, by which a row's versions are known",
            table.name
        ))
        .hint("declare PRIMARY KEY (…) NOT ENFORCED"),
        _ => SqlError::unsupported(format!("the join must compare the whole primary key of '{}' by =", table.name))
            .hint(format!("it is ({})", key.join(", "))),
    }
}

/// The table that a plan reads, and does no more with than to choose columns and rows.
fn table_below(plan: &LogicalPlan) -> Option<&Table> {
    match plan {
        LogicalPlan::TableScan(scan) => table_of(scan),
        LogicalPlan::SubqueryAlias(alias) => table_below(&alias.input),
        LogicalPlan::Projection(projection) => table_below(&projection.input),
        LogicalPlan::Filter(filter) => table_below(&filter.input),
        _ => None,
    }
}
