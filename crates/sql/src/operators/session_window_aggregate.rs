//! GROUP BY over SESSION windows: the rows of a key between two gaps.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use arrow::{
    array::{Array, Int64Array, UInt32Array},
    datatypes::{DataType, SchemaRef},
};
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter, StateTable,
    timers::{TimeDomain, Timer},
};

use super::{
    columns::rows_of,
    results::{MILLISECOND, check_output, micros, note_results, window_columns, window_types},
    rows::{RowCodec, key_column},
    window_aggregate::TimeAttribute,
};
use crate::aggregate::{
    Accumulators, AggregateCall, Retraction,
    bytes::{Bytes, put_i64, put_u64},
};

/// What a [`SessionWindowAggregate`] does.
#[derive(Clone, Debug)]
pub struct SessionWindowAggregateConfig {
    /// The input's columns; the encoded key comes behind them.
    pub input: SchemaRef,
    /// The types of the columns that the key encodes.
    pub key: Vec<DataType>,
    /// What is computed for each session; nothing gives the sessions alone.
    pub aggregates: Vec<AggregateCall>,
    /// A session ends so long after its last row: microseconds, whole milliseconds.
    pub gap: i64,
    /// By whose times.
    pub time: TimeAttribute,
    /// The key's columns, the aggregates' results, and the window's start, end and time, which are timestamps.
    pub output: SchemaRef,
}

/// Aggregates the rows of a key in sessions. A session reaches from its first row to one gap behind its last, in whole
/// milliseconds; rows whose sessions touch are of one session. Results go out once, as inserts, ordered by end and key, when the
/// watermark reaches the session's last millisecond, or the wall clock its end.
///
/// A row is late where a session of its own would be out and no open one takes it; it then goes to output 1 as it came. Input
/// rows can't be taken back.
#[derive(Debug)]
pub struct SessionWindowAggregate {
    config: SessionWindowAggregateConfig,
    codec: RowCodec,
    window_types: Vec<DataType>,
    /// The open sessions of each key, ordered by start; they do not touch.
    keys: StateTable<Vec<Session>>,
    states: Accumulators,
    /// By place in the states: whose session it is, until when; and which places are free.
    places: Vec<Place>,
    free: Vec<u32>,
    /// When sessions end, as far as was known when they were put here: one entry for each.
    ends: BinaryHeap<Reverse<(i64, u32)>>,
    /// Where two sessions are merged.
    merged: Accumulators,
    /// Sessions went out since the last snapshot.
    unsaved: bool,
    /// Windows do not grow: they are as long as the gap.
    staggers: bool,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    start: i64,
    end: i64,
    place: u32,
}

/// A place in the states, and the number of the key whose session has it. One without a session still has its entry in `ends`,
/// and is free once that has come up.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: u32,
    taken: bool,
}

impl SessionWindowAggregate {
    /// An operator without rows.
    pub fn new(config: SessionWindowAggregateConfig) -> Result<Self> {
        if config.gap <= 0 || config.gap % MILLISECOND != 0 {
            return Err(EngineError::Plan(format!(
                "a session's gap of {} µs can't be: it has to be a whole number of milliseconds, at least one",
                config.gap
            )));
        }
        let window_types = window_types(&config.output);
        let results = config.aggregates.iter().map(|call| call.result(&config.input));
        let types = config.key.iter().cloned().map(Ok).chain(results).chain(window_types.iter().cloned().map(Ok));
        check_output("GROUP BY over sessions", &config.output, &types.collect::<Result<Vec<_>>>()?)?;
        let states = Accumulators::new(&config.aggregates, &config.input, Retraction::Never)?;
        Ok(SessionWindowAggregate {
            codec: RowCodec::new(config.key.iter().cloned())?,
            window_types,
            keys: StateTable::new("sessions"),
            merged: states.fresh()?,
            states,
            places: Vec::new(),
            free: Vec::new(),
            ends: BinaryHeap::new(),
            unsaved: false,
            staggers: false,
            config,
        })
    }

    /// The stagger windows of Kinesis Data Analytics instead: a window opens with a key's first row and is as long as the gap,
    /// whatever follows; the next row behind its end opens the next one.
    pub fn stagger(config: SessionWindowAggregateConfig) -> Result<Self> {
        Ok(SessionWindowAggregate { staggers: true, ..Self::new(config)? })
    }

    fn times(&self, batch: &Batch, out: &Output<'_>) -> Result<Int64Array> {
        Ok(match self.config.time {
            TimeAttribute::Rows => Int64Array::new(batch.times().to_vec().into(), None),
            TimeAttribute::Processing => Int64Array::from_value(out.now().0, batch.num_rows()),
            TimeAttribute::Column(at) => match batch.rows().columns().get(at) {
                Some(column) => micros(column)?,
                None => return Err(EngineError::Plan(format!("there is no column {at} with the time of rows"))),
            },
        })
    }

    fn is_processing(&self) -> bool {
        self.config.time == TimeAttribute::Processing
    }

    /// A place of a new session.
    fn take_place(&mut self, key: u32) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = Place { key, taken: true };
        place
    }

    fn release(&mut self, place: u32) {
        self.states.reset(place);
        self.places[place as usize].taken = false;
        if self.is_processing() {
            // Nothing else knows of it.
            self.free.push(place);
        }
    }

    /// The place of a row's session, made or extended; none where the row is late.
    fn session(&mut self, key: &[u8], time: i64, batch: &mut Merges, out: &mut Output<'_>) -> Option<u32> {
        let start = time.div_euclid(MILLISECOND).saturating_mul(MILLISECOND);
        let end = start.saturating_add(self.config.gap);
        let late = !self.is_processing() && end <= out.watermark().0.saturating_add(MILLISECOND);
        if late && self.keys.number_of(key).is_none() {
            return None;
        }
        let (number, _) = self.keys.number(key, Vec::new);
        let sessions = self.keys.value_at_mut(number)?;
        let first = match self.staggers {
            true => sessions.iter().position(|open| open.start <= start && start < open.end),
            false => sessions.iter().position(|open| start <= open.end && open.start <= end),
        };
        let Some(first) = first else {
            if late {
                return None;
            }
            let place = self.take_place(number);
            let sessions = self.keys.value_at_mut(number)?;
            let at = sessions.partition_point(|open| open.start < start);
            sessions.insert(at, Session { start, end, place });
            if self.is_processing() {
                out.set_processing_timer(EventTime(end), key);
            } else {
                self.ends.push(Reverse((end, place)));
            }
            return Some(place);
        };
        let (before, touched) = sessions.split_at_mut(first + 1);
        let session = before.last_mut()?;
        if self.staggers {
            return Some(session.place);
        }
        session.start = session.start.min(start);
        session.end = session.end.max(end);
        let others = touched.iter().take_while(|open| open.start <= session.end).count();
        for other in touched.iter().take(others) {
            session.end = session.end.max(other.end);
            batch.push((session.place, other.place));
        }
        let place = session.place;
        sessions.drain(first + 1..first + 1 + others);
        Some(place)
    }

    /// Makes sessions one that a row connects. Rows of the batch in the places that are given up move too.
    fn merge(&mut self, merges: Merges, places: &mut [u32]) -> Result<()> {
        let mut moved: BTreeMap<u32, u32> = BTreeMap::new();
        for (into, from) in merges {
            self.merged.clear();
            self.merged.grow(1);
            self.merged.merge(&self.states, &[(0, from)])?;
            self.states.merge(&self.merged, &[(into, 0)])?;
            moved.insert(from, into);
        }
        if moved.is_empty() {
            return Ok(());
        }
        for place in places {
            while let Some(into) = moved.get(place) {
                *place = *into;
            }
        }
        moved.keys().for_each(|from| self.release(*from));
        Ok(())
    }

    /// Emits sessions that are complete.
    fn emit(&mut self, mut complete: Vec<(u32, Session)>, out: &mut Output<'_>) -> Result<()> {
        if complete.is_empty() {
            return Ok(());
        }
        self.unsaved = true;
        let key = |number: u32| self.keys.key_at(number).unwrap_or_default();
        complete.sort_unstable_by(|(a, x), (b, y)| x.end.cmp(&y.end).then_with(|| key(*a).cmp(key(*b))));
        let mut columns = self.codec.decode(complete.iter().map(|(number, _)| key(*number)))?;
        let places: Vec<u32> = complete.iter().map(|(_, session)| session.place).collect();
        columns.extend(self.states.results(&places)?);
        let windows: Vec<(i64, i64)> = complete.iter().map(|(_, session)| (session.start, session.end)).collect();
        columns.extend(window_columns(&windows, &self.window_types)?);
        let times: Vec<i64> = windows.iter().map(|(_, end)| end - MILLISECOND).collect();
        out.emit(Batch::new(rows_of(&self.config.output, columns, times.len())?, times)?);
        for (number, session) in complete {
            if let Some(sessions) = self.keys.value_at_mut(number) {
                sessions.retain(|open| open.place != session.place);
                if sessions.is_empty() {
                    self.keys.remove_at(number);
                }
            }
            self.release(session.place);
        }
        Ok(())
    }
}

/// Places of sessions that became one, the earlier first.
type Merges = Vec<(u32, u32)>;

impl Operator for SessionWindowAggregate {
    fn on_batch(&mut self, _port: usize, mut batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let times = self.times(&batch, out)?;
        let keys = key_column(batch.rows())?;
        let mut places = Vec::with_capacity(batch.num_rows());
        let (mut merges, mut late, mut left_out) = (Merges::new(), Vec::new(), Vec::new());
        for row in 0..times.len() {
            if times.is_null(row) {
                left_out.push(row as u32);
                continue;
            }
            match self.session(keys.value(row), times.value(row), &mut merges, out) {
                Some(place) => places.push(place),
                None => {
                    late.push(row as u32);
                    left_out.push(row as u32);
                }
            }
        }
        self.states.grow(self.places.len());
        self.merge(merges, &mut places)?;
        if !left_out.is_empty() {
            out.count_late(late.len() as u64);
            out.count_errors((left_out.len() - late.len()) as u64);
            out.emit_to(1, batch.take(&late.into())?);
            let mut left_out = left_out.into_iter().peekable();
            let kept = (0..batch.num_rows() as u32).filter(|row| left_out.next_if_eq(row).is_none());
            batch = batch.take(&UInt32Array::from_iter_values(kept))?;
        }
        self.states.update(&batch, &places)
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        let until = time.0.saturating_add(MILLISECOND);
        let mut complete = Vec::new();
        while let Some(Reverse((end, place))) = self.ends.peek().copied().filter(|Reverse((end, _))| *end <= until) {
            self.ends.pop();
            let Some(Place { key, taken: true }) = self.places.get(place as usize).copied() else {
                self.free.push(place);
                continue;
            };
            let sessions = self.keys.value_at(key).into_iter().flatten();
            let Some(session) = sessions.copied().find(|session| session.place == place) else { continue };
            if session.end > end {
                self.ends.push(Reverse((session.end, place)));
            } else {
                complete.push((key, session));
            }
        }
        let places: Vec<u32> = complete.iter().map(|(_, session)| session.place).collect();
        self.emit(complete, out)?;
        if !self.is_processing() {
            // Their entries have come up.
            self.free.extend(places);
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        let Some(number) = self.keys.number_of(&timer.key).filter(|_| timer.domain == TimeDomain::Processing) else {
            return Ok(());
        };
        let sessions = self.keys.value_at(number).into_iter().flatten();
        let (complete, open): (Vec<Session>, Vec<Session>) = sessions.partition(|open| open.end <= timer.time.0);
        open.iter().for_each(|open| out.set_processing_timer(EventTime(open.end), &timer.key));
        self.emit(complete.into_iter().map(|session| (number, session)).collect(), out)
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        let SessionWindowAggregate { keys, states, .. } = self;
        keys.snapshot_numbered(
            writer,
            |key| key,
            |_, sessions, out| {
                put_u64(out, sessions.len() as u64);
                for session in sessions {
                    put_i64(out, session.start);
                    put_i64(out, session.end.saturating_sub(session.start));
                    states.encode(session.place, out);
                }
                Ok(())
            },
        )?;
        if std::mem::take(&mut self.unsaved) {
            note_results(writer);
        }
        Ok(())
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        let processing = self.is_processing();
        let SessionWindowAggregate { keys, states, places, ends, .. } = self;
        keys.restore_numbered(reader, |key, _, bytes| {
            let mut bytes = Bytes(bytes);
            let count = bytes.u64().ok_or("it is too short")?;
            let mut sessions = Vec::new();
            for _ in 0..count {
                let start = bytes.i64().ok_or("it is too short")?;
                let end = bytes.i64().ok_or("it is too short")?.saturating_add(start);
                let place = places.len() as u32;
                places.push(Place { key, taken: true });
                states.grow(places.len());
                states.decode(place, &mut bytes)?;
                sessions.push(Session { start, end, place });
                if !processing {
                    ends.push(Reverse((end, place)));
                }
            }
            Ok(sessions)
        })
    }

    fn state_keys(&self) -> usize {
        self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregate::AggregateFunction as F,
        operators::testing::{Outcome, Table, play, script, table},
    };

    fn input() -> Table {
        table("name: Utf8, amount: Int64").keyed(&[0])
    }

    fn config(time: TimeAttribute) -> SessionWindowAggregateConfig {
        SessionWindowAggregateConfig {
            input: input().schema,
            key: vec![DataType::Utf8],
            aggregates: vec![AggregateCall::new(F::CountAll, []), AggregateCall::new(F::Sum, [1])],
            gap: 10_000_000,
            time,
            output: table("name: Utf8, n: Int64, s: Int64, b: Timestamp, e: Timestamp, t: Timestamp").schema,
        }
    }

    fn run(config: &SessionWindowAggregateConfig, text: &str, runs: &[(usize, usize)]) -> Outcome {
        let config = config.clone();
        play(move |_| SessionWindowAggregate::new(config.clone()), 1, &script(&[input()], text), runs)
    }

    fn agree(config: &SessionWindowAggregateConfig, text: &str, expected: &[&str]) {
        assert_eq!(run(config, text, &[(1, 0)]).main, expected);
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        for cut in 1..script(&[input()], text).len() {
            for runs in [[(1, cut), (1, 0)], [(1, cut), (3, 0)], [(3, cut), (2, 0)]] {
                let mut found = run(config, text, &runs).main;
                found.sort_unstable();
                assert_eq!(found, expected, "{runs:?}");
            }
        }
    }

    #[test]
    fn sessions_end_one_gap_after_their_last_row() {
        let text = "
            +I | ann | 1 | 00:01
            +I | bob | 2 | 00:04
            watermark 00:05
            +I | ann | 4 | 00:11
            watermark 00:14
            +I | ann | 8 | 00:21.001
            watermark 00:40";
        let expected = [
            "+I | bob | 1 | 2 | 00:04 | 00:14 | 00:13.999 | 00:13.999",
            "+I | ann | 2 | 5 | 00:01 | 00:21 | 00:20.999 | 00:20.999",
            "+I | ann | 1 | 8 | 00:21.001 | 00:31.001 | 00:31 | 00:31",
        ];
        agree(&config(TimeAttribute::Rows), text, &expected);
    }

    #[test]
    fn a_row_between_two_sessions_makes_them_one() {
        let text = "
            +I | ann | 1 | 00:30
            +I | ann | 2 | 00:01

            +I | ann | 4 | 00:21
            +I | ann | 8 | 00:45

            +I | ann | 16 | 00:11
            +I | ann | 32 | 00:22
            watermark 01:00";
        let expected = [
            "+I | ann | 5 | 55 | 00:01 | 00:40 | 00:39.999 | 00:39.999",
            "+I | ann | 1 | 8 | 00:45 | 00:55 | 00:54.999 | 00:54.999",
        ];
        agree(&config(TimeAttribute::Rows), text, &expected);
    }

    #[test]
    fn a_row_behind_the_watermark_counts_where_an_open_session_takes_it() {
        let text = "
            +I | ann | 1 | 00:12
            watermark 00:15
            +I | ann | 2 | 00:04
            +I | ann | 4 | 00:01
            +I | bob | 8 | 00:04
            watermark 00:50";
        agree(&config(TimeAttribute::Rows), text, &["+I | ann | 3 | 7 | 00:01 | 00:22 | 00:21.999 | 00:21.999"]);
        let outcome = run(&config(TimeAttribute::Rows), text, &[(1, 0)]);
        assert_eq!((outcome.late, outcome.side), (1, vec!["+I | bob | 8 | 00:04".to_string()]));
    }

    #[test]
    fn stagger_windows_open_with_the_first_row_and_do_not_grow() {
        let text = "
            +I | ann | 1 | 00:03
            +I | ann | 2 | 00:12.999
            +I | bob | 4 | 00:05

            +I | ann | 8 | 00:13
            watermark 00:14
            +I | bob | 16 | 00:14
            +I | ann | 32 | 00:02
            watermark 00:40";
        let expected = [
            "+I | ann | 2 | 3 | 00:03 | 00:13 | 00:12.999 | 00:12.999",
            "+I | bob | 2 | 20 | 00:05 | 00:15 | 00:14.999 | 00:14.999",
            "+I | ann | 1 | 8 | 00:13 | 00:23 | 00:22.999 | 00:22.999",
        ];
        let config = config(TimeAttribute::Rows);
        for runs in [&[(1, 0)][..], &[(1, 1), (1, 0)], &[(1, 3), (1, 2), (1, 0)]] {
            let config = config.clone();
            let make = move |_: &_| SessionWindowAggregate::stagger(config.clone());
            let outcome = play(make, 1, &script(&[input()], text), runs);
            assert_eq!((outcome.main, outcome.late), (expected.map(String::from).to_vec(), 1), "{runs:?}");
        }
    }

    #[test]
    fn the_wall_clock_ends_sessions_too() {
        let text = "
            clock 00:03
            +I | ann | 1 | 05:00
            clock 00:08
            +I | ann | 2 | 05:00
            watermark 06:00
            clock 00:13
            clock 00:18
            +I | ann | 4 | 05:00
            clock 00:40";
        let expected = [
            "+I | ann | 2 | 3 | 00:03 | 00:18 | 00:17.999 | 00:17.999",
            "+I | ann | 1 | 4 | 00:18 | 00:28 | 00:27.999 | 00:27.999",
        ];
        agree(&config(TimeAttribute::Processing), text, &expected);
    }
}
