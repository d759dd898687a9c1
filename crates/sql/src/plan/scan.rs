//! Tables and values.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Fields as ArrowFields, Schema, SchemaRef, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{
    BinaryExpr, EmptyRelation, Expr, Operator, TableScan, Values as ValuesPlan, col, ident,
};
use tidemill_connectors::{rejected, value};
use tidemill_engine::Port;
use tidemill_engine::source::Replay;

use super::builder::{Builder, Node, NodeKind, Scanned, compile, compile_all, stream_of, table_of};
use super::stream::{Stream, Traits};
use crate::catalog::{Origin, Table, Watermark};
use crate::error::{Kind, Result, SqlError};
use crate::logical::fields::Fields;
use crate::logical::micros_of;
use crate::operators::calc::Step;
use crate::operators::normalize::{ChangelogNormalize, ChangelogNormalizeConfig};
use crate::operators::scan::{Complete, Scan, ScanConfig, Time, Values};

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
        let emitted = scanned.schema.clone();
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
            latest_of: Vec::new(),
            processing_time: places(&is_clock),
            window: None,
            unique: if table.primary_key.is_empty() { None } else { unique },
            in_order_by: if scanned.changes { None } else { Some(Vec::new()) },
            versions: table.watermark.is_some(),
        };
        // ROWs have the fields that are read.
        let fields = scan.projected_schema.iter().zip(&projection).map(|((qualifier, field), column)| {
            let place = scanned.columns.iter().position(|known| known == column);
            let data_type = place.map_or(field.data_type(), |place| emitted.field(place).data_type());
            (qualifier.cloned(), Arc::new(field.as_ref().clone().with_data_type(data_type.clone())))
        });
        let metadata = scan.projected_schema.metadata().clone();
        let schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), metadata)?);
        let mut stream = Stream {
            ports: vec![scanned.port],
            emitted: emitted.clone(),
            steps: Vec::new(),
            schema: schema.clone(),
            traits,
        };
        if projection != scanned.columns {
            let input = DFSchema::try_from(emitted.as_ref().clone())?;
            let columns = projection.iter().filter_map(|column| table.schema.fields().get(*column));
            let compiled = columns.map(|field| compile(&ident(field.name()), &input)).collect::<Result<Vec<_>>>()?;
            stream.steps.push(Step::Project(compiled, schema.inner().clone()));
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
        let mut columns = match self.needed.get(&table.name) {
            Some(columns) => columns.clone(),
            None => (0..table.schema.fields().len()).collect(),
        };
        let source = tidemill_connectors::source(&table.declaration, self.environment)
            .map_err(|error| SqlError::new(Kind::Connector, format!("table '{}': {error}", table.name)))?;
        let upserts = source.is_upsert();
        if upserts {
            columns.extend(&table.primary_key);
            columns.sort_unstable();
            columns.dedup();
        }
        let computed = Computed::new(table, &columns)?;
        let narrowed = computed.narrowed(table, &columns, self.fields.get(&table.name));
        let (source, declared) = match source.with_fields(&narrowed) {
            Some(source) => (source, narrowed),
            None => (source, table.declaration.schema()),
        };
        let (mut config, projection) = computed.compile(table, &columns, &declared)?;
        let schema = config.schema.clone();
        config.idle_timeout = match table.declaration.options.get("scan.watermark.idle-timeout") {
            Some(own) => value::duration(own).filter(|timeout| !timeout.is_zero()),
            None => self.idle_timeout,
        };
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
        let port = if upserts { self.normalized(table, port, &columns, &schema)? } else { port };
        let scanned = Scanned { port, columns, schema, bounded, changes };
        self.scanned.insert(table.name.clone(), scanned.clone());
        Ok(scanned)
    }

    /// The full changelog of a table whose updates don't say what their row was before.
    fn normalized(&mut self, table: &Table, port: Port, columns: &[usize], schema: &SchemaRef) -> Result<Port> {
        let key: Vec<usize> =
            table.primary_key.iter().filter_map(|key| columns.iter().position(|column| column == key)).collect();
        if key.is_empty() {
            let message = format!("updates of table '{}' don't say what their row was before", table.name);
            let error = SqlError::unsupported(message);
            return Err(error.hint("declare PRIMARY KEY (…) NOT ENFORCED, by which rows replace each other"));
        }
        let mut node = self.node("changelog normalize", format!("rows of {} by key", table.name), true);
        node.key = Some(key.iter().map(|place| schema.field(*place).name().as_str()).collect::<Vec<_>>().join(", "));
        node.state = Some("a row a key".to_owned());
        let ttl = self.state_ttl.map(|micros| std::time::Duration::from_micros(micros.unsigned_abs()));
        let config = ChangelogNormalizeConfig { schema: schema.clone(), update_before: true, ttl };
        ChangelogNormalize::new(config.clone())?;
        let rows = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
        let rows = Stream::of_ports(vec![port], rows, Traits { changes: true, ..Traits::default() });
        let (keyed, routing) = self.keyed(rows, columns.len(), key)?;
        self.operator(node, vec![(keyed, routing)], move |_| ChangelogNormalize::new(config.clone()))
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

/// What to compute of a connector's rows.
struct Computed {
    /// The table's columns, over the connector's.
    columns: Vec<Expr>,
    /// The event time, and up to when rows are complete.
    time: Option<(Expr, Expr)>,
}

impl Computed {
    fn new(table: &Table, columns: &[usize]) -> Result<Self> {
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
        let columns = columns.iter().map(|column| over(*column)).collect::<Result<Vec<Expr>>>()?;
        let time = match &table.watermark {
            Some(watermark) => {
                // The watermark may name computed columns.
                Some((over(watermark.column)?, replace_computed(watermark.expression.clone(), table)?))
            }
            None => None,
        };
        Ok(Computed { columns, time })
    }

    fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.columns.iter().chain(self.time.iter().flat_map(|(time, complete)| [time, complete]))
    }

    /// The connector's columns, as far as they are read: where all that is read of a ROW are some of its fields, it has no others.
    fn narrowed(&self, table: &Table, columns: &[usize], read: Option<&Fields>) -> SchemaRef {
        let declared = table.declaration.schema();
        let Some(read) = read else { return declared };
        let mut fields = Fields::default();
        self.time.iter().flat_map(|(time, complete)| [time, complete]).for_each(|expression| fields.add(expression));
        // A column that only passes through is read as far as the plans read it.
        let through = |column: &usize| matches!(table.origins.get(*column), Some(Origin::Connector(_)));
        let computed = columns.iter().zip(&self.columns).filter(|(column, _)| !through(column));
        computed.for_each(|(_, expression)| fields.add(expression));
        let through = columns.iter().zip(&self.columns).filter(|(column, _)| through(column));
        let through: Vec<(&str, &str)> = through
            .filter_map(|(column, expression)| match expression {
                Expr::Column(connector) => Some((connector.name.as_str(), table.schema.field(*column).name().as_str())),
                _ => None,
            })
            .collect();
        let narrowed = declared.fields().iter().map(|column| {
            let DataType::Struct(all) = column.data_type() else { return column.clone() };
            let name = through.iter().find(|(connector, _)| connector == column.name()).map(|(_, name)| *name);
            let is_read =
                |field: &str| fields.reads(column.name(), field) || name.is_some_and(|name| read.reads(name, field));
            let kept: ArrowFields = all.iter().filter(|field| is_read(field.name())).cloned().collect();
            match kept.is_empty() {
                true => column.clone(),
                false => Arc::new(column.as_ref().clone().with_data_type(DataType::Struct(kept))),
            }
        });
        Arc::new(Schema::new(narrowed.collect::<Vec<_>>()))
    }

    /// Compiles it. `declared` are the connector's columns; says which of them it takes.
    fn compile(&self, table: &Table, columns: &[usize], declared: &SchemaRef) -> Result<(ScanConfig, Vec<usize>)> {
        let mut needed: Vec<usize> = Vec::new();
        for column in self.expressions().flat_map(Expr::column_refs) {
            needed.push(declared.index_of(&column.name).unwrap_or_default());
        }
        needed.sort_unstable();
        needed.dedup();
        let read = DFSchema::try_from(declared.project(&needed)?)?;
        let time = match (&self.time, &table.watermark) {
            (Some((time, complete)), Some(watermark)) => {
                let place = columns.iter().position(|column| *column == watermark.column);
                let time = match place {
                    Some(place) => Time::Column(place),
                    None => Time::Expression(compile(time, &read)?),
                };
                let complete = match behind(table, watermark) {
                    Some(behind) => Complete::Behind(behind),
                    None => Complete::Expression(compile(complete, &read)?),
                };
                Some((time, complete))
            }
            _ => None,
        };
        let fields = columns.iter().zip(&self.columns).map(|(column, expression)| {
            let field = table.schema.field(*column).clone().with_nullable(true);
            match (table.origins.get(*column), expression) {
                (Some(Origin::Connector(_)), Expr::Column(name)) => {
                    let data_type = declared.field_with_name(&name.name)?.data_type();
                    Ok(field.with_data_type(data_type.clone()))
                }
                _ => Ok(field),
            }
        });
        let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<Field>>>()?));
        let columns = compile_all(&self.columns, &read)?;
        let reached = Arc::new(AtomicI64::new(i64::MIN));
        let arrival = is_arrival(table)?;
        Ok((ScanConfig { columns, schema, arrival, time, reached, idle_timeout: None, rejects: None }, needed))
    }
}

/// How many microseconds a watermark is behind the latest event time, where it is nothing else.
fn behind(table: &Table, watermark: &Watermark) -> Option<i64> {
    let time = table.schema.field(watermark.column);
    let is_time = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == *time.name());
    let micros = match &watermark.expression {
        expr if is_time(expr) => 0,
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) if is_time(left) => micros_of(right)?,
        _ => return None,
    };
    // What the time has no digits for is dropped at each step.
    let digits = match time.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1,
        _ => return None,
    };
    (micros % digits == 0).then_some(micros)
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
