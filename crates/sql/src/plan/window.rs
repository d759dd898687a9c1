//! Window table functions.
//!
//! A window aggregation needs no row for each window: it takes the time and counts slices. So where all that becomes of a window function's
//! columns is to be grouped by, they are left empty ([`Builder::deferred`]) and the aggregation makes them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::{Column, DFSchema, DFSchemaRef, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, lit};

use super::builder::{Builder, Node, NodeKind, compile, compile_all, nullable};
use super::stream::{Attached, Stream, Traits};
use crate::error::{Result, SqlError};
use crate::logical::window::{ADDED, WindowTvf, Windows};
use crate::operators::assign_windows::{AssignWindows, AssignWindowsConfig};
use crate::operators::calc::Step;
use crate::operators::windows::Windows as Slices;

impl Windows {
    /// The windows that rows share by their time alone; none for sessions.
    pub(super) fn slices(self) -> Option<Slices> {
        match self {
            Windows::Tumble { size, offset } => Some(Slices::Tumble { size, offset }),
            Windows::Hop { slide, size, offset } => Some(Slices::Hop { size, slide, offset }),
            Windows::Cumulate { step, size, offset } => Some(Slices::Cumulate { size, step, offset }),
            Windows::Stagger { .. } | Windows::Session { .. } => None,
        }
    }
}

impl Builder<'_> {
    /// Plans the input of an aggregation; the columns of a window function right below it may stay empty.
    pub(super) fn below_aggregate(&mut self, plan: &LogicalPlan) -> Result<Stream> {
        let before = std::mem::replace(&mut self.defer, only_grouped(plan).is_some());
        let planned = self.plan(plan);
        self.defer = before;
        planned
    }

    pub(super) fn window(&mut self, node: &WindowTvf, schema: &DFSchemaRef) -> Result<Stream> {
        let deferred = std::mem::take(&mut self.defer);
        let input = self.plan(&node.input)?;
        let time = input.schema.index_of_column(&node.time)?;
        let processing = input.traits.processing_time.contains(&time);
        if !processing && !input.traits.event_time.contains(&time) {
            let message = format!("windows need a time column, and '{}' is only a TIMESTAMP", node.time.name);
            let hint = "declare WATERMARK FOR it in CREATE TABLE, and select it as it is";
            return Err(SqlError::unsupported(message).hint(hint));
        }
        let partition_by =
            node.partition_by.iter().map(|column| Ok(input.schema.index_of_column(column)?)).collect::<Result<_>>()?;
        let first = input.schema.fields().len();
        let mut traits = input.traits.clone();
        (traits.unique, traits.versions) = (None, false);
        traits.window = Some(Attached {
            windows: node.windows,
            processing,
            deferred,
            partition_by: Some(partition_by),
            start: Some(first),
            end: Some(first + 1),
            time: Some(first + 2),
        });
        if deferred {
            return empty_columns(input, schema, traits);
        }
        let Some(windows) = node.windows.slices() else {
            let error = SqlError::unsupported("SESSION without an aggregation is not built");
            return Err(error.hint("GROUP BY window_start, window_end and the partition's columns"));
        };
        if processing {
            let error = SqlError::unsupported("windows of processing time without an aggregation are not built");
            return Err(error.hint("GROUP BY window_start, window_end, or declare an event time"));
        }
        traits.event_time.push(first + 2);
        let config = AssignWindowsConfig { windows, time, output: nullable(schema.inner()) };
        AssignWindows::new(config.clone())?;
        let about = format!("{windows:?} by {}", node.time.name);
        let node = self.node("window", about, traits.changes);
        let inputs = vec![(input, tidemill_engine::Routing::Forward)];
        let port = self.operator(node, inputs, move |_| AssignWindows::new(config.clone()))?;
        Ok(Stream::of_ports(vec![port], schema.clone(), traits))
    }

    /// What `EXPLAIN` says of an operator without state.
    pub(super) fn node(&mut self, kind: &str, about: String, changes: bool) -> Node {
        let name = self.name(kind);
        Node { name, kind: NodeKind::Operator, about, inputs: Vec::new(), key: None, state: None, changes }
    }
}

/// A stream with the columns of windows behind its own, empty: an aggregation is to make them.
pub(super) fn deferred(input: Stream, windows: Windows, time: Column) -> Result<Stream> {
    let first = input.schema.fields().len();
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    let fields = input.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone()));
    let added = ADDED.iter().map(|name| (None, Arc::new(Field::new(format!("__{name}"), millis.clone(), true))));
    let schema = Arc::new(DFSchema::new_with_metadata(fields.chain(added).collect(), Default::default())?);
    let processing = input.traits.processing_time.contains(&input.schema.index_of_column(&time)?);
    let window = Attached {
        windows,
        processing,
        deferred: true,
        partition_by: None,
        start: Some(first),
        end: Some(first + 1),
        time: Some(first + 2),
    };
    let traits = Traits { unique: None, window: Some(window), ..input.traits.clone() };
    empty_columns(input, &schema, traits)
}

/// The window's columns, empty.
fn empty_columns(mut input: Stream, schema: &DFSchemaRef, traits: Traits) -> Result<Stream> {
    let mut expressions: Vec<Expr> = input.schema.columns().into_iter().map(Expr::Column).collect();
    for field in schema.fields().iter().skip(expressions.len()) {
        expressions.push(lit(ScalarValue::try_from(field.data_type())?));
    }
    let compiled = compile_all(&expressions, &input.schema)?;
    input.steps.push(Step::Project(compiled, nullable(schema.inner())));
    input.schema = schema.clone();
    input.traits = traits;
    Ok(input)
}

/// The window's columns that come out of a plan, where nothing but renaming was done with them.
fn only_grouped(plan: &LogicalPlan) -> Option<Vec<Column>> {
    match plan {
        LogicalPlan::Extension(extension) => {
            let window = extension.node.as_any().downcast_ref::<WindowTvf>()?;
            Some(plan.schema().columns().split_off(window.input.schema().fields().len()))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let inner = only_grouped(&alias.input)?;
            let columns = alias.input.schema().columns().into_iter().zip(alias.schema.columns());
            Some(columns.filter(|(before, _)| inner.contains(before)).map(|(_, after)| after).collect())
        }
        LogicalPlan::Filter(filter) => {
            let inner = only_grouped(&filter.input)?;
            let looks = filter.predicate.column_refs().into_iter().any(|column| inner.contains(column));
            (!looks).then_some(inner)
        }
        LogicalPlan::Projection(projection) => {
            let inner = only_grouped(&projection.input)?;
            let mut outer = Vec::new();
            for (expr, column) in projection.expr.iter().zip(projection.schema.columns()) {
                match plain(expr) {
                    Some(before) if inner.contains(before) => outer.push(column),
                    Some(_) => {}
                    None if expr.column_refs().into_iter().any(|column| inner.contains(column)) => return None,
                    None => {}
                }
            }
            Some(outer)
        }
        _ => None,
    }
}

fn plain(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => plain(&alias.expr),
        _ => None,
    }
}

/// Columns of a stream, compiled.
pub(super) fn columns_of(stream: &Stream) -> Result<Vec<Arc<dyn datafusion::physical_expr::PhysicalExpr>>> {
    stream.schema.columns().into_iter().map(|column| compile(&Expr::Column(column), &stream.schema)).collect()
}
