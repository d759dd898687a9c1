//! Rows on which an expression fails: they are put aside one by one, each with its reason, while the others go on.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use tidemill_connectors::rejected;
use tidemill_engine::{Batch, EngineError, EventTime, Result};
use tidemill_formats::{Format, Options, Records, Rejected};

/// A row that failed, and why.
pub(crate) struct Failed {
    row: Batch,
    reason: String,
}

impl Failed {
    /// A row of a batch.
    pub(crate) fn new(batch: &Batch, row: usize, reason: &str) -> Result<Self> {
        Ok(Failed { row: batch.take(&UInt32Array::from(vec![row as u32]))?, reason: reason.to_owned() })
    }
}

/// Works on a batch, and where a row of it fails on ever smaller parts, until that row is alone.
pub(crate) fn set_apart(
    batch: Batch,
    work: &mut dyn FnMut(Batch) -> Result<Batch>,
    failed: &mut Vec<Failed>,
) -> Result<Vec<Batch>> {
    let rows = batch.num_rows() as u32;
    match work(batch.clone()) {
        Ok(done) => Ok(vec![done]),
        Err(EngineError::Row(reason)) if rows <= 1 => {
            failed.extend((rows == 1).then_some(Failed { row: batch, reason }));
            Ok(Vec::new())
        }
        Err(EngineError::Row(_)) => {
            let mut part = |rows| set_apart(batch.take(&UInt32Array::from_iter_values(rows))?, work, failed);
            let mut done = part(0..rows / 2)?;
            done.extend(part(rows / 2..rows)?);
            Ok(done)
        }
        Err(other) => Err(other),
    }
}

/// Failed rows as rows of [`rejected::schema`].
pub(crate) fn rows_of(origin: &str, failed: &[Failed]) -> Result<Batch> {
    let times: Vec<EventTime> =
        failed.iter().flat_map(|failed| failed.row.times().first().copied().map(EventTime)).collect();
    let rejected: Vec<Rejected> = (0..)
        .zip(failed)
        .map(|(record, failed)| Rejected {
            record,
            reason: failed.reason.clone(),
            bytes: json(failed.row.rows()).unwrap_or_default(),
        })
        .collect();
    rejected::batch(origin, EventTime::now(), &rejected, Some(&times))
}

/// A row as a JSON object; none where it has a type that JSON can't hold.
fn json(row: &RecordBatch) -> Option<Vec<u8>> {
    let format = Format::from_options(&Options::new().with("format", "json")).ok()?;
    let mut records = Records::new();
    format.encoder(Arc::clone(&row.schema())).ok()?.encode(row, None, &mut records).ok()?;
    records.get(0).map(<[u8]>::to_vec)
}
