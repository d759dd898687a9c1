//! A Parquet file's rows.

use std::fs::File;
use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tidemill_engine::{Batch, EngineError, Result};

use super::board::Split;
use super::source::OfFile;
use crate::connector::{TableColumn, TableDeclaration};
use crate::payload::{BATCH_ROWS, connector_key};

/// The columns of a table whose files are Parquet.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Column>);

#[derive(Clone, Debug)]
struct Column {
    field: FieldRef,
    /// `None`: it is in the files, by its name.
    key: Option<String>,
}

impl Columns {
    pub(super) fn new(declaration: &TableDeclaration) -> Self {
        let column = |column: &TableColumn| Column {
            field: column.field.clone(),
            key: connector_key(column, &declaration.partitioned_by),
        };
        Columns(declaration.columns.iter().map(column).collect())
    }

    pub(super) fn project(&self, projection: &[usize]) -> Result<Projected> {
        let missing = || EngineError::Plan("a projection asks for a column that is not declared".into());
        let columns = projection.iter().map(|&column| self.0.get(column).cloned().ok_or_else(missing));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
        Ok(Projected { columns, schema })
    }
}

/// The columns that are asked for.
#[derive(Debug)]
pub(super) struct Projected {
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl Projected {
    /// Opens a file behind the rows that were read before.
    pub(super) fn open(&self, split: &Split) -> io::Result<Rows> {
        let file = File::open(&split.file.path)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(invalid)?;
        let wanted = self.columns.iter().filter(|column| column.key.is_none());
        let wanted: Vec<&str> = wanted.map(|column| column.field.name().as_str()).collect();
        let schema = builder.schema();
        let roots = (0..schema.fields().len()).filter(|root| wanted.contains(&schema.field(*root).name().as_str()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.collect::<Vec<_>>());
        let read = split.at.unwrap_or(0);
        let skip = usize::try_from(read).map_err(io::Error::other)?;
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).with_offset(skip).build();
        Ok(Rows { reader: reader.map_err(invalid)?, read })
    }

    /// Rows of a file with the columns that are asked for: what the file does not have is null.
    pub(super) fn batch(&self, rows: &RecordBatch, about: &OfFile<'_>) -> Result<Batch, ArrowError> {
        let count = rows.num_rows();
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let columns = self.columns.iter().map(|column| {
            let array: Option<ArrayRef> = match &column.key {
                Some(key) => about.value(key, count),
                None => rows.column_by_name(column.field.name()).cloned(),
            };
            match array {
                Some(array) if array.data_type() == column.field.data_type() => Ok(array),
                Some(array) => cast_with_options(&array, column.field.data_type(), &strict),
                None => Ok(new_null_array(column.field.data_type(), count)),
            }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(Batch::at(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?, about.now))
    }
}

/// The rows of one file.
pub(super) struct Rows {
    reader: ParquetRecordBatchReader,
    read: u64,
}

impl Rows {
    /// How many rows of the file were read: the position.
    pub(super) fn offset(&self) -> u64 {
        self.read
    }

    pub(super) fn next(&mut self) -> io::Result<Option<RecordBatch>> {
        let rows = self.reader.next().transpose().map_err(invalid)?;
        self.read += rows.as_ref().map_or(0, |rows| rows.num_rows() as u64);
        Ok(rows)
    }
}

/// The file is no Parquet file, or a damaged one.
pub(super) fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
