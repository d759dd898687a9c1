//! A row for each element of an array, or entry of a map.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use tidemill_engine::{Batch, EngineError, Result};

use super::columns::rows_of;

/// Rows once for each element of their last column, which the element's columns replace. Where `outer` is true, a row without elements
/// stays, with NULLs. A column behind those of the element is the element's number, from 1.
pub(crate) fn unnest(batch: &Batch, outer: bool, schema: &SchemaRef) -> Result<Batch> {
    let Some((array, given)) = batch.rows().columns().split_last() else {
        return Err(EngineError::Plan("UNNEST came without its array".into()));
    };
    let (offsets, elements): (&[i32], Vec<ArrayRef>) = match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (list.offsets(), vec![list.values().clone()])
        }
        DataType::Map(..) => {
            let map = array.as_map();
            (map.offsets(), map.entries().columns().to_vec())
        }
        other => return Err(EngineError::Plan(format!("UNNEST takes an array or a map, not {other}"))),
    };
    // As in Flink, an element that is a ROW and NULL gives no row.
    let is_row = |place: i32| match elements.first().and_then(|values| values.as_struct_opt()) {
        Some(row) => row.is_valid(place as usize),
        None => true,
    };
    let (mut rows, mut places, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (row, (from, to)) in offsets.iter().zip(offsets.iter().skip(1)).enumerate() {
        let found = if array.is_null(row) { 0..0 } else { *from..*to };
        let before = rows.len();
        for (place, number) in found.zip(1..).filter(|(place, _)| is_row(*place)) {
            rows.push(row as u32);
            places.push(Some(place as u32));
            numbers.push(Some(number));
        }
        if rows.len() == before && outer {
            rows.push(row as u32);
            places.push(None);
            numbers.push(None);
        }
    }
    let kept = Arc::new(batch.schema().project(&(0..given.len()).collect::<Vec<_>>())?);
    let kept = batch.with_rows(rows_of(&kept, given.to_vec(), batch.num_rows())?)?;
    let repeated = kept.take(&UInt32Array::from(rows))?;
    let mut columns = repeated.rows().columns().to_vec();
    let places = UInt32Array::from(places);
    for values in &elements {
        let of_element = values.as_struct_opt().map_or(std::slice::from_ref(values), |row| row.columns());
        for values in of_element {
            columns.push(take(values, &places, None)?);
        }
    }
    if columns.len() < schema.fields().len() {
        columns.push(Arc::new(Int32Array::from(numbers)));
    }
    repeated.with_rows(rows_of(schema, columns, repeated.num_rows())?)
}
