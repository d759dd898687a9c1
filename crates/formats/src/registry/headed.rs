//! Records whose schema says no more than that they may be read, and whether they are as they should be: JSON.

use std::sync::Arc;

use serde_json::Value;
use tidemill_schemas::{Acceptance, DataFormat};

use super::{Known, SchemaLookup, WireHeader, split};
use crate::decoder::{ReadRecord, Rows};
use crate::error::Result;
use crate::fault::{Fault, Read};

/// Takes the header off, asks for its schema, and leaves the rest to the format.
pub(crate) struct Headed<R> {
    header: WireHeader,
    known: Known<Option<Acceptance>>,
    /// Records that their schema does not accept are rejected.
    validates: bool,
    inner: R,
}

impl<R> Headed<R> {
    pub(crate) fn new(header: WireHeader, lookup: Arc<dyn SchemaLookup>, validates: bool, inner: R) -> Self {
        Headed { header, known: Known::new(header, DataFormat::Json, Some(lookup)), validates, inner }
    }
}

impl<R: ReadRecord> ReadRecord for Headed<R> {
    fn prepare(&mut self, records: &[&[u8]]) -> Result<()> {
        let validates = self.validates;
        self.known.prepare(records, None, |definition| Ok(definition.acceptance().filter(|_| validates)))
    }

    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let (id, payload) = split(self.header, record)?;
        let Some(id) = id else { return self.inner.read(&payload, rows) };
        let schema = self.known.get(&id)?;
        let accepted = schema.schema.as_ref().map_or(Ok(()), |acceptance| accepts(acceptance, &payload));
        accepted.and_then(|()| self.inner.read(&payload, rows)).map_err(|fault| fault.written_with(&schema.name))
    }
}

fn accepts(acceptance: &Acceptance, payload: &[u8]) -> Read {
    let value: Value = serde_json::from_slice(payload).map_err(|error| Fault::broken(format!("no JSON: {error}")))?;
    match acceptance.violation(&value) {
        None => Ok(()),
        Some(violation) => Err(Fault::broken(format!("its schema does not accept it: {violation}"))),
    }
}
