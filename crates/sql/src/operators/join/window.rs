//! The window join: rows of the same key and window meet when the window ends.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, UInt32Array},
    datatypes::SchemaRef,
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{Batch, Epoch, EventTime, Operator, Output, Result, SnapshotReader, SnapshotWriter};

use super::{
    JoinInput, JoinType, OUTPUT_ROWS,
    condition::{Joined, rows_with_nulls},
    rows_by_key::{Layout, RowsByKey},
};
use crate::operators::{
    attached_windows::{OpenWindows, WINDOW, end_of, with_window},
    columns::{WINDOW_TIME_BEFORE_END, micros_of, nulls_of, take_rows, without_key},
    packed::{PackedCodec, PackedRow},
    rows::key_column,
};

/// Configuration of a [`WindowJoin`].
#[derive(Clone, Debug)]
pub struct WindowJoinConfig {
    /// Which rows come out.
    pub join: JoinType,
    /// Port 0.
    pub left: WindowJoinInput,
    /// Port 1.
    pub right: WindowJoinInput,
    /// What must hold beside the equality of keys and windows: over left columns, then right columns.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// The output: left columns, then right columns, or left columns alone for semi and anti joins.
    pub schema: SchemaRef,
}

/// One input of a [`WindowJoin`]. The window may, but need not, be a part of the key.
#[derive(Clone, Debug)]
pub struct WindowJoinInput {
    /// Its rows.
    pub input: JoinInput,
    /// The column of the window's start: a timestamp.
    pub window_start: usize,
    /// The column of the window's end: a timestamp.
    pub window_end: usize,
}

/// Joins rows that carry a window, of append-only inputs, once the watermark has passed the window's end.
///
/// Output: inserts with the time of the window's end less a millisecond; windows in the order of their ends, and in a window
/// pairs before rows without a partner. Rows of windows that have ended are late: counted, and sent to port 1 as they came.
#[derive(Debug)]
pub struct WindowJoin {
    join: JoinType,
    joined: Joined,
    sides: [Side; 2],
    windows: OpenWindows,
}

#[derive(Debug)]
struct Side {
    codec: PackedCodec,
    never_null: Vec<usize>,
    window: [usize; 2],
    nulls: Vec<ArrayRef>,
    rows: RowsByKey,
}

impl Side {
    fn new(config: WindowJoinInput, names: [&'static str; 2]) -> Result<Self> {
        let codec = PackedCodec::of_schema(&config.input.schema)?;
        Ok(Side {
            never_null: config.input.null_never_equals,
            window: [config.window_start, config.window_end],
            nulls: nulls_of(&config.input.schema),
            // Degree 1 marks a row whose key has a NULL.
            rows: RowsByKey::new(names, Layout { times: false, degrees: true }, codec.differences(), WINDOW),
            codec,
        })
    }
}

impl WindowJoin {
    /// Puts pairs on which the condition fails out of port 2, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        WindowJoin { joined: self.joined.with_rejects(origin), ..self }
    }

    /// A join with no window open.
    pub fn new(config: WindowJoinConfig) -> Result<Self> {
        let WindowJoinConfig { join, left, right, condition, schema } = config;
        let joined = Joined::new(&left.input.schema, &right.input.schema, schema, condition);
        let sides = [Side::new(left, ["left", "left-more"])?, Side::new(right, ["right", "right-more"])?];
        Ok(WindowJoin { join, joined, sides, windows: OpenWindows::default() })
    }

    /// True where a row of this port without a partner comes out.
    fn gives_alone(&self, port: usize) -> bool {
        self.join.preserves(port) || (self.join == JoinType::LeftAnti && port == 0)
    }
}

impl Operator for WindowJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let gives_alone = self.gives_alone(port);
        let Some(side) = self.sides.get_mut(port) else { return Ok(()) };
        let rows = batch.rows();
        let keys = key_column(rows)?;
        let [start, end] = side.window;
        let (starts, ends) = (micros_of(rows, start)?, micros_of(rows, end)?);
        let nulls = rows_with_nulls(rows, &side.never_null);
        let encoded = side.codec.encode(without_key(rows))?;
        let mut state_key = Vec::new();
        let mut late: Vec<u32> = Vec::new();
        for (at, (key, (start, end))) in keys.iter().flatten().zip(starts.iter().zip(&ends)).enumerate() {
            if *end <= out.watermark().0 {
                late.push(at as u32);
                continue;
            }
            let null = nulls.as_ref().is_some_and(|nulls| nulls.get(at).copied().unwrap_or_default());
            if null && !gives_alone {
                continue;
            }
            with_window(&mut state_key, key, *start, *end);
            if side.rows.insert(&state_key, encoded.row(at), u32::from(null), 0) == 0 {
                self.windows.open(&state_key);
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
        let mut rest = ended.as_slice();
        while !rest.is_empty() {
            let (meeting, windows) = Meeting::gather(&self.sides, rest);
            meeting.join(self, out)?;
            rest = rest.get(windows..).unwrap_or_default();
        }
        for side in &mut self.sides {
            ended.iter().for_each(|key| side.rows.remove_key(key));
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.rows.snapshot(writer))
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        for side in &mut self.sides {
            side.rows.restore(reader)?;
            side.rows.keys().for_each(|key| self.windows.open(key));
        }
        Ok(())
    }

    fn state_keys(&self) -> usize {
        self.sides.iter().map(|side| side.rows.len()).sum()
    }
}

/// The rows of some windows that have ended.
#[derive(Default)]
struct Meeting<'a> {
    rows: [Vec<PackedRow<'a>>; 2],
    /// Of each row the time of its results.
    times: [Vec<i64>; 2],
    /// Of each window its rows on both sides, without those whose key has a NULL.
    windows: Vec<[Range<u32>; 2]>,
}

impl<'a> Meeting<'a> {
    /// Gathers windows until they have many rows; says how many windows it took.
    fn gather(sides: &'a [Side; 2], ended: &'a [Box<[u8]>]) -> (Self, usize) {
        let mut meeting = Meeting::default();
        let mut windows = 0;
        for key in ended {
            if windows > 0 && meeting.rows.iter().map(Vec::len).sum::<usize>() >= OUTPUT_ROWS {
                break;
            }
            windows += 1;
            let time = end_of(key).saturating_sub(WINDOW_TIME_BEFORE_END);
            let mut ranges = [0..0, 0..0];
            for (port, side) in sides.iter().enumerate() {
                let (Some(rows), Some(times)) = (meeting.rows.get_mut(port), meeting.times.get_mut(port)) else {
                    continue;
                };
                let start = rows.len() as u32;
                let mut met = start;
                // All rows of a key have a NULL in it, or none has.
                for row in side.rows.rows(key, i64::MIN) {
                    rows.push(row.bytes);
                    times.push(time);
                    met += u32::from(row.degree == 0);
                }
                if let Some(range) = ranges.get_mut(port) {
                    *range = start..met;
                }
            }
            meeting.windows.push(ranges);
        }
        (meeting, windows)
    }

    fn join(self, of: &WindowJoin, out: &mut Output<'_>) -> Result<()> {
        let [left, right] = &of.sides;
        let columns =
            [left.codec.decode(self.rows[0].iter().copied())?, right.codec.decode(self.rows[1].iter().copied())?];
        let mut met = [vec![false; self.rows[0].len()], vec![false; self.rows[1].len()]];
        let mut pairs = (Vec::new(), Vec::new());
        for [lefts, rights] in &self.windows {
            for l in lefts.clone() {
                for r in rights.clone() {
                    pairs.0.push(l);
                    pairs.1.push(r);
                    if pairs.0.len() >= OUTPUT_ROWS {
                        self.pairs(of, &columns, std::mem::take(&mut pairs), &mut met, out)?;
                    }
                }
            }
        }
        if !pairs.0.is_empty() {
            self.pairs(of, &columns, pairs, &mut met, out)?;
        }
        self.alone(of, &columns, &met, out)
    }

    /// Decides of pairs, and gives those that the join asks for.
    fn pairs(
        &self,
        of: &WindowJoin,
        columns: &[Vec<ArrayRef>; 2],
        (lefts, rights): (Vec<u32>, Vec<u32>),
        met: &mut [Vec<bool>; 2],
        out: &mut Output<'_>,
    ) -> Result<()> {
        let (lefts, rights) = (UInt32Array::from(lefts), UInt32Array::from(rights));
        let [left_met, right_met] = met;
        let mut note = |pair: usize| {
            left_met.get_mut(lefts.value(pair) as usize).into_iter().for_each(|met| *met = true);
            right_met.get_mut(rights.value(pair) as usize).into_iter().for_each(|met| *met = true);
        };
        let pairs = lefts.values().len();
        if of.join.gives_left_only() && !of.joined.has_condition() {
            (0..pairs).for_each(note);
            return Ok(());
        }
        let (own, other) = (take_rows(&columns[0], &lefts)?, take_rows(&columns[1], &rights)?);
        let told = |pair: usize| lefts.values().get(pair).and_then(|left| self.times[0].get(*left as usize)).copied();
        let keep = of.joined.decide(0, &own, &other, pairs, &told, out)?;
        match &keep {
            Some(keep) => keep.values().set_indices().for_each(note),
            None => (0..pairs).for_each(&mut note),
        }
        if of.join.gives_left_only() {
            return Ok(());
        }
        let times = lefts.values().iter().filter_map(|l| self.times[0].get(*l as usize).copied()).collect();
        let batch = of.joined.batch(0, &own, &other, times, &[])?;
        out.emit(match keep {
            Some(keep) => batch.filter(&keep)?,
            None => batch,
        });
        Ok(())
    }

    /// Gives rows for what they met, or did not meet, alone.
    fn alone(
        &self,
        of: &WindowJoin,
        columns: &[Vec<ArrayRef>; 2],
        met: &[Vec<bool>; 2],
        out: &mut Output<'_>,
    ) -> Result<()> {
        for (port, (columns, (met, times))) in columns.iter().zip(met.iter().zip(&self.times)).enumerate() {
            let wanted = port == 0 && of.join == JoinType::LeftSemi;
            if !wanted && !of.gives_alone(port) {
                continue;
            }
            let rows: Vec<u32> =
                met.iter().enumerate().filter(|(_, met)| **met == wanted).map(|(at, _)| at as u32).collect();
            if rows.is_empty() {
                continue;
            }
            let times: Vec<i64> = rows.iter().filter_map(|at| times.get(*at as usize).copied()).collect();
            let own = take_rows(columns, &rows.into())?;
            out.emit(if of.join.gives_left_only() {
                of.joined.output(own, times, &[])?
            } else {
                let nulls = &of.sides[1 - port].nulls;
                let nulls = take_rows(nulls, &UInt32Array::from(vec![0; times.len()]))?;
                of.joined.batch(port, &own, &nulls, times, &[])?
            });
        }
        Ok(())
    }
}
