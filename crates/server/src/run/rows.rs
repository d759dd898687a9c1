//! Rows of a SELECT as text.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tidemill_engine::{Batch, RowKind};
use tidemill_formats::{Encoder, Format, Options, Records};

use crate::error::{Error, Result};

/// A row as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRow {
    /// `+I`, `-U`, `+U`, `-D`.
    pub kind: &'static str,
    /// Its cells.
    pub cells: Vec<String>,
}

/// The rows of a batch as a person reads them.
///
/// # Errors
/// For a type that can't be shown.
pub fn text_rows(batch: &Batch) -> Result<Vec<TextRow>> {
    let shown =
        |cells: Vec<Option<String>>| cells.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".into())).collect();
    let rows = cells(batch.rows())?.into_iter().enumerate();
    Ok(rows.map(|(row, cells)| TextRow { kind: kind(batch.kind(row)), cells: shown(cells) }).collect())
}

/// Each row's values as texts; none for NULL.
pub(super) fn cells(rows: &RecordBatch) -> Result<Vec<Vec<Option<String>>>> {
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"));
    let mut all = vec![Vec::with_capacity(rows.num_columns()); rows.num_rows()];
    for column in rows.columns() {
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options);
        let formatter = formatter.map_err(|error| Error::part("showing rows", error))?;
        for (row, cells) in all.iter_mut().enumerate() {
            cells.push(column.is_valid(row).then(|| formatter.value(row).to_string()));
        }
    }
    Ok(all)
}

/// What Flink's client calls a kind.
fn kind(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Insert => "+I",
        RowKind::UpdateBefore => "-U",
        RowKind::UpdateAfter => "+U",
        RowKind::Delete => "-D",
    }
}

/// Rows as a JSON object a line; with `op` first where rows may be revised.
pub struct JsonLines {
    encoder: Box<dyn Encoder>,
    records: Records,
    changes: bool,
}

impl JsonLines {
    /// Writes rows of these columns.
    ///
    /// # Errors
    /// For a type that JSON can't hold.
    pub fn new(schema: &SchemaRef, changes: bool) -> Result<Self> {
        let failed = |error| Error::part("showing rows", error);
        let format = Format::named("json", &Options::new()).map_err(failed)?;
        Ok(JsonLines { encoder: format.encoder(schema.clone()).map_err(failed)?, records: Records::new(), changes })
    }

    /// The lines of a batch.
    ///
    /// # Errors
    /// When a value can't be written.
    pub fn lines(&mut self, batch: &Batch) -> Result<String> {
        self.records.clear();
        self.encoder
            .encode(batch.rows(), None, &mut self.records)
            .map_err(|error| Error::part("showing rows", error))?;
        let mut text = String::new();
        for (row, record) in self.records.iter().enumerate() {
            let record = String::from_utf8_lossy(record);
            match self.changes.then(|| record.strip_prefix('{')).flatten() {
                Some(rest) => {
                    let comma = if rest.starts_with('}') { "" } else { "," };
                    text.push_str(&format!("{{\"op\":\"{}\"{comma}{rest}\n", kind(batch.kind(row))));
                }
                None => text.push_str(&format!("{record}\n")),
            }
        }
        Ok(text)
    }
}
