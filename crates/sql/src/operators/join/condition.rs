//! The joined row: its columns, and the condition that decides of candidate pairs.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch},
    compute::prep_null_mask_filter,
    datatypes::{Field, Schema, SchemaRef},
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{Batch, EngineError, Output, Result, RowKind};

use super::REJECTS;
use crate::operators::calc::failed;
use crate::operators::columns::rows_of;
use crate::operators::rejects::{self, Failed};

/// Builds joined rows and decides of candidates.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Left columns, then right columns, all nullable: what the condition sees.
    pairs: SchemaRef,
    output: SchemaRef,
    condition: Option<Arc<dyn PhysicalExpr>>,
    /// Pairs on which the condition fails come out of [`REJECTS`] under this name; without it they fail the job.
    rejects: Option<String>,
}

impl Joined {
    pub(crate) fn new(
        left: &SchemaRef,
        right: &SchemaRef,
        output: SchemaRef,
        condition: Option<Arc<dyn PhysicalExpr>>,
    ) -> Self {
        let fields = left.fields().iter().chain(right.fields());
        let fields: Vec<Field> = fields.map(|f| f.as_ref().clone().with_nullable(true)).collect();
        Joined { pairs: Arc::new(Schema::new(fields)), output, condition, rejects: None }
    }

    pub(crate) fn has_condition(&self) -> bool {
        self.condition.is_some()
    }

    /// Puts pairs on which the condition fails out of [`REJECTS`], as those of this origin; they are no pairs.
    pub(crate) fn with_rejects(self, origin: Option<String>) -> Self {
        Joined { rejects: origin, ..self }
    }

    /// Which candidates are pairs: all where there is no condition. `own` are the columns of the rows on `port`; `time` is that of
    /// a candidate by its position, none where it is not told of one that fails.
    pub(crate) fn decide(
        &self,
        port: usize,
        own: &[ArrayRef],
        other: &[ArrayRef],
        rows: usize,
        time: &dyn Fn(usize) -> Option<i64>,
        out: &mut Output<'_>,
    ) -> Result<Option<BooleanArray>> {
        let Some(condition) = &self.condition else { return Ok(None) };
        if rows == 0 {
            return Ok(None);
        }
        let candidates = rows_of(&self.pairs, side_by_side(port, own, other), rows)?;
        let Some(origin) = &self.rejects else { return Ok(Some(holds(condition.as_ref(), &candidates)?)) };
        let (mut keep, mut failed) = (BooleanBufferBuilder::new(rows), Vec::new());
        apart(condition.as_ref(), &candidates, &mut keep, &mut failed)?;
        let mut told = Vec::new();
        for (pair, reason) in failed {
            if let Some(time) = time(pair) {
                told.push(Failed::new(&Batch::new(candidates.slice(pair, 1), vec![time])?, 0, &reason)?);
            }
        }
        if !told.is_empty() {
            out.count_errors(told.len() as u64);
            out.emit_to(REJECTS, rejects::rows_of(origin, &told)?);
        }
        Ok(Some(BooleanArray::new(keep.finish(), None)))
    }

    /// Joined rows.
    pub(crate) fn batch(
        &self,
        port: usize,
        own: &[ArrayRef],
        other: &[ArrayRef],
        times: Vec<i64>,
        kinds: &[RowKind],
    ) -> Result<Batch> {
        self.output(side_by_side(port, own, other), times, kinds)
    }

    /// Rows of these columns.
    pub(crate) fn output(&self, columns: Vec<ArrayRef>, times: Vec<i64>, kinds: &[RowKind]) -> Result<Batch> {
        let batch = Batch::new(rows_of(&self.output, columns, times.len())?, times)?;
        if kinds.is_empty() { Ok(batch) } else { batch.with_kinds(kinds) }
    }
}

/// Where a condition is true.
fn holds(condition: &dyn PhysicalExpr, candidates: &RecordBatch) -> Result<BooleanArray> {
    let decided = condition.evaluate(candidates).and_then(|value| value.into_array(candidates.num_rows()));
    let decided = decided.map_err(failed)?;
    let Some(decided) = decided.as_boolean_opt() else {
        let found = decided.data_type();
        return Err(EngineError::Plan(format!("the condition of a join gives {found}, not Boolean")));
    };
    // Where it is unknown it doesn't hold.
    Ok(if decided.null_count() > 0 { prep_null_mask_filter(decided) } else { decided.clone() })
}

/// The same for ever smaller parts, until candidates on which it fails are alone.
fn apart(
    condition: &dyn PhysicalExpr,
    candidates: &RecordBatch,
    keep: &mut BooleanBufferBuilder,
    failed: &mut Vec<(usize, String)>,
) -> Result<()> {
    match holds(condition, candidates) {
        Ok(held) => keep.append_buffer(held.values()),
        Err(EngineError::Row(reason)) if candidates.num_rows() <= 1 => {
            failed.push((keep.len(), reason));
            keep.append_n(candidates.num_rows(), false);
        }
        Err(EngineError::Row(_)) => {
            let (rows, half) = (candidates.num_rows(), candidates.num_rows() / 2);
            apart(condition, &candidates.slice(0, half), keep, failed)?;
            apart(condition, &candidates.slice(half, rows - half), keep, failed)?;
        }
        Err(other) => return Err(other),
    }
    Ok(())
}

fn side_by_side(port: usize, own: &[ArrayRef], other: &[ArrayRef]) -> Vec<ArrayRef> {
    let (left, right) = if port == 0 { (own, other) } else { (other, own) };
    left.iter().chain(right).cloned().collect()
}

/// Rows in which one of these columns is null; none where no column has nulls.
pub(crate) fn rows_with_nulls(rows: &RecordBatch, columns: &[usize]) -> Option<Vec<bool>> {
    let mut found: Option<Vec<bool>> = None;
    for column in columns.iter().filter_map(|at| rows.columns().get(*at)) {
        let Some(nulls) = column.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { continue };
        let found = found.get_or_insert_with(|| vec![false; rows.num_rows()]);
        found.iter_mut().zip(nulls.iter()).for_each(|(found, valid)| *found |= !valid);
    }
    found
}
