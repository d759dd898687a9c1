//! A file that still takes rows: in memory, and saved by each checkpoint.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

/// Rows of one file since it was opened.
pub(crate) struct OpenFile {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    /// So many of the first batches are in state.
    saved: usize,
    /// Where in state they are.
    pub(crate) saved_keys: Vec<Vec<u8>>,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// When the first row came, milliseconds since 1970.
    pub(crate) opened_ms: i64,
}

impl OpenFile {
    pub(crate) fn new(schema: SchemaRef, opened_ms: i64) -> OpenFile {
        OpenFile { schema, batches: Vec::new(), saved: 0, saved_keys: Vec::new(), rows: 0, bytes: 0, opened_ms }
    }

    /// Takes rows; how many bytes they are.
    pub(crate) fn push(&mut self, rows: RecordBatch) -> usize {
        let bytes = size_of(&rows);
        self.rows += rows.num_rows();
        self.bytes += bytes;
        self.batches.push(rows);
        bytes
    }

    /// The rows that came since the last call, as they are saved; `None` when there are none.
    pub(crate) fn save(&mut self) -> Result<Option<Vec<u8>>, ArrowError> {
        let Some(unsaved) = self.batches.get(self.saved..).filter(|unsaved| !unsaved.is_empty()) else {
            return Ok(None);
        };
        let rows = concat_batches(&self.schema, unsaved)?;
        let mut bytes = self.opened_ms.to_le_bytes().to_vec();
        let mut writer = StreamWriter::try_new(&mut bytes, &self.schema)?;
        writer.write(&rows)?;
        writer.finish()?;
        drop(writer);
        // One compact batch instead of many small ones, which may share memory with larger ones.
        self.batches.truncate(self.saved);
        self.batches.push(rows);
        self.saved = self.batches.len();
        Ok(Some(bytes))
    }

    /// Adds rows that were saved under `key`.
    pub(crate) fn restore(&mut self, key: &[u8], rows: RecordBatch) -> usize {
        debug_assert_eq!(self.saved, self.batches.len(), "rows are restored before any come");
        let bytes = self.push(rows);
        self.saved = self.batches.len();
        self.saved_keys.push(key.to_vec());
        bytes
    }
}

/// Reads what [`OpenFile::save`] wrote: when the file was opened, and the rows.
pub(crate) fn read_saved(bytes: &[u8]) -> Result<(i64, Vec<RecordBatch>), ArrowError> {
    let (opened_ms, stream) =
        bytes.split_first_chunk::<8>().ok_or_else(|| ArrowError::IpcError("saved rows are too short".into()))?;
    let batches = StreamReader::try_new(stream, None)?.collect::<Result<Vec<_>, _>>()?;
    Ok((i64::from_le_bytes(*opened_ms), batches))
}

fn size_of(rows: &RecordBatch) -> usize {
    rows.columns()
        .iter()
        .map(|c| c.to_data().get_slice_memory_size().unwrap_or_else(|_| c.get_array_memory_size()))
        .sum()
}
