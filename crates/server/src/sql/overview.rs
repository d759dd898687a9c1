//! The tables `sites` and `streams`, as they are when a query comes.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use datafusion::datasource::MemTable;
use tidemill_tables::Error;
use tidemill_tables::sql::SqlContext;

use crate::app::App;

/// Registers both anew.
pub(super) fn register(context: &SqlContext, app: &App) -> Result<(), Error> {
    context.register("sites", table(sites(app))?);
    context.register("streams", table(streams(app))?);
    Ok(())
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn table(columns: Columns) -> Result<Arc<MemTable>, Error> {
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| Error::Execution(error.to_string()))?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]);
    Ok(Arc::new(table.map_err(|error| Error::Execution(error.to_string()))?))
}

fn sites(app: &App) -> Columns {
    let snapshot = app.sites.snapshot();
    let sites: Vec<_> = snapshot.all().map(|view| &view.site).collect();
    vec![
        ("id", Arc::new(sites.iter().map(|site| site.id).collect::<UInt32Array>())),
        ("name", Arc::new(StringArray::from_iter_values(sites.iter().map(|site| &site.name)))),
        ("key", Arc::new(StringArray::from_iter_values(sites.iter().map(|site| &site.key)))),
        ("timezone", Arc::new(StringArray::from_iter_values(sites.iter().map(|site| &site.settings.timezone)))),
        ("created_ms", Arc::new(sites.iter().map(|site| site.created_ms).collect::<Int64Array>())),
    ]
}

fn streams(app: &App) -> Columns {
    let streams: Vec<_> = app.streams.list().iter().map(tidemill_streams::Stream::describe).collect();
    vec![
        ("name", Arc::new(StringArray::from_iter_values(streams.iter().map(|stream| &stream.name)))),
        ("shards", Arc::new(streams.iter().map(|stream| stream.shards.len() as u64).collect::<UInt64Array>())),
        ("records", Arc::new(streams.iter().map(|stream| stream.records).collect::<UInt64Array>())),
        ("bytes", Arc::new(streams.iter().map(|stream| stream.bytes).collect::<UInt64Array>())),
        (
            "retention_hours",
            Arc::new(streams.iter().map(|stream| stream.config.retention_hours).collect::<UInt32Array>()),
        ),
    ]
}
