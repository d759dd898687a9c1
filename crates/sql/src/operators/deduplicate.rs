//! The first or the last row of each key.

use std::{collections::BTreeSet, time::Duration};

use arrow::datatypes::SchemaRef;
use tidemill_engine::{
    Batch, Epoch, EventTime, Operator, OperatorContext, Output, Result, RowKind, SnapshotReader, SnapshotWriter,
    StateTable, time::micros, timers::Timer,
};

use super::{
    columns::{keys_to_warm, rows_of, without_key},
    expiry::Expiry,
    packed::PackedCodec,
    revisions::Revisions,
    rows::key_column,
    stored::{Stored, read_i64},
};

/// Which row of a key is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first: it goes out once, and nothing is ever taken back.
    First,
    /// The last: each one replaces the one before it.
    Last,
}

/// In which order rows are first or last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    Processing,
    /// By event time. Of rows of one time the one that came first is the first, the one that came last the last.
    Event,
}

/// Configuration of [`Deduplicate`].
#[derive(Clone, Debug)]
pub struct DeduplicateConfig {
    /// Columns of the input, without its key; they are also the output.
    pub schema: SchemaRef,
    /// Which row of each key is kept.
    pub keep: Keep,
    /// In which order.
    pub order: Order,
    /// A key is forgotten so long (processing time) after its last write.
    pub ttl: Option<Duration>,
}

/// Keeps one row of each key of an append-only input.
///
/// - The first by processing time goes out when it comes.
/// - The first by event time goes out when the watermark reaches it, since until then an earlier one may come. Rows behind the
///   watermark are late: counted, and sent to port 1 as they came.
/// - The last by either time goes out when it comes, as an insert or as update-before and update-after; one that is equal to
///   the row before it, or older by event time, changes nothing.
#[derive(Debug)]
pub struct Deduplicate {
    codec: PackedCodec,
    schema: SchemaRef,
    keep: Keep,
    order: Order,
    ttl: Option<i64>,
    state: State,
    expiry: Expiry,
}

#[derive(Debug)]
enum State {
    /// When the key was seen.
    Seen(StateTable<i64>),
    /// The row of each key: its times, its bytes.
    Rows {
        rows: StateTable<Stored>,
        /// First rows that wait for the watermark.
        waiting: BTreeSet<(i64, Box<[u8]>)>,
    },
}

const TABLE: &str = "rows";
/// Bytes before a stored row: the time of the last write, the row's time.
const HEADER: usize = 16;

impl Deduplicate {
    /// With no key seen.
    pub fn new(config: DeduplicateConfig) -> Result<Self> {
        let DeduplicateConfig { schema, keep, order, ttl } = config;
        let state = match (keep, order) {
            (Keep::First, Order::Processing) => State::Seen(StateTable::new(TABLE)),
            _ => State::Rows { rows: StateTable::new(TABLE), waiting: BTreeSet::new() },
        };
        let codec = PackedCodec::of_schema(&schema)?;
        Ok(Deduplicate { codec, schema, keep, order, ttl: ttl.map(micros), state, expiry: Expiry::new(ttl) })
    }
}

/// The first row of each key, as it comes.
fn first_to_come(
    seen: &mut StateTable<i64>,
    schema: &SchemaRef,
    batch: &Batch,
    expired: i64,
    out: &mut Output<'_>,
) -> Result<()> {
    let keys = key_column(batch.rows())?;
    let now = out.now().0;
    let mut new: Vec<u32> = Vec::new();
    for (row, key) in keys.iter().flatten().enumerate() {
        keys_to_warm(keys, row).into_iter().for_each(|keys| seen.warm(keys, |_| 0));
        if seen.get(key).is_none_or(|written| *written <= expired) {
            seen.insert(key, now);
            new.push(row as u32);
        }
    }
    if !new.is_empty() {
        let rows = batch.with_rows(rows_of(schema, without_key(batch.rows()).to_vec(), batch.num_rows())?)?;
        out.emit(if new.len() == rows.num_rows() { rows } else { rows.take(&new.into())? });
    }
    Ok(())
}

fn header(now: i64, time: i64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&now.to_le_bytes());
    header[8..].copy_from_slice(&time.to_le_bytes());
    header
}

/// When a stored row was written, its time, its bytes: none for a first row that went out.
fn parts(mut stored: &[u8]) -> (i64, i64, Option<&[u8]>) {
    let written = read_i64(&mut stored).unwrap_or(i64::MIN);
    let time = read_i64(&mut stored);
    (written, time.unwrap_or(i64::MIN), time.map(|_| stored))
}

fn first_byte(stored: &Stored) -> u8 {
    stored.first().copied().unwrap_or_default()
}

fn replace(stored: &mut Stored, now: i64, time: i64, row: &[u8]) {
    stored.clear();
    stored.reserve_exact(HEADER + row.len());
    stored.extend_from_slice(&header(now, time));
    stored.extend_from_slice(row);
}

impl Deduplicate {
    fn last(&mut self, batch: &Batch, out: &mut Output<'_>) -> Result<()> {
        let State::Rows { rows, .. } = &mut self.state else { return Ok(()) };
        let (keys, columns) = (key_column(batch.rows())?, without_key(batch.rows()));
        let encoded = self.codec.encode(columns)?;
        let (now, expired) = (out.now().0, Expiry::before(self.ttl, out.now()));
        let mut revisions = Revisions::default();
        for ((at, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            keys_to_warm(keys, at).into_iter().for_each(|keys| rows.warm(keys, first_byte));
            let row = encoded.row(at);
            let stored = rows.entry(key, Stored::default);
            let (written, of_time, bytes) = parts(stored);
            let kind = match bytes.filter(|_| self.ttl.is_none() || written > expired) {
                None => RowKind::Insert,
                Some(_) if self.order == Order::Event && *time < of_time => continue,
                Some(bytes) if bytes == row => {
                    stored.get_mut(..HEADER).into_iter().for_each(|h| h.copy_from_slice(&header(now, *time)));
                    continue;
                }
                Some(bytes) => {
                    revisions.old_row(RowKind::UpdateBefore, bytes, *time);
                    RowKind::UpdateAfter
                }
            };
            replace(stored, now, *time, row);
            revisions.new_row(kind, at, *time);
        }
        revisions.batch(&self.schema, &self.codec, columns)?.into_iter().for_each(|batch| out.emit(batch));
        Ok(())
    }

    /// Notes the first row of each key by event time.
    fn first(&mut self, batch: &Batch, out: &mut Output<'_>) -> Result<()> {
        let State::Rows { rows, waiting } = &mut self.state else { return Ok(()) };
        let keys = key_column(batch.rows())?;
        let encoded = self.codec.encode(without_key(batch.rows()))?;
        let (now, expired) = (out.now().0, Expiry::before(self.ttl, out.now()));
        let mut late: Vec<u32> = Vec::new();
        for ((at, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            if *time < out.watermark().0 {
                late.push(at as u32);
                continue;
            }
            keys_to_warm(keys, at).into_iter().for_each(|keys| rows.warm(keys, first_byte));
            if let Some(stored) = rows.get(key) {
                match parts(stored) {
                    (written, _, None) if self.ttl.is_none() || written > expired => continue,
                    (_, _, None) => {}
                    (_, of_time, Some(_)) if of_time <= *time => continue,
                    (_, of_time, Some(_)) => drop(waiting.remove(&(of_time, Box::from(key)))),
                }
            }
            replace(rows.entry(key, Stored::default), now, *time, encoded.row(at));
            waiting.insert((*time, key.into()));
        }
        if !late.is_empty() {
            out.count_late(late.len() as u64);
            out.emit_to(1, batch.take(&late.into())?);
        }
        Ok(())
    }

    /// Gives the first rows that the watermark has reached, in the order of their times and keys.
    fn reached(&mut self, watermark: EventTime, out: &mut Output<'_>) -> Result<()> {
        let State::Rows { rows, waiting } = &mut self.state else { return Ok(()) };
        let (mut times, mut taken) = (Vec::new(), Vec::new());
        while let Some((time, key)) = waiting.pop_first() {
            if time > watermark.0 {
                waiting.insert((time, key));
                break;
            }
            let Some(stored) = rows.get_mut(&key) else { continue };
            let written = stored.get(..8).map_or(Vec::new(), <[u8]>::to_vec);
            taken.push(std::mem::replace(stored, Stored(written)));
            times.push(time);
        }
        if !times.is_empty() {
            let columns = self.codec.decode(taken.iter().filter_map(|stored| parts(stored).2))?;
            out.emit(Batch::new(rows_of(&self.schema, columns, times.len())?, times)?);
        }
        Ok(())
    }

    fn expire(&mut self, expired: i64) {
        match &mut self.state {
            State::Seen(seen) => {
                let gone = seen.iter().filter(|(_, written)| **written <= expired).map(|(key, _)| Box::from(key));
                let gone: Vec<Box<[u8]>> = gone.collect();
                for key in gone {
                    seen.remove(&key);
                }
            }
            State::Rows { rows, .. } => {
                // A first row that waits is no result yet.
                let waits = self.keep == Keep::First;
                let has_expired = |stored: &Stored| {
                    let (written, _, row) = parts(stored);
                    written <= expired && !(waits && row.is_some())
                };
                let gone = rows.iter().filter(|(_, stored)| has_expired(stored)).map(|(key, _)| Box::from(key));
                let gone: Vec<Box<[u8]>> = gone.collect();
                for key in gone {
                    rows.remove(&key);
                }
            }
        }
    }
}

impl Operator for Deduplicate {
    fn on_batch(&mut self, _port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let expired = Expiry::before(self.ttl, out.now());
        match &mut self.state {
            State::Seen(seen) => first_to_come(seen, &self.schema, &batch, expired, out)?,
            State::Rows { .. } if self.keep == Keep::First => self.first(&batch, out)?,
            State::Rows { .. } => self.last(&batch, out)?,
        }
        self.expiry.arm(out);
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        self.reached(time, out)
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if !self.expiry.fired(timer) {
            return Ok(());
        }
        self.expire(Expiry::before(self.ttl, out.now()));
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
            State::Seen(seen) => seen.snapshot(writer),
            State::Rows { rows, .. } => rows.snapshot(writer),
        }
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        match &mut self.state {
            State::Seen(seen) => seen.restore(reader),
            State::Rows { rows, waiting } => {
                rows.restore(reader)?;
                if self.keep == Keep::First {
                    let parts = rows.iter().map(|(key, stored)| (key, parts(stored)));
                    waiting.extend(parts.filter(|(_, p)| p.2.is_some()).map(|(key, p)| (p.1, Box::from(key))));
                }
                Ok(())
            }
        }
    }

    fn state_keys(&self) -> usize {
        match &self.state {
            State::Seen(seen) => seen.len(),
            State::Rows { rows, .. } => rows.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::operators::testing::{Consolidated, Operate, Table, table, text};

    fn events() -> Table {
        table("id: Int64, name: Utf8").keyed(&[0])
    }

    fn operate(keep: Keep, order: Order, ttl: Option<Duration>, workers: usize) -> Operate {
        let config = DeduplicateConfig { schema: events().schema, keep, order, ttl };
        Operate::new(1, workers, move |_| Deduplicate::new(config.clone()))
    }

    #[test]
    fn the_first_to_come_goes_out_at_once_and_once() {
        let mut test = operate(Keep::First, Order::Processing, None, 1);
        test.rows(0, events().rows("+I | 1 | a | 00:05\n+I | 1 | b | 00:01\n+I | null | c | 00:02"));
        assert_eq!(test.take(), text("+I | 1 | a | 00:05\n+I | null | c | 00:02"));
        test.restart(3);
        test.rows(0, events().rows("+I | 1 | d | 00:06\n+I | 2 | e | 00:06"));
        assert_eq!(test.take(), text("+I | 2 | e | 00:06"));
    }

    #[test]
    fn the_first_by_event_time_waits_for_the_watermark() {
        let mut test = operate(Keep::First, Order::Event, None, 1);
        test.rows(0, events().rows("+I | 1 | a | 00:05\n+I | 2 | b | 00:06"));
        test.watermark("00:03");
        assert_eq!(test.take(), text(""));
        test.rows(0, events().rows("+I | 1 | c | 00:04\n+I | 1 | d | 00:04\n+I | 2 | e | 00:02"));
        test.restart(1);
        test.watermark("00:05");
        assert_eq!(test.take(), text("+I | 1 | c | 00:04"));
        test.rows(0, events().rows("+I | 1 | f | 00:07"));
        test.finish();
        assert_eq!((test.take(), test.late()), (text("+I | 2 | b | 00:06"), 0));
        assert_eq!(test.take_late(), text("+I | 2 | e | 00:02"));
    }

    #[test]
    fn the_last_replaces_the_one_before_it() {
        let mut test = operate(Keep::Last, Order::Event, None, 1);
        test.rows(0, events().rows("+I | 1 | a | 00:05\n+I | 1 | a | 00:06\n+I | 1 | b | 00:06\n+I | 1 | c | 00:01"));
        assert_eq!(test.take(), text("+I | 1 | a | 00:05\n-U | 1 | a | 00:06\n+U | 1 | b | 00:06"));
        test.restart(2);
        test.rows(0, events().rows("+I | 1 | null | 00:07"));
        assert_eq!(test.take(), text("-U | 1 | b | 00:07\n+U | 1 | null | 00:07"));
    }

    #[test]
    fn a_key_that_expired_is_new_again() {
        let ttl = Some(Duration::from_secs(60));
        for (keep, order) in [(Keep::First, Order::Processing), (Keep::Last, Order::Processing)] {
            let mut test = operate(keep, order, ttl, 1);
            test.rows(0, events().rows("+I | 1 | a | 00:05"));
            test.now("01:01");
            test.rows(0, events().rows("+I | 1 | b | 00:06"));
            assert_eq!(test.take(), text("+I | 1 | a | 00:05\n+I | 1 | b | 00:06"), "{keep:?}");
            test.now("09:00");
            test.checkpoint();
            assert_eq!(test.keys(), 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        /// However rows are batched and the job restored: one row of each key is left, the first or the last.
        #[test]
        fn one_row_of_each_key_is_left(
            steps in prop::collection::vec((0i64..4, 0u8..3, 0i64..10, 0u8..12), 0..50),
            last: bool, event: bool, workers in 1usize..4)
        {
            let keep = if last { Keep::Last } else { Keep::First };
            let mut test = operate(keep, if event { Order::Event } else { Order::Processing }, None, workers);
            let mut model: BTreeMap<i64, (i64, u8)> = BTreeMap::new();
            let mut lines: Vec<String> = Vec::new();
            for (key, name, time, happens) in steps {
                if happens < 6 && !lines.is_empty() {
                    test.rows(0, events().rows(&std::mem::take(&mut lines).join("\n")));
                }
                if happens == 0 { test.restart(workers % 3 + 1); }
                lines.push(format!("+I | {key} | {name} | 00:0{time}"));
                let kept = model.entry(key).or_insert((time, name));
                let replaces = match (last, event) {
                    (true, true) => time >= kept.0,
                    (true, false) => true,
                    (false, true) => time < kept.0,
                    (false, false) => false,
                };
                if replaces { *kept = (time, name); }
            }
            if !lines.is_empty() { test.rows(0, events().rows(&lines.join("\n"))); }
            test.finish();
            let expected: BTreeMap<String, i64> = model.iter().map(|(k, (_, n))| (format!("{k} | {n}"), 1)).collect();
            prop_assert_eq!(Consolidated::of(&test.take()).0, expected);
        }
    }
}
