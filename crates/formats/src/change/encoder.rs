//! Rows with kinds become change records.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use std::sync::Arc;

use super::Dialect;
use crate::encoder::{Encoder, Records, all_or_nothing, check_batch};
use crate::error::Result;
use crate::json::{JsonEncoder, WriteRules};
use crate::row_kind::RowKind;

pub(super) struct ChangeEncoder {
    dialect: Dialect,
    schema: SchemaRef,
    data: Part,
    metadata: Part,
}

/// Some of the columns, as an object.
struct Part {
    columns: Vec<usize>,
    encoder: JsonEncoder,
}

impl Part {
    fn project(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        Ok(rows.project(&self.columns)?)
    }
}

impl ChangeEncoder {
    pub(super) fn new(
        dialect: Dialect,
        schema: SchemaRef,
        rules: WriteRules,
        metadata_key: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let part = |of_metadata: bool| -> Result<Part> {
            let (mut columns, mut fields) = (Vec::new(), Vec::new());
            for (at, field) in schema.fields().iter().enumerate() {
                match metadata_key(field.name()) {
                    Some(key) if of_metadata => fields.push(Arc::new(field.as_ref().clone().with_name(key))),
                    None if !of_metadata => fields.push(Arc::clone(field)),
                    _ => continue,
                }
                columns.push(at);
            }
            let encoder = JsonEncoder::new(Arc::new(Schema::new(fields)), dialect.name(), rules)?;
            Ok(Part { columns, encoder })
        };
        Ok(ChangeEncoder { dialect, data: part(false)?, metadata: part(true)?, schema: Arc::clone(&schema) })
    }
}

impl Encoder for ChangeEncoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        check_batch(&self.schema, rows, kinds)?;
        let data = self.data.encoder.views(&self.data.project(rows)?, None)?;
        let metadata = self.metadata.encoder.views(&self.metadata.project(rows)?, None)?;
        let kind = |row: usize| kinds.and_then(|kinds| kinds.get(row)).copied().unwrap_or_default();
        all_or_nothing(out, |out| {
            for row in 0..rows.num_rows() {
                let buffer = out.buffer();
                match (self.dialect, kind(row)) {
                    // As Flink writes them: an update is a delete and a create.
                    (Dialect::Debezium, RowKind::Insert | RowKind::UpdateAfter) => {
                        buffer.extend_from_slice(b"{\"before\":null,\"after\":");
                        self.data.encoder.write_row(&data, row, buffer);
                        buffer.extend_from_slice(b",\"op\":\"c\"}");
                    }
                    (Dialect::Debezium, RowKind::Delete | RowKind::UpdateBefore) => {
                        buffer.extend_from_slice(b"{\"before\":");
                        self.data.encoder.write_row(&data, row, buffer);
                        buffer.extend_from_slice(b",\"after\":null,\"op\":\"d\"}");
                    }
                    (Dialect::Dms, kind) => {
                        let operation = match kind {
                            RowKind::Insert => "insert",
                            RowKind::UpdateAfter => "update",
                            RowKind::Delete | RowKind::UpdateBefore => "delete",
                        };
                        buffer.extend_from_slice(b"{\"data\":");
                        self.data.encoder.write_row(&data, row, buffer);
                        buffer.extend_from_slice(b",\"metadata\":");
                        self.metadata.encoder.write_row(&metadata, row, buffer);
                        buffer.pop(); // the brace that closes it, for two more members
                        if buffer.last() != Some(&b'{') {
                            buffer.push(b',');
                        }
                        let more = format!("\"record-type\":\"data\",\"operation\":\"{operation}\"}}}}");
                        buffer.extend_from_slice(more.as_bytes());
                    }
                }
                out.end_record();
            }
            Ok(())
        })
    }
}
