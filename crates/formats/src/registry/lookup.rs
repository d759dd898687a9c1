//! The seam to a registry of schemas.

use std::sync::Arc;

use tidemill_schemas::{DataFormat, Definition};

use super::SchemaId;

/// A schema that a registry has.
#[derive(Clone, Debug)]
pub struct RegisteredSchema {
    /// What it says.
    pub definition: Arc<Definition>,
    /// Which version of what it is there, for messages: `customers, version 2`. Empty where the registry does not tell.
    pub version: String,
}

/// Why a schema could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The registry has no such schema: records that name it are rejected.
    #[error("the registry has no such schema")]
    NotFound,
    /// The registry has it, but it can't be used: records that name it are rejected.
    #[error("{0}")]
    Unusable(String),
    /// The registry does not take the schema.
    #[error("the registry refuses it: {0}")]
    Refused(String),
    /// The registry does not answer now: the batch fails as a whole, and can be tried again.
    #[error("the registry does not answer: {0}")]
    Unavailable(String),
}

/// A registry of schemas. Calls may wait for a network; decoders ask once for each schema and remember the answer.
pub trait SchemaLookup: Send + Sync {
    /// The schema of an id.
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError>;

    /// The id of a schema, which may be registered by this.
    fn id(&self, format: DataFormat, schema: &str) -> Result<SchemaId, LookupError>;
}
