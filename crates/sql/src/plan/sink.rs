//! Where rows go: a table's sink, or the terminal.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, cast, lit};
use tidemill_connectors::connector::Accepts;
use tidemill_engine::{Delivery, Mapped, Routing};

use super::builder::{Builder, Node, NodeKind, compile_all};
use super::stream::Stream;
use crate::catalog::Table;
use crate::error::{Kind, Result, SqlError, similar};
use crate::operators::calc::Step;
use crate::operators::output::{Collect, Collector};
use crate::types::{assignable, name};

/// A table that rows are inserted into, and which of its columns are given.
pub(crate) struct Target<'a> {
    pub(crate) table: &'a Table,
    /// Names of the columns that the query's are for; all that can be written where this is empty.
    pub(crate) columns: Vec<String>,
}

/// Rows that come to the terminal.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) schema: SchemaRef,
    pub(crate) changes: bool,
}

impl Builder<'_> {
    /// Puts a query's rows into a table.
    pub(crate) fn insert(&mut self, mut input: Stream, target: &Target<'_>) -> Result<()> {
        let table = target.table;
        let sink = tidemill_connectors::sink(&table.declaration, self.environment)
            .map_err(|error| SqlError::new(Kind::Connector, format!("table '{}': {error}", table.name)))?;
        let (expressions, schema) = assigned(&input, target)?;
        let compiled = compile_all(&expressions, &input.schema)?;
        input.steps.push(Step::Project(compiled, schema.clone()));
        input.schema = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);

        let accepts = sink.accepts();
        if input.traits.changes && accepts == Accepts::Inserts {
            let by = self.names_of(&input.ports).join(", ");
            let message =
                format!("table '{}' takes inserts only, but {by} revises rows that it has put out", table.name);
            let hint = "insert into a table with a primary key that can be upserted, write a format that holds changes, or make the query append-only by a window";
            return Err(SqlError::unsupported(message).hint(hint));
        }
        let delivery = sink.delivery();
        let connector = table.declaration.options.get("connector").unwrap_or_default();
        let promise = match delivery {
            Delivery::Append => "at least once",
            Delivery::Upsert => "exactly once by key",
            Delivery::Transactional => "exactly once",
        };
        let about = format!("{connector}: {promise}");
        let node = self.name(&format!("sink {}", table.name));
        let changes = input.traits.changes;
        if accepts == Accepts::Upserts {
            let keys: Vec<usize> = table
                .primary_key
                .iter()
                .filter_map(|key| schema.index_of(table.schema.field(*key).name()).ok())
                .collect();
            if keys.is_empty() {
                let message = format!("table '{}' is upserted by its primary key, and has none", table.name);
                return Err(SqlError::declaration(message).hint("declare PRIMARY KEY (…) NOT ENFORCED"));
            }
            let key = keys.iter().map(|key| schema.field(*key).name().clone()).collect::<Vec<_>>().join(", ");
            let columns = schema.fields().len();
            let (keyed, routing) = self.keyed(input, columns, keys)?;
            let ports = self.ports(keyed)?;
            let inputs = self.names_of(&ports);
            let connections: Vec<_> = ports.into_iter().map(|port| (port, routing)).collect();
            self.job.sink(&node, &connections, delivery, move |context| {
                // The key stands behind the sink's columns.
                let written: Vec<usize> = (0..columns).collect();
                Ok(Mapped::new(sink.open(context)?, move |batch| {
                    let rows = batch.rows().project(&written)?;
                    batch.with_rows(rows).map(Some)
                }))
            });
            let kind = NodeKind::Sink(delivery);
            self.nodes.push(Node { name: node, kind, about, inputs, key: Some(key), state: None, changes });
            return Ok(());
        }
        let ports = self.ports(input)?;
        let inputs = self.names_of(&ports);
        // Changes of a row must not overtake each other: they stay on the worker that made them.
        let connections: Vec<_> = ports.into_iter().map(|port| (port, Routing::Forward)).collect();
        self.job.sink(&node, &connections, delivery, move |context| sink.open(context));
        let kind = NodeKind::Sink(delivery);
        self.nodes.push(Node { name: node, kind, about, inputs, key: None, state: None, changes });
        Ok(())
    }

    /// Sends a query's rows to whoever asked.
    pub(crate) fn collect(&mut self, input: Stream, collector: Collector) -> Result<Collected> {
        let (schema, changes) = (input.columns().clone(), input.traits.changes);
        let ports = self.ports(input)?;
        let inputs = self.names_of(&ports);
        let connections: Vec<_> = ports.into_iter().map(|port| (port, Routing::Single)).collect();
        let name = self.name("sink terminal");
        self.job.sink(&name, &connections, Delivery::Append, move |_| Ok(Collect::new(collector.clone())));
        let (kind, about) = (NodeKind::Sink(Delivery::Append), "rows to the terminal".to_owned());
        self.nodes.push(Node { name, kind, about, inputs, key: None, state: None, changes });
        Ok(Collected { schema, changes })
    }
}

/// What goes into each column that can be written.
fn assigned(input: &Stream, target: &Target<'_>) -> Result<(Vec<Expr>, SchemaRef)> {
    let table = target.table;
    let writable: Vec<_> = table.writable().into_iter().filter_map(|place| table.schema.fields().get(place)).collect();
    let given = input.schema.columns();
    let places: Vec<Option<usize>> = if target.columns.is_empty() {
        (0..writable.len()).map(Some).collect()
    } else {
        for column in &target.columns {
            if !writable.iter().any(|field| field.name() == column) {
                let message = format!("table '{}' has no column '{column}' that can be written", table.name);
                let error = SqlError::new(Kind::Name, message);
                let known = writable.iter().map(|field| field.name().as_str());
                return Err(match similar(column, known) {
                    Some(known) => error.hint(format!("did you mean '{known}'?")),
                    None => error,
                });
            }
        }
        writable.iter().map(|field| target.columns.iter().position(|column| column == field.name())).collect()
    };
    let expected = if target.columns.is_empty() { writable.len() } else { target.columns.len() };
    if given.len() != expected {
        let columns = |fields: &mut dyn Iterator<Item = String>| fields.collect::<Vec<_>>().join(", ");
        let message = format!(
            "the query has {} columns ({}), table '{}' takes {expected} ({})",
            given.len(),
            columns(&mut input.columns().fields().iter().map(|f| format!("{} {}", f.name(), name(f.data_type())))),
            table.name,
            columns(&mut writable.iter().map(|f| format!("{} {}", f.name(), name(f.data_type())))),
        );
        return Err(SqlError::new(Kind::Type, message));
    }
    let mut expressions = Vec::with_capacity(writable.len());
    for (field, place) in writable.iter().zip(places) {
        let to = field.data_type();
        let expression = match place.and_then(|place| given.get(place).zip(input.columns().fields().get(place))) {
            Some((column, from)) => {
                if !assignable(from.data_type(), to) {
                    let (from_type, to_type) = (name(from.data_type()), name(to));
                    let message = format!(
                        "column '{}' is {from_type}, column '{}' of table '{}' is {to_type}",
                        from.name(),
                        field.name(),
                        table.name
                    );
                    return Err(
                        SqlError::new(Kind::Type, message).hint(format!("write CAST({} AS {to_type})", from.name()))
                    );
                }
                let column = Expr::Column(column.clone());
                if from.data_type() == to { column } else { cast(column, to.clone()) }
            }
            None => lit(ScalarValue::try_from(to)?),
        };
        expressions.push(expression);
    }
    let fields: Vec<_> = writable.into_iter().cloned().collect();
    Ok((expressions, Arc::new(Schema::new(fields))))
}
