//! Names of registries and schemas.

use std::fmt;

use crate::error::{Error, Result};

/// The registry of those who name none.
pub const DEFAULT_REGISTRY: &str = "default-registry";
/// Characters of a registry's or schema's name.
const NAME_MAX: usize = 255;

/// A schema's name and its registry's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaName {
    /// The registry.
    pub registry: String,
    /// The schema's name in it.
    pub name: String,
}

impl SchemaName {
    /// Checks both names: 1 to 255 characters without control characters.
    pub fn new(registry: &str, name: &str) -> Result<Self> {
        check("registry", registry)?;
        check("schema", name)?;
        Ok(SchemaName { registry: registry.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.registry.as_str() {
            DEFAULT_REGISTRY => f.write_str(&self.name),
            registry => write!(f, "{registry}/{}", self.name),
        }
    }
}

/// Checks a name.
pub(crate) fn check(what: &'static str, name: &str) -> Result<()> {
    let characters = name.chars().count();
    match (1..=NAME_MAX).contains(&characters) && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Error::Name { what, name: name.chars().take(NAME_MAX).collect() }),
    }
}
