//! Rows into a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tidemill_formats::{Format, Records};

use super::config::{FileFormat, FileSinkConfig};

/// Rows of one row group: readers skip whole groups by their statistics.
const ROW_GROUP_ROWS: usize = 131_072;

/// Writes a new file and syncs it; its length.
pub(crate) fn write(
    path: &Path,
    config: &FileSinkConfig,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> std::io::Result<u64> {
    let file = File::options().write(true).create(true).truncate(true).open(path)?;
    let file = match &config.format {
        FileFormat::Parquet => parquet(file, schema, &config.distinct, batches)?,
        FileFormat::JsonLines => json_lines(file, batches)?,
        FileFormat::Records { format, .. } => records(file, schema, format, batches)?,
    };
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn parquet(file: File, schema: &SchemaRef, distinct: &[String], batches: &[RecordBatch]) -> std::io::Result<File> {
    // The workers compress: what they spend here is missing elsewhere.
    let zstd = ZstdLevel::try_new(1)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("tidemill".into());
    let properties = distinct.iter().fold(properties, |properties, column| {
        properties.set_column_dictionary_enabled(ColumnPath::from(column.as_str()), false)
    });
    // The least and the greatest text cost more than all else, and are seldom near each other.
    let texts = schema.fields().iter().filter(|field| field.data_type().is_string() || field.data_type().is_binary());
    let properties = texts.fold(properties, |properties, field| {
        let column = ColumnPath::from(field.name().as_str());
        properties.set_column_statistics_enabled(column, EnabledStatistics::None)
    });
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.into_inner()?)
}

fn json_lines(file: File, batches: &[RecordBatch]) -> std::io::Result<File> {
    let mut writer = arrow::json::LineDelimitedWriter::new(BufWriter::new(file));
    let other = |e| std::io::Error::other(e);
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).map_err(other)?;
    writer.finish().map_err(other)?;
    let mut buffered = writer.into_inner();
    buffered.flush()?;
    buffered.into_inner().map_err(|e| e.into_error())
}

fn records(file: File, schema: &SchemaRef, format: &Format, batches: &[RecordBatch]) -> std::io::Result<File> {
    let other = |e| std::io::Error::other(e);
    let (mut encoder, end) = (format.encoder(schema.clone()).map_err(other)?, format.framing().end());
    let (mut records, mut bytes) = (Records::new(), encoder.header().unwrap_or_default());
    let mut file = file;
    for batch in batches {
        records.clear();
        encoder.encode(batch, None, &mut records).map_err(other)?;
        for record in records.iter() {
            bytes.extend_from_slice(record);
            bytes.extend_from_slice(end);
        }
        file.write_all(&bytes)?;
        bytes.clear();
    }
    Ok(file)
}
