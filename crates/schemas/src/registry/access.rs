//! Who may change what.

use super::Registries;
use super::open::now_ms;
use super::rows::{Access, Change, Row};
use super::state::State;
use crate::error::Result;
use crate::name::{DEFAULT_REGISTRY, SchemaName};

/// The mode that applies to a schema: its own, its registry's, the default registry's.
pub(super) fn access_of(state: &State, name: &SchemaName) -> Access {
    let of_registry = |name: &str| state.registries.get(name).and_then(|registry| registry.row.access);
    if of_registry(DEFAULT_REGISTRY) == Some(Access::ReadOnlyOverride) {
        return Access::ReadOnlyOverride;
    }
    let own = state.schema(name).ok().and_then(|schema| schema.row.access);
    own.or_else(|| of_registry(&name.registry)).or_else(|| of_registry(DEFAULT_REGISTRY)).unwrap_or_default()
}

impl Registries {
    /// The mode that applies to a schema.
    pub fn access(&self, name: &SchemaName) -> Access {
        access_of(&self.state.read(), name)
    }

    /// Sets the mode of a registry, which is made if there is none, or of a schema in it; `None` takes it back.
    pub fn set_access(&self, registry: &str, schema: Option<&str>, access: Option<Access>) -> Result<()> {
        let _changing = self.changing.lock();
        let row = match schema {
            None => {
                let mut row = self.registry_or_new(registry)?;
                row.access = access;
                row.updated_ms = now_ms();
                Row::Registry(row)
            }
            Some(name) => {
                let name = SchemaName::new(registry, name)?;
                let mut row = self.state.read().schema(&name)?.row.clone();
                row.access = access;
                Row::Schema(row)
            }
        };
        self.commit(vec![Change::Put(row)])
    }
}
