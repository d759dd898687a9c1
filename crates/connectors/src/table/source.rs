//! All rows of a table, as they are when it is read.
//!
//! The first worker reads them, in the order of the key, from one moment. After a restore it goes on behind the last key that
//! the checkpoint knows, with the rows as they are then.

use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use tidemill_engine::{
    Batch, EngineError, EventTime, OperatorContext, Replay, Result, SnapshotReader, SnapshotWriter, Source,
    SourceOutput, SourceStatus, Waker,
};
use tidemill_tables::{Batches, Scan, Table};

use super::{find, key};
use crate::catalog::Settings;
use crate::connector::SourceTable;
use crate::environment::Environment;

const TABLE: &str = "last";
const LAST_KEY: &[u8] = b"key";
/// The value where everything was read.
const ALL: &[u8] = b"";

pub(super) fn make(settings: &Settings<'_>, environment: &Environment) -> crate::error::Result<Arc<dyn SourceTable>> {
    let (_, table) = find(settings, environment)?;
    Ok(Arc::new(AllRows { table, schema: settings.declaration().schema() }))
}

struct AllRows {
    table: Table,
    schema: SchemaRef,
}

impl SourceTable for AllRows {
    fn replay(&self) -> Replay {
        Replay::FromPosition
    }

    fn is_bounded(&self) -> bool {
        true
    }

    fn open(&self, projection: &[usize], _: &OperatorContext) -> Result<Box<dyn Source>> {
        let schema = Arc::new(self.schema.project(projection)?);
        let mut columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let key = self.table.definition().key();
        columns.extend(key.iter().filter(|name| !columns.contains(name)).cloned().collect::<Vec<_>>());
        Ok(Box::new(TableSource {
            table: self.table.clone(),
            schema,
            columns,
            is_first: false,
            rows: None,
            last: Last::Nothing,
            written: None,
        }))
    }
}

struct TableSource {
    table: Table,
    schema: SchemaRef,
    /// Those of the projection, then what is missing of the key.
    columns: Vec<String>,
    is_first: bool,
    rows: Option<Batches>,
    last: Last,
    written: Option<Vec<u8>>,
}

/// What was read last.
enum Last {
    Nothing,
    /// A batch of one row, with the key's columns.
    Key(RecordBatch),
    All,
}

impl TableSource {
    fn failed(&self, error: impl std::fmt::Display) -> EngineError {
        EngineError::operator(format!("table {}", self.table.name()), error)
    }

    fn scan(&self) -> Result<Batches> {
        let lower = match &self.last {
            Last::Key(last) => {
                let values = last.columns().iter().map(|column| Ok(key::values(column)?.into_iter().next()));
                let values = values.collect::<Result<Option<Vec<_>>>>()?;
                Bound::Excluded(values.ok_or_else(|| self.failed("the stored position has no row"))?)
            }
            _ => Bound::Unbounded,
        };
        let scan = Scan::range(lower, Bound::Unbounded).columns(self.columns.clone());
        self.table.scan(&scan).map_err(|e| self.failed(e))
    }

    /// The columns of the projection, with the declared types.
    fn project(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = rows.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }

    fn key_of(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let places = self.table.definition().key().iter().map(|name| rows.schema().index_of(name));
        let places = places.collect::<Result<Vec<_>, _>>()?;
        Ok(rows.project(&places)?.slice(rows.num_rows().saturating_sub(1), 1))
    }
}

impl Source for TableSource {
    fn open(&mut self, context: &OperatorContext, _: Waker) -> Result<()> {
        self.is_first = context.worker == 0;
        Ok(())
    }

    fn poll(&mut self, budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        if !self.is_first || matches!(self.last, Last::All) {
            return Ok(SourceStatus::Finished);
        }
        if self.rows.is_none() {
            self.rows = Some(self.scan()?);
        }
        let now = EventTime::now();
        let mut bytes = 0;
        while bytes < budget {
            match self.rows.as_mut().and_then(Iterator::next) {
                None => {
                    (self.rows, self.last) = (None, Last::All);
                    return Ok(SourceStatus::Finished);
                }
                Some(rows) => {
                    let rows = rows.map_err(|e| self.failed(e))?;
                    self.last = Last::Key(self.key_of(&rows)?);
                    let batch = Batch::at(self.project(&rows)?, now);
                    bytes += batch.bytes().max(1);
                    out.emit(batch);
                }
            }
        }
        out.watermark(now);
        Ok(SourceStatus::More)
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        let position = match &self.last {
            Last::Nothing => return Ok(()),
            Last::All => ALL.to_vec(),
            Last::Key(last) => {
                let mut bytes = Vec::new();
                let mut stream = StreamWriter::try_new(&mut bytes, last.schema_ref())?;
                stream.write(last)?;
                stream.finish()?;
                drop(stream);
                bytes
            }
        };
        if self.is_first && self.written.as_ref() != Some(&position) {
            writer.union(TABLE, LAST_KEY, Some(&position));
            self.written = Some(position);
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.last = match reader.union(TABLE, LAST_KEY) {
            None => Last::Nothing,
            Some(ALL) => Last::All,
            Some(mut bytes) => {
                let last = StreamReader::try_new(&mut bytes, None)?.next().transpose()?;
                Last::Key(last.ok_or_else(|| self.failed("the stored position has no row"))?)
            }
        };
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}
