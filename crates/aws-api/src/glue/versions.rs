//! Versions.

use tidemill_schemas::{DataFormat, Error, Registration, VersionInfo, text_diff};

use super::Context;
use super::fault::{invalid, of};
use super::name::{time_text, uuid_text, wanted};
use super::registries::PAGE;
use super::schemas::{check, status_text};
use crate::protocol::{Fault, Value, structure};

/// Versions that one call may delete.
const DELETED_MAX: u32 = 25;

type Done = Result<Value<'static>, Fault>;

impl Context<'_> {
    pub(super) fn register_schema_version(&self) -> Done {
        let name = self.schema_name()?;
        let schema = self.registries.schema(&name).map_err(|error| of(&error, &name))?;
        let version = self.register(&name, schema.format, self.input.text("SchemaDefinition").unwrap_or_default())?;
        Ok(structure([
            ("SchemaVersionId", uuid_text(version.uuid).into()),
            ("VersionNumber", version.number.into()),
            ("Status", status_text(version.status).into()),
        ]))
    }

    pub(super) fn get_schema_version(&self) -> Done {
        let version = self.version()?;
        Ok(structure([
            ("SchemaVersionId", uuid_text(version.uuid).into()),
            ("SchemaDefinition", version.content.text.to_string().into()),
            ("DataFormat", version.content.format.name().into()),
            ("SchemaArn", self.place.schema(&version.name).into()),
            ("VersionNumber", version.number.into()),
            ("Status", status_text(version.status).into()),
            ("CreatedTime", time_text(version.created_ms).into()),
        ]))
    }

    pub(super) fn get_schema_by_definition(&self) -> Done {
        let name = self.schema_name()?;
        let schema = self.registries.schema(&name).map_err(|error| of(&error, &name))?;
        let text = self.input.text("SchemaDefinition").unwrap_or_default();
        let found = self.registries.find(&name, &Registration::new(schema.format, text), false);
        let version = found.map_err(|error| of(&error, &name))?;
        Ok(structure([
            ("SchemaVersionId", uuid_text(version.uuid).into()),
            ("SchemaArn", self.place.schema(&name).into()),
            ("DataFormat", version.content.format.name().into()),
            ("Status", status_text(version.status).into()),
            ("CreatedTime", time_text(version.created_ms).into()),
        ]))
    }

    pub(super) fn get_schema_versions_diff(&self) -> Done {
        let name = self.schema_name()?;
        let version = |member: &str| {
            let number = self.input.get(member).ok_or_else(|| invalid(format!("{member} should be provided.")))?;
            self.numbered(&name, wanted(number)?)
        };
        let (first, second) = (version("FirstSchemaVersionNumber")?, version("SecondSchemaVersionNumber")?);
        let title = |version: &VersionInfo| format!("version {}", version.number);
        let (old, new) = (title(&first), title(&second));
        let diff = text_diff(first.content.format, (&old, &first.content.text), (&new, &second.content.text));
        Ok(structure([("Diff", diff.into())]))
    }

    pub(super) fn check_schema_version_validity(&self) -> Value<'static> {
        let format: Result<DataFormat, _> = self.input.text("DataFormat").unwrap_or_default().parse();
        let text = self.input.text("SchemaDefinition").unwrap_or_default();
        let checked = format.and_then(|format| check(format, text).map_err(|invalid| invalid.to_string()));
        structure([("Valid", checked.is_ok().into()), ("Error", checked.err().into())])
    }

    /// Newest first.
    pub(super) fn list_schema_versions(&self) -> Done {
        let name = self.schema_name()?;
        let mut versions = self.registries.versions(&name).map_err(|error| of(&error, &name))?;
        versions.retain(|version| !version.deleted);
        versions.reverse();
        let (page, next) = self.page(versions, PAGE)?;
        let listed = page.iter().map(|version| {
            structure([
                ("SchemaArn", self.place.schema(&name).into()),
                ("SchemaVersionId", uuid_text(version.uuid).into()),
                ("VersionNumber", version.number.into()),
                ("Status", status_text(version.status).into()),
                ("CreatedTime", time_text(version.created_ms).into()),
            ])
        });
        Ok(structure([("Schemas", listed.collect::<Vec<_>>().into()), ("NextToken", next)]))
    }

    /// What can't be deleted is told in the answer, number by number.
    pub(super) fn delete_schema_versions(&self) -> Done {
        let name = self.schema_name()?;
        self.registries.schema(&name).map_err(|error| of(&error, &name))?;
        let range = self.input.text("Versions").unwrap_or_default();
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
            return Err(invalid(format!("{range} is no range of versions.")));
        };
        if last < first || last - first >= DELETED_MAX {
            let said = format!("The range {range} should have 1 to {DELETED_MAX} versions, the smaller number first.");
            return Err(invalid(said));
        }
        let mut errors: Vec<Value<'static>> = Vec::new();
        for number in first..=last {
            let Err(error) = self.registries.delete_version(&name, number) else { continue };
            let code = match error {
                Error::NoVersion { .. } => "EntityNotFoundException",
                _ => "InvalidInputException",
            };
            let details = structure([("ErrorCode", code.into()), ("ErrorMessage", of(&error, &name).message.into())]);
            errors.push(structure([("VersionNumber", number.into()), ("ErrorDetails", details)]));
        }
        Ok(structure([("SchemaVersionErrors", errors.into())]))
    }
}
