//! A source of given rows: for examples and tests.

use super::{
    environment::TypedSource,
    row::{Row, RowCodec, Timed},
};
use crate::{
    error::{EngineError, Result},
    operator::OperatorContext,
    source::{Replay, Source, SourceOutput, SourceStatus, Waker},
    state::{SnapshotReader, SnapshotWriter},
    time::EventTime,
};

/// Given rows, divided among the workers, at the time 0 until timestamps are assigned.
#[derive(Clone, Debug)]
pub struct Elements<T> {
    rows: Vec<T>,
    batch: usize,
}

impl<T> Elements<T> {
    /// These rows.
    pub fn new(rows: Vec<T>) -> Self {
        Elements { rows, batch: 1024 }
    }

    /// So many rows in each batch.
    pub fn in_batches_of(mut self, rows: usize) -> Self {
        self.batch = rows.max(1);
        self
    }
}

impl<T: Row + Sync> TypedSource<T> for Elements<T> {
    type Source = ElementsSource<T>;

    fn make(&self, context: &OperatorContext) -> Result<Self::Source> {
        let mine = self.rows.iter().skip(context.worker).step_by(context.workers).cloned().collect();
        Ok(ElementsSource {
            rows: mine,
            batch: self.batch,
            at: 0,
            context: context.clone(),
            codec: RowCodec::of::<T>()?,
        })
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}

/// The running form of [`Elements`]. Its position only fits the number of workers that it was taken with.
#[derive(Debug)]
pub struct ElementsSource<T> {
    rows: Vec<T>,
    batch: usize,
    at: usize,
    context: OperatorContext,
    codec: RowCodec,
}

const TABLE: &str = "position";

impl<T: Row> Source for ElementsSource<T> {
    fn open(&mut self, _context: &OperatorContext, _waker: Waker) -> Result<()> {
        Ok(())
    }

    fn poll(&mut self, _budget: usize, out: &mut SourceOutput<'_>) -> Result<SourceStatus> {
        let rows: Vec<Timed<T>> = self
            .rows
            .iter()
            .skip(self.at)
            .take(self.batch)
            .map(|row| Timed::insert(row.clone(), EventTime(0)))
            .collect();
        self.at += rows.len();
        if !rows.is_empty() {
            out.emit(self.codec.encode(&rows)?);
        }
        Ok(if self.at < self.rows.len() { SourceStatus::More } else { SourceStatus::Finished })
    }

    fn snapshot(&mut self, writer: &mut SnapshotWriter) -> Result<()> {
        let position = [self.at as u64, self.context.workers as u64].map(u64::to_le_bytes).concat();
        writer.union(TABLE, &self.context.worker.to_le_bytes(), Some(&position));
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        if let Some(position) = reader.union(TABLE, &self.context.worker.to_le_bytes()) {
            let number = |at: usize| Some(u64::from_le_bytes(position.get(at..at + 8)?.try_into().ok()?) as usize);
            if number(8) != Some(self.context.workers) {
                return Err(EngineError::Plan("given elements can't be read on with another number of workers".into()));
            }
            self.at = number(0).unwrap_or(0);
        }
        Ok(())
    }

    fn replay(&self) -> Replay {
        Replay::FromPosition
    }
}
