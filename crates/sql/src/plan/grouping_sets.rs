//! `GROUPING SETS`, `ROLLUP`, `CUBE`: each row comes once for each set, with NULL in the columns that the set leaves out and with the
//! set's number, and is grouped by all of them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};

use super::builder::{compile, compile_all};
use super::stream::Stream;
use crate::error::{Result, SqlError};
use crate::logical::late_data::late_data;
use crate::operators::calc::Step;

/// At most so many sets: every row comes once for each.
const SETS_MAX: usize = 4_096;

/// The rows once for each set, and what they are grouped by: all expressions of the sets, then the set's number, of type `id`.
pub(super) fn expanded(mut input: Stream, set: &GroupingSet, id: &DataType) -> Result<(Stream, Vec<Expr>)> {
    if matches!(set, GroupingSet::Cube(all) if all.len() > SETS_MAX.ilog2() as usize) {
        let message = format!("a CUBE of so many columns has more than {SETS_MAX} grouping sets");
        return Err(SqlError::unsupported(message).hint("name the sets that are needed by GROUPING SETS"));
    }
    let sets = sets_of(set);
    let all = [Expr::GroupingSet(set.clone())];
    let all: Vec<&Expr> = grouping_set_to_exprlist(&all)?;
    if all.iter().any(|expr| late_data(expr).is_some()) {
        let error = SqlError::unsupported("LATE DATA TO with GROUPING SETS would send each late row several times");
        return Err(error.hint("write the late rows with a query of one grouping"));
    }
    // What all sets have, as a window's columns, stays as it is.
    let everywhere = |expr: &Expr| sets.iter().all(|set| set.contains(&expr));
    let some: Vec<&Expr> = all.iter().copied().filter(|expr| !everywhere(expr)).collect();
    let mut fields: Vec<_> = input.schema.iter().map(|(name, field)| (name.cloned(), field.clone())).collect();
    let mut groups = Vec::with_capacity(all.len() + 1);
    for expr in &all {
        groups.push(match some.contains(expr) {
            true => {
                let field = Field::new(format!("{expr} or NULL"), expr.get_type(&input.schema)?, true);
                let group = datafusion::logical_expr::ident(field.name());
                fields.push((None, Arc::new(field)));
                group
            }
            false => (*expr).clone(),
        });
    }
    let number = Field::new("grouping set", id.clone(), false);
    groups.push(datafusion::logical_expr::ident(number.name()));
    fields.push((None, Arc::new(number)));
    let schema = Arc::new(DFSchema::new_with_metadata(fields, input.schema.metadata().clone())?);

    let columns: Vec<Expr> = input.schema.columns().into_iter().map(Expr::Column).collect();
    let columns = compile_all(&columns, &input.schema)?;
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let mut copies = Vec::with_capacity(sets.len());
    for set in &sets {
        let mut copy = columns.clone();
        for expr in &some {
            copy.push(match set.contains(expr) {
                true => compile(expr, &input.schema)?,
                false => compile(&lit(ScalarValue::try_from(expr.get_type(&input.schema)?)?), &input.schema)?,
            });
        }
        // A bit for each expression that is left out, the last one's the lowest; above them, which of several equal sets it is.
        let left_out = all.iter().fold(0, |bits, expr| bits << 1 | u64::from(!set.contains(expr)));
        let equals = seen.entry(left_out).or_default();
        let number = ScalarValue::UInt64(Some(left_out | *equals << all.len())).cast_to(id)?;
        *equals += 1;
        copy.push(compile(&lit(number), &input.schema)?);
        copies.push(copy);
    }
    input.steps.push(Step::Expand(copies, super::builder::nullable(schema.inner())));
    let kept: Vec<Option<usize>> =
        (0..schema.fields().len()).map(|n| (n < input.schema.fields().len()).then_some(n)).collect();
    input.traits = input.traits.projected(&kept);
    input.schema = schema;
    Ok((input, groups))
}

/// The sets, each with its expressions.
fn sets_of(set: &GroupingSet) -> Vec<Vec<&Expr>> {
    match set {
        GroupingSet::GroupingSets(sets) => sets.iter().map(|set| set.iter().collect()).collect(),
        GroupingSet::Rollup(all) => (0..=all.len()).rev().map(|n| all.iter().take(n).collect()).collect(),
        GroupingSet::Cube(all) => {
            let chosen = |bits: usize| (0..).zip(all).filter(move |(n, _)| bits >> n & 1 == 1).map(|(_, expr)| expr);
            (0..1usize << all.len()).map(|bits| chosen(bits).collect()).collect()
        }
    }
}
