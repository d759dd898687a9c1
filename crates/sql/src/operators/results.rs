//! What aggregating operators emit: results that replace each other, and the columns of windows.

use arrow::{
    array::{Array, ArrayRef, Int64Array, UInt32Array, make_comparator},
    buffer::BooleanBuffer,
    compute::{SortOptions, cast, interleave, kernels::cmp::distinct, take},
    datatypes::{DataType, SchemaRef, TimeUnit},
};
use tidemill_engine::{Batch, EngineError, Result, RowKind, SnapshotWriter};

use super::columns::rows_of;

/// The last millisecond of a window belongs to it: its time, and the watermark by which it is complete, as Flink has them.
pub(crate) use super::columns::WINDOW_TIME_BEFORE_END as MILLISECOND;

/// Refuses an operator whose output's types are not those that it makes.
pub(crate) fn check_output(operator: &str, output: &SchemaRef, types: &[DataType]) -> Result<()> {
    let declared: Vec<&DataType> = output.fields().iter().map(|field| field.data_type()).collect();
    if declared.iter().copied().eq(types) {
        return Ok(());
    }
    let names =
        |types: &mut dyn Iterator<Item = &DataType>| types.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(EngineError::Plan(format!(
        "{operator} was planned to give ({}) but gives ({})",
        names(&mut declared.into_iter()),
        names(&mut types.iter())
    )))
}

/// The types of a window's last columns: its start, its end and its time attribute, as the output has them.
pub(crate) fn window_types(output: &SchemaRef) -> Vec<DataType> {
    let types: Vec<DataType> = output.fields().iter().map(|field| field.data_type().clone()).collect();
    types.get(types.len().saturating_sub(3)..).unwrap_or_default().to_vec()
}

/// Microseconds as a column of timestamps of some unit.
pub(crate) fn timestamps(micros: Vec<i64>, data_type: &DataType) -> Result<ArrayRef> {
    let micros = Int64Array::from(micros);
    let DataType::Timestamp(unit, zone) = data_type else {
        return Ok(cast(&micros, data_type)?);
    };
    let units: Int64Array = match unit {
        TimeUnit::Second => micros.unary(|micros| micros.div_euclid(1_000_000)),
        TimeUnit::Millisecond => micros.unary(|micros| micros.div_euclid(1_000)),
        TimeUnit::Microsecond => micros,
        TimeUnit::Nanosecond => micros.unary(|micros| micros.saturating_mul(1_000)),
    };
    Ok(cast(&units, &DataType::Timestamp(*unit, zone.clone()))?)
}

/// A column of times in microseconds, and which of them are null. `Int64` columns are taken for microseconds.
pub(crate) fn micros(column: &ArrayRef) -> Result<Int64Array> {
    let data = column.to_data();
    let (per_unit, unit_per) = match data.data_type() {
        DataType::Int64 => (1, 1),
        DataType::Timestamp(TimeUnit::Second, _) => (1_000_000, 1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => (1_000, 1),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (1, 1),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => (1, 1_000),
        other => {
            return Err(EngineError::Plan(format!(
                "a column of {other} can't be a time attribute; it has to be a TIMESTAMP or microseconds as BIGINT"
            )));
        }
    };
    let units = Int64Array::from(data.into_builder().data_type(DataType::Int64).build()?);
    Ok(match (per_unit, unit_per) {
        (1, 1) => units,
        (per_unit, 1) => units.unary(|time| time.saturating_mul(per_unit)),
        (_, unit_per) => units.unary(|time| time.div_euclid(unit_per)),
    })
}

/// To be called by a snapshot behind results that went out with the watermark: where no state is left to be written, the
/// watermark is not either, and rows that are late would not be once the job is restored.
pub(crate) fn note_results(writer: &mut SnapshotWriter) {
    writer.union("results", b"", Some(b""));
}

/// What became of a group since its last result was emitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revised {
    /// There was a result before.
    pub(crate) was: bool,
    /// There is one now.
    pub(crate) is: bool,
    /// The time of the rows that tell of it.
    pub(crate) time: i64,
}

/// A changelog of groups: insert, delete, or update-before and update-after, for each in its order. A result that is what it
/// was is left out, unless `all` are wanted. Columns have a row for each group.
pub(crate) fn changelog(
    output: &SchemaRef,
    keys: &[ArrayRef],
    before: &[ArrayRef],
    after: &[ArrayRef],
    groups: &[Revised],
    all: bool,
) -> Result<Batch> {
    let changed = if all { None } else { Some(differing(before, after, groups.len())?) };
    let capacity = groups.len() * 2;
    let (mut picks, mut kinds) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
    let (mut rows, mut times) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
    for (at, group) in groups.iter().enumerate() {
        let told: &[(usize, RowKind)] = match (group.was, group.is) {
            (true, true) if changed.as_ref().is_some_and(|changed| !changed.value(at)) => &[],
            (true, true) => &[(0, RowKind::UpdateBefore), (1, RowKind::UpdateAfter)],
            (true, false) => &[(0, RowKind::Delete)],
            (false, true) => &[(1, RowKind::Insert)],
            (false, false) => &[],
        };
        for (side, kind) in told {
            picks.push((*side, at));
            kinds.push(*kind);
            rows.push(at as u32);
            times.push(group.time);
        }
    }
    let rows = UInt32Array::from(rows);
    let keys = keys.iter().map(|column| take(column, &rows, None));
    let results = before.iter().zip(after).map(|(before, after)| interleave(&[before, after], &picks));
    let columns = keys.chain(results).collect::<Result<Vec<_>, _>>()?;
    Batch::new(rows_of(output, columns, rows.len())?, times)?.with_kinds(&kinds)
}

/// The rows in which columns differ; nulls are equal.
fn differing(before: &[ArrayRef], after: &[ArrayRef], rows: usize) -> Result<BooleanBuffer> {
    let mut changed = BooleanBuffer::new_unset(rows);
    for (before, after) in before.iter().zip(after) {
        let differs = match before.data_type().is_nested() {
            false => distinct(before, after)?.values().clone(),
            true => {
                let compare = make_comparator(before, after, SortOptions::default())?;
                BooleanBuffer::collect_bool(rows, |row| compare(row, row).is_ne())
            }
        };
        changed = &changed | &differs;
    }
    Ok(changed)
}

/// The columns of windows: start, end, and time attribute, a row each.
pub(crate) fn window_columns(windows: &[(i64, i64)], types: &[DataType]) -> Result<Vec<ArrayRef>> {
    let [start, end, time] = types else {
        return Err(EngineError::Plan("a window's output ends with its start, its end and its time".into()));
    };
    Ok(vec![
        timestamps(windows.iter().map(|window| window.0).collect(), start)?,
        timestamps(windows.iter().map(|window| window.1).collect(), end)?,
        timestamps(windows.iter().map(|window| window.1 - MILLISECOND).collect(), time)?,
    ])
}
