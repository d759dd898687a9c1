//! The interval join: rows whose times are near each other.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use ahash::RandomState;
use arrow::{
    array::{Array, ArrayRef, BinaryArray, UInt32Array},
    datatypes::SchemaRef,
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, OperatorContext, Output, Result, SnapshotReader, SnapshotWriter,
    time::Mark, timers::Timer,
};

use super::{
    JoinInput, JoinType, OUTPUT_ROWS,
    condition::{Joined, rows_with_nulls},
    rows_by_key::{Layout, Place, RowsByKey},
};
use crate::operators::{
    columns::{WARM_ROWS, nulls_of, take_rows, without_key},
    expiry::Expiry,
    packed::{PackedCodec, PackedRow},
    rows::key_column,
};

/// Rows of a key lie in pieces of time that are not shorter than this, microseconds.
const PIECE_MIN: i64 = 1_000;
/// By processing time rows expire up to so much late, microseconds: a timer for each would cost more than it gives.
const TICK_MIN: i64 = 10_000;
/// Bytes of a piece's number behind a key.
const PIECE: usize = 8;

/// Configuration of an [`IntervalJoin`].
#[derive(Clone, Debug)]
pub struct IntervalJoinConfig {
    /// Which rows come out.
    pub join: JoinType,
    /// Port 0.
    pub left: JoinInput,
    /// Port 1.
    pub right: JoinInput,
    /// A left row's time is at least the right row's plus this, microseconds.
    pub lower: i64,
    /// False where it must be more than that.
    pub lower_inclusive: bool,
    /// A left row's time is at most the right row's plus this, microseconds.
    pub upper: i64,
    /// False where it must be less than that.
    pub upper_inclusive: bool,
    /// True where a row's time is when it came, not its event time.
    pub processing_time: bool,
    /// What must hold beside the equality of the keys and the interval: over left columns, then right columns.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// The output: left columns, then right columns, or left columns alone for semi and anti joins.
    pub schema: SchemaRef,
}

/// Joins rows of append-only inputs whose times are near each other, and forgets rows once no partner can come any more.
///
/// Output: inserts. A pair goes out when its second row comes, with the later of the two times. A row of an outer or anti join
/// that stayed alone goes out, with its own time, when the watermark says that it will: such joins hold the watermark back by
/// as long as they wait. A semi join gives a left row with its first partner.
///
/// Rows behind the watermark are counted as late, and meet what is still there.
#[derive(Debug)]
pub struct IntervalJoin {
    join: JoinType,
    joined: Joined,
    /// Both inclusive.
    lower: i64,
    upper: i64,
    piece: i64,
    processing_time: bool,
    sides: [Side; 2],
    expiry: Expiry,
}

#[derive(Debug)]
struct Side {
    codec: PackedCodec,
    never_null: Vec<usize>,
    nulls: Vec<ArrayRef>,
    rows: RowsByKey,
    /// State keys by the piece of time that they are of.
    pieces: BTreeMap<i64, Vec<Box<[u8]>>>,
    /// Set where it matters whether a row has met another: those that have not, by time and state key.
    lonely: Option<BTreeSet<(i64, Box<[u8]>)>>,
}

impl Side {
    fn new(input: JoinInput, names: [&'static str; 2], counts: bool) -> Result<Self> {
        let codec = PackedCodec::of_schema(&input.schema)?;
        Ok(Side {
            nulls: nulls_of(&input.schema),
            never_null: input.null_never_equals,
            rows: RowsByKey::new(names, Layout { times: true, degrees: counts }, codec.differences(), PIECE),
            codec,
            pieces: BTreeMap::new(),
            lonely: counts.then(BTreeSet::new),
        })
    }

    /// Takes a row into state; `met` says whether it has met another.
    fn insert(&mut self, state_key: &[u8], row: &[u8], time: i64, met: bool) {
        if self.rows.insert(state_key, row, u32::from(met), time) == 0 {
            self.pieces.entry(piece_of(state_key)).or_default().push(state_key.into());
        }
        if let Some(lonely) = self.lonely.as_mut().filter(|_| !met) {
            lonely.insert((time, state_key.into()));
        }
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.rows.restore(reader)?;
        for key in self.rows.keys() {
            self.pieces.entry(piece_of(key)).or_default().push(key.into());
            if let Some(lonely) = &mut self.lonely {
                let alone = self.rows.rows(key, i64::MIN).filter(|row| row.degree == 0);
                lonely.extend(alone.map(|row| (row.time, Box::from(key))));
            }
        }
        Ok(())
    }
}

impl IntervalJoin {
    /// Puts pairs on which the condition fails out of port 2, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        IntervalJoin { joined: self.joined.with_rejects(origin), ..self }
    }

    /// A join with nothing in state.
    pub fn new(config: IntervalJoinConfig) -> Result<Self> {
        let IntervalJoinConfig { join, left, right, lower, upper, condition, schema, .. } = config;
        let lower = if config.lower_inclusive { lower } else { lower.saturating_add(1) };
        let upper = if config.upper_inclusive { upper } else { upper.saturating_sub(1) };
        if lower > upper {
            return Err(EngineError::Plan(format!(
                "an interval join from {lower} to {upper} microseconds has no rows: exchange its bounds"
            )));
        }
        let joined = Joined::new(&left.schema, &right.schema, schema, condition);
        let counts_left = join.preserves(0) || join.gives_left_only();
        let piece = upper.saturating_sub(lower).max(PIECE_MIN);
        Ok(IntervalJoin {
            join,
            joined,
            lower,
            upper,
            piece,
            processing_time: config.processing_time,
            sides: [
                Side::new(left, ["left", "left-more"], counts_left)?,
                Side::new(right, ["right", "right-more"], join.preserves(1))?,
            ],
            expiry: if config.processing_time { Expiry::every((piece / 16).max(TICK_MIN)) } else { Expiry::new(None) },
        })
    }

    /// Times of partners of a row on `port`.
    fn partners(&self, port: usize, time: i64) -> (i64, i64) {
        if port == 0 {
            (time.saturating_sub(self.upper), time.saturating_sub(self.lower))
        } else {
            (time.saturating_add(self.lower), time.saturating_add(self.upper))
        }
    }

    /// Rows of `port` before this time have no partner at `clock` or later.
    fn expired(&self, port: usize, clock: i64) -> i64 {
        if port == 0 { clock.saturating_add(self.lower) } else { clock.saturating_sub(self.upper) }
    }

    fn state_key(&self, state_key: &mut Vec<u8>, key: &[u8], piece: i64) {
        state_key.clear();
        state_key.extend_from_slice(key);
        state_key.extend_from_slice(&(piece ^ i64::MIN).to_be_bytes());
    }

    /// True where a row of this port without a partner comes out.
    fn gives_alone(&self, port: usize) -> bool {
        self.join.preserves(port) || (self.join == JoinType::LeftAnti && port == 0)
    }

    /// How long after its time a row that stayed alone may come out.
    fn delay(&self) -> i64 {
        let waits = |port: usize, delay: i64| if self.gives_alone(port) { delay.max(0) } else { 0 };
        waits(0, self.lower.saturating_neg()).max(waits(1, self.upper))
    }
}

fn piece_of(state_key: &[u8]) -> i64 {
    state_key.last_chunk::<PIECE>().map_or(i64::MIN, |piece| i64::from_be_bytes(*piece) ^ i64::MIN)
}

/// A row of the other side that may be a partner.
struct Candidate {
    /// Its state key: of each row and piece one.
    key: usize,
    place: Place,
    met: bool,
    time: i64,
}

/// Some rows of a batch with the rows that they may meet.
#[derive(Default)]
struct Candidates<'a> {
    all: Vec<Candidate>,
    keys: Vec<Vec<u8>>,
    of_row: Vec<u32>,
    stored: Vec<PackedRow<'a>>,
}

impl Operator for IntervalJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        if port > 1 {
            return Ok(());
        }
        let times: Vec<i64> =
            if self.processing_time { vec![out.now().0; batch.num_rows()] } else { batch.times().to_vec() };
        if !self.processing_time {
            let watermark = out.watermark().0;
            out.count_late(times.iter().filter(|time| **time < watermark).count() as u64);
        }
        let mut from = 0;
        while from < batch.num_rows() {
            from = self.piece(port, &batch, &times, from, out)?;
        }
        self.expiry.arm(out);
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if !self.processing_time {
            self.expire(time.0, out)?;
        }
        if !self.forwards_watermarks() {
            let held = if time == EventTime::MAX { time } else { EventTime(time.0.saturating_sub(self.delay())) };
            out.emit_watermark(Mark::Time(held));
        }
        Ok(())
    }

    fn on_idle(&mut self, out: &mut Output<'_>) -> Result<()> {
        out.emit_watermark(Mark::Idle);
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if self.expiry.fired(timer) {
            self.expire(out.now().0, out)?;
            if self.state_keys() > 0 {
                self.expiry.arm(out);
            }
        }
        Ok(())
    }

    fn open(&mut self, context: &OperatorContext) -> Result<()> {
        self.expiry.open(context);
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.rows.snapshot(writer))
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.restore(reader))
    }

    fn forwards_watermarks(&self) -> bool {
        self.processing_time || self.delay() == 0
    }

    fn state_keys(&self) -> usize {
        self.sides.iter().map(|side| side.rows.len()).sum()
    }
}

impl IntervalJoin {
    /// The rows that those from `from` on may meet, until they are many; says where to go on.
    fn candidates(
        &self,
        port: usize,
        batch: &Batch,
        times: &[i64],
        from: usize,
        clock: i64,
    ) -> Result<(Candidates<'_>, usize)> {
        let mut found = Candidates::default();
        let (Some(own), Some(other)) = (self.sides.get(port), self.sides.get(1 - port)) else {
            return Ok((found, from));
        };
        let keys = key_column(batch.rows())?;
        let nulls = rows_with_nulls(batch.rows(), &own.never_null);
        let alive = self.expired(1 - port, clock);
        let mut state_key = Vec::new();
        let mut to = from;
        while to < batch.num_rows() && found.all.len() < OUTPUT_ROWS {
            let row = to;
            to += 1;
            if row.is_multiple_of(WARM_ROWS) || row == from {
                self.warm(port, keys, times, row, alive);
            }
            if nulls.as_ref().is_some_and(|nulls| nulls.get(row).copied().unwrap_or_default()) {
                continue;
            }
            let (first, last) = self.partners(port, times.get(row).copied().unwrap_or_default());
            let first = first.max(alive);
            if first > last {
                continue;
            }
            for piece in first.div_euclid(self.piece)..=last.div_euclid(self.piece) {
                self.state_key(&mut state_key, keys.value(row), piece);
                let before = found.all.len();
                // The layout keeps times, and gives those behind the second argument.
                for stored in other.rows.rows(&state_key, first.saturating_sub(1)) {
                    if stored.time <= last {
                        let (place, met, time) = (stored.place, stored.degree > 0, stored.time);
                        found.all.push(Candidate { key: found.keys.len(), place, met, time });
                        found.of_row.push(row as u32);
                        found.stored.push(stored.bytes);
                    }
                }
                if found.all.len() > before {
                    found.keys.push(state_key.clone());
                }
            }
        }
        Ok((found, to))
    }

    /// Warms what rows from `from` on will look at, on both sides.
    fn warm(&self, port: usize, keys: &BinaryArray, times: &[i64], from: usize, alive: i64) {
        let rows = from..keys.len().min((from / WARM_ROWS + 1) * WARM_ROWS);
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (row, time) in rows.clone().zip(times.get(rows).unwrap_or_default()) {
            let key = |piece: i64| {
                let mut state_key = Vec::with_capacity(keys.value(row).len() + PIECE);
                self.state_key(&mut state_key, keys.value(row), piece);
                state_key
            };
            let (first, last) = self.partners(port, *time);
            own.push(key(time.div_euclid(self.piece)));
            let pieces = first.max(alive).div_euclid(self.piece)..=last.div_euclid(self.piece);
            others.extend(pieces.map(key));
        }
        for (side, keys) in [(port, own), (1 - port, others)] {
            let side = self.sides.get(side).into_iter();
            side.for_each(|side| side.rows.warm(keys.iter().map(Vec::as_slice)));
        }
    }

    /// Joins rows from `from` on, until there are many candidates; says where the next piece begins.
    fn piece(&mut self, port: usize, batch: &Batch, times: &[i64], from: usize, out: &mut Output<'_>) -> Result<usize> {
        let clock = if self.processing_time { out.now().0 } else { out.watermark().0 };
        let columns = without_key(batch.rows());
        let (found, to) = self.candidates(port, batch, times, from, clock)?;
        let Candidates { mut all, keys, mut of_row, stored } = found;
        let mut others = match self.sides.get(1 - port) {
            Some(other) if !stored.is_empty() => other.codec.decode(stored)?,
            _ => Vec::new(),
        };
        let mut own = take_rows(columns, &UInt32Array::from(of_row.clone()))?;
        let told = |pair: usize| of_row.get(pair).and_then(|row| batch.times().get(*row as usize)).copied();
        if let Some(keep) = self.joined.decide(port, &own, &others, all.len(), &told, out)? {
            let kept: UInt32Array = keep.values().set_indices().map(|at| at as u32).collect::<Vec<_>>().into();
            (own, others) = (take_rows(&own, &kept)?, take_rows(&others, &kept)?);
            let mut decided = keep.values().iter();
            all.retain(|_| decided.next().unwrap_or_default());
            let mut decided = keep.values().iter();
            of_row.retain(|_| decided.next().unwrap_or_default());
        }
        let first_met = self.note_met(port, &all, &keys);
        let pair_times: Vec<i64> = of_row
            .iter()
            .zip(&all)
            .map(|(row, other)| {
                let time = batch.times().get(*row as usize).copied().unwrap_or_default();
                if self.processing_time { time } else { time.max(other.time) }
            })
            .collect();
        let mut met = vec![false; to - from];
        of_row.iter().for_each(|row| met.get_mut(*row as usize - from).into_iter().for_each(|met| *met = true));
        if self.join == JoinType::LeftSemi {
            let of_pair: Vec<u32> = if port == 1 {
                first_met
            } else {
                (0..all.len())
                    .filter(|at| *at == 0 || of_row.get(at - 1) != of_row.get(*at))
                    .map(|at| at as u32)
                    .collect()
            };
            let times: Vec<i64> = of_pair.iter().filter_map(|at| pair_times.get(*at as usize).copied()).collect();
            let lefts = if port == 0 { &own } else { &others };
            if !times.is_empty() {
                out.emit(self.joined.output(take_rows(lefts, &of_pair.into())?, times, &[])?);
            }
        } else if self.join != JoinType::LeftAnti && !all.is_empty() {
            out.emit(self.joined.batch(port, &own, &others, pair_times, &[])?);
        }
        self.keep(port, batch, times, from, &met, clock, out)?;
        Ok(to)
    }

    /// Notes that these rows of the other side have met one. Gives the positions of those for which it is the first.
    fn note_met(&mut self, port: usize, all: &[Candidate], keys: &[Vec<u8>]) -> Vec<u32> {
        let Some(other) = self.sides.get_mut(1 - port).filter(|other| other.lonely.is_some()) else {
            return Vec::new();
        };
        let mut first: Vec<u32> = Vec::new();
        let mut seen: HashSet<(&[u8], Place), RandomState> = HashSet::default();
        for (at, candidate) in all.iter().enumerate().filter(|(_, c)| !c.met) {
            let Some(key) = keys.get(candidate.key) else { continue };
            if seen.insert((key, candidate.place)) {
                other.rows.set_degrees(key, [(candidate.place, 1)], candidate.time);
                first.push(at as u32);
            }
        }
        first
    }

    /// Takes rows into state that may still meet others, and gives those that can't and have not.
    #[allow(clippy::too_many_arguments)]
    fn keep(
        &mut self,
        port: usize,
        batch: &Batch,
        times: &[i64],
        from: usize,
        met: &[bool],
        clock: i64,
        out: &mut Output<'_>,
    ) -> Result<()> {
        let alive = self.expired(port, clock);
        let gives_alone = self.gives_alone(port);
        let keys = key_column(batch.rows())?;
        let mut state_key = Vec::new();
        let mut alone: Vec<u32> = Vec::new();
        let columns: Vec<ArrayRef> = without_key(batch.rows()).iter().map(|c| c.slice(from, met.len())).collect();
        let Some(own) = self.sides.get(port) else { return Ok(()) };
        let nulls = rows_with_nulls(batch.rows(), &own.never_null);
        let encoded = own.codec.encode(&columns)?;
        // A semi join's left row that has met another has said all that it has to say.
        let needless = |met: bool| met && self.join.gives_left_only() && port == 0;
        let mut kept = Vec::new();
        for (row, met) in (from..).zip(met) {
            let null = nulls.as_ref().is_some_and(|nulls| nulls.get(row).copied().unwrap_or_default());
            let time = times.get(row).copied().unwrap_or_default();
            if null || time < alive {
                if !met && gives_alone {
                    alone.push(row as u32);
                }
            } else if !needless(*met) {
                kept.push((row, time, *met));
            }
        }
        for (row, time, met) in kept {
            self.state_key(&mut state_key, keys.value(row), time.div_euclid(self.piece));
            if let Some(own) = self.sides.get_mut(port) {
                own.insert(&state_key, encoded.row(row - from), time, met);
            }
        }
        if !alone.is_empty() {
            let times = alone.iter().filter_map(|row| batch.times().get(*row as usize).copied()).collect();
            let own = take_rows(without_key(batch.rows()), &alone.into())?;
            self.emit_alone(port, own, times, out)?;
        }
        Ok(())
    }

    fn emit_alone(&self, port: usize, own: Vec<ArrayRef>, times: Vec<i64>, out: &mut Output<'_>) -> Result<()> {
        let Some(other) = self.sides.get(1 - port) else { return Ok(()) };
        out.emit(if self.join.gives_left_only() {
            self.joined.output(own, times, &[])?
        } else {
            let nulls = take_rows(&other.nulls, &UInt32Array::from(vec![0; times.len()]))?;
            self.joined.batch(port, &own, &nulls, times, &[])?
        });
        Ok(())
    }

    /// Forgets rows that will have no partner any more, and gives those that stayed alone, in the order of their times.
    fn expire(&mut self, clock: i64, out: &mut Output<'_>) -> Result<()> {
        for port in 0..2 {
            let before = if clock == i64::MAX { i64::MAX } else { self.expired(port, clock) };
            let gives_alone = self.gives_alone(port);
            let piece = self.piece;
            let Some(side) = self.sides.get_mut(port) else { continue };
            let mut due: Vec<(i64, Box<[u8]>)> = Vec::new();
            if let Some(lonely) = &mut side.lonely {
                while let Some(first) = lonely.first()
                    && first.0 < before
                {
                    due.extend(lonely.pop_first());
                }
            }
            let mut times = Vec::new();
            let mut columns = Vec::new();
            if gives_alone && !due.is_empty() {
                let mut stored = Vec::new();
                let mut given: Vec<(usize, Place)> = Vec::new();
                for (at, (time, key)) in due.iter().enumerate() {
                    for row in side.rows.rows(key, time.saturating_sub(1)).filter(|r| r.time == *time && r.degree == 0)
                    {
                        stored.push(row.bytes);
                        times.push(*time);
                        given.push((at, row.place));
                    }
                }
                columns = side.codec.decode(stored)?;
                // Their piece may live on: they have been given.
                for ((at, place), time) in given.into_iter().zip(&times) {
                    let key = due.get(at).map_or(&[][..], |(_, key)| key);
                    side.rows.set_degrees(key, [(place, 1)], *time);
                }
            }
            while let Some(first) = side.pieces.first_entry()
                && first.key().saturating_add(1).saturating_mul(piece) <= before
            {
                first.remove().iter().for_each(|key| side.rows.remove_key(key));
            }
            if !times.is_empty() {
                self.emit_alone(port, columns, times, out)?;
            }
        }
        Ok(())
    }
}
