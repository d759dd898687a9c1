//! Writes a changing result into a table.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use tidemill_engine::{Batch, Delivery, Mapped, OperatorContext, Result, Sink};
use tidemill_tables::{Table, Tables};

use super::{FLUSH_INTERVAL, TableSink, find};
use crate::catalog::Settings;
use crate::connector::{Accepts, SinkTable};
use crate::environment::Environment;
use crate::error::Error;

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SinkTable>> {
    settings.check_written_columns()?;
    let (tables, table) = find(settings, environment)?;
    let declaration = settings.declaration();
    let written = || declaration.columns.iter().filter(|column| !column.read_only);
    let key = table.definition().key();
    if let Some(missing) = key.iter().find(|name| !written().any(|column| column.field.name() == *name)) {
        return Err(Error::column(missing, "rows are told apart by this column of the table's key; declare it"));
    }
    if declaration.primary_key.iter().any(|name| !key.contains(name)) || declaration.primary_key.len() != key.len() {
        let key = key.join(", ");
        return Err(settings.refuse(format!("declare the table's key: PRIMARY KEY ({key}) NOT ENFORCED")));
    }
    let fields = written().filter_map(|column| table.schema().field_with_name(column.field.name()).ok().cloned());
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let interval = settings.duration(FLUSH_INTERVAL).unwrap_or_default();
    Ok(Arc::new(Upserts { tables, table, interval, schema }))
}

struct Upserts {
    tables: Tables,
    table: Table,
    /// Rows wait so long for others.
    interval: Duration,
    /// The written columns, as the table holds them.
    schema: SchemaRef,
}

impl SinkTable for Upserts {
    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }

    fn accepts(&self) -> Accepts {
        Accepts::Upserts
    }

    fn open(&self, _: &OperatorContext) -> Result<Box<dyn Sink>> {
        let sink = TableSink::new(self.tables.clone(), self.table.clone(), self.interval);
        let schema = self.schema.clone();
        Ok(Box::new(Mapped::new(sink, move |batch| cast_to(&schema, batch).map(Some))))
    }
}

/// Gives the columns the types that the table has.
fn cast_to(schema: &SchemaRef, batch: Batch) -> Result<Batch> {
    let columns = batch.rows().columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match column.data_type() == field.data_type() {
        true => Ok(column.clone()),
        false => cast(column, field.data_type()),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    // The table refuses nulls where it has none, and names the column.
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    batch.with_rows(RecordBatch::try_new_with_options(schema, columns, &options)?)
}
