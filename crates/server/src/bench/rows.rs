//! The impressions of a benchmark as rows in a Parquet file, for peers that answer the same questions from them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use datafusion::parquet::arrow::ArrowWriter;
use tidemill_web_analytics::summary::cell::{Dimensions, Metric};
use tidemill_web_analytics::summary::dimension::Dimension;

use crate::error::{Error, Result};

/// One impression.
pub(super) struct Row {
    pub(super) minute: u32,
    pub(super) visitor: u64,
    pub(super) dimensions: Dimensions,
    pub(super) errors: i64,
    pub(super) timers: Vec<(Metric, f32)>,
    /// Only where a session begins.
    pub(super) session: Option<Session>,
}

/// What the first impression of a session tells of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Session {
    pub(super) impressions: i64,
    pub(super) orders: i64,
    pub(super) revenue_cents: i64,
}

/// A file in the making.
pub(super) struct RowsFile {
    rows: Vec<Row>,
    file: Option<(File, Option<ArrowWriter<File>>)>,
}

impl RowsFile {
    /// Without a path nothing is written.
    pub(super) fn create(path: Option<&Path>) -> Result<Self> {
        let create = |path: &Path| File::create(path).map_err(|error| Error::io("creating the rows", path, error));
        Ok(RowsFile { rows: Vec::new(), file: path.map(create).transpose()?.map(|file| (file, None)) })
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Writes the rows so far.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Some((file, writer)) = &mut self.file else { return Ok(()) };
        let batch = batch(&std::mem::take(&mut self.rows)).map_err(said)?;
        let writer = match writer {
            Some(writer) => writer,
            None => {
                let file = file.try_clone().map_err(|error| Error::part("the benchmark's rows", error))?;
                writer.insert(ArrowWriter::try_new(file, batch.schema(), None).map_err(said)?)
            }
        };
        writer.write(&batch).map_err(said)
    }

    /// Ends the file.
    pub(super) fn close(self) -> Result<()> {
        match self.file {
            Some((_, Some(writer))) => writer.close().map(drop).map_err(said),
            _ => Ok(()),
        }
    }
}

fn said(error: impl std::fmt::Display) -> Error {
    Error::part("the benchmark's rows", error)
}

fn batch(rows: &[Row]) -> std::result::Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    let named = Dimension::ALL.into_iter().filter_map(|dimension| Some((dimension.built_in_name()?, dimension)));
    let session = |row: &Row| row.session.unwrap_or_default();
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("at_s", Arc::new(rows.iter().map(|row| i64::from(row.minute) * 60).collect::<Int64Array>())),
        ("visitor", Arc::new(rows.iter().map(|row| row.visitor).collect::<UInt64Array>())),
        ("opens_session", Arc::new(rows.iter().map(|row| Some(row.session.is_some())).collect::<BooleanArray>())),
        ("session_impressions", Arc::new(rows.iter().map(|row| session(row).impressions).collect::<Int64Array>())),
        ("orders", Arc::new(rows.iter().map(|row| session(row).orders).collect::<Int64Array>())),
        ("revenue_cents", Arc::new(rows.iter().map(|row| session(row).revenue_cents).collect::<Int64Array>())),
        ("errors", Arc::new(rows.iter().map(|row| row.errors).collect::<Int64Array>())),
    ];
    for (name, dimension) in named {
        let texts = rows.iter().map(|row| row.dimensions.get(dimension));
        columns.push((name, Arc::new(StringArray::from_iter_values(texts))));
    }
    for metric in Metric::ALL {
        let timer = |row: &Row| row.timers.iter().find(|(of, _)| *of == metric).map(|(_, value)| *value);
        columns.push((metric.name(), Arc::new(rows.iter().map(timer).collect::<Float32Array>())));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
