//! A registry whose answers are kept, for those who ask for each record.

use hashbrown::HashMap;
use parking_lot::Mutex;
use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup};
use tidemill_schemas::DataFormat;

/// Schemas that are kept; then all are forgotten.
const KNOWN_MAX: usize = 10_000;

pub(super) struct Remembered<L> {
    inner: L,
    known: Mutex<HashMap<SchemaId, Result<RegisteredSchema, LookupError>>>,
}

impl<L> Remembered<L> {
    pub(super) fn new(inner: L) -> Self {
        Remembered { inner, known: Mutex::default() }
    }
}

impl<L: SchemaLookup> SchemaLookup for Remembered<L> {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        if let Some(known) = self.known.lock().get(&id) {
            return known.clone();
        }
        let found = self.inner.schema(id);
        // One that does not answer now may know it later.
        if !matches!(found, Err(LookupError::Unavailable(_))) {
            let mut known = self.known.lock();
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(id, found.clone());
        }
        found
    }

    fn id(&self, format: DataFormat, schema: &str) -> Result<SchemaId, LookupError> {
        self.inner.id(format, schema)
    }
}
