//! What is remembered of the schemas that records have named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use tidemill_schemas::{DataFormat, Definition};

use super::{LookupError, SchemaId, SchemaLookup, WireHeader, id_of};
use crate::error::{Error, Result};
use crate::fault::{Fault, Read};

/// Schemas that are remembered from batch to batch; with more they are asked for anew.
const SCHEMAS_MAX: usize = 1_000;
/// For so long a schema that the registry has not is not asked for again.
const NOT_FOUND_REMEMBERED: Duration = Duration::from_secs(10);

/// What a format made of each schema that records have named.
pub(crate) struct Known<T> {
    header: WireHeader,
    language: DataFormat,
    lookup: Option<Arc<dyn SchemaLookup>>,
    found: HashMap<SchemaId, Found<T>, ahash::RandomState>,
}

/// What became of looking for a schema.
enum Found<T> {
    Usable(Named<T>),
    /// It can't be read into the columns: why.
    Unreadable(String),
    /// The registry had it not, then.
    Missing(String, Instant),
}

/// What was made of a schema, with how it is called in messages: `schema 7 (customers, version 2)`.
pub(crate) struct Named<T> {
    pub(crate) schema: T,
    pub(crate) name: Arc<str>,
}

impl<T> Known<T> {
    pub(crate) fn new(header: WireHeader, language: DataFormat, lookup: Option<Arc<dyn SchemaLookup>>) -> Self {
        Known { header, language, lookup, found: HashMap::default() }
    }

    /// Asks for the schemas of these records that are not known; `make` says what is kept of one, or why it can't be used.
    pub(crate) fn prepare(
        &mut self,
        records: &[&[u8]],
        own: Option<SchemaId>,
        make: impl Fn(&Definition) -> std::result::Result<T, String>,
    ) -> Result<()> {
        if self.header == WireHeader::None {
            return Ok(());
        }
        if self.found.len() > SCHEMAS_MAX {
            self.found.clear();
        }
        let mut last = None;
        for record in records {
            let id = id_of(self.header, record);
            if id == last {
                continue;
            }
            last = id;
            if let Some(id) = id.filter(|id| Some(*id) != own && self.is_unknown(id)) {
                let found = self.look_up(id, &make)?;
                self.found.insert(id, found);
            }
        }
        Ok(())
    }

    /// What was made of a schema.
    pub(crate) fn get(&self, id: &SchemaId) -> Read<&Named<T>> {
        match self.found.get(id) {
            Some(Found::Usable(named)) => Ok(named),
            Some(Found::Unreadable(reason) | Found::Missing(reason, _)) => Err(Fault::new(reason.clone())),
            None => Err(Fault::new("the record's schema is not known")),
        }
    }

    fn is_unknown(&self, id: &SchemaId) -> bool {
        match self.found.get(id) {
            Some(Found::Missing(_, since)) => since.elapsed() > NOT_FOUND_REMEMBERED,
            found => found.is_none(),
        }
    }

    fn look_up(&self, id: SchemaId, make: impl Fn(&Definition) -> std::result::Result<T, String>) -> Result<Found<T>> {
        let Some(lookup) = &self.lookup else {
            let reason = format!("schema {id} is not known; give it as `avro.schema`, or connect a registry");
            return Ok(Found::Unreadable(reason));
        };
        let found = match lookup.schema(id) {
            Ok(found) => found,
            Err(LookupError::NotFound) => {
                return Ok(Found::Missing(format!("schema {id} is not in the registry"), Instant::now()));
            }
            Err(LookupError::Unusable(reason)) => return Ok(Found::Unreadable(format!("schema {id}: {reason}"))),
            Err(error) => return Err(Error::SchemaLookup { schema: id.to_string(), reason: error.to_string() }),
        };
        let name = match found.version.as_str() {
            "" => format!("schema {id}"),
            version => format!("schema {id} ({version})"),
        };
        let (is, asked) = (found.definition.format(), self.language);
        let made = match is == asked {
            true => make(&found.definition),
            false => Err(format!("it is written in {is}, and the table's format needs {asked}")),
        };
        Ok(match made {
            Ok(schema) => Found::Usable(Named { schema, name: name.into() }),
            Err(reason) => Found::Unreadable(format!("{name}: {reason}")),
        })
    }
}
