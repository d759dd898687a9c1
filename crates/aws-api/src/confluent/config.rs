//! `/config`: which versions have to read each other's records.

use serde::Deserialize;
use serde_json::json;
use tidemill_schemas::{DataFormat, Error, Mode, SchemaChange, SchemaName};

use super::subject::{qualified, scope};
use super::{Answer, Confluent, Fault, Query};

#[derive(Debug, Deserialize)]
struct Given {
    compatibility: Option<String>,
}

impl Confluent {
    pub(super) fn config(&self, subject: Option<&str>, query: &Query) -> Answer {
        let (registry, name) = scope(subject)?;
        let own = match &name {
            Some(name) => self.registries.schema(name).ok().and_then(|schema| schema.own_compatibility),
            None => self.registries.registry(&registry).ok().and_then(|registry| registry.compatibility),
        };
        let mode = match (own, &name) {
            (Some(mode), _) => mode,
            (None, None) => self.registry_mode(&registry),
            (None, Some(name)) if query.flag("defaultToGlobal") => {
                let inherited = self.registries.schema(name).map(|schema| schema.compatibility);
                inherited.unwrap_or_else(|_| self.registry_mode(&registry))
            }
            (None, Some(name)) => return Err(not_configured(name)),
        };
        Ok(json!({"compatibilityLevel": mode.confluent_name()}))
    }

    pub(super) fn set_config(&self, subject: Option<&str>, body: &[u8]) -> Answer {
        let (registry, name) = scope(subject)?;
        let given: Given = serde_json::from_slice(body).map_err(|error| Fault::unreadable(&error))?;
        let invalid = || {
            let message = "Invalid compatibility level. Valid values are none, backward, forward, full, \
                           backward_transitive, forward_transitive, and full_transitive";
            Fault::new(42203, message)
        };
        let mode: Mode = given.compatibility.as_deref().and_then(|name| name.parse().ok()).ok_or_else(invalid)?;
        if mode == Mode::Disabled {
            return Err(invalid());
        }
        match &name {
            None => {
                let set = self.registries.set_registry_compatibility(&registry, Some(mode));
                set.map_err(|error| Fault::new(50001, error.to_string()))?;
            }
            Some(name) => self.set_subject_mode(name, Some(mode))?,
        }
        Ok(json!({"compatibility": mode.confluent_name()}))
    }

    pub(super) fn delete_config(&self, subject: Option<&str>) -> Answer {
        let (registry, name) = scope(subject)?;
        let mode = match &name {
            None => {
                let before = self.registry_mode(&registry);
                let set = self.registries.set_registry_compatibility(&registry, None);
                set.map_err(|error| Fault::new(50001, error.to_string()))?;
                before
            }
            Some(name) => {
                let schema = self.registries.schema(name).map_err(|error| Fault::of(error, name))?;
                let before = schema.own_compatibility.ok_or_else(|| not_configured(name))?;
                self.set_subject_mode(name, None)?;
                before
            }
        };
        Ok(json!({"compatibilityLevel": mode.confluent_name()}))
    }

    /// What applies to subjects of a context that have no configuration.
    fn registry_mode(&self, registry: &str) -> Mode {
        let of = |name: &str| self.registries.registry(name).ok().and_then(|registry| registry.compatibility);
        of(registry).or_else(|| of(tidemill_schemas::DEFAULT_REGISTRY)).unwrap_or_default()
    }

    /// A subject may be configured before it has a version.
    fn set_subject_mode(&self, name: &SchemaName, mode: Option<Mode>) -> Result<(), Fault> {
        let change = SchemaChange { compatibility: Some(mode), ..SchemaChange::default() };
        match self.registries.update_schema(name, change) {
            Err(Error::NoSchema(_) | Error::NoRegistry(_)) => {
                let made = self.registries.create_schema(name, DataFormat::Avro, mode, None, Default::default());
                made.map_err(|error| Fault::of(error, name))
            }
            changed => changed.map_err(|error| Fault::of(error, name)),
        }
    }
}

fn not_configured(name: &SchemaName) -> Fault {
    let message = format!("Subject '{}' does not have subject-level compatibility configured", qualified(name));
    Fault::new(40408, message)
}
