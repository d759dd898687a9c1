//! GROUP BY over windows: TUMBLE, HOP, CUMULATE, and windows that rows bring along.
//!
//! State lies by slice and key. A row updates one slice; when a window is complete, its slices are merged and the results of
//! its keys go out together. Each slice knows its groups, so a window is found without a look at those of others.

mod config;
mod early;
#[cfg(test)]
mod tests;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use arrow::{
    array::{Array, ArrayRef, UInt32Array},
    datatypes::DataType,
};
use hashbrown::HashMap;
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, OperatorContext, Output, Result, SnapshotReader, SnapshotWriter,
    StateTable,
    key::KeyGroup,
    timers::{TimeDomain, Timer},
};

use super::{
    columns::rows_of,
    results::{MILLISECOND, check_output, micros, window_columns, window_types},
    rows::{RowCodec, key_column},
};
use crate::aggregate::{
    Accumulators, Retraction,
    bytes::{Bytes, put_i64},
};
pub use config::{TimeAttribute, WindowAggregateConfig, WindowAssignment};

use early::Early;

/// Aggregates the rows of a key in each window. A window's results go out once, as inserts, ordered by key, when the watermark
/// reaches the window's last millisecond, or the wall clock its end.
///
/// A row is late where all its windows are out; it then goes to output 1 as it came. A row whose time is null belongs to no
/// window: it is counted as an error.
#[derive(Debug)]
pub struct WindowAggregate {
    config: WindowAggregateConfig,
    codec: RowCodec,
    window_types: Vec<DataType>,
    /// Keyed by slice and key.
    groups: StateTable<()>,
    states: Accumulators,
    /// How many rows each group has; counted where rows may go.
    rows: Vec<i64>,
    slices: BTreeMap<Slice, Groups>,
    /// All windows that end here or earlier are out; the last snapshot may not know.
    fired: i64,
    unsaved: bool,
    /// Where the slices of a window are merged.
    merged: Accumulators,
    early: Option<Early>,
}

/// A slice, or an attached window: its end, and its start where it can't be told from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slice {
    end: i64,
    start: i64,
}

/// What of a slice's key comes before the row's.
const PREFIX: usize = 16;

impl Slice {
    fn prefix(self) -> [u8; PREFIX] {
        let mut prefix = [0; PREFIX];
        prefix[..8].copy_from_slice(&self.end.to_be_bytes());
        prefix[8..].copy_from_slice(&self.start.to_be_bytes());
        prefix
    }

    fn of_key(key: &[u8]) -> Option<(Slice, &[u8])> {
        let (end, rest) = key.split_first_chunk::<8>()?;
        let (start, key) = rest.split_first_chunk::<8>()?;
        Some((Slice { end: i64::from_be_bytes(*end), start: i64::from_be_bytes(*start) }, key))
    }
}

/// The groups of a slice.
#[derive(Debug, Default)]
struct Groups {
    numbers: Vec<u32>,
    /// In processing time: one group of each of its key groups, by whose key the slice's timers are set. They follow the key
    /// group to whichever worker owns it.
    timed: BTreeMap<u8, u32>,
}

/// A window that is complete: its groups in the order of their keys, and where their states are.
struct Fired {
    start: i64,
    end: i64,
    groups: Vec<u32>,
    /// Where the window has several slices.
    merged: Option<Merged>,
}

/// Groups of several slices, by their places in the accumulators that merge them.
struct Merged {
    /// One group of each key, and how many rows the key has.
    groups: Vec<(u32, i64)>,
    /// The places of those that have rows, in the order of their keys.
    order: Vec<u32>,
}

impl WindowAggregate {
    /// An operator without rows.
    pub fn new(config: WindowAggregateConfig) -> Result<Self> {
        if let WindowAssignment::Assigned { windows, .. } = config.windows {
            windows.check()?;
        }
        let window_types = window_types(&config.output);
        let results = config.aggregates.iter().map(|call| call.result(&config.input));
        let types = config.key.iter().cloned().map(Ok).chain(results).chain(window_types.iter().cloned().map(Ok));
        check_output("GROUP BY over windows", &config.output, &types.collect::<Result<Vec<_>>>()?)?;
        let states = Accumulators::new(&config.aggregates, &config.input, Retraction::of_input(config.retracts))?;
        Ok(WindowAggregate {
            codec: RowCodec::new(config.key.iter().cloned())?,
            window_types,
            groups: StateTable::new("slices"),
            merged: states.fresh()?,
            states,
            rows: Vec::new(),
            slices: BTreeMap::new(),
            fired: i64::MIN,
            unsaved: false,
            early: None,
            config,
        })
    }

    /// Emits the results of windows before they are complete, too: every so often by the wall clock, those that changed. What
    /// goes out is a changelog then; its last word on a window are the results of the complete one.
    pub fn with_early_results(mut self, interval: Duration) -> Result<Self> {
        let results = self.config.aggregates.iter().map(|call| call.result(&self.config.input));
        self.early = Some(Early::new(interval, &results.collect::<Result<Vec<_>>>()?)?);
        Ok(self)
    }

    fn is_processing(&self) -> bool {
        matches!(self.config.windows, WindowAssignment::Assigned { time: TimeAttribute::Processing, .. })
    }

    /// The slice of each row; none where it is late. Rows that have no time are counted.
    fn assign(&self, batch: &Batch, out: &mut Output<'_>) -> Result<Assigned> {
        let times = |at: usize| {
            let column = batch.rows().columns().get(at);
            micros(column.ok_or_else(|| EngineError::Plan(format!("there is no column {at} with the time of rows")))?)
        };
        let mut assigned = Assigned::default();
        let (windows, times) = match self.config.windows {
            WindowAssignment::Assigned { windows, time: TimeAttribute::Processing } => {
                // A clock that is set back must not reopen a window that is out.
                let end = windows.slice_end(out.now().0.max(self.fired));
                let slice = windows.first_end(end, self.fired).map(|_| Slice { end, start: 0 });
                assigned.slices = vec![slice; batch.num_rows()];
                assigned.no_window = if slice.is_none() { batch.num_rows() } else { 0 };
                return Ok(assigned);
            }
            WindowAssignment::Assigned { windows, time: TimeAttribute::Rows } => (windows, batch.times().to_vec()),
            WindowAssignment::Assigned { windows, time: TimeAttribute::Column(at) } => {
                let times = times(at)?;
                assigned.errors = times.nulls().map_or_else(Vec::new, |valid| {
                    (0..batch.num_rows() as u32).filter(|row| valid.is_null(*row as usize)).collect()
                });
                (windows, times.values().to_vec())
            }
            WindowAssignment::Attached { start, end } => {
                let (starts, ends) = (times(start)?, times(end)?);
                for (row, (start, end)) in starts.iter().zip(ends.iter()).enumerate() {
                    let (Some(start), Some(end)) = (start, end) else {
                        assigned.errors.push(row as u32);
                        assigned.slices.push(None);
                        continue;
                    };
                    let late = end <= self.fired;
                    assigned.late.extend(late.then_some(row as u32));
                    assigned.slices.push((!late).then_some(Slice { end, start }));
                }
                return Ok(assigned);
            }
        };
        // Most rows are of the slice of the row before them.
        let length = windows.slice();
        let (mut end, mut slice) = (i64::MIN, None);
        let mut errors = assigned.errors.iter().copied().peekable();
        for (row, time) in (0u32..).zip(times) {
            if errors.next_if_eq(&row).is_some() {
                assigned.slices.push(None);
                continue;
            }
            if time >= end || time < end.saturating_sub(length) {
                end = windows.slice_end(time);
                slice = windows.first_end(end, self.fired).map(|next| {
                    // What was in a slice that is out has gone into the base: so does what comes for it, or takes it back.
                    let end = if end > self.fired { end } else { windows.base(next).unwrap_or(end) };
                    Slice { end, start: 0 }
                });
            }
            if slice.is_none() {
                // Between windows that do not touch there is nothing to be late for.
                match windows.first_end(end, i64::MIN) {
                    Some(_) => assigned.late.push(row),
                    None => assigned.no_window += 1,
                }
            }
            assigned.slices.push(slice);
        }
        Ok(assigned)
    }

    /// The groups of a batch's rows, made where there are none.
    fn find(&mut self, batch: &Batch, slices: &[Option<Slice>], out: &mut Output<'_>) -> Result<Vec<u32>> {
        let keys = key_column(batch.rows())?;
        let mut numbers = Vec::with_capacity(slices.len());
        let mut key = Vec::with_capacity(64);
        let mut last = None;
        for (row, slice) in slices.iter().enumerate() {
            let Some(slice) = slice else { continue };
            if last != Some(*slice) {
                key.clear();
                key.extend_from_slice(&slice.prefix());
                last = Some(*slice);
            }
            key.truncate(PREFIX);
            key.extend_from_slice(keys.value(row));
            let (number, new) = self.groups.number(&key, || ());
            if new {
                self.join(*slice, number, keys.value(row), out);
            }
            numbers.push(number);
        }
        self.states.grow(self.groups.numbers());
        Ok(numbers)
    }

    /// A new group becomes one of its slice's.
    fn join(&mut self, slice: Slice, number: u32, key: &[u8], out: &mut Output<'_>) {
        let processing = self.is_processing();
        let groups = self.slices.entry(slice).or_default();
        groups.numbers.push(number);
        if self.config.retracts {
            self.rows.resize(self.groups.numbers(), 0);
        }
        if processing && let WindowAssignment::Assigned { windows, .. } = self.config.windows {
            groups.timed.entry(KeyGroup::of_key(key).0).or_insert_with(|| {
                let end = windows.first_end(slice.end, self.fired);
                end.into_iter().for_each(|end| out.set_processing_timer(EventTime(end), key));
                number
            });
        }
    }

    /// Emits all windows that end by a time.
    fn fire(&mut self, until: i64, out: &mut Output<'_>) -> Result<()> {
        let mut results = Vec::new();
        while let Some(slice) = self.slices.first_key_value().map(|(slice, _)| *slice) {
            let end = match self.config.windows {
                WindowAssignment::Assigned { windows, .. } => windows.first_end(slice.end, self.fired),
                WindowAssignment::Attached { .. } => Some(slice.end),
            };
            let Some(end) = end else {
                self.close(slice);
                continue;
            };
            if end > until {
                break;
            }
            let fired = self.merge(slice, end)?;
            results.extend(self.results(&fired, true)?);
            self.settle(&fired, slice, out)?;
        }
        self.fired = self.fired.max(until);
        if !results.is_empty() {
            out.emit(Batch::concat(&results)?);
        }
        Ok(())
    }

    /// The groups of a window, its slices merged where there are several.
    fn merge(&mut self, first: Slice, end: i64) -> Result<Fired> {
        let start = match self.config.windows {
            WindowAssignment::Assigned { windows, .. } => windows.start(end),
            WindowAssignment::Attached { .. } => first.start,
        };
        let of_window: Vec<&Groups> = match self.config.windows {
            WindowAssignment::Attached { .. } => self.slices.get(&first).into_iter().collect(),
            WindowAssignment::Assigned { .. } => {
                self.slices.range(first..=Slice { end, start: 0 }).map(|(_, groups)| groups).collect()
            }
        };
        let WindowAggregate { groups, states, merged, rows, config, .. } = self;
        let key = |number: &u32| groups.key_at(*number).and_then(|key| key.get(PREFIX..)).unwrap_or_default();
        let moves = matches!(config.windows, WindowAssignment::Assigned { windows, .. }
            if windows.base(end).is_some_and(|base| base != first.end));
        if let [only] = of_window.as_slice()
            && !moves
        {
            let mut numbers = only.numbers.clone();
            if config.retracts {
                numbers.retain(|number| rows[*number as usize] > 0);
            }
            numbers.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            return Ok(Fired { start, end, groups: numbers, merged: None });
        }
        let most = of_window.iter().map(|groups| groups.numbers.len()).max().unwrap_or(0);
        let mut places: HashMap<&[u8], u32, ahash::RandomState> =
            HashMap::with_capacity_and_hasher(most, <_>::default());
        let (mut found, mut pairs) = (Vec::with_capacity(most), Vec::new());
        for number in of_window.iter().flat_map(|groups| &groups.numbers) {
            let place = *places.entry(key(number)).or_insert_with(|| {
                found.push((*number, 0));
                found.len() as u32 - 1
            });
            if config.retracts {
                found[place as usize].1 += rows[*number as usize];
            }
            pairs.push((place, *number));
        }
        merged.clear();
        merged.grow(found.len());
        merged.merge(states, &pairs)?;
        let mut order: Vec<u32> = (0..found.len() as u32).collect();
        if config.retracts {
            order.retain(|place| found[*place as usize].1 > 0);
        }
        let key_of = |place: &u32| key(&found[*place as usize].0);
        order.sort_unstable_by(|a, b| key_of(a).cmp(key_of(b)));
        let groups = order.iter().map(|place| found[*place as usize].0).collect();
        Ok(Fired { start, end, groups, merged: Some(Merged { groups: found, order }) })
    }

    /// The rows of a window, or what they change where some of them are out early.
    fn results(&mut self, fired: &Fired, last: bool) -> Result<Option<Batch>> {
        let rows = fired.groups.len();
        if rows == 0 && self.early.is_none() {
            return Ok(None);
        }
        let keys = fired.groups.iter().filter_map(|number| self.groups.key_at(*number)?.get(PREFIX..));
        let results = match &fired.merged {
            Some(merged) => self.merged.results(&merged.order)?,
            None => self.states.results(&fired.groups)?,
        };
        if let Some(early) = &mut self.early {
            let window = Slice { end: fired.end, start: fired.start };
            let results = early::Results { window, keys: keys.collect(), columns: results, last };
            return early.revise(&results, &self.config.output, &self.codec, &self.window_types).map(Some);
        }
        let mut columns: Vec<ArrayRef> = self.codec.decode(keys)?;
        columns.extend(results);
        columns.extend(window_columns(&vec![(fired.start, fired.end); rows], &self.window_types)?);
        let rows = rows_of(&self.config.output, columns, rows)?;
        Ok(Some(Batch::at(rows, EventTime(fired.end - MILLISECOND))))
    }

    /// Emits what changed in windows that are not complete.
    fn emit_early(&mut self, slices: BTreeSet<Slice>, out: &mut Output<'_>) -> Result<()> {
        let mut open = BTreeSet::new();
        for slice in slices.into_iter().filter(|slice| self.slices.contains_key(slice)) {
            let WindowAssignment::Assigned { windows, .. } = self.config.windows else {
                open.insert(slice);
                continue;
            };
            let mut after = self.fired;
            while let Some(end) = windows.first_end(slice.end, after) {
                open.insert(Slice { end, start: windows.start(end) });
                after = end;
            }
        }
        let mut changes = Vec::new();
        for window in open {
            let first = match self.config.windows {
                WindowAssignment::Attached { .. } => window,
                WindowAssignment::Assigned { .. } => Slice { end: window.start.saturating_add(1), start: 0 },
            };
            let fired = self.merge(first, window.end)?;
            changes.extend(self.results(&fired, false)?);
        }
        if !changes.is_empty() {
            out.emit(Batch::concat(&changes)?);
        }
        Ok(())
    }

    /// What a window leaves when it is out: slices that no window needs any more are dropped.
    fn settle(&mut self, fired: &Fired, first: Slice, out: &mut Output<'_>) -> Result<()> {
        let WindowAssignment::Assigned { windows, .. } = self.config.windows else {
            self.close(first);
            return Ok(());
        };
        (self.fired, self.unsaved) = (fired.end, true);
        let slices: Vec<Slice> =
            self.slices.range(first..=Slice { end: fired.end, start: 0 }).map(|(s, _)| *s).collect();
        let (open, done): (Vec<_>, Vec<_>) =
            slices.into_iter().partition(|slice| windows.first_end(slice.end, fired.end).is_some());
        done.into_iter().for_each(|slice| self.close(slice));
        if let Some(base) = windows.base(fired.end)
            && !open.is_empty()
        {
            self.cumulate(fired, Slice { end: base, start: 0 }, &open, out)?;
        }
        if self.is_processing() {
            for slice in open {
                let next = windows.first_end(slice.end, fired.end);
                let timed = self.slices.get(&slice).into_iter().flat_map(|groups| groups.timed.values());
                for (number, next) in timed.zip(next.into_iter().cycle()) {
                    let key = self.groups.key_at(*number).and_then(|key| key.get(PREFIX..)).unwrap_or_default();
                    out.set_processing_timer(EventTime(next), key);
                }
            }
        }
        Ok(())
    }

    /// The sum of windows that begin together goes into their first slice: the next window has one more slice to add to it.
    fn cumulate(&mut self, fired: &Fired, base: Slice, slices: &[Slice], out: &mut Output<'_>) -> Result<()> {
        let Some(merged) = &fired.merged else { return Ok(()) };
        let mut pairs = Vec::with_capacity(merged.groups.len());
        let mut key = base.prefix().to_vec();
        for (place, (number, rows)) in (0u32..).zip(&merged.groups) {
            key.truncate(PREFIX);
            key.extend_from_slice(self.groups.key_at(*number).and_then(|key| key.get(PREFIX..)).unwrap_or_default());
            let (into, new) = self.groups.number(&key, || ());
            if new {
                self.join(base, into, &key[PREFIX..], out);
            }
            self.rows.get_mut(into as usize).into_iter().for_each(|of_base| *of_base = *rows);
            pairs.push((into, place));
        }
        self.states.grow(self.groups.numbers());
        pairs.iter().for_each(|(into, _)| self.states.reset(*into));
        self.states.merge(&self.merged, &pairs)?;
        slices.iter().filter(|slice| **slice != base).for_each(|slice| self.close(*slice));
        Ok(())
    }

    /// Drops a slice with all its groups.
    fn close(&mut self, slice: Slice) {
        for number in self.slices.remove(&slice).unwrap_or_default().numbers {
            self.groups.remove_at(number);
            self.states.reset(number);
            self.rows.get_mut(number as usize).into_iter().for_each(|rows| *rows = 0);
        }
    }
}

/// Where a batch's rows belong.
#[derive(Debug, Default)]
struct Assigned {
    /// None for a row that is late, has no time, or is between windows.
    slices: Vec<Option<Slice>>,
    late: Vec<u32>,
    errors: Vec<u32>,
    no_window: usize,
}

/// The watermark that completes a window is that of its last millisecond.
fn complete(watermark: EventTime) -> i64 {
    watermark.0.saturating_add(MILLISECOND)
}

impl Operator for WindowAggregate {
    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.early.iter_mut().for_each(|early| early.open(context));
        Ok(())
    }

    fn on_batch(&mut self, _port: usize, mut batch: Batch, out: &mut Output<'_>) -> Result<()> {
        if !self.is_processing() {
            self.fired = self.fired.max(complete(out.watermark()));
        }
        let assigned = self.assign(&batch, out)?;
        let left_out = assigned.late.len() + assigned.errors.len() + assigned.no_window;
        let numbers = self.find(&batch, &assigned.slices, out)?;
        if left_out > 0 {
            out.count_late(assigned.late.len() as u64);
            out.count_errors(assigned.errors.len() as u64);
            out.emit_to(1, batch.take(&assigned.late.into())?);
            let kept = (0u32..).zip(&assigned.slices).filter(|(_, slice)| slice.is_some());
            batch = batch.take(&UInt32Array::from_iter_values(kept.map(|(row, _)| row)))?;
        }
        if self.config.retracts {
            for (row, number) in numbers.iter().enumerate() {
                self.rows[*number as usize] += if batch.kind(row).adds() { 1 } else { -1 };
            }
        }
        if let Some(early) = &mut self.early {
            early.touch(assigned.slices.iter().flatten().copied(), out);
        }
        self.states.update(&batch, &numbers)
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if self.is_processing() {
            return Ok(());
        }
        self.fire(complete(time), out)
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if timer.domain != TimeDomain::Processing {
            return Ok(());
        }
        if self.is_processing() {
            self.fire(timer.time.0, out)?;
        }
        let due = self.early.as_mut().map(|early| early.due(timer.time)).unwrap_or_default();
        self.emit_early(due, out)
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        let WindowAggregate { groups, states, rows, config, .. } = self;
        groups.snapshot_numbered(
            writer,
            |key| key.get(PREFIX..).unwrap_or_default(),
            |number, (), out| {
                if config.retracts {
                    put_i64(out, rows[number as usize]);
                }
                states.encode(number, out);
                Ok(())
            },
        )?;
        self.early.iter_mut().try_for_each(|early| early.snapshot(writer))?;
        if std::mem::take(&mut self.unsaved) || !writer.is_empty() {
            writer.union(FIRED, b"", Some(&self.fired.to_be_bytes()));
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        let WindowAggregate { groups, states, rows, slices, config, .. } = self;
        let processing = matches!(config.windows, WindowAssignment::Assigned { time: TimeAttribute::Processing, .. });
        groups.restore_numbered(reader, |number, key, bytes| {
            let (slice, key) = Slice::of_key(key).ok_or("its key is too short")?;
            let mut bytes = Bytes(bytes);
            if config.retracts {
                rows.resize(rows.len().max(number as usize + 1), 0);
                rows[number as usize] = bytes.i64().ok_or("it is too short")?;
            }
            states.grow(number as usize + 1);
            states.decode(number, &mut bytes)?;
            let groups = slices.entry(slice).or_default();
            groups.numbers.push(number);
            if processing {
                groups.timed.entry(KeyGroup::of_key(key).0).or_insert(number);
            }
            Ok(())
        })?;
        let fired = reader.union(FIRED, b"").and_then(|fired| fired.try_into().ok());
        self.fired = fired.map_or(i64::MIN, i64::from_be_bytes);
        let open = self.slices.keys().copied();
        self.early.iter_mut().try_for_each(|early| early.restore(reader, open.clone()))?;
        Ok(())
    }

    fn state_keys(&self) -> usize {
        self.groups.len()
    }
}

/// The table that holds up to where windows are out. All workers write the same: their watermarks are the same at a checkpoint.
const FIRED: &str = "fired";
