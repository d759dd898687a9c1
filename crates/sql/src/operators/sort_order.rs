//! `ORDER BY` as bytes.

use arrow::{array::ArrayRef, compute::SortOptions, datatypes::SchemaRef};
use tidemill_engine::{EngineError, Result};

use super::rows::RowCodec;

/// Encodes the columns by which rows are ordered: the bytes are in the order of the rows.
#[derive(Debug)]
pub(crate) struct SortOrder {
    codec: RowCodec,
    columns: Vec<usize>,
}

impl SortOrder {
    /// By these columns of a schema.
    pub(crate) fn new(schema: &SchemaRef, sort: &[(usize, SortOptions)]) -> Result<Self> {
        let mut columns = Vec::new();
        for (at, options) in sort {
            let Some(field) = schema.fields().get(*at) else {
                return Err(EngineError::Plan(format!("rows are ordered by column {at}, which is not there")));
            };
            columns.push((field.data_type().clone(), *options));
        }
        Ok(SortOrder { codec: RowCodec::sorted(columns)?, columns: sort.iter().map(|(at, _)| *at).collect() })
    }

    /// A `Binary` column of orders.
    pub(crate) fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let columns: Vec<ArrayRef> = self.columns.iter().filter_map(|at| columns.get(*at).cloned()).collect();
        self.codec.encode_column(&columns, rows)
    }
}
