//! Read-only SQL over everything that is kept: tables, the lake's files, sites and streams.
//!
//! Queries run on the threads of their context, and what they answer is written as JSON on a thread that may block: neither
//! holds up the acknowledgement of beacons.

mod overview;

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::json::writer::{JsonArray, WriterBuilder};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use futures::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;
use tidemill_tables::sql::{SqlContext, SqlLimits};
use tidemill_tables::{Error, Tables};
use utoipa::ToSchema;

use crate::analytics::{Lake, LakeKind};
use crate::app::App;
use crate::config;
use crate::error::{Error as ServerError, Result};

/// Where queries run.
pub(crate) struct Sql {
    context: SqlContext,
    rows_max: usize,
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Sql")
    }
}

/// A column of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Column {
    name: String,
    /// As Arrow names it.
    #[serde(rename = "type")]
    data_type: String,
}

/// Rows of a query.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rows {
    columns: Vec<Column>,
    /// One object a row.
    #[schema(value_type = Vec<serde_json::Value>)]
    rows: Box<RawValue>,
    row_count: usize,
    /// Whether there were more rows than the limit.
    truncated: bool,
}

impl Sql {
    pub(crate) fn open(tables: Tables, lake: &Lake, limits: &config::Query) -> Result<Sql> {
        let limits_of_context = SqlLimits {
            memory_bytes: limits.memory_bytes_max,
            query_time: Duration::from_millis(limits.timeout_ms),
            queries_max: limits.running_max,
            ..SqlLimits::default()
        };
        let failed = |error: &dyn std::fmt::Display| ServerError::part("SQL", error);
        let context = SqlContext::new(limits_of_context).map_err(|error| failed(&error))?.with_tables(tables);
        let schema = MemorySchemaProvider::new();
        for kind in LakeKind::ALL {
            schema.register_table(kind.name().into(), lake.table(kind)?).map_err(|error| failed(&error))?;
        }
        context.register_schema("lake", Arc::new(schema));
        Ok(Sql { context, rows_max: limits.rows_max })
    }

    /// Runs one query.
    pub(crate) async fn query(&self, app: &App, sql: String) -> std::result::Result<Rows, Error> {
        overview::register(&self.context, app)?;
        let (schema, batches, truncated) = rows(&self.context, &sql, self.rows_max).await?;
        let written = tokio::task::spawn_blocking(move || {
            let row_count = batches.iter().map(RecordBatch::num_rows).sum();
            Ok(Rows { columns: columns(&schema), rows: json(&batches)?, row_count, truncated })
        });
        written.await.map_err(|error| Error::Execution(error.to_string()))?
    }
}

/// Columns, the first rows, and whether there are more.
type FirstRows = (SchemaRef, Vec<RecordBatch>, bool);

async fn rows(context: &SqlContext, sql: &str, rows_max: usize) -> std::result::Result<FirstRows, Error> {
    let mut stream = context.query(sql).await?;
    let schema = stream.schema();
    let mut batches: Vec<RecordBatch> = Vec::new();
    let (mut row_count, mut truncated) = (0, false);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let taken = batch.num_rows().min(rows_max - row_count);
        truncated = taken < batch.num_rows();
        row_count += taken;
        batches.push(batch.slice(0, taken));
        if truncated {
            break;
        }
    }
    Ok((schema, batches, truncated))
}

fn columns(schema: &Schema) -> Vec<Column> {
    let column = |field: &datafusion::arrow::datatypes::FieldRef| Column {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
    };
    schema.fields().iter().map(column).collect()
}

fn json(batches: &[RecordBatch]) -> std::result::Result<Box<RawValue>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Execution(error.to_string());
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    let mut text = writer.into_inner();
    if text.is_empty() {
        text.extend_from_slice(b"[]");
    }
    let text = String::from_utf8(text).map_err(|error| failed(&error))?;
    RawValue::from_string(text).map_err(|error| failed(&error))
}
