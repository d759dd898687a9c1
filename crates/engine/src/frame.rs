//! What travels on an edge: rows, or what a sender says of its event time.

use crate::{
    batch::Batch,
    error::{EngineError, Result},
    job::Routing,
    key::KeyGroup,
    time::Mark,
};

/// One message on an edge.
#[derive(Clone, Debug, Default)]
pub(crate) enum Frame {
    /// Nothing: what is left behind when a frame is taken.
    #[default]
    Empty,
    /// Rows.
    Rows(Batch),
    /// A watermark of one sender. It enters an exchange once with `receivers` = number of workers, and each of them gets
    /// it with `receivers` = 1, so that what is counted in is what is counted out.
    Watermark { sender: u32, receivers: u32, mark: Mark },
}

impl Frame {
    /// Rows as they have to be for this edge: with key hashes where it routes by key.
    pub(crate) fn rows(batch: Batch, routing: Routing) -> Result<Self> {
        Ok(Frame::Rows(match routing {
            Routing::Key(column) => batch.hashed_by(column)?,
            Routing::Forward | Routing::Broadcast | Routing::Single => batch,
        }))
    }

    /// This worker's watermark on an edge. On a forward edge a receiver hears one sender, which it knows as the first.
    pub(crate) fn watermark(worker: usize, workers: usize, routing: Routing, mark: Mark) -> Self {
        let (sender, receivers) = if routing == Routing::Forward { (0, 1) } else { (worker, workers) };
        Frame::Watermark { sender: sender as u32, receivers: receivers as u32, mark }
    }

    /// How many senders a receiver on this edge hears.
    pub(crate) fn senders(workers: usize, routing: Routing) -> usize {
        if routing == Routing::Forward { 1 } else { workers }
    }
}

/// Splits rows among workers by the key hashes that they carry: for each worker its rows, if any.
pub(crate) fn split_by_key(batch: &Batch, workers: usize) -> Result<Vec<Option<Batch>>> {
    let hashes =
        batch.hashes().ok_or_else(|| EngineError::Plan("rows without key hashes came to an exchange by key".into()))?;
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); workers];
    for (row, &hash) in hashes.iter().enumerate() {
        if let Some(of_worker) = rows.get_mut(KeyGroup::of_hash(hash).owner(workers)) {
            of_worker.push(row as u32);
        }
    }
    rows.into_iter()
        .map(|rows| match rows.len() {
            0 => Ok(None),
            all if all == batch.num_rows() => Ok(Some(batch.clone())),
            _ => batch.take(&rows.into()).map(Some),
        })
        .collect()
}
