//! Tables and values.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::Schema;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{EmptyRelation, Expr, TableScan, Values as ValuesPlan, col, ident};
use tidemill_connectors::rejected;
use tidemill_engine::Port;
use tidemill_engine::source::Replay;

use super::builder::{Builder, Node, NodeKind, Scanned, compile, stream_of, table_of};
use super::stream::{Stream, Traits};
use crate::catalog::{Origin, Table};
use crate::error::{Kind, Result, SqlError};
use crate::operators::calc::Step;
use crate::operators::scan::{Scan, ScanConfig, Values};

impl Builder<'_> {
    /// A table's rows.
    pub(super) fn scan(&mut self, scan: &TableScan) -> Result<Stream> {
        if let Some(stream) = stream_of(scan) {
            return self.in_app_stream(scan, stream);
        }
        let Some(table) = table_of(scan) else {
            return Err(SqlError::unsupported(format!("'{}' is no table of this session", scan.table_name)));
        };
        let scanned = self.scanned(table)?;
        let projection = match &scan.projection {
            Some(projection) => projection.clone(),
            None => (0..table.schema.fields().len()).collect(),
        };
        let emitted = Arc::new(table.schema.project(&scanned.columns)?);
        let is_event_time = |column: &usize| table.watermark.as_ref().is_some_and(|w| w.column == *column);
        let is_clock = |column: &usize| table.origins.get(*column) == Some(&Origin::ProcessingTime);
        let places = |holds: &dyn Fn(&usize) -> bool| -> Vec<usize> {
            (0..).zip(&projection).filter(|(_, column)| holds(column)).map(|(place, _)| place).collect()
        };
        let unique = table.primary_key.iter().map(|key| projection.iter().position(|column| column == key)).collect();
        let traits = Traits {
            changes: scanned.changes,
            bounded: scanned.bounded,
            event_time: places(&is_event_time),
            processing_time: places(&is_clock),
            window: None,
            unique: if table.primary_key.is_empty() { None } else { unique },
            versions: table.watermark.is_some(),
        };
        let mut stream = Stream {
            ports: vec![scanned.port],
            emitted: emitted.clone(),
            steps: Vec::new(),
            schema: scan.projected_schema.clone(),
            traits,
        };
        if projection != scanned.columns {
            let input = DFSchema::try_from(emitted.as_ref().clone())?;
            let columns = projection.iter().filter_map(|column| table.schema.fields().get(*column));
            let compiled = columns.map(|field| compile(&ident(field.name()), &input)).collect::<Result<Vec<_>>>()?;
            stream.steps.push(Step::Project(compiled, scan.projected_schema.inner().clone()));
        }
        for filter in &scan.filters {
            stream = self.filter(stream, filter)?;
        }
        Ok(stream)
    }

    /// The table's source in this job, made when it is first asked for.
    fn scanned(&mut self, table: &Table) -> Result<Scanned> {
        if let Some(scanned) = self.scanned.get(&table.name) {
            return Ok(scanned.clone());
        }
        let columns = match self.needed.get(&table.name) {
            Some(columns) => columns.clone(),
            None => (0..table.schema.fields().len()).collect(),
        };
        let source = tidemill_connectors::source(&table.declaration, self.environment)
            .map_err(|error| SqlError::new(Kind::Connector, format!("table '{}': {error}", table.name)))?;
        let (mut config, projection) = scan_config(table, &columns)?;
        config.rejects = self.errors.is_some().then(|| table.name.clone());
        let name = self.name(&format!("source {}", table.name));
        let (replay, bounded, changes) = (source.replay(), source.is_bounded(), source.has_changes());
        let make = move |context: &tidemill_engine::OperatorContext| {
            Ok(Scan::new(source.open(&projection, context)?, config.clone()))
        };
        let port = self.job.source(&name, replay, make);
        self.rejects(Port { output: rejected::PORT, ..port });
        let connector = table.declaration.options.get("connector").unwrap_or_default();
        let read: Vec<&str> =
            columns.iter().filter_map(|c| table.schema.fields().get(*c)).map(|field| field.name().as_str()).collect();
        let replays = match replay {
            Replay::FromPosition => "replays",
            Replay::None => "can't replay",
        };
        let ends = if bounded { "ends" } else { "goes on" };
        let about = format!("{connector}: {}; {replays}, {ends}", read.join(", "));
        let (inputs, state) = (Vec::new(), Some("positions".to_owned()));
        self.nodes.push(Node { name, kind: NodeKind::Source, about, inputs, key: None, state, changes });
        let scanned = Scanned { port, columns, bounded, changes };
        self.scanned.insert(table.name.clone(), scanned.clone());
        Ok(scanned)
    }

    /// Rows that are written in the statement.
    pub(super) fn values(&mut self, values: &ValuesPlan) -> Result<Stream> {
        let nothing = DFSchema::empty();
        let none = RecordBatch::try_new_with_options(
            Arc::new(Schema::empty()),
            Vec::new(),
            &RecordBatchOptions::new().with_row_count(Some(1)),
        )?;
        let schema = values.schema.inner().clone();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (place, field) in schema.fields().iter().enumerate() {
            let mut cells: Vec<ArrayRef> = Vec::new();
            for row in &values.values {
                let cell = match row.get(place) {
                    Some(expr) => compile(expr, &nothing)?.evaluate(&none)?.into_array(1)?,
                    None => new_null_array(field.data_type(), 1),
                };
                cells.push(arrow::compute::cast(&cell, field.data_type())?);
            }
            let cells: Vec<&dyn arrow::array::Array> = cells.iter().map(AsRef::as_ref).collect();
            columns.push(arrow::compute::concat(&cells)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(values.values.len()));
        self.constant(RecordBatch::try_new_with_options(schema, columns, &options)?, &values.schema)
    }

    /// One row without columns, or none.
    pub(super) fn empty(&mut self, empty: &EmptyRelation) -> Result<Stream> {
        let options = RecordBatchOptions::new().with_row_count(Some(usize::from(empty.produce_one_row)));
        let schema = empty.schema.inner().clone();
        let columns =
            schema.fields().iter().map(|field| new_null_array(field.data_type(), usize::from(empty.produce_one_row)));
        self.constant(RecordBatch::try_new_with_options(schema.clone(), columns.collect(), &options)?, &empty.schema)
    }

    fn constant(&mut self, rows: RecordBatch, schema: &datafusion::common::DFSchemaRef) -> Result<Stream> {
        let name = self.name("values");
        let about = format!("{} rows", rows.num_rows());
        let port = self.job.source(&name, Replay::FromPosition, move |_| Ok(Values::new(rows.clone())));
        let (kind, inputs) = (NodeKind::Source, Vec::new());
        self.nodes.push(Node { name, kind, about, inputs, key: None, state: None, changes: false });
        Ok(Stream::of_ports(vec![port], schema.clone(), Traits { bounded: true, ..Traits::default() }))
    }
}

/// What to compute of a connector's rows, and which of its columns that takes.
fn scan_config(table: &Table, columns: &[usize]) -> Result<(ScanConfig, Vec<usize>)> {
    let whole = DFSchema::try_from(table.declaration.schema().as_ref().clone())?;
    // A column over the connector's columns.
    let over = |column: usize| -> Result<Expr> {
        Ok(match table.origins.get(column) {
            Some(Origin::Connector(place)) => {
                let field = table.declaration.columns.get(*place).map(|column| column.field.name().clone());
                ident(field.unwrap_or_default())
            }
            Some(Origin::Computed(expr, _)) => expr.clone(),
            Some(Origin::ProcessingTime) | None => crate::functions::processing_time(),
        })
    };
    let wanted = columns.iter().map(|column| over(*column)).collect::<Result<Vec<Expr>>>()?;
    let time = match &table.watermark {
        Some(watermark) => {
            let time = over(watermark.column)?;
            // The watermark may name computed columns.
            let complete = replace_computed(watermark.expression.clone(), table)?;
            Some((time, complete))
        }
        None => None,
    };
    let mut needed: Vec<usize> = Vec::new();
    for expr in wanted.iter().chain(time.iter().flat_map(|(time, complete)| [time, complete])) {
        for column in expr.column_refs() {
            needed.push(whole.index_of_column_by_name(None, &column.name).unwrap_or_default());
        }
    }
    needed.sort_unstable();
    needed.dedup();
    let read = DFSchema::try_from(table.declaration.schema().project(&needed)?)?;
    let columns_of: Vec<_> = wanted.iter().map(|expr| compile(expr, &read)).collect::<Result<_>>()?;
    let time = time.map(|(time, complete)| Ok::<_, SqlError>((compile(&time, &read)?, compile(&complete, &read)?)));
    let schema = Arc::new(table.schema.project(columns)?);
    let schema = super::builder::nullable(&schema);
    let (arrival, time) = (is_arrival(table)?, time.transpose()?);
    Ok((ScanConfig { columns: columns_of, schema, arrival, time, rejects: None }, needed))
}

/// Whether a table's event time is when its records came in, which a stream knows best.
fn is_arrival(table: &Table) -> Result<bool> {
    let Some(watermark) = &table.watermark else { return Ok(false) };
    let time = match table.origins.get(watermark.column) {
        Some(Origin::Computed(expr, _)) => expr.clone(),
        _ => replace_computed(ident(table.schema.field(watermark.column).name()), table)?,
    };
    let stamp = |column: &&tidemill_connectors::connector::TableColumn| column.metadata.as_deref() == Some("timestamp");
    let stamp = table.declaration.columns.iter().find(stamp).map(|column| column.field.name());
    let is_stream = table.declaration.options.get("connector") == Some("stream");
    Ok(is_stream && stamp.is_some_and(|stamp| time.column_refs().iter().all(|column| column.name == *stamp)))
}

/// An expression over a table's columns, over the connector's.
pub(crate) fn replace_computed(expr: Expr, table: &Table) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let replaced = expr.transform(|expr| {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        let place = table.schema.index_of(&column.name)?;
        Ok(match table.origins.get(place) {
            Some(Origin::Computed(computed, _)) => Transformed::yes(computed.clone()),
            _ => Transformed::yes(col(datafusion::common::Column::new_unqualified(&column.name))),
        })
    })?;
    Ok(replaced.data)
}
