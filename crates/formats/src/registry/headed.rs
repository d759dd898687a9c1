//! Records whose schema says no more than that they may be read: JSON.

use std::sync::Arc;

use tidemill_schemas::DataFormat;

use super::{Known, SchemaLookup, WireHeader, split};
use crate::decoder::{ReadRecord, Rows};
use crate::error::Result;
use crate::fault::Read;

/// Takes the header off, asks for its schema, and leaves the rest to the format.
pub(crate) struct Headed<R> {
    header: WireHeader,
    known: Known<()>,
    inner: R,
}

impl<R> Headed<R> {
    pub(crate) fn new(header: WireHeader, language: DataFormat, lookup: Arc<dyn SchemaLookup>, inner: R) -> Self {
        Headed { header, known: Known::new(header, language, Some(lookup)), inner }
    }
}

impl<R: ReadRecord> ReadRecord for Headed<R> {
    fn prepare(&mut self, records: &[&[u8]]) -> Result<()> {
        self.known.prepare(records, None, |_| Ok(()))
    }

    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let (id, payload) = split(self.header, record)?;
        let Some(id) = id else { return self.inner.read(&payload, rows) };
        let schema = self.known.get(&id)?;
        self.inner.read(&payload, rows).map_err(|fault| fault.written_with(&schema.name))
    }
}
