//! The lake's folders as tables of the schema `lake`: `SELECT … FROM lake.impressions WHERE tenant = 'shop'`.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use tidemill_tables::Error;
use tidemill_tables::sql::SqlContext;

/// Registers the folders that hold files now. Files that are not closed yet have another ending.
pub(super) async fn register(context: &SqlContext, lake: &Path) -> Result<(), Error> {
    let schema = MemorySchemaProvider::new();
    let folders = std::fs::read_dir(lake).into_iter().flatten().flatten();
    for folder in folders.filter(|entry| entry.path().is_dir()) {
        let name = folder.file_name().to_string_lossy().into_owned();
        match table(context, &folder.path()).await {
            Ok(Some(table)) => {
                schema.register_table(name, Arc::new(table)).map_err(|error| Error::Execution(error.to_string()))?;
            }
            Ok(None) => {}
            Err(error) => return Err(Error::Execution(format!("the lake's folder {name}: {error}"))),
        }
    }
    context.register_schema("lake", Arc::new(schema));
    Ok(())
}

async fn table(context: &SqlContext, folder: &Path) -> Result<Option<ListingTable>, DataFusionError> {
    let url = ListingTableUrl::parse(format!("{}/", folder.display()))?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(vec![("tenant".into(), DataType::Utf8), ("date".into(), DataType::Utf8)]);
    let schema = options.infer_schema(&context.session().state(), &url).await?;
    if schema.fields().is_empty() {
        return Ok(None);
    }
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    ListingTable::try_new(config).map(Some)
}
