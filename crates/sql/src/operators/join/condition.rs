//! The joined row: its columns, and the condition that decides of candidate pairs.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute::prep_null_mask_filter,
    datatypes::{Field, Schema, SchemaRef},
};
use datafusion::physical_expr::PhysicalExpr;
use tidemill_engine::{Batch, EngineError, Result, RowKind};

use crate::operators::columns::rows_of;

/// Builds joined rows and decides of candidates.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Left columns, then right columns, all nullable: what the condition sees.
    pairs: SchemaRef,
    output: SchemaRef,
    condition: Option<Arc<dyn PhysicalExpr>>,
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
        Joined { pairs: Arc::new(Schema::new(fields)), output, condition }
    }

    pub(crate) fn has_condition(&self) -> bool {
        self.condition.is_some()
    }

    /// Which candidates are pairs: all where there is no condition. `own` are the columns of the rows on `port`.
    pub(crate) fn decide(
        &self,
        port: usize,
        own: &[ArrayRef],
        other: &[ArrayRef],
        rows: usize,
    ) -> Result<Option<BooleanArray>> {
        let Some(condition) = &self.condition else { return Ok(None) };
        if rows == 0 {
            return Ok(None);
        }
        let candidates = rows_of(&self.pairs, side_by_side(port, own, other), rows)?;
        let decided = condition.evaluate(&candidates).and_then(|value| value.into_array(rows));
        let decided = decided.map_err(|e| EngineError::Arrow(e.into()))?;
        let Some(decided) = decided.as_boolean_opt() else {
            return Err(EngineError::Plan(format!(
                "the condition of a join gives {}, not Boolean",
                decided.data_type()
            )));
        };
        // Where it is unknown it doesn't hold.
        Ok(Some(if decided.null_count() > 0 { prep_null_mask_filter(decided) } else { decided.clone() }))
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
