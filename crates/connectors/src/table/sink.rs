//! Keeps a table equal to a stream of revisions.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use tidemill_engine::{Batch, Delivery, EngineError, Epoch, EventTime, Result, Sink, SnapshotWriter};
use tidemill_tables::{Table, Tables};

/// Rows are written when so many bytes of them wait, when the first of them has waited long enough, and at each checkpoint.
const WRITE_BYTES: usize = 4 << 20;

/// Inserts and new contents are upserted by the table's key, deletions and old contents delete their key. Exactly once in
/// effect: replay overwrites the same keys. The rows of one write become visible together; a checkpoint is not durable
/// before they are.
///
/// Rows of one key must come over one worker: route by the key.
pub struct TableSink {
    tables: Tables,
    table: Table,
    interval: Duration,
    waiting: Vec<Batch>,
    waiting_bytes: usize,
    /// When the first of them came.
    since: Option<Instant>,
}

impl TableSink {
    /// A sink that writes to a table of this folder; the columns are matched by name. Rows wait so long for others to be
    /// written with.
    pub fn new(tables: Tables, table: Table, interval: Duration) -> TableSink {
        TableSink { tables, table, interval, waiting: Vec::new(), waiting_bytes: 0, since: None }
    }

    fn flush_due(&mut self) -> Result<()> {
        let waited = self.since.is_some_and(|since| since.elapsed() >= self.interval);
        if waited || self.waiting_bytes >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.waiting_bytes, self.since) = (0, None);
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
        self.since.get_or_insert_with(Instant::now);
        self.flush_due()
    }

    fn on_watermark(&mut self, _time: EventTime) -> Result<()> {
        self.flush_due()
    }

    fn prepare(&mut self, _epoch: Epoch, _writer: &mut SnapshotWriter) -> Result<Option<Vec<u8>>> {
        self.flush()?;
        Ok(None)
    }

    fn delivery(&self) -> Delivery {
        Delivery::Upsert
    }
}
