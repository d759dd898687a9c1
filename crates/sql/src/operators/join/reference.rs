//! The reference join: a row with what a table that ends says of its key.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, UInt32Array},
    datatypes::SchemaRef,
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{
    Batch, EngineError, Epoch, EventTime, Operator, Output, Result, RowKind, SnapshotReader, SnapshotWriter,
};

use super::{
    JoinInput, JoinType, OUTPUT_ROWS,
    condition::{Joined, rows_with_nulls},
    rows_by_key::{Layout, RowsByKey},
};
use crate::operators::{
    columns::{nulls_of, take_rows, without_key},
    packed::{PackedCodec, PackedRow},
    rows::key_column,
};

/// Configuration of a [`ReferenceJoin`].
#[derive(Clone, Debug)]
pub struct ReferenceJoinConfig {
    /// Inner, left, left semi or left anti.
    pub join: JoinType,
    /// Port 0: the rows that ask. They may be a changelog: their kinds are passed on.
    pub left: JoinInput,
    /// Port 1: the table, an input that ends; it may be a changelog.
    pub right: JoinInput,
    /// What must hold beside the equality of the keys: over left columns, then right columns.
    pub condition: Option<Arc<dyn PhysicalExpr>>,
    /// The output: left columns, then right columns; left columns alone in a semi or anti join.
    pub schema: SchemaRef,
}

/// Joins each left row with all rows of its key of a table that is read to its end first: left rows wait until the first watermark, which
/// comes when that input has ended. From then on each goes out as it comes, at its own time, and nothing is revised.
#[derive(Debug)]
pub struct ReferenceJoin {
    join: JoinType,
    joined: Joined,
    codecs: [PackedCodec; 2],
    never_null: [Vec<usize>; 2],
    nulls: Vec<ArrayRef>,
    table: RowsByKey,
    /// Left rows that came before the table's end; their degree is their kind.
    waiting: RowsByKey,
}

/// Left rows that are joined together: their columns, keys, times and kinds.
struct Asking<'a> {
    columns: &'a [ArrayRef],
    keys: Vec<&'a [u8]>,
    times: &'a [i64],
    kinds: &'a [RowKind],
}

/// Of each row that goes out: the left row, and its partner's place among those that were decoded.
type Pairs = (Vec<u32>, Vec<Option<u32>>);

impl ReferenceJoin {
    /// A join with nothing in state.
    pub fn new(config: ReferenceJoinConfig) -> Result<Self> {
        let ReferenceJoinConfig { join, left, right, condition, schema } = config;
        if matches!(join, JoinType::Right | JoinType::Full) {
            return Err(EngineError::Plan(format!("a {join:?} join with a reference table would wait for its end")));
        }
        let codecs = [PackedCodec::of_schema(&left.schema)?, PackedCodec::of_schema(&right.schema)?];
        let [waiting, table] = codecs.each_ref().map(PackedCodec::differences);
        Ok(ReferenceJoin {
            join,
            joined: Joined::new(&left.schema, &right.schema, schema, condition),
            codecs,
            nulls: nulls_of(&right.schema),
            never_null: [left.null_never_equals, right.null_never_equals],
            table: RowsByKey::new(["table", "table-more"], Layout { times: false, degrees: false }, table, 0),
            waiting: RowsByKey::new(["left", "left-more"], Layout { times: true, degrees: true }, waiting, 0),
        })
    }

    /// Puts pairs on which the condition fails out of port 2, as those of this origin, and goes on.
    pub fn with_rejects(self, origin: Option<String>) -> Self {
        ReferenceJoin { joined: self.joined.with_rejects(origin), ..self }
    }

    fn right(&mut self, batch: &Batch) -> Result<()> {
        let keys = key_column(batch.rows())?;
        let encoded = self.codecs[1].encode(without_key(batch.rows()))?;
        let nulls = rows_with_nulls(batch.rows(), &self.never_null[1]);
        for (at, key) in keys.iter().flatten().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.get(at).copied().unwrap_or_default()) {
                continue;
            }
            let row = encoded.row(at);
            match batch.kind(at).adds() {
                true => drop(self.table.insert(key, row, 0, 0)),
                false => drop(self.table.remove(key, row)),
            }
        }
        Ok(())
    }

    fn wait(&mut self, batch: &Batch) -> Result<()> {
        let keys = key_column(batch.rows())?;
        let encoded = self.codecs[0].encode(without_key(batch.rows()))?;
        for ((at, key), time) in keys.iter().flatten().enumerate().zip(batch.times()) {
            self.waiting.insert(key, encoded.row(at), batch.kind(at) as u32, *time);
        }
        Ok(())
    }

    /// Joins the rows that have waited, in the order of their times.
    fn release(&mut self, out: &mut Output<'_>) -> Result<()> {
        let mut keys: Vec<Box<[u8]>> = self.waiting.keys().map(Box::from).collect();
        keys.sort_unstable();
        let all = keys.iter().flat_map(|key| self.waiting.rows(key, i64::MIN).map(move |row| (row, &**key)));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(row, _)| row.time);
        for rows in all.chunks(OUTPUT_ROWS) {
            let columns = self.codecs[0].decode(rows.iter().map(|(row, _)| row.bytes))?;
            let times: Vec<i64> = rows.iter().map(|(row, _)| row.time).collect();
            let kinds: Vec<RowKind> = rows.iter().map(|(row, _)| kind_of(row.degree)).collect();
            let keys = rows.iter().map(|(_, key)| *key).collect();
            self.join(&Asking { columns: &columns, keys, times: &times, kinds: &kinds }, out)?;
        }
        keys.iter().for_each(|key| self.waiting.remove_key(key));
        Ok(())
    }

    fn join(&self, asking: &Asking<'_>, out: &mut Output<'_>) -> Result<()> {
        let nulls = self.nulls_of_keys(asking)?;
        let mut matched = vec![false; asking.keys.len()];
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        for (at, key) in asking.keys.iter().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.get(at).copied().unwrap_or_default()) {
                continue;
            }
            for row in self.table.rows(key, i64::MIN) {
                lefts.push(at as u32);
                rights.push(row.bytes);
            }
            if lefts.len() >= OUTPUT_ROWS {
                self.pairs(asking, &std::mem::take(&mut lefts), &std::mem::take(&mut rights), &mut matched, out)?;
            }
        }
        self.pairs(asking, &lefts, &rights, &mut matched, out)?;
        let wanted = |matched: &bool| match self.join {
            JoinType::LeftSemi => *matched,
            JoinType::Left | JoinType::LeftAnti => !*matched,
            JoinType::Inner | JoinType::Right | JoinType::Full => false,
        };
        let alone: Vec<u32> = (0..).zip(&matched).filter(|(_, matched)| wanted(matched)).map(|(at, _)| at).collect();
        if alone.is_empty() {
            return Ok(());
        }
        if self.join == JoinType::Left {
            let partners = vec![None; alone.len()];
            return self.emit(asking, &self.nulls, (alone, partners), out);
        }
        let columns = take_rows(asking.columns, &UInt32Array::from(alone.clone()))?;
        let (times, kinds) = asking.told(&alone);
        out.emit(self.joined.output(columns, times, &kinds)?);
        Ok(())
    }

    /// Decides of candidates, notes which left rows have a partner, and puts pairs out.
    fn pairs(
        &self,
        asking: &Asking<'_>,
        lefts: &[u32],
        rights: &[PackedRow<'_>],
        matched: &mut [bool],
        out: &mut Output<'_>,
    ) -> Result<()> {
        if lefts.is_empty() {
            return Ok(());
        }
        let decoded = self.codecs[1].decode(rights.iter().copied())?;
        let keep = if self.joined.has_condition() {
            let own = take_rows(asking.columns, &UInt32Array::from(lefts.to_vec()))?;
            let told = |pair: usize| {
                let row = *lefts.get(pair)? as usize;
                asking.times.get(row).copied().filter(|_| asking.kinds.get(row).is_some_and(|kind| kind.adds()))
            };
            self.joined.decide(0, &own, &decoded, lefts.len(), &told, out)?
        } else {
            None
        };
        let (mut kept, mut partners) = (Vec::with_capacity(lefts.len()), Vec::with_capacity(lefts.len()));
        for (pair, left) in lefts.iter().enumerate() {
            if keep.as_ref().is_none_or(|keep| keep.value(pair)) {
                kept.push(*left);
                partners.push(Some(pair as u32));
                matched.get_mut(*left as usize).into_iter().for_each(|matched| *matched = true);
            }
        }
        if kept.is_empty() || self.join.gives_left_only() {
            return Ok(());
        }
        self.emit(asking, &decoded, (kept, partners), out)
    }

    fn emit(
        &self,
        asking: &Asking<'_>,
        rights: &[ArrayRef],
        (lefts, partners): Pairs,
        out: &mut Output<'_>,
    ) -> Result<()> {
        let (times, kinds) = asking.told(&lefts);
        let own = take_rows(asking.columns, &UInt32Array::from(lefts))?;
        let other = take_rows(rights, &UInt32Array::from(partners))?;
        out.emit(self.joined.batch(0, &own, &other, times, &kinds)?);
        Ok(())
    }

    /// Which left rows have a NULL that equals nothing.
    fn nulls_of_keys(&self, asking: &Asking<'_>) -> Result<Option<Vec<bool>>> {
        let columns = self.never_null[0].iter().filter_map(|column| asking.columns.get(*column));
        let mut nulls: Option<Vec<bool>> = None;
        for column in columns.filter(|column| column.logical_null_count() > 0) {
            let known = nulls.get_or_insert_with(|| vec![false; column.len()]);
            let logical = column.logical_nulls();
            for (at, null) in known.iter_mut().enumerate() {
                *null |= logical.as_ref().is_some_and(|nulls| nulls.is_null(at));
            }
        }
        Ok(nulls)
    }
}

impl Asking<'_> {
    /// Times and kinds of some rows.
    fn told(&self, rows: &[u32]) -> (Vec<i64>, Vec<RowKind>) {
        let times = rows.iter().filter_map(|at| self.times.get(*at as usize).copied()).collect();
        (times, rows.iter().filter_map(|at| self.kinds.get(*at as usize).copied()).collect())
    }
}

fn kind_of(degree: u32) -> RowKind {
    let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete];
    kinds.into_iter().find(|kind| *kind as u32 == degree).unwrap_or(RowKind::Insert)
}

impl Operator for ReferenceJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output<'_>) -> Result<()> {
        if port == 1 {
            return self.right(&batch);
        }
        if out.watermark() == EventTime::MIN {
            return self.wait(&batch);
        }
        let kinds: Vec<RowKind> = (0..batch.num_rows()).map(|at| batch.kind(at)).collect();
        let keys = key_column(batch.rows())?.iter().flatten().collect();
        self.join(&Asking { columns: without_key(batch.rows()), keys, times: batch.times(), kinds: &kinds }, out)
    }

    fn on_watermark(&mut self, _time: EventTime, out: &mut Output<'_>) -> Result<()> {
        if self.waiting.len() > 0 { self.release(out) } else { Ok(()) }
    }

    fn snapshot(&mut self, _epoch: Epoch, writer: &mut SnapshotWriter) -> Result<()> {
        self.waiting.snapshot(writer)?;
        self.table.snapshot(writer)
    }

    fn restore(&mut self, reader: &SnapshotReader) -> Result<()> {
        self.waiting.restore(reader)?;
        self.table.restore(reader)
    }

    fn state_keys(&self) -> usize {
        self.waiting.len() + self.table.len()
    }
}
