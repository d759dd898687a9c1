//! The sink: open files by folder, closed by size, rows, age or the end of the input.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use tidemill_engine::{
    Batch, Delivery, Epoch, EventTime, OperatorContext, Result, RowKind, Sink, SnapshotReader, SnapshotWriter,
};

use super::config::FileSinkConfig;
use super::open_file::{OpenFile, read_saved};
use super::staged::{self, StagedFile};
use super::{failed, format, partition};

/// The state of open files: `folder 00 generation worker number` to the rows of one checkpoint.
const ROWS: &str = "rows";

/// Writes each row into exactly one visible file, whatever crashes. See the [module](super) for how.
///
/// It takes new rows only: a file can't take a row back. Rows that revise others belong into a table.
pub struct FileSink {
    config: FileSinkConfig,
    /// `job.operator`, as file names have it.
    owner: String,
    generation: u64,
    worker: usize,
    /// Numbers files and saved rows of this generation and worker.
    next: u64,
    open: BTreeMap<String, OpenFile>,
    open_bytes: usize,
    /// Written since the last checkpoint.
    staged: Vec<StagedFile>,
    /// Saved rows that have got into a file since the last checkpoint.
    obsolete: Vec<Vec<u8>>,
    input_ended: bool,
    /// The first epoch that this run has prepared.
    first_epoch: Option<Epoch>,
    cleaned: bool,
}

impl FileSink {
    /// A sink for [`tidemill_engine::Job::sink`], with [`Delivery::Transactional`].
    pub fn new(config: FileSinkConfig) -> FileSink {
        FileSink {
            config,
            owner: String::new(),
            generation: 0,
            worker: 0,
            next: 0,
            open: BTreeMap::new(),
            open_bytes: 0,
            staged: Vec::new(),
            obsolete: Vec::new(),
            input_ended: false,
            first_epoch: None,
            cleaned: false,
        }
    }

    fn take(&mut self, folder: String, rows: RecordBatch) -> Result<()> {
        let now_ms = self.config.clock.now_ms();
        if self.open.get(&folder).is_some_and(|file| file.schema != rows.schema()) {
            self.close(&folder)?; // The columns have changed: rows of one file have the same.
        }
        let file = self.open.entry(folder.clone()).or_insert_with(|| OpenFile::new(rows.schema(), now_ms));
        self.open_bytes += file.push(rows);
        if file.rows >= self.config.file_rows_max || file.bytes >= self.config.file_bytes_max {
            self.close(&folder)?;
        }
        while self.open_bytes > self.config.open_bytes_max || self.open.len() > self.config.open_files_max {
            let largest = self.open.iter().max_by_key(|(_, file)| file.bytes).map(|(folder, _)| folder.clone());
            let Some(largest) = largest else { break };
            self.close(&largest)?;
        }
        Ok(())
    }

    /// Writes an open file to its staged place.
    fn close(&mut self, folder: &str) -> Result<()> {
        let Some(file) = self.open.remove(folder) else { return Ok(()) };
        self.open_bytes -= file.bytes;
        let number = self.number();
        let extension = self.config.format.extension();
        let name = format!("{}-{}-{}-{number}.{extension}", self.owner, self.generation, self.worker);
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let root = &self.config.root;
        let place = staged::place(root, &path).map_err(|e| failed(root, e))?;
        let bytes = format::write(&place, &self.config, &file.schema, &file.batches)
            .map_err(|e| failed(root, format!("writing {}: {e}", place.display())))?;
        tracing::debug!(path, bytes, rows = file.rows, "file closed");
        self.staged.push(StagedFile { path, bytes, rows: file.rows as u64 });
        self.obsolete.extend(file.saved_keys);
        Ok(())
    }

    fn close_due(&mut self) -> Result<()> {
        let age_max_ms = i64::try_from(self.config.file_age_max.as_millis()).unwrap_or(i64::MAX);
        let opened_before = self.config.clock.now_ms().saturating_sub(age_max_ms);
        let due = self.open.iter().filter(|(_, file)| self.input_ended || file.opened_ms <= opened_before);
        let due: Vec<String> = due.map(|(folder, _)| folder.clone()).collect();
        due.iter().try_for_each(|folder| self.close(folder))
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Sink for FileSink {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        let plain = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_");
        self.owner = format!("{}.{}", plain(&context.job), plain(&context.operator));
        (self.generation, self.worker) = (context.generation, context.worker);
        std::fs::create_dir_all(&self.config.root).map_err(|e| failed(&self.config.root, e))
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        if (0..batch.num_rows()).any(|row| batch.kind(row) != RowKind::Insert) {
            let reason = "a row revises or deletes another one, and files only take new rows; use a table sink, or send final rows only";
            return Err(failed(&self.config.root, reason));
        }
        let parts = partition::split(&batch, &self.config.partition_by).map_err(|e| failed(&self.config.root, e))?;
        parts.into_iter().try_for_each(|(folder, rows)| self.take(folder, rows))
    }

    fn on_watermark(&mut self, time: EventTime) -> Result<()> {
        self.input_ended |= time == EventTime::MAX;
        Ok(())
    }

    fn prepare(&mut self, epoch: Epoch, writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.first_epoch.get_or_insert(epoch);
        self.close_due()?;
        for key in self.obsolete.drain(..) {
            writer.keyed(ROWS, &key, None);
        }
        for (folder, file) in &mut self.open {
            if let Some(rows) = file.save()? {
                self.next += 1;
                let mut key = [folder.as_bytes(), &[0]].concat();
                key.extend_from_slice(&self.generation.to_be_bytes());
                key.extend_from_slice(&(self.worker as u32).to_be_bytes());
                key.extend_from_slice(&self.next.to_be_bytes());
                writer.keyed(ROWS, &key, Some(&rows));
                file.saved_keys.push(key);
            }
        }
        if self.staged.is_empty() {
            return Ok(None);
        }
        staged::sync(&self.config.root).map_err(|e| failed(&self.config.root, e))?;
        let files = std::mem::take(&mut self.staged);
        serde_json::to_vec(&files).map(Some).map_err(|e| failed(&self.config.root, e))
    }

    fn commit(&mut self, epoch: Epoch, _id: &str, committable: &[u8]) -> Result<()> {
        let root = &self.config.root;
        let files: Vec<StagedFile> = serde_json::from_slice(committable).map_err(|e| failed(root, e))?;
        staged::publish(root, &files).map_err(|e| failed(root, e))?;
        // A checkpoint of this run is durable on all workers: all of them have committed what they restored, and no
        // earlier generation can commit any more. What it has staged is nobody's.
        if !self.cleaned && self.first_epoch.is_some_and(|first| first <= epoch) {
            let deleted = staged::clean(root, &self.owner, self.generation).map_err(|e| failed(root, e))?;
            tracing::debug!(deleted, "staged files of earlier generations deleted");
            self.cleaned = true;
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        // Key order is the order in which the rows came, of each worker that saved them.
        let mut saved_rows: Vec<(&[u8], &[u8])> = reader.table(ROWS).collect();
        saved_rows.sort();
        for (key, saved) in saved_rows {
            let folder = key.len().checked_sub(21).and_then(|end| std::str::from_utf8(key.get(..end)?).ok());
            let folder = folder.ok_or_else(|| failed(&self.config.root, "saved rows have a damaged key"))?;
            let (opened_ms, batches) = read_saved(saved)?;
            for rows in batches {
                if self.open.get(folder).is_some_and(|file| file.schema != rows.schema()) {
                    self.close(folder)?;
                }
                let file =
                    self.open.entry(folder.to_owned()).or_insert_with(|| OpenFile::new(rows.schema(), opened_ms));
                file.opened_ms = file.opened_ms.min(opened_ms);
                self.open_bytes += file.restore(key, rows);
            }
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Transactional
    }
}
