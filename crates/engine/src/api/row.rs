//! Rust structs as rows of a batch.

use arrow::datatypes::FieldRef;
use serde::{Serialize, de::DeserializeOwned};
use serde_arrow::schema::{SchemaLike, TracingOptions};

use crate::{
    batch::{Batch, RowKind},
    error::{EngineError, Result},
    time::EventTime,
};

/// A struct that can travel between operators: any serde struct whose fields Arrow can hold.
pub trait Row: Serialize + DeserializeOwned + Clone + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + 'static> Row for T {}

/// A row with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed<T> {
    /// The row.
    pub row: T,
    /// Its time.
    pub time: EventTime,
    /// What it says of the result it belongs to.
    pub kind: RowKind,
}

impl<T> Timed<T> {
    /// An insert.
    pub fn insert(row: T, time: EventTime) -> Self {
        Timed { row, time, kind: RowKind::Insert }
    }

    /// The same time and kind for another row.
    pub fn with<U>(&self, row: U) -> Timed<U> {
        Timed { row, time: self.time, kind: self.kind }
    }
}

/// Encodes rows of one type; the schema is traced from the type once.
#[derive(Clone, Debug)]
pub(crate) struct RowCodec {
    fields: Vec<FieldRef>,
}

impl RowCodec {
    pub(crate) fn of<T: Row>() -> Result<Self> {
        // As the connectors' columns are.
        let options = TracingOptions::default()
            .allow_null_fields(true)
            .strings_as_large_utf8(false)
            .bytes_as_large_binary(false)
            .sequence_as_large_list(false);
        let fields = Vec::<FieldRef>::from_type::<T>(options).map_err(|e| {
            let name = std::any::type_name::<T>();
            EngineError::Plan(format!("{name} can't be a row: {e}; use a struct of plain fields"))
        })?;
        Ok(RowCodec { fields })
    }

    /// How many columns a row has.
    pub(crate) fn width(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn encode<T: Row>(&self, rows: &[Timed<T>]) -> Result<Batch> {
        let items: Vec<&T> = rows.iter().map(|r| &r.row).collect();
        let batch = serde_arrow::to_record_batch(&self.fields, &items).map_err(|e| bad::<T>(e, "written to"))?;
        let times: Vec<i64> = rows.iter().map(|r| r.time.0).collect();
        let kinds: Vec<RowKind> = rows.iter().map(|r| r.kind).collect();
        Batch::new(batch, times)?.with_kinds(&kinds)
    }
}

/// Reads the rows of a batch back.
pub(crate) fn decode<T: Row>(batch: &Batch) -> Result<Vec<Timed<T>>> {
    let rows: Vec<T> = serde_arrow::from_record_batch(batch.rows()).map_err(|e| bad::<T>(e, "read from"))?;
    let timed = rows.into_iter().zip(batch.times()).enumerate();
    Ok(timed.map(|(i, (row, &time))| Timed { row, time: EventTime(time), kind: batch.kind(i) }).collect())
}

fn bad<T>(error: serde_arrow::Error, how: &str) -> EngineError {
    EngineError::State(format!("a row of {} could not be {how} a batch: {error}", std::any::type_name::<T>()))
}
