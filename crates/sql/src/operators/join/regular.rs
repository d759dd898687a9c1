//! The regular join of two changelogs: every row meets every row of its key, and results are revised as rows come and go.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ahash::RandomState;
use arrow::{
    array::{ArrayRef, BinaryArray, BooleanArray, UInt32Array},
    datatypes::SchemaRef,
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{
    Batch, Epoch, Operator, OperatorContext, Output, Result, RowKind, SnapshotReader, SnapshotWriter, time::micros,
    timers::Timer,
};

use super::{
    JoinInput, JoinType, OUTPUT_ROWS,
    condition::{Joined, rows_with_nulls},
    rows_by_key::{Layout, Place, RowsByKey},
};
use crate::operators::{
    columns::{keys_to_warm, nulls_of, take_rows, without_key},
    expiry::Expiry,
    packed::{PackedCodec, PackedRow, PackedRows},
    rows::key_column,
};

/// Configuration of a [`RegularJoin`].
#[derive(Clone, Debug)]
pub struct RegularJoinConfig {
    /// Which rows come out.
    pub join: JoinType,
    /// Port 0.
    pub left: RegularJoinInput,
    /// Port 1.
    pub right: RegularJoinInput,
    /// What must hold beside the equality of the keys: over left columns, then right columns.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// The output: left columns, then right columns, or left columns alone for semi and anti joins. Columns of a side that may
    /// be missing are nullable.
    pub schema: SchemaRef,
}

/// One input of a [`RegularJoin`].
#[derive(Clone, Debug)]
pub struct RegularJoinInput {
    /// Its rows.
    pub input: JoinInput,
    /// Rows are forgotten so long (processing time) after their last write.
    pub ttl: Option<Duration>,
}

/// Joins two changelogs by key.
///
/// Output: pairs and, as the type of the join asks, rows without a partner, as a changelog in which each row that is retracted
/// was given before. An inner join passes the kind of the incoming row on; others give inserts and deletes. A joined row has
/// the time of the row that caused it.
///
/// Both inputs are kept as multisets of whole rows: rows that are equal are as many rows, and a retraction removes one. A
/// retraction of a row that isn't there is counted as an error and changes nothing, unless rows expire.
#[derive(Debug)]
pub struct RegularJoin {
    join: JoinType,
    sides: [Side; 2],
    joined: Joined,
    /// True where each row's partners have to be counted: the number of the key's rows does not tell.
    degrees: bool,
    expiry: Expiry,
}

#[derive(Debug)]
struct Side {
    codec: PackedCodec,
    never_null: Vec<usize>,
    rows: RowsByKey,
    ttl: Option<i64>,
    /// A row of nulls, encoded.
    nulls: Vec<u8>,
    null_columns: Vec<ArrayRef>,
}

impl Side {
    fn new(config: RegularJoinInput, names: [&'static str; 2], degrees: bool) -> Result<Self> {
        let codec = PackedCodec::of_schema(&config.input.schema)?;
        let null_columns = nulls_of(&config.input.schema);
        let nulls = codec.encode(&null_columns)?.row(0).to_vec();
        let layout = Layout { times: config.ttl.is_some(), degrees };
        Ok(Side {
            never_null: config.input.null_never_equals,
            rows: RowsByKey::new(names, layout, codec.differences(), 0),
            codec,
            ttl: config.ttl.map(micros),
            nulls,
            null_columns,
        })
    }
}

impl RegularJoin {
    /// Puts pairs on which the condition fails out of port 2, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        RegularJoin { joined: self.joined.with_rejects(origin), ..self }
    }

    /// A join with nothing in state.
    pub fn new(config: RegularJoinConfig) -> Result<Self> {
        let RegularJoinConfig { join, left, right, condition, schema } = config;
        let joined = Joined::new(&left.input.schema, &right.input.schema, schema, condition);
        let expires = left.ttl.is_some() || right.ttl.is_some();
        let degrees = join != JoinType::Inner && (joined.has_condition() || expires);
        let expiry = Expiry::new(left.ttl.into_iter().chain(right.ttl).min());
        let left = Side::new(left, ["left", "left-more"], degrees)?;
        let right = Side::new(right, ["right", "right-more"], degrees)?;
        Ok(RegularJoin { join, sides: [left, right], joined, degrees, expiry })
    }
}

/// A batch at work.
struct Incoming<'a> {
    port: usize,
    batch: &'a Batch,
    columns: &'a [ArrayRef],
    keys: &'a BinaryArray,
    encoded: PackedRows,
    without_partner: Option<Vec<bool>>,
    now: i64,
}

impl<'a> Incoming<'a> {
    fn row(&self, row: usize) -> (&'a [u8], &[u8], RowKind) {
        (self.keys.value(row), self.encoded.row(row), self.batch.kind(row))
    }

    fn has_no_partner(&self, row: usize) -> bool {
        self.without_partner.as_ref().is_some_and(|rows| rows.get(row).copied().unwrap_or_default())
    }

    fn time(&self, row: u32) -> i64 {
        self.batch.times().get(row as usize).copied().unwrap_or_default()
    }
}

/// Joined rows in the making: which incoming row, if any, with which other row.
#[derive(Default)]
struct Pairs<O> {
    /// The incoming row that causes the joined one.
    cause: Vec<u32>,
    /// False where the incoming row is no part of it.
    with_own: Vec<bool>,
    other: Vec<O>,
    kinds: Vec<RowKind>,
}

impl<O> Pairs<O> {
    fn new() -> Self {
        Pairs { cause: Vec::new(), with_own: Vec::new(), other: Vec::new(), kinds: Vec::new() }
    }

    fn push(&mut self, kind: RowKind, cause: u32, with_own: bool, other: O) {
        self.cause.push(cause);
        self.with_own.push(with_own);
        self.other.push(other);
        self.kinds.push(kind);
    }

    fn own(&self) -> UInt32Array {
        if self.with_own.iter().all(|own| *own) {
            return self.cause.clone().into();
        }
        self.cause.iter().zip(&self.with_own).map(|(cause, own)| own.then_some(*cause)).collect()
    }
}

impl Operator for RegularJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        let Some(side) = self.sides.get(port) else { return Ok(()) };
        let rows = batch.rows();
        let columns = without_key(rows);
        let incoming = Incoming {
            port,
            batch: &batch,
            columns,
            keys: key_column(rows)?,
            encoded: side.codec.encode(columns)?,
            without_partner: rows_with_nulls(rows, &side.never_null),
            now: out.now().0,
        };
        if self.degrees {
            self.by_degrees(&incoming, out)?
        } else {
            self.by_counts(&incoming, out)?
        }
        self.expiry.arm(out);
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, out: &mut Output<'_>) -> Result<()> {
        if !self.expiry.fired(timer) {
            return Ok(());
        }
        for side in &mut self.sides {
            if side.ttl.is_some() {
                side.rows.expire(Expiry::before(side.ttl, out.now()));
            }
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
        self.sides.iter_mut().try_for_each(|side| side.rows.snapshot(writer))
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.rows.restore(reader))
    }

    fn state_keys(&self) -> usize {
        self.sides.iter().map(|side| side.rows.len()).sum()
    }
}

/// Inner joins, and those whose rows have a partner as soon as their key has one: the other input's number of rows of the key
/// says all of what a row has given so far.
impl RegularJoin {
    fn by_counts(&mut self, incoming: &Incoming<'_>, out: &mut Output<'_>) -> Result<()> {
        let RegularJoin { join, sides: [left, right], joined, .. } = self;
        let (own, other) = if incoming.port == 0 { (left, &*right) } else { (right, &*left) };
        let mut pairs: Pairs<PackedRow<'_>> = Pairs::new();
        for row in 0..incoming.batch.num_rows() {
            for side in [&*own, other] {
                keys_to_warm(incoming.keys, row).into_iter().for_each(|keys| side.rows.warm(keys));
            }
            let (key, bytes, kind) = incoming.row(row);
            let at = row as u32;
            if incoming.has_no_partner(row) {
                let given = match *join {
                    JoinType::LeftAnti => incoming.port == 0,
                    join => join.preserves(incoming.port),
                };
                if given {
                    pairs.push(kind, at, true, other.nulls.as_slice().into());
                }
                continue;
            }
            // How many rows of the key its own side has, beside this one.
            let beside = if kind.adds() {
                own.rows.insert(key, bytes, 0, incoming.now)
            } else {
                match own.rows.remove(key, bytes) {
                    Some(removed) => removed.left,
                    None if own.ttl.is_some() => 0,
                    None => {
                        out.count_errors(1);
                        continue;
                    }
                }
            };
            let expired = Expiry::before(other.ttl, out.now());
            let mut others = other.rows.rows(key, expired);
            if join.gives_left_only() {
                let wanted = *join == JoinType::LeftSemi;
                if incoming.port == 0 {
                    if others.next().is_some() == wanted {
                        pairs.push(kind, at, true, PackedRow::default());
                    }
                } else if beside == 0 {
                    let kind = if kind.adds() == wanted { RowKind::Insert } else { RowKind::Delete };
                    others.for_each(|left| pairs.push(kind, at, false, left.bytes));
                }
            } else if *join == JoinType::Inner {
                others.for_each(|found| pairs.push(kind, at, true, found.bytes));
            } else {
                let preserved = join.preserves(1 - incoming.port) && beside == 0;
                let kind = if kind.adds() { RowKind::Insert } else { RowKind::Delete };
                let mut alone = true;
                for found in others {
                    alone = false;
                    if preserved && kind.adds() {
                        pairs.push(RowKind::Delete, at, false, found.bytes);
                    }
                    pairs.push(kind, at, true, found.bytes);
                    if preserved && !kind.adds() {
                        pairs.push(RowKind::Insert, at, false, found.bytes);
                    }
                }
                if alone && join.preserves(incoming.port) {
                    pairs.push(kind, at, true, other.nulls.as_slice().into());
                }
            }
            if pairs.cause.len() >= OUTPUT_ROWS {
                let pairs = std::mem::replace(&mut pairs, Pairs::new());
                let batch = joined_by_counts(*join, joined, incoming, other, pairs, out)?;
                out.emit(batch);
            }
        }
        if !pairs.cause.is_empty() {
            let batch = joined_by_counts(*join, joined, incoming, other, pairs, out)?;
            out.emit(batch);
        }
        Ok(())
    }
}

fn joined_by_counts(
    join: JoinType,
    joined: &Joined,
    incoming: &Incoming<'_>,
    other: &Side,
    pairs: Pairs<PackedRow<'_>>,
    out: &mut Output<'_>,
) -> Result<Batch> {
    let times: Vec<i64> = pairs.cause.iter().map(|row| incoming.time(*row)).collect();
    if join.gives_left_only() {
        let columns = if incoming.port == 0 {
            take_rows(incoming.columns, &pairs.own())?
        } else {
            other.codec.decode(pairs.other.iter().copied())?
        };
        return joined.output(columns, times, &pairs.kinds);
    }
    let own = take_rows(incoming.columns, &pairs.own())?;
    let others = other.codec.decode(pairs.other.iter().copied())?;
    let told = |pair: usize| times.get(pair).copied().filter(|_| pairs.kinds.get(pair).is_some_and(|kind| kind.adds()));
    let keep = joined.decide(incoming.port, &own, &others, pairs.cause.len(), &told, out)?;
    let batch = joined.batch(incoming.port, &own, &others, times, &pairs.kinds)?;
    keep.map_or(Ok(batch.clone()), |keep| batch.filter(&keep))
}

/// A row of the other side that may be a partner.
struct Candidate {
    place: Place,
    degree: u32,
}

/// Joins that know of each row with how many it is paired: a condition decides of each pair, or partners expire unnoticed.
impl RegularJoin {
    fn by_degrees(&mut self, incoming: &Incoming<'_>, out: &mut Output<'_>) -> Result<()> {
        let mut from = 0;
        while from < incoming.batch.num_rows() {
            from = self.piece_by_degrees(incoming, from, out)?;
        }
        Ok(())
    }

    /// Joins rows from `from` on, until there are many candidates; says where the next piece begins.
    fn piece_by_degrees(&mut self, incoming: &Incoming<'_>, from: usize, out: &mut Output<'_>) -> Result<usize> {
        let RegularJoin { join, sides: [left, right], joined, .. } = self;
        let (own, other) = if incoming.port == 0 { (left, right) } else { (right, left) };
        let mut candidates = Vec::new();
        let mut rows = Vec::new();
        let (mut of_row, mut stored) = (Vec::new(), Vec::new());
        let expired = Expiry::before(other.ttl, out.now());
        let mut to = from;
        while to < incoming.batch.num_rows() && candidates.len() < OUTPUT_ROWS {
            let start = candidates.len();
            if !incoming.has_no_partner(to) {
                for found in other.rows.rows(incoming.keys.value(to), expired) {
                    candidates.push(Candidate { place: found.place, degree: found.degree });
                    of_row.push(to as u32);
                    stored.push(found.bytes);
                }
            }
            rows.push(start..candidates.len());
            to += 1;
        }
        let others = other.codec.decode(stored)?;
        let of_row: UInt32Array = of_row.into();
        let keep = if joined.has_condition() && !candidates.is_empty() {
            let own = take_rows(incoming.columns, &of_row)?;
            // Of a row that goes it was told when it came.
            let told = |pair: usize| {
                let row = of_row.values().get(pair)?;
                incoming.row(*row as usize).2.adds().then(|| incoming.time(*row))
            };
            joined.decide(incoming.port, &own, &others, candidates.len(), &told, out)?
        } else {
            None
        };
        let pairs = Degrees { join: *join, own, other, incoming, keep, candidates }.apply(from, &rows, out);
        if !pairs.cause.is_empty() {
            let times = pairs.cause.iter().map(|row| incoming.time(*row)).collect();
            // Where there is no candidate at all, a row of nulls has to come from somewhere.
            let others = if others.is_empty() || pairs.other.iter().all(Option::is_none) {
                take_rows(&other.null_columns, &UInt32Array::from(vec![0; pairs.other.len()]))?
            } else {
                take_rows(&others, &pairs.other.iter().copied().collect())?
            };
            out.emit(match (join.gives_left_only(), incoming.port) {
                (true, 0) => joined.output(take_rows(incoming.columns, &pairs.own())?, times, &pairs.kinds)?,
                (true, _) => joined.output(others, times, &pairs.kinds)?,
                (false, port) => {
                    joined.batch(port, &take_rows(incoming.columns, &pairs.own())?, &others, times, &pairs.kinds)?
                }
            });
        }
        Ok(to)
    }
}

/// Applies rows of one input, whose candidates are decided of, in their order.
struct Degrees<'a> {
    join: JoinType,
    own: &'a mut Side,
    other: &'a mut Side,
    incoming: &'a Incoming<'a>,
    keep: Option<BooleanArray>,
    candidates: Vec<Candidate>,
}

impl Degrees<'_> {
    fn apply(mut self, from: usize, rows: &[std::ops::Range<usize>], out: &Output<'_>) -> Pairs<Option<u32>> {
        let mut pairs = Pairs::new();
        // All rows of a key have the same candidates in the same order: the first one's carry the degrees.
        let mut first: HashMap<&[u8], (usize, Vec<usize>), RandomState> = HashMap::default();
        for (row, range) in (from..).zip(rows) {
            let (key, bytes, kind) = self.incoming.row(row);
            let at = row as u32;
            if self.incoming.has_no_partner(row) {
                let given = self.join.preserves(self.incoming.port)
                    || (self.join == JoinType::LeftAnti && self.incoming.port == 0);
                if given {
                    pairs.push(kind, at, true, None);
                }
                continue;
            }
            let matches: Vec<usize> =
                range.clone().filter(|c| self.keep.as_ref().is_none_or(|keep| keep.value(*c))).collect();
            // How many partners the results know that its own row has given.
            let known = if kind.adds() {
                self.own.rows.insert(key, bytes, matches.len() as u32, self.incoming.now);
                matches.len() as u32
            } else {
                match self.own.rows.remove(key, bytes) {
                    Some(removed) => removed.degree,
                    None if self.own.ttl.is_some() => matches.len() as u32,
                    None => {
                        out.count_errors(1);
                        continue;
                    }
                }
            };
            self.row(at, kind, known, &matches, &mut pairs);
            if self.counts_others() && !matches.is_empty() {
                let (start, changed) = first.entry(key).or_insert((range.start, Vec::new()));
                for candidate in matches {
                    let carrier = candidate - range.start + *start;
                    changed.push(carrier);
                    self.degree(carrier, candidate, at, kind, &mut pairs);
                }
            }
        }
        for (key, (_, mut changed)) in first {
            changed.sort_unstable();
            changed.dedup();
            let degrees = changed.iter().filter_map(|c| self.candidates.get(*c)).map(|c| (c.place, c.degree));
            self.other.rows.set_degrees(key, degrees, self.incoming.now);
        }
        pairs
    }

    /// True where the other side's rows have to know how many partners they have.
    fn counts_others(&self) -> bool {
        self.join.preserves(1 - self.incoming.port) || (self.join.gives_left_only() && self.incoming.port == 1)
    }

    /// What a row gives for itself.
    fn row(&self, at: u32, kind: RowKind, known: u32, matches: &[usize], pairs: &mut Pairs<Option<u32>>) {
        let own_kind = if kind.adds() { RowKind::Insert } else { RowKind::Delete };
        if self.join.gives_left_only() {
            if self.incoming.port == 0 && (known > 0) == (self.join == JoinType::LeftSemi) {
                pairs.push(kind, at, true, None);
            }
        } else if matches.is_empty() {
            // A row whose partners have all expired never came out alone.
            if self.join.preserves(self.incoming.port) && known == 0 {
                pairs.push(own_kind, at, true, None);
            }
        } else if !self.counts_others() {
            matches.iter().for_each(|c| pairs.push(own_kind, at, true, Some(*c as u32)));
        }
    }

    /// What a row means to one of its partners, whose degree is at `carrier`.
    fn degree(&mut self, carrier: usize, candidate: usize, at: u32, kind: RowKind, pairs: &mut Pairs<Option<u32>>) {
        let Some(degree) = self.candidates.get_mut(carrier).map(|c| &mut c.degree) else { return };
        let before = *degree;
        *degree = if kind.adds() { before.saturating_add(1) } else { before.saturating_sub(1) };
        let other = Some(candidate as u32);
        if self.join.gives_left_only() {
            let turns = if kind.adds() { before == 0 } else { before == 1 };
            if turns {
                let given = kind.adds() == (self.join == JoinType::LeftSemi);
                pairs.push(if given { RowKind::Insert } else { RowKind::Delete }, at, false, other);
            }
        } else if kind.adds() {
            if before == 0 {
                pairs.push(RowKind::Delete, at, false, other);
            }
            pairs.push(RowKind::Insert, at, true, other);
        } else {
            pairs.push(RowKind::Delete, at, true, other);
            if before == 1 {
                pairs.push(RowKind::Insert, at, false, other);
            }
        }
    }
}
