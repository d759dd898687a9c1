//! Tags of registries and schemas.

use std::collections::BTreeMap;

use tidemill_schemas::SchemaName;

use super::Context;
use super::fault::{of, plain};
use super::name::of_arn;
use super::registries::tags_value;
use crate::protocol::{Fault, Value, structure};

type Done = Result<Value<'static>, Fault>;

impl Context<'_> {
    pub(super) fn tag(&self) -> Done {
        self.change(self.tags("TagsToAdd"), &[])
    }

    pub(super) fn untag(&self) -> Done {
        let remove: Vec<String> = self.input.texts("TagsToRemove").map(str::to_owned).collect();
        self.change(BTreeMap::new(), &remove)
    }

    fn change(&self, put: BTreeMap<String, String>, remove: &[String]) -> Done {
        let (registry, schema) = of_arn(self.input.text("ResourceArn").unwrap_or_default())?;
        let changed = self.registries.change_tags(&registry, schema.as_deref(), put, remove);
        changed.map_err(|error| self.lost(&error, &registry, schema.as_deref()))?;
        Ok(structure([]))
    }

    pub(super) fn get_tags(&self) -> Done {
        let (registry, schema) = of_arn(self.input.text("ResourceArn").unwrap_or_default())?;
        let tags = match schema.as_deref() {
            None => self.registries.registry(&registry).map(|registry| registry.tags),
            Some(name) => SchemaName::new(&registry, name)
                .and_then(|name| self.registries.schema(&name))
                .map(|schema| schema.tags),
        };
        let tags = tags.map_err(|error| self.lost(&error, &registry, schema.as_deref()))?;
        Ok(structure([("Tags", tags_value(tags))]))
    }

    fn lost(&self, error: &tidemill_schemas::Error, registry: &str, schema: Option<&str>) -> Fault {
        match schema.and_then(|name| SchemaName::new(registry, name).ok()) {
            Some(name) => of(error, &name),
            None => plain(error),
        }
    }
}
