//! `/mode`: who may change what.

use serde::Deserialize;
use serde_json::json;
use tidemill_schemas::{Access, DEFAULT_REGISTRY, DataFormat, Error};

use super::subject::{qualified, scope};
use super::{Answer, Confluent, Fault, Query};

#[derive(Debug, Deserialize)]
struct Given {
    mode: String,
}

impl Confluent {
    pub(super) fn mode(&self, subject: Option<&str>, query: &Query) -> Answer {
        let (registry, name) = scope(subject)?;
        let access = match &name {
            None => self.registry_access(&registry),
            Some(name) => {
                let own = self.registries.schema(name).ok().and_then(|schema| schema.own_access);
                match (own, query.flag("defaultToGlobal")) {
                    (Some(own), _) => own,
                    (None, true) => self.registries.access(name),
                    (None, false) => {
                        let message =
                            format!("Subject '{}' does not have subject-level mode configured", qualified(name));
                        return Err(Fault::new(40409, message));
                    }
                }
            }
        };
        Ok(json!({"mode": access.name()}))
    }

    pub(super) fn set_mode(&self, subject: Option<&str>, query: &Query, body: &[u8]) -> Answer {
        let given: Given = serde_json::from_slice(body).map_err(|error| Fault::unreadable(&error))?;
        let access = Access::of_name(&given.mode).ok_or_else(|| {
            Fault::new(
                42204,
                "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, and FORWARD.",
            )
        })?;
        let (registry, name) = scope(subject)?;
        if access == Access::Import && !query.flag("force") {
            let schemas = self.registries.schemas(Some(&registry)).unwrap_or_default();
            let taken = |found: &str| name.as_ref().is_none_or(|name| name.name == found);
            if schemas.iter().any(|schema| taken(&schema.name.name) && schema.latest_version > 0) {
                return Err(Fault::new(42205, "Cannot import since found existing subjects"));
            }
        }
        self.change_mode(subject, Some(access))?;
        Ok(json!({"mode": access.name()}))
    }

    pub(super) fn delete_mode(&self, subject: Option<&str>) -> Answer {
        let before = self.mode(subject, &Query::default())?;
        self.change_mode(subject, None)?;
        Ok(before)
    }

    fn change_mode(&self, subject: Option<&str>, access: Option<Access>) -> Result<(), Fault> {
        let (registry, name) = scope(subject)?;
        let Some(name) = name else {
            let set = self.registries.set_access(&registry, None, access);
            return set.map_err(|error| Fault::new(50001, error.to_string()));
        };
        let set = || self.registries.set_access(&registry, Some(&name.name), access);
        let done = match set() {
            Err(Error::NoSchema(_) | Error::NoRegistry(_)) => self
                .registries
                .create_schema(&name, DataFormat::Avro, None, None, Default::default())
                .and_then(|()| set()),
            done => done,
        };
        done.map_err(|error| Fault::of(error, &name))
    }

    fn registry_access(&self, registry: &str) -> Access {
        let of = |name: &str| self.registries.registry(name).ok().and_then(|registry| registry.access);
        of(registry).or_else(|| of(DEFAULT_REGISTRY)).unwrap_or_default()
    }
}
