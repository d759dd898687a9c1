//! The temporal join: a row with what another table said at the row's time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, UInt32Array},
    datatypes::SchemaRef,
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, Output, Result, RowKind, SnapshotReader, SnapshotWriter, StateTable,
};

use super::{
    JoinInput, JoinType,
    condition::{Joined, rows_with_nulls},
    rows_by_key::{Layout, RowsByKey},
    versions::Versions,
};
use crate::operators::{
    columns::{nulls_of, take_rows, without_key},
    packed::PackedCodec,
    rows::key_column,
};

/// Bytes of a time behind a key.
const TIME: usize = 8;

/// Which right row a left row meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The one that was valid at its event time.
    EventTime,
    /// The one that is there when it comes.
    ProcessingTime,
}

/// Configuration of a [`TemporalJoin`].
#[derive(Clone, Debug)]
pub struct TemporalJoinConfig {
    /// Inner or left.
    pub join: JoinType,
    /// Port 0: the rows that ask. They may be a changelog: their kinds are passed on.
    pub left: JoinInput,
    /// Port 1: the versioned table, a changelog whose primary key is the join's key.
    pub right: JoinInput,
    /// Which right row a left row meets.
    pub as_of: AsOf,
    /// What must hold beside the equality of the keys: over left columns, then right columns.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// The output: left columns, then right columns, which are nullable in a left join.
    pub schema: SchemaRef,
}

/// Joins each left row with the one version of the right row that is valid for it: `FOR SYSTEM_TIME AS OF`.
///
/// By event time a left row waits until the watermark has passed its time; it goes out with its time and kind, in the order of
/// times. A right row is valid from its time on, until the next of its key; a delete ends it. Update-befores are not needed, and
/// dropped. Versions are forgotten once the watermark has passed the next one. Left rows behind the watermark are late: counted,
/// and sent to port 1 as they came; late right rows are counted, and valid all the same.
///
/// By processing time a left row meets the last right row of its key at once.
#[derive(Debug)]
pub struct TemporalJoin {
    join: JoinType,
    joined: Joined,
    as_of: AsOf,
    codecs: [PackedCodec; 2],
    never_null: Vec<usize>,
    nulls: Vec<ArrayRef>,
    /// Left rows under key ‖ time; their degree is their kind, and whether they have a partner at all.
    waiting: RowsByKey,
    times: BTreeMap<i64, Vec<Box<[u8]>>>,
    versions: StateTable<Versions>,
    /// When the watermark passes this time, this key has something to forget.
    forgettable: BTreeSet<(i64, Box<[u8]>)>,
}

impl TemporalJoin {
    /// Puts pairs on which the condition fails out of port 2, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        TemporalJoin { joined: self.joined.with_rejects(origin), ..self }
    }

    /// A join with nothing in state.
    pub fn new(config: TemporalJoinConfig) -> Result<Self> {
        let TemporalJoinConfig { join, left, right, as_of, condition, schema } = config;
        if !matches!(join, JoinType::Inner | JoinType::Left) {
            return Err(EngineError::Plan(format!(
                "a temporal join is an inner or a left join, not {join:?}: the versioned table has no rows of its own to give"
            )));
        }
        let codecs = [PackedCodec::of_schema(&left.schema)?, PackedCodec::of_schema(&right.schema)?];
        let waiting = codecs[0].differences();
        Ok(TemporalJoin {
            join,
            joined: Joined::new(&left.schema, &right.schema, schema, condition),
            as_of,
            codecs,
            never_null: left.null_never_equals,
            nulls: nulls_of(&right.schema),
            waiting: RowsByKey::new(["left", "left-more"], Layout { times: false, degrees: true }, waiting, TIME),
            times: BTreeMap::new(),
            versions: StateTable::new("versions"),
            forgettable: BTreeSet::new(),
        })
    }

    /// Takes versions into state.
    fn right(&mut self, batch: &Batch, out: &Output<'_>) -> Result<()> {
        let keys = key_column(batch.rows())?;
        let encoded = self.codecs[1].encode(without_key(batch.rows()))?;
        let mut late = 0;
        for ((at, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            let kind = batch.kind(at);
            if kind == RowKind::UpdateBefore {
                continue;
            }
            let row = kind.adds().then(|| encoded.row(at));
            if self.as_of != AsOf::EventTime {
                match row {
                    Some(_) => {
                        let versions = self.versions.entry(key, Versions::default);
                        *versions = Versions::default();
                        versions.set(i64::MIN, row);
                    }
                    None => drop(self.versions.remove(key)),
                }
                continue;
            }
            late += u64::from(*time < out.watermark().0);
            let versions = self.versions.entry(key, Versions::default);
            versions.set(*time, row);
            let forgettable = versions.forgettable().map(|time| (time, Box::from(key)));
            self.forgettable.extend(forgettable);
        }
        out.count_late(late);
        Ok(())
    }

    /// Takes left rows that have to wait.
    fn left(&mut self, batch: &Batch, out: &mut Output<'_>) -> Result<()> {
        let keys = key_column(batch.rows())?;
        let encoded = self.codecs[0].encode(without_key(batch.rows()))?;
        let nulls = rows_with_nulls(batch.rows(), &self.never_null);
        let mut late: Vec<u32> = Vec::new();
        let mut state_key = Vec::new();
        for ((at, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            if *time < out.watermark().0 {
                late.push(at as u32);
                continue;
            }
            let null = nulls.as_ref().is_some_and(|nulls| nulls.get(at).copied().unwrap_or_default());
            if null && self.join == JoinType::Inner {
                continue;
            }
            state_key.clear();
            state_key.extend_from_slice(key);
            state_key.extend_from_slice(&(time ^ i64::MIN).to_be_bytes());
            let kind = batch.kind(at) as u32 | if null { NO_PARTNER } else { 0 };
            if self.waiting.insert(&state_key, encoded.row(at), kind, 0) == 0 {
                self.times.entry(*time).or_default().push(state_key.as_slice().into());
            }
        }
        if !late.is_empty() {
            out.count_late(late.len() as u64);
            out.emit_to(1, batch.take(&late.into())?);
        }
        Ok(())
    }

    /// Joins left rows with the row that each has found.
    fn join(
        &self,
        left: &[ArrayRef],
        found: &[Option<&[u8]>],
        times: &[i64],
        kinds: &[RowKind],
        out: &mut Output<'_>,
    ) -> Result<Option<Batch>> {
        let rights = self.codecs[1].decode(found.iter().flatten().copied())?;
        let rights = if rights.is_empty() || found.iter().all(Option::is_none) { self.nulls.clone() } else { rights };
        let with: Vec<u32> =
            (0..found.len() as u32).filter(|at| found.get(*at as usize).is_some_and(Option::is_some)).collect();
        let keep = if self.joined.has_condition() && !with.is_empty() {
            let left = take_rows(left, &UInt32Array::from(with.clone()))?;
            let told = |pair: usize| {
                let row = *with.get(pair)? as usize;
                times.get(row).copied().filter(|_| kinds.get(row).is_some_and(|kind| kind.adds()))
            };
            self.joined.decide(0, &left, &rights, with.len(), &told, out)?
        } else {
            None
        };
        // Of each row that goes out: the left row, and where its right row is.
        let mut partner = 0..with.len() as u32;
        let (mut lefts, mut partners) = (Vec::new(), Vec::new());
        for (at, found) in found.iter().enumerate() {
            let partner = found.and_then(|_| partner.next());
            let partner = partner.filter(|at| keep.as_ref().is_none_or(|keep| keep.value(*at as usize)));
            if partner.is_some() || self.join == JoinType::Left {
                lefts.push(at as u32);
                partners.push(partner);
            }
        }
        if lefts.is_empty() {
            return Ok(None);
        }
        let pick = |at: &u32| *at as usize;
        let times = lefts.iter().filter_map(|at| times.get(pick(at)).copied()).collect();
        let kinds: Vec<RowKind> = lefts.iter().filter_map(|at| kinds.get(pick(at)).copied()).collect();
        let rights = take_rows(&rights, &UInt32Array::from(partners))?;
        let lefts = take_rows(left, &lefts.into())?;
        Ok(Some(self.joined.batch(0, &lefts, &rights, times, &kinds)?))
    }

    /// Joins the left rows whose time the watermark has passed.
    fn ripe(&mut self, watermark: EventTime, out: &mut Output<'_>) -> Result<()> {
        // Right rows of the watermark's own time may still come.
        let rest = if watermark == EventTime::MAX { BTreeMap::new() } else { self.times.split_off(&watermark.0) };
        let ripe = std::mem::replace(&mut self.times, rest);
        let (mut rows, mut found, mut times, mut kinds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut state_keys = Vec::new();
        for (time, mut keys) in ripe {
            keys.sort_unstable();
            state_keys.extend(keys.into_iter().map(|key| (time, key)));
        }
        for (time, state_key) in &state_keys {
            let key = state_key.get(..state_key.len().saturating_sub(TIME)).unwrap_or_default();
            let version = self.versions.get(key).and_then(|versions| versions.at(*time));
            for row in self.waiting.rows(state_key, i64::MIN) {
                rows.push(row.bytes);
                found.push(version.filter(|_| row.degree & NO_PARTNER == 0));
                times.push(*time);
                kinds.push(kind_of(row.degree));
            }
        }
        if !rows.is_empty() {
            let left = self.codecs[0].decode(rows)?;
            if let Some(batch) = self.join(&left, &found, &times, &kinds, out)? {
                out.emit(batch);
            }
        }
        state_keys.iter().for_each(|(_, key)| self.waiting.remove_key(key));
        Ok(())
    }

    /// Forgets versions that nobody will ask for.
    fn forget(&mut self, watermark: EventTime) {
        while let Some((time, _)) = self.forgettable.first()
            && *time <= watermark.0
            && let Some((_, key)) = self.forgettable.pop_first()
        {
            if self.versions.get_mut(&key).is_some_and(|versions| !versions.forget_before(watermark.0)) {
                self.versions.remove(&key);
            }
        }
    }
}

/// In a waiting row's degree: its key has a NULL.
const NO_PARTNER: u32 = 1 << 8;

fn kind_of(degree: u32) -> RowKind {
    let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
    kinds.into_iter().find(|kind| *kind as u32 == degree & 3).unwrap_or(RowKind::Insert)
}

impl Operator for TemporalJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        if port == 1 {
            return self.right(&batch, out);
        }
        if self.as_of == AsOf::EventTime {
            return self.left(&batch, out);
        }
        let nulls = rows_with_nulls(batch.rows(), &self.never_null);
        let null = |at: usize| nulls.as_ref().is_some_and(|nulls| nulls.get(at).copied().unwrap_or_default());
        let keys = key_column(batch.rows())?;
        let found: Vec<Option<&[u8]>> = keys
            .iter()
            .flatten()
            .enumerate()
            .map(|(at, key)| self.versions.get(key).filter(|_| !null(at))?.at(i64::MAX))
            .collect();
        let kinds: Vec<RowKind> = (0..batch.num_rows()).map(|at| batch.kind(at)).collect();
        if let Some(batch) = self.join(without_key(batch.rows()), &found, batch.times(), &kinds, out)? {
            out.emit(batch);
        }
        Ok(())
    }

    fn on_watermark(&mut self, time: EventTime, out: &mut Output<'_>) -> Result<()> {
        match self.as_of {
            AsOf::EventTime => {
                self.ripe(time, out)?;
                self.forget(time);
            }
            AsOf::ProcessingTime => {}
        }
        Ok(())
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.waiting.snapshot(writer)?;
        self.versions.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.waiting.restore(reader)?;
        for key in self.waiting.keys() {
            let time = key.last_chunk::<TIME>().map_or(i64::MIN, |time| i64::from_be_bytes(*time) ^ i64::MIN);
            self.times.entry(time).or_default().push(key.into());
        }
        self.versions.restore(reader)?;
        if self.as_of == AsOf::EventTime {
            for (key, versions) in self.versions.iter() {
                self.forgettable.extend(versions.forgettable().map(|time| (time, Box::from(key))));
            }
        }
        Ok(())
    }

    fn state_keys(&self) -> usize {
        self.waiting.len() + self.versions.len()
    }
}
