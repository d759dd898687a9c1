//! Registries.

use std::collections::BTreeMap;

use tidemill_schemas::RegistryInfo;

use super::Context;
use super::fault::plain;
use super::name::time_text;
use crate::protocol::{Fault, Value, structure};

/// Registries and schemas in a page, when none is asked for.
pub(super) const PAGE: usize = 25;

type Done = Result<Value<'static>, Fault>;

impl Context<'_> {
    pub(super) fn tags(&self, member: &str) -> BTreeMap<String, String> {
        self.input.entries(member).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(super) fn create_registry(&self) -> Done {
        let name = self.input.text("RegistryName").unwrap_or_default();
        let (description, tags) = (self.input.text("Description").map(str::to_owned), self.tags("Tags"));
        self.registries.create_registry(name, description.clone(), tags.clone()).map_err(|error| plain(&error))?;
        Ok(structure([
            ("RegistryArn", self.place.registry(name).into()),
            ("RegistryName", name.to_owned().into()),
            ("Description", description.into()),
            ("Tags", tags_value(tags)),
        ]))
    }

    pub(super) fn get_registry(&self) -> Done {
        let registry = self.registries.registry(&self.registry_name()?).map_err(|error| plain(&error))?;
        Ok(self.registry_value(registry))
    }

    pub(super) fn list_registries(&self) -> Done {
        let (page, next) = self.page(self.registries.registries(), PAGE)?;
        let registries: Vec<_> = page.into_iter().map(|registry| self.registry_value(registry)).collect();
        Ok(structure([("Registries", registries.into()), ("NextToken", next)]))
    }

    pub(super) fn update_registry(&self) -> Done {
        let name = self.registry_name()?;
        let description = self.input.text("Description").unwrap_or_default();
        self.registries.update_registry(&name, description).map_err(|error| plain(&error))?;
        Ok(structure([("RegistryName", name.clone().into()), ("RegistryArn", self.place.registry(&name).into())]))
    }

    pub(super) fn delete_registry(&self) -> Done {
        let name = self.registry_name()?;
        self.registries.delete_registry(&name).map_err(|error| plain(&error))?;
        Ok(structure([
            ("RegistryName", name.clone().into()),
            ("RegistryArn", self.place.registry(&name).into()),
            ("Status", "DELETING".into()),
        ]))
    }

    fn registry_value(&self, registry: RegistryInfo) -> Value<'static> {
        structure([
            ("RegistryName", registry.name.clone().into()),
            ("RegistryArn", self.place.registry(&registry.name).into()),
            ("Description", registry.description.into()),
            ("Status", "AVAILABLE".into()),
            ("CreatedTime", time_text(registry.created_ms).into()),
            ("UpdatedTime", time_text(registry.updated_ms).into()),
        ])
    }
}

pub(super) fn tags_value(tags: BTreeMap<String, String>) -> Value<'static> {
    Value::Map(tags.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}
