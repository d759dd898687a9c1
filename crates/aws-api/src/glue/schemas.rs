//! Schemas.

use tidemill_schemas::{
    DEFAULT_REGISTRY, DataFormat, Definition, Error, Invalid, Mode, OnClash, ProtobufSchema, Registration, RuleSet,
    SchemaChange, SchemaInfo, SchemaName, Status, VersionInfo,
};

use super::Context;
use super::fault::{exists, invalid, no_registry, of, plain};
use super::name::{time_text, uuid_text, wanted};
use super::registries::{PAGE, tags_value};
use crate::protocol::{Fault, Value, structure};

type Done = Result<Value<'static>, Fault>;

impl Context<'_> {
    pub(super) fn create_schema(&self) -> Done {
        let registry = self.registry_name()?;
        let name = self.input.text("SchemaName").unwrap_or_default();
        let name = SchemaName::new(&registry, name).map_err(|error| invalid(error.to_string()))?;
        if registry != DEFAULT_REGISTRY && self.registries.registry(&registry).is_err() {
            return Err(no_registry(&registry));
        }
        if self.registries.schema(&name).is_ok() {
            let (schema, registry) = (&name.name, &name.registry);
            return Err(exists(format!("Schema already exists. SchemaName: {schema}, RegistryName: {registry}")));
        }
        let format: DataFormat = self.input.text("DataFormat").unwrap_or_default().parse().map_err(invalid)?;
        let mode: Option<Mode> = self.input.text("Compatibility").map(str::parse).transpose().map_err(invalid)?;
        let description = self.input.text("Description").map(str::to_owned);
        let tags = self.tags("Tags");
        let definition = self.input.text("SchemaDefinition");
        if let Some(text) = definition {
            check(format, text).map_err(|invalid| plain(&Error::Definition { format, invalid }))?;
        }
        let created =
            self.registries.create_schema(&name, format, Some(mode.unwrap_or_default()), description, tags.clone());
        created.map_err(|error| plain(&error))?;
        let version = definition.map(|text| self.register(&name, format, text)).transpose()?;
        let schema = self.registries.schema(&name).map_err(|error| of(&error, &name))?;
        let Value::Map(mut members) = self.schema_value(&schema) else { return Ok(Value::Null) };
        members.retain(|(name, _)| !name.ends_with("Time"));
        members.push(("Tags".into(), tags_value(tags)));
        if let Some(version) = version {
            members.push(("SchemaVersionId".into(), uuid_text(version.uuid).into()));
            members.push(("SchemaVersionStatus".into(), status_text(version.status).into()));
        }
        Ok(Value::Map(members))
    }

    pub(super) fn register(&self, name: &SchemaName, format: DataFormat, text: &str) -> Result<VersionInfo, Fault> {
        check(format, text).map_err(|invalid| plain(&Error::Definition { format, invalid }))?;
        let new = Registration { rules: RuleSet::Glue, on_clash: OnClash::Keep, ..Registration::new(format, text) };
        let registered = self.registries.register(name, new).map_err(|error| of(&error, name))?;
        Ok(registered.version)
    }

    pub(super) fn get_schema(&self) -> Done {
        let name = self.schema_name()?;
        let schema = self.registries.schema(&name).map_err(|error| of(&error, &name))?;
        Ok(self.schema_value(&schema))
    }

    pub(super) fn list_schemas(&self) -> Done {
        let registry = self.input.get("RegistryId").map(|_| self.registry_name()).transpose()?;
        let schemas = self.registries.schemas(registry.as_deref()).map_err(|error| plain(&error))?;
        let (page, next) = self.page(schemas, PAGE)?;
        let listed =
            ["RegistryName", "SchemaName", "SchemaArn", "Description", "SchemaStatus", "CreatedTime", "UpdatedTime"];
        let schemas: Vec<_> = page
            .iter()
            .map(|schema| match self.schema_value(schema) {
                Value::Map(mut members) => {
                    members.retain(|(name, _)| listed.contains(&name.as_ref()));
                    Value::Map(members)
                }
                other => other,
            })
            .collect();
        Ok(structure([("Schemas", schemas.into()), ("NextToken", next)]))
    }

    pub(super) fn update_schema(&self) -> Done {
        let name = self.schema_name()?;
        let mode: Option<Mode> = self.input.text("Compatibility").map(str::parse).transpose().map_err(invalid)?;
        let number = self.input.get("SchemaVersionNumber");
        let description = self.input.text("Description").map(str::to_owned);
        if mode.is_none() && description.is_none() {
            return Err(invalid("At least one of compatibility and description should be provided."));
        }
        if mode.is_some() && number.is_none() {
            return Err(invalid("SchemaVersionNumber should be provided when the compatibility is updated."));
        }
        let checkpoint = match number {
            Some(number) => Some(self.numbered(&name, wanted(number)?)?.number),
            None => None,
        };
        let change = SchemaChange { compatibility: mode.map(Some), description, checkpoint };
        self.registries.update_schema(&name, change).map_err(|error| of(&error, &name))?;
        Ok(structure([
            ("SchemaArn", self.place.schema(&name).into()),
            ("SchemaName", name.name.into()),
            ("RegistryName", name.registry.into()),
        ]))
    }

    pub(super) fn delete_schema(&self) -> Done {
        let name = self.schema_name()?;
        self.registries.delete_schema(&name).map_err(|error| of(&error, &name))?;
        Ok(structure([
            ("SchemaArn", self.place.schema(&name).into()),
            ("SchemaName", name.name.into()),
            ("Status", "DELETING".into()),
        ]))
    }

    fn schema_value(&self, schema: &SchemaInfo) -> Value<'static> {
        structure([
            ("RegistryName", schema.name.registry.clone().into()),
            ("RegistryArn", self.place.registry(&schema.name.registry).into()),
            ("SchemaName", schema.name.name.clone().into()),
            ("SchemaArn", self.place.schema(&schema.name).into()),
            ("Description", schema.description.clone().into()),
            ("DataFormat", schema.format.name().into()),
            ("Compatibility", schema.compatibility.glue_name().into()),
            ("SchemaCheckpoint", schema.checkpoint.into()),
            ("LatestSchemaVersion", schema.latest_version.into()),
            ("NextSchemaVersion", schema.next_version.into()),
            ("SchemaStatus", "AVAILABLE".into()),
            ("CreatedTime", time_text(schema.created_ms).into()),
            ("UpdatedTime", time_text(schema.updated_ms).into()),
        ])
    }
}

pub(super) fn status_text(status: Status) -> &'static str {
    match status {
        Status::Available => "AVAILABLE",
        Status::Failure => "FAILURE",
    }
}

/// Whether the service takes a definition.
pub(super) fn check(format: DataFormat, text: &str) -> Result<(), Invalid> {
    let definition = Definition::parse(format, text, &[])?;
    definition.protobuf().and_then(ProtobufSchema::beyond_glue).map_or(Ok(()), Err)
}
