//! Several registries, one after the other.

use std::sync::Arc;

use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup};
use tidemill_schemas::DataFormat;

/// The registries, the first first.
pub(super) struct Chain(pub(super) Vec<Arc<dyn SchemaLookup>>);

impl SchemaLookup for Chain {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        let mut unavailable = None;
        for registry in &self.0 {
            match registry.schema(id) {
                Ok(schema) => return Ok(schema),
                Err(LookupError::NotFound) => {}
                Err(error) => unavailable = Some(error),
            }
        }
        // One that does not answer may have it.
        Err(unavailable.unwrap_or(LookupError::NotFound))
    }

    fn id(&self, format: DataFormat, schema: &str) -> Result<SchemaId, LookupError> {
        match self.0.first() {
            Some(registry) => registry.id(format, schema),
            None => Err(LookupError::NotFound),
        }
    }
}
