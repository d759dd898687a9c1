//! Which folder each row belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use tidemill_engine::Batch;

use super::config::PartitionBy;

/// What Hive and its readers write for null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// Bytes of one folder's name at most; file systems end at 255.
const NAME_BYTES_MAX: usize = 240;

/// The rows of each folder (relative, with `/`; empty without partitions), without the columns that the folders name.
pub(crate) fn split(batch: &Batch, by: &[PartitionBy]) -> Result<Vec<(String, RecordBatch)>, String> {
    let rows = without_columns(batch.rows(), by).map_err(|e| e.to_string())?;
    if by.is_empty() {
        return Ok(vec![(String::new(), rows)]);
    }
    let levels: Vec<(&str, StringArray)> = by.iter().map(|by| values(batch, by)).collect::<Result<_, _>>()?;
    let mut folders = BTreeMap::<String, Vec<u32>>::new();
    let mut path = String::new();
    for row in 0..batch.num_rows() {
        path.clear();
        for (name, values) in &levels {
            let start = path.len() + usize::from(!path.is_empty());
            if start > 0 {
                path.push('/');
            }
            path.push_str(name);
            path.push('=');
            match values.is_null(row) || values.value(row).is_empty() {
                true => path.push_str(NULL),
                false => escape(values.value(row), &mut path),
            }
            if path.len() - start > NAME_BYTES_MAX {
                return Err(format!(
                    "a value of partition {name:?} makes a folder's name of over {NAME_BYTES_MAX} bytes; partition by a shorter column"
                ));
            }
        }
        match folders.get_mut(&path) {
            Some(rows) => rows.push(row as u32),
            None => _ = folders.insert(path.clone(), vec![row as u32]),
        }
    }
    if folders.len() == 1 {
        return Ok(folders.into_keys().map(|path| (path, rows.clone())).collect());
    }
    let take = |(path, picked)| Ok((path, take_record_batch(&rows, &UInt32Array::from(picked))?));
    folders.into_iter().map(take).collect::<Result<_, ArrowError>>().map_err(|e| e.to_string())
}

fn without_columns(rows: &RecordBatch, by: &[PartitionBy]) -> Result<RecordBatch, ArrowError> {
    let named = |name: &String| by.iter().any(|by| matches!(by, PartitionBy::Column(column) if column == name));
    let kept: Vec<usize> =
        rows.schema().fields().iter().enumerate().filter(|(_, f)| !named(f.name())).map(|(i, _)| i).collect();
    rows.project(&kept)
}

/// The folder's name and each row's value as text.
fn values<'a>(batch: &Batch, by: &'a PartitionBy) -> Result<(&'a str, StringArray), String> {
    let column = |name: &str| {
        let column = batch.rows().column_by_name(name);
        column.cloned().ok_or_else(|| format!("there is no column {name:?} to partition by"))
    };
    let (name, array): (&str, ArrayRef) = match by {
        PartitionBy::Column(name) => (name, column(name)?),
        PartitionBy::Date { name, column: from } => (name, date(&column(from)?)?),
        PartitionBy::RowDate(name) => {
            let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(batch.times().to_vec()));
            (name, date(&times)?)
        }
    };
    let text = cast(&array, &DataType::Utf8).map_err(|e| format!("column for partition {name:?}: {e}"))?;
    Ok((name, text.as_string::<i32>().clone()))
}

fn date(times: &ArrayRef) -> Result<ArrayRef, String> {
    match times.data_type() {
        DataType::Timestamp(unit, _) => {
            // A day is a UTC day, whatever zone the column names.
            let utc = cast(times, &DataType::Timestamp(*unit, None)).and_then(|t| cast(&t, &DataType::Date32));
            utc.map_err(|e| e.to_string())
        }
        DataType::Date32 | DataType::Date64 => cast(times, &DataType::Date32).map_err(|e| e.to_string()),
        other => Err(format!("a date partition needs a column of timestamps or dates, not {other}")),
    }
}

/// Percent-encodes what Hive does: control characters and those that mean something in paths.
fn escape(value: &str, out: &mut String) {
    for byte in value.bytes() {
        let special = byte < 0x20 || byte == 0x7F || b"\"#%'*/:=?\\{[]^".contains(&byte);
        match special || !byte.is_ascii() {
            true => out.push_str(&format!("%{byte:02X}")),
            false => out.push(byte.into()),
        }
    }
}

/// The value of one folder of a file's path, as it was before it was encoded. Without the folder, and where it was null: `None`.
pub(crate) fn value_in(path: &str, name: &str) -> Option<String> {
    let folders = path.split('/').rev().skip(1);
    let mut named = folders.filter_map(|folder| folder.strip_prefix(name)?.strip_prefix('='));
    named.next().filter(|value| *value != NULL).map(unescape)
}

fn unescape(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code {
            Some(code) if byte == b'%' => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
