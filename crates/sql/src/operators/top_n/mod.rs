//! The rows of each key that rank from `start` to `end` in some order: `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …)` with a
//! filter on the number.
//!
//! [`TopN`] revises its result as rows come and go. Of equal rank order, the row that came first ranks first.

mod changes;
mod ranked;
#[cfg(test)]
mod tests;
mod window;
#[cfg(test)]
mod window_tests;

use std::{sync::Arc, time::Duration};

use arrow::{
    array::{AsArray, BooleanArray, Int64Array},
    compute::SortOptions,
    datatypes::SchemaRef,
};
use tidemill_engine::{
    Batch, Epoch, Operator, OperatorContext, Output, Result, SnapshotReader, SnapshotWriter, StateTable, time::micros,
    timers::Timer,
};

use super::{
    columns::{rows_of, without_key},
    expiry::Expiry,
    packed::PackedCodec,
    ranked_rows::RankedByKey,
    rows::key_column,
    sort_order::SortOrder,
};
use changes::{Changes, Range};
use ranked::Ranked;

pub use window::{WindowTopN, WindowTopNConfig};

/// Configuration of [`TopN`].
#[derive(Clone, Debug)]
pub struct TopNConfig {
    /// Columns of the input, without its key.
    pub input: SchemaRef,
    /// The order: columns by position.
    pub sort: Vec<(usize, SortOptions)>,
    /// The first rank that is given, from 1.
    pub start: u64,
    /// The last rank that is given.
    pub end: u64,
    /// Whether the rank is a column of the output.
    pub rank_number: bool,
    /// True where the input only has inserts: then rows that rank behind `end` are not kept.
    pub append_only: bool,
    /// The output: the columns of the input and, where it is asked for, the rank (`Int64`) behind them.
    pub schema: SchemaRef,
    /// A key is forgotten so long (processing time) after its last write.
    pub ttl: Option<Duration>,
}

/// Keeps the rows of each key that rank in a range.
///
/// Output: a changelog. Without the rank number only rows that enter or leave the range are told, a leaving one (delete) before
/// the one that enters for it (insert). With it, each rank whose row changes is told, as update-before and update-after. A
/// change has the time of the row that caused it.
#[derive(Debug)]
pub struct TopN {
    codec: PackedCodec,
    order: SortOrder,
    range: Range,
    schema: SchemaRef,
    ttl: Option<i64>,
    state: State,
    expiry: Expiry,
}

#[derive(Debug)]
enum State {
    /// The best rows of each key up to the end of the range.
    Best(StateTable<Ranked>),
    /// All rows of each key.
    All(RankedByKey),
}

impl TopN {
    /// With no rows.
    pub fn new(config: TopNConfig) -> Result<Self> {
        let TopNConfig { input, sort, start, end, rank_number, append_only, schema, ttl } = config;
        let state =
            if append_only { State::Best(StateTable::new("best")) } else { State::All(RankedByKey::new("all")) };
        let range = Range::new(start, end, rank_number)?;
        Ok(TopN {
            codec: PackedCodec::of_schema(&input)?,
            order: SortOrder::new(&input, &sort)?,
            range,
            schema,
            ttl: ttl.map(micros),
            state,
            expiry: Expiry::new(ttl),
        })
    }

    fn emit(&self, changes: Changes, out: &mut Output<'_>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut columns = self.codec.decode(changes.rows())?;
        if self.range.numbers {
            columns.push(Arc::new(Int64Array::from(changes.ranks)));
        }
        let rows = rows_of(&self.schema, columns, changes.times.len())?;
        out.emit(Batch::new(rows, changes.times)?.with_kinds(&changes.kinds)?);
        Ok(())
    }
}

impl Operator for TopN {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let order = self.order.encode(without_key(batch.rows()), batch.num_rows())?;
        let (now, expired) = (out.now().0, Expiry::before(self.ttl, out.now()));
        let mut changes = Changes::default();
        match &mut self.state {
            State::Best(best) => {
                // Ranks only get harder to reach, so a row that is behind them now is behind them for good.
                let all_orders = order.as_binary::<i32>();
                let keys = key_column(batch.rows())?;
                let end = self.range.end;
                let enters: BooleanArray = keys
                    .iter()
                    .zip(all_orders)
                    .map(|(key, order)| {
                        let found = best.get(key.unwrap_or_default()).filter(|found| found.written > expired);
                        Some(found.is_none_or(|found| found.admits(order.unwrap_or_default(), end)))
                    })
                    .collect();
                let all = enters.true_count() == batch.num_rows();
                let batch = if all { batch } else { batch.filter(&enters)? };
                if batch.num_rows() == 0 {
                    return Ok(());
                }
                let order = if all { order } else { arrow::compute::filter(&order, &enters)? };
                let (keys, order) = (key_column(batch.rows())?, order.as_binary::<i32>());
                let rows = self.codec.encode(without_key(batch.rows()))?;
                for (at, key) in keys.iter().flatten().enumerate() {
                    let ranked = best.entry(key, Ranked::default);
                    if ranked.written <= expired {
                        ranked.rows.clear();
                    }
                    ranked.written = now;
                    changes.time = batch.times().get(at).copied().unwrap_or_default();
                    ranked.insert(order.value(at), rows.row(at), self.range, &mut changes);
                }
            }
            State::All(all) => {
                let (keys, order) = (key_column(batch.rows())?, order.as_binary::<i32>());
                let rows = self.codec.encode(without_key(batch.rows()))?;
                for (at, key) in keys.iter().flatten().enumerate() {
                    changes.time = batch.times().get(at).copied().unwrap_or_default();
                    let (order, row) = (order.value(at), rows.row(at));
                    if self.ttl.is_some() {
                        all.forget(key, expired);
                    }
                    let range = self.range;
                    if batch.kind(at).adds() {
                        let rank = all.insert(key, order, row, now, range.end);
                        if rank < range.end {
                            changes.inserted(rank, range, all.rows(key));
                        }
                    } else if let Some(rank) = all.remove(key, order, row, now, range.end) {
                        changes.removed(rank, row, range, all.rows(key));
                    } else if self.ttl.is_none() {
                        out.count_errors(1);
                    }
                }
            }
        }
        self.emit(changes, out)?;
        self.expiry.arm(out);
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if !self.expiry.fired(timer) {
            return Ok(());
        }
        let expired = Expiry::before(self.ttl, out.now());
        match &mut self.state {
            State::Best(best) => {
                let gone = best.iter().filter(|(_, ranked)| ranked.written <= expired).map(|(key, _)| Box::from(key));
                let gone: Vec<Box<[u8]>> = gone.collect();
                for key in gone {
                    best.remove(&key);
                }
            }
            State::All(all) => all.expire(expired),
        }
        if self.state_keys() > 0 {
            self.expiry.arm(out);
        }
        Ok(())
    }

    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.expiry.open(context);
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        match &mut self.state {
            State::Best(best) => best.snapshot(writer),
            State::All(all) => all.snapshot(writer),
        }
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        match &mut self.state {
            State::Best(best) => best.restore(reader),
            State::All(all) => all.restore(reader),
        }
    }

    fn state_keys(&self) -> usize {
        match &self.state {
            State::Best(best) => best.len(),
            State::All(all) => all.len(),
        }
    }
}
