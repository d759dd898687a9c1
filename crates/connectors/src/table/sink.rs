//! Keeps a table equal to a stream of revisions.

use arrow::array::RecordBatch;
use tidemill_engine::{Batch, Delivery, EngineError, Epoch, Result, Sink, SnapshotWriter};
use tidemill_tables::{Table, Tables};

/// Rows are written when so many bytes of them wait, and at each checkpoint.
const WRITE_BYTES: usize = 4 << 20;

/// Inserts and new contents are upserted by the table's key, deletions and old contents delete their key. Exactly once in
/// effect: replay overwrites the same keys. The rows of one write become visible together; a checkpoint is not durable
/// before they are.
///
/// Rows of one key must come over one worker: route by the key.
pub struct TableSink {
    tables: Tables,
    table: Table,
    waiting: Vec<Batch>,
    waiting_bytes: usize,
}

impl TableSink {
    /// A sink that writes to a table of this folder; the columns are matched by name.
    pub fn new(tables: Tables, table: Table) -> TableSink {
        TableSink { tables, table, waiting: Vec::new(), waiting_bytes: 0 }
    }

    fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        let written = self.tables.transact(|transaction| {
            for (adds, rows) in waiting.iter().flat_map(runs) {
                match adds {
                    true => transaction.upsert_batch(&self.table, &rows)?,
                    false => transaction.delete_batch(&self.table, &rows)?,
                }
            }
            Ok(())
        });
        written.map_err(|e| EngineError::operator(format!("table sink {}", self.table.name()), e))
    }
}

/// The rows in order, cut where additions and deletions alternate.
fn runs(batch: &Batch) -> Vec<(bool, RecordBatch)> {
    let mut runs = Vec::new();
    let mut start = 0;
    for row in 1..=batch.num_rows() {
        let adds = batch.kind(start).adds();
        if row == batch.num_rows() || batch.kind(row).adds() != adds {
            runs.push((adds, batch.rows().slice(start, row - start)));
            start = row;
        }
    }
    runs
}

impl Sink for TableSink {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.waiting_bytes += batch.bytes();
        self.waiting.push(batch);
        match self.waiting_bytes >= WRITE_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.flush()?;
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}
