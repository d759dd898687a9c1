//! Rows as bytes that sort as they do: Arrow's row encoding, for keys and orders.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, RowParser, Rows, SortField};
use tidemill_engine::{EngineError, Result};

/// Encodes rows of some columns and decodes them again. Equal rows have equal bytes, nulls included; the bytes' order is the
/// rows' order under the sort options, and the bytes stay the same over restarts.
#[derive(Debug)]
pub struct RowCodec {
    converter: RowConverter,
    parser: RowParser,
    columns: usize,
}

impl RowCodec {
    /// A codec for columns of these types, ascending.
    pub fn new(types: impl IntoIterator<Item = DataType>) -> Result<Self> {
        Self::sorted(types.into_iter().map(|data_type| (data_type, SortOptions::default())))
    }

    /// A codec whose bytes are ordered as the options say.
    pub fn sorted(columns: impl IntoIterator<Item = (DataType, SortOptions)>) -> Result<Self> {
        let fields: Vec<SortField> =
            columns.into_iter().map(|(data_type, options)| SortField::new_with_options(data_type, options)).collect();
        let columns = fields.len();
        let converter = RowConverter::new(fields)?;
        let parser = converter.parser();
        Ok(RowCodec { converter, parser, columns })
    }

    /// A codec for all columns of a schema.
    pub fn of_schema(schema: &SchemaRef) -> Result<Self> {
        Self::new(schema.fields().iter().map(|field| field.data_type().clone()))
    }

    /// Encodes rows; `rows` is needed where there are no columns.
    pub fn encode(&self, columns: &[ArrayRef]) -> Result<Rows> {
        Ok(self.converter.convert_columns(columns)?)
    }

    /// A column of encoded rows: a key column. Without columns every row has the empty key.
    pub fn encode_column(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        if self.columns == 0 {
            let mut keys = arrow::array::BinaryBuilder::with_capacity(rows, 0);
            (0..rows).for_each(|_| keys.append_value([]));
            return Ok(Arc::new(keys.finish()));
        }
        Ok(Arc::new(self.encode(columns)?.try_into_binary()?))
    }

    /// Decodes rows into columns, in the order given. The bytes are trusted: they come from this codec.
    pub fn decode<'a>(&self, rows: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        if self.columns == 0 {
            return Ok(Vec::new());
        }
        let rows = rows.into_iter().map(|bytes| self.parser.parse(bytes));
        Ok(self.converter.convert_rows(rows)?)
    }
}

/// The key column of a batch: its last.
pub fn key_column(rows: &RecordBatch) -> Result<&BinaryArray> {
    let last = rows.columns().last().and_then(|column| column.as_any().downcast_ref::<BinaryArray>());
    last.ok_or_else(|| EngineError::Plan("rows came without their key".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};

    #[test]
    fn rows_come_back_and_equal_ones_have_equal_bytes() {
        let codec = RowCodec::new([DataType::Int64, DataType::Utf8]).unwrap();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(1), None, Some(1)])),
            Arc::new(StringArray::from(vec![Some("a"), Some(""), Some("a")])),
        ];
        let rows = codec.encode(&columns).unwrap();
        assert_eq!(rows.row(0), rows.row(2));
        let stored: Vec<Vec<u8>> = rows.iter().map(|row| row.as_ref().to_vec()).collect();
        let back = codec.decode(stored.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(back, columns);
    }

    #[test]
    fn without_columns_all_rows_have_the_empty_key() {
        let codec = RowCodec::new([]).unwrap();
        let keys = codec.encode_column(&[], 3).unwrap();
        assert_eq!((keys.len(), keys.null_count()), (3, 0));
    }
}
