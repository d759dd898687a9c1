//! A folder of partitioned Parquet files as a table for SQL: the folders' names are columns, and a filter on them skips
//! whole folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use tidemill_engine::Result;

use super::failed;

/// The files of a folder that a Parquet [`super::FileSink`] writes. New files are found by the next query.
///
/// `schema` are the columns inside the files, `partitions` the folders from the outermost to the innermost, each with the type
/// that its values have (`Utf8`, or `Date32` for dates).
///
/// ```
/// # use std::sync::Arc;
/// use arrow::datatypes::{DataType, Field, Schema};
/// # let folder = tempfile::tempdir().unwrap();
/// let schema = Arc::new(Schema::new(vec![Field::new("page", DataType::Utf8, false)]));
/// let partitions = [("tenant", DataType::Utf8), ("date", DataType::Date32)];
/// let impressions = tidemill_connectors::file::lake::table(folder.path(), schema, &partitions)?;
/// // sql.register("page_impressions", impressions);
/// # Ok::<(), tidemill_engine::EngineError>(())
/// ```
pub fn table(folder: &Path, schema: SchemaRef, partitions: &[(&str, DataType)]) -> Result<Arc<dyn TableProvider>> {
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let absolute = folder.canonicalize().map_err(|e| failed(folder, e))?;
    let url = ListingTableUrl::parse(format!("{}/", absolute.display())).map_err(|e| failed(folder, e))?;
    let columns = partitions.iter().map(|(name, data_type)| ((*name).to_owned(), data_type.clone())).collect();
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(columns);
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config).map_err(|e| failed(folder, e))?))
}

/// Files whose columns are read by [`discover`], the newest.
const FILES_READ_MAX: usize = 1_000;

/// As [`table`], with what the folder itself says: the columns of its files, and the names of the folders above them, whose
/// values are text. A column that only some files have is null in the others; where types differ the newest file's counts. `None`
/// while there is no file. Of many files the newest 1,000 are asked.
pub fn discover(folder: &Path) -> Result<Option<Arc<dyn TableProvider>>> {
    let mut files = Vec::new();
    newest_files(folder, &mut files).map_err(|e| failed(folder, e))?;
    let Some(newest) = files.first() else { return Ok(None) };
    let below = newest.strip_prefix(folder).unwrap_or(newest);
    let names: Vec<&str> = below
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .filter_map(|level| level.as_os_str().to_str()?.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let partitions: Vec<(&str, DataType)> = names.into_iter().map(|name| (name, DataType::Utf8)).collect();
    let schemas = files.iter().map(|file| columns(file)).collect::<Result<Vec<_>>>()?;
    table(folder, all_columns(&schemas), &partitions).map(Some)
}

fn columns(file: &Path) -> Result<SchemaRef> {
    let opened = std::fs::File::open(file).map_err(|e| failed(file, e))?;
    let metadata = ArrowReaderMetadata::load(&opened, Default::default()).map_err(|e| failed(file, e))?;
    Ok(metadata.schema().clone())
}

/// The columns of all, the first schema's first.
fn all_columns(schemas: &[SchemaRef]) -> SchemaRef {
    let mut fields: Vec<FieldRef> = Vec::new();
    for field in schemas.iter().flat_map(|schema| schema.fields()) {
        if !fields.iter().any(|known| known.name() == field.name()) {
            let everywhere = schemas
                .iter()
                .all(|schema| schema.field_with_name(field.name()).is_ok_and(|found| !found.is_nullable()));
            fields.push(Arc::new(field.as_ref().clone().with_nullable(!everywhere)));
        }
    }
    Arc::new(Schema::new(fields))
}

/// The files below a folder, those in the last folder by name of each level first: newer rows have newer columns.
fn newest_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries.into_iter().rev() {
        if files.len() >= FILES_READ_MAX {
            break;
        }
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !hidden {
            newest_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}
