//! What stands before the records that are written.

use std::io::Write as _;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use flate2::write::ZlibEncoder;

use super::header::ZLIB;
use super::{Compression, SchemaId, write_header};
use crate::encoder::{Encoder, Records, all_or_nothing};
use crate::error::Result;
use crate::row_kind::RowKind;

/// The bytes before each record of a schema, and how its payload is packed.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordHeader {
    bytes: Vec<u8>,
    packed: bool,
}

impl RecordHeader {
    /// Only Glue's header says that a payload is packed.
    pub(crate) fn new(id: Option<SchemaId>, compression: Compression) -> Self {
        let mut bytes = Vec::new();
        if let Some(id) = id {
            write_header(id, &mut bytes);
        }
        let packed = matches!(id, Some(SchemaId::Glue(_))) && compression == Compression::Zlib;
        if let (true, Some(how)) = (packed, bytes.get_mut(1)) {
            *how = ZLIB;
        }
        RecordHeader { bytes, packed }
    }

    /// Begins a record; says where its payload begins.
    pub(crate) fn begin(&self, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&self.bytes);
        out.len()
    }

    /// Ends the record whose payload begins there.
    pub(crate) fn end(&self, payload: usize, out: &mut Vec<u8>) {
        if self.packed {
            let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            // Writing to memory does not fail.
            let packed = encoder.write_all(out.get(payload..).unwrap_or_default()).and_then(|()| encoder.finish());
            out.truncate(payload);
            out.extend_from_slice(&packed.unwrap_or_default());
        }
    }
}

/// Puts headers before what another encoder writes.
pub(crate) struct HeadedEncoder<E> {
    header: RecordHeader,
    inner: E,
    plain: Records,
}

impl<E: Encoder> HeadedEncoder<E> {
    pub(crate) fn new(header: RecordHeader, inner: E) -> Self {
        HeadedEncoder { header, inner, plain: Records::new() }
    }
}

impl<E: Encoder> Encoder for HeadedEncoder<E> {
    fn schema(&self) -> &SchemaRef {
        self.inner.schema()
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        self.plain.clear();
        self.inner.encode(rows, kinds, &mut self.plain)?;
        all_or_nothing(out, |out| {
            for record in self.plain.iter() {
                let payload = self.header.begin(out.buffer());
                out.buffer().extend_from_slice(record);
                self.header.end(payload, out.buffer());
                out.end_record();
            }
            Ok(())
        })
    }
}
