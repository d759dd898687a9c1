//! The rows of each key and window that rank in a range, once the window has ended.

use std::sync::Arc;

use arrow::{
    array::{AsArray, Int64Array},
    compute::SortOptions,
    datatypes::SchemaRef,
};
use tidemill_engine::{Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable};

use super::{
    changes::{Changes, Range},
    ranked::{Ranked, RankedRow},
};
use crate::operators::{
    attached_windows::{OpenWindows, WINDOW, end_of, with_window},
    columns::{WINDOW_TIME_BEFORE_END, micros_of, rows_of, without_key},
    rows::{RowCodec, key_column},
    sort_order::SortOrder,
};

/// Configuration of [`WindowTopN`].
#[derive(Clone, Debug)]
pub struct WindowTopNConfig {
    /// Columns of the input, without its key.
    pub input: SchemaRef,
    /// The column of the window's start: a timestamp.
    pub window_start: usize,
    /// The column of the window's end: a timestamp.
    pub window_end: usize,
    /// The order: columns by position.
    pub sort: Vec<(usize, SortOptions)>,
    /// True where of rows of the same order the one that came last ranks first: to keep the last row of each window.
    pub last_first: bool,
    /// The first rank that is given, from 1.
    pub start: u64,
    /// The last rank that is given.
    pub end: u64,
    /// Whether the rank is a column of the output.
    pub rank_number: bool,
    /// The output: the columns of the input and, where it is asked for, the rank (`Int64`) behind them.
    pub schema: SchemaRef,
}

/// Ranks rows of an append-only input that carry a window, and gives those of a range when the window ends. With the range 1 to
/// 1 and an order by time it is the de-duplication of each window.
///
/// The window may, but need not, be a part of the key. Output: inserts, with the time of the window's end less a millisecond, by
/// window's end, key and rank. Rows of windows that have ended are late: counted, and sent to port 1 as they came.
#[derive(Debug)]
pub struct WindowTopN {
    codec: RowCodec,
    order: SortOrder,
    window: [usize; 2],
    last_first: bool,
    range: Range,
    schema: SchemaRef,
    best: StateTable<Ranked>,
    windows: OpenWindows,
}

impl WindowTopN {
    /// With no window open.
    pub fn new(config: WindowTopNConfig) -> Result<Self> {
        let range = Range::new(config.start, config.end, config.rank_number)?;
        Ok(WindowTopN {
            codec: RowCodec::of_schema(&config.input)?,
            order: SortOrder::new(&config.input, &config.sort)?,
            window: [config.window_start, config.window_end],
            last_first: config.last_first,
            range,
            schema: config.schema,
            best: StateTable::new("best"),
            windows: OpenWindows::default(),
        })
    }
}

impl Operator for WindowTopN {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let (rows, columns) = (batch.rows(), without_key(batch.rows()));
        let keys = key_column(rows)?;
        let [start, end] = self.window;
        let (starts, ends) = (micros_of(rows, start)?, micros_of(rows, end)?);
        let orders = self.order.encode(columns, batch.num_rows())?;
        let orders = orders.as_binary::<i32>();
        let encoded = self.codec.encode(columns)?;
        let mut state_key = Vec::new();
        let mut late: Vec<u32> = Vec::new();
        let mut unsaid = Changes::default();
        // No row goes out before the window's end: nothing of what changes is told.
        let silent = Range { start: self.range.end, ..self.range };
        for (at, (key, (start, end))) in keys.iter().flatten().zip(starts.iter().zip(&ends)).enumerate() {
            if *end <= out.watermark().0 {
                late.push(at as u32);
                continue;
            }
            with_window(&mut state_key, key, *start, *end);
            let ranked = self.best.entry(&state_key, Ranked::default);
            if ranked.rows.is_empty() {
                self.windows.open(&state_key);
            }
            let (order, row) = (orders.value(at), encoded.row(at).data());
            if self.last_first {
                ranked.insert_before(order, row, self.range.end);
            } else {
                ranked.insert(order, row, silent, &mut unsaid);
            }
        }
        if !late.is_empty() {
            out.count_late(late.len() as u64);
            out.emit_to(1, batch.take(&late.into())?);
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        let ended = self.windows.take_ended(time);
        let (mut given, mut ranks, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for key in &ended {
            let Some(ranked) = self.best.remove(key) else { continue };
            for (rank, row) in ranked.rows.into_iter().enumerate().skip(self.range.start) {
                given.push(row);
                ranks.push(rank as i64 + 1);
                times.push(end_of(key).saturating_sub(WINDOW_TIME_BEFORE_END));
            }
        }
        if !given.is_empty() {
            let mut columns = self.codec.decode(given.iter().map(RankedRow::row))?;
            if self.range.numbers {
                columns.push(Arc::new(Int64Array::from(ranks)));
            }
            out.emit(Batch::new(rows_of(&self.schema, columns, times.len())?, times)?);
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.best.snapshot_by(writer, |key| key.get(..key.len().saturating_sub(WINDOW)).unwrap_or_default())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.best.restore(reader)?;
        self.best.iter().for_each(|(key, _)| self.windows.open(key));
        Ok(())
    }

    fn state_keys(&self) -> usize {
        self.best.len()
    }
}
