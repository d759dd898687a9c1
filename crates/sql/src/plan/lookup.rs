//! Look-up joins: rows that ask a table's connector for their partners.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, TableScan, try_cast, utils::conjunction};
use tidemill_engine::metrics::OperatorMetrics;
use tidemill_engine::{OperatorContext, Port, Routing};

use super::builder::{Builder, compile, nullable, table_of};
use super::join::joined;
use super::stream::{Stream, Traits};
use super::window::columns_of;
use crate::catalog::{Origin, Table};
use crate::error::{Kind, Result, SqlError};
use crate::logical::versioned_join::VersionedJoin;
use crate::operators::calc::Step;
use crate::operators::join::{JoinType, LookupJoin, LookupJoinConfig, LookupOptions, REJECTS};

impl Builder<'_> {
    /// Each left row with what the table's system answers when it is asked.
    pub(super) fn lookup_join(&mut self, join: &VersionedJoin, left: Stream, schema: &DFSchemaRef) -> Result<Stream> {
        let Some((scan, table)) = looked_up(&join.right) else {
            let error = SqlError::unsupported("only a table can be looked up as of a processing time");
            return Err(error.hint("name the table itself, and filter behind the join"));
        };
        let refused = |error: &dyn std::fmt::Display| {
            SqlError::new(Kind::Connector, format!("table '{}' can't be looked up: {error}", table.name))
        };
        let lookup = tidemill_connectors::lookup(&table.declaration, self.environment).map_err(|e| refused(&e))?;
        let read = match &scan.projection {
            Some(projection) => projection.clone(),
            None => (0..table.schema.fields().len()).collect(),
        };
        let projection = read.iter().map(|column| declared(table, *column)).collect::<Result<Vec<usize>>>()?;

        let right = join.right.schema();
        let (pairs, mut rest) = join.compared()?;
        let (mut lefts, mut keys) = (Vec::new(), Vec::new());
        for (of_left, of_right) in pairs {
            let (column, of_left) = match &of_right {
                Expr::Column(column) => (Some(right.index_of_column(column)?), of_left),
                Expr::Cast(widened) => match widened.expr.as_ref() {
                    // A number that the column can't hold equals none of its values.
                    Expr::Column(column) if is_integer(&of_left, left.schema.as_ref())? => {
                        let place = right.index_of_column(column)?;
                        (Some(place), try_cast(of_left, right.field(place).data_type().clone()))
                    }
                    _ => (None, of_left),
                },
                _ => (None, of_left),
            };
            match column.filter(|column| !keys.contains(column)) {
                Some(column) => {
                    keys.push(column);
                    lefts.push(of_left);
                }
                None => rest.push(of_left.eq(of_right)),
            }
        }
        if keys.is_empty() {
            let error = SqlError::unsupported(format!("nothing says which rows of '{}' are looked up", table.name));
            return Err(error.hint("compare its columns, as they are, with the left side's by ="));
        }
        let key_names: Vec<&str> =
            keys.iter().filter_map(|key| right.fields().get(*key)).map(|field| field.name().as_str()).collect();
        let key_names = key_names.join(", ");
        let table_keys: Vec<usize> = keys.iter().filter_map(|key| projection.get(*key).copied()).collect();
        lookup.open(&table_keys, &projection, &planning()).map_err(|e| refused(&e))?;

        let (left_columns, right_columns) = (left.schema.fields().len(), right.fields().len());
        let (left, places) = self.with_keys(left, &lefts)?;
        let whole = joined(&left.schema, right)?;
        let condition = conjunction(rest).map(|condition| compile(&condition, &whole)).transpose()?;
        let extended = left.schema.fields().len();
        let traits = Traits { unique: None, versions: false, ..left.traits.clone() };
        let kind = if join.outer { JoinType::Left } else { JoinType::Inner };
        let config = LookupJoinConfig {
            join: kind,
            input: nullable(left.columns()),
            keys: places,
            table: lookup,
            table_keys,
            projection,
            looked_up: nullable(&Schema::new(right.fields().clone())),
            condition,
            schema: nullable(whole.inner()),
            options: LookupOptions::default(),
        };
        LookupJoin::new(config.clone())?;
        let connector = table.declaration.options.get("connector").unwrap_or_default();
        let about = format!("{kind:?}, asks {connector} '{}' by {key_names}", table.name);
        let mut node = self.node("lookup join", about, traits.changes);
        node.state = Some("rows that wait for an answer".to_owned());
        let origin = self.origin(&node.name);
        let make = move |_: &OperatorContext| Ok(LookupJoin::new(config.clone())?.with_rejects(origin.clone()));
        let port = self.operator(node, vec![(left, Routing::Forward)], make)?;
        self.rejects(Port { output: REJECTS, ..port });
        let stream = Stream::of_ports(vec![port], whole, traits);
        let kept: Vec<usize> = (0..left_columns).chain(extended..extended + right_columns).collect();
        self.kept(stream, &kept, schema)
    }

    /// Whether a table that can't be asked ends, so that it can be read before the first row asks.
    pub(super) fn is_loaded(&self, right: &LogicalPlan) -> bool {
        let Some((_, table)) = looked_up(right) else { return false };
        tidemill_connectors::lookup(&table.declaration, self.environment).is_err()
            && table.watermark.is_none()
            && tidemill_connectors::source(&table.declaration, self.environment)
                .is_ok_and(|source| source.is_bounded() && !source.has_changes())
    }

    /// Some columns of a stream, with the names of a schema.
    pub(super) fn kept(&self, mut stream: Stream, columns: &[usize], schema: &DFSchemaRef) -> Result<Stream> {
        if columns.len() != stream.schema.fields().len() {
            let all = columns_of(&stream)?;
            let kept = columns.iter().filter_map(|column| all.get(*column).cloned()).collect();
            stream.steps.push(Step::Project(kept, nullable(schema.inner())));
        }
        stream.schema = schema.clone();
        Ok(stream)
    }
}

/// The table that is looked up, if nothing else is done with it.
fn looked_up(plan: &LogicalPlan) -> Option<(&TableScan, &Table)> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() => Some((scan, table_of(scan)?)),
        LogicalPlan::SubqueryAlias(alias) => looked_up(&alias.input),
        _ => None,
    }
}

/// Whether an expression is a whole number.
fn is_integer(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(expr.get_type(schema)?.is_integer())
}

/// The connector's number of a table's column.
fn declared(table: &Table, column: usize) -> Result<usize> {
    match table.origins.get(column) {
        Some(Origin::Connector(place)) => Ok(*place),
        _ => {
            let message = format!("column '{}' of '{}' is computed", table.schema.field(column).name(), table.name);
            Err(SqlError::unsupported(message).hint("a look-up gives what is stored: compute it in the query"))
        }
    }
}

/// Whoever only wants to know whether a table can be looked up so.
fn planning() -> OperatorContext {
    OperatorContext {
        job: Arc::from("plan"),
        operator: Arc::from("lookup join"),
        worker: 0,
        workers: 1,
        key_groups: 0..1,
        generation: 0,
        metrics: OperatorMetrics::new("lookup join", 0),
    }
}
