//! Names of registries, schemas and versions, and their ARNs.

use tidemill_schemas::{DEFAULT_REGISTRY, Error, SchemaName, VersionInfo};

use super::Context;
use super::fault::{invalid, no_version, not_found, of};
use crate::protocol::{Fault, Value};

/// A call's region and the service's account: what ARNs are made of.
pub(super) struct Place {
    pub(super) region: String,
    pub(super) account: String,
}

impl Place {
    pub(super) fn registry(&self, name: &str) -> String {
        format!("arn:aws:glue:{}:{}:registry/{name}", self.region, self.account)
    }

    pub(super) fn schema(&self, name: &SchemaName) -> String {
        format!("arn:aws:glue:{}:{}:schema/{}/{}", self.region, self.account, name.registry, name.name)
    }
}

/// What an ARN names: a registry, and perhaps a schema in it.
pub(super) fn of_arn(arn: &str) -> Result<(String, Option<String>), Fault> {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["registry", registry] => Ok(((*registry).to_owned(), None)),
        ["schema", registry, schema] => Ok(((*registry).to_owned(), Some((*schema).to_owned()))),
        _ => Err(invalid(format!("{arn} is not the ARN of a registry or schema."))),
    }
}

/// Which version is meant.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Latest,
    Number(u32),
}

/// The number that a structure `SchemaVersionNumber` gives.
pub(super) fn wanted(number: &Value<'_>) -> Result<Wanted, Fault> {
    match (number.integer("VersionNumber"), number.flag("LatestVersion")) {
        (Some(_), true) => Err(invalid("Only one of VersionNumber and LatestVersion can be provided.")),
        (Some(number), false) => Ok(Wanted::Number(u32::try_from(number).unwrap_or(u32::MAX))),
        (None, true) => Ok(Wanted::Latest),
        (None, false) => Err(invalid("One of VersionNumber and LatestVersion should be provided.")),
    }
}

impl Context<'_> {
    /// The registry of `RegistryId`; the default one when none is named.
    pub(super) fn registry_name(&self) -> Result<String, Fault> {
        let Some(id) = self.input.get("RegistryId") else { return Ok(DEFAULT_REGISTRY.to_owned()) };
        match (id.text("RegistryName"), id.text("RegistryArn")) {
            (Some(_), Some(_)) => Err(invalid("Only one of registryName and registryArn can be provided.")),
            (Some(name), None) => Ok(name.to_owned()),
            (None, Some(arn)) => of_arn(arn).map(|(registry, _)| registry),
            (None, None) => Ok(DEFAULT_REGISTRY.to_owned()),
        }
    }

    /// The schema of `SchemaId`.
    pub(super) fn schema_name(&self) -> Result<SchemaName, Fault> {
        let id = self.input.get("SchemaId").ok_or_else(|| invalid("SchemaId should be provided."))?;
        let (registry, name) = match (id.text("SchemaArn"), id.text("SchemaName")) {
            (Some(_), Some(_)) => return Err(invalid("Only one of schemaArn and schemaName can be provided.")),
            (Some(arn), None) => match of_arn(arn)? {
                (registry, Some(name)) => (registry, name),
                _ => return Err(invalid(format!("{arn} is not the ARN of a schema."))),
            },
            (None, Some(name)) => (id.text("RegistryName").unwrap_or(DEFAULT_REGISTRY).to_owned(), name.to_owned()),
            (None, None) => return Err(invalid("One of schemaArn and schemaName should be provided.")),
        };
        SchemaName::new(&registry, &name).map_err(|error| invalid(error.to_string()))
    }

    /// The version that `SchemaVersionId`, or `SchemaId` with `SchemaVersionNumber`, names.
    pub(super) fn version(&self) -> Result<VersionInfo, Fault> {
        match (self.input.text("SchemaVersionId"), self.input.get("SchemaId")) {
            (Some(_), Some(_)) => Err(invalid("Only one of SchemaVersionId and SchemaId can be provided.")),
            (Some(id), None) => {
                let uuid = u128::from_str_radix(&id.replace('-', ""), 16).unwrap_or_default();
                let found = self.registries.version_by_uuid(uuid).filter(|version| !version.deleted);
                found.ok_or_else(|| not_found(format!("Schema version is not found. SchemaVersionId: {id}")))
            }
            (None, Some(_)) => {
                let number = self.input.get("SchemaVersionNumber");
                let number = number.ok_or_else(|| invalid("SchemaVersionNumber should be provided."))?;
                self.numbered(&self.schema_name()?, wanted(number)?)
            }
            (None, None) => Err(invalid("One of SchemaVersionId and SchemaId should be provided.")),
        }
    }

    /// A version by its number, or the last one.
    pub(super) fn numbered(&self, name: &SchemaName, wanted: Wanted) -> Result<VersionInfo, Fault> {
        let number = match wanted {
            Wanted::Latest => None,
            Wanted::Number(number) => Some(number),
        };
        let text = || number.map_or_else(|| "latest".to_owned(), |number| number.to_string());
        match self.registries.version(name, number) {
            Ok(version) if !version.deleted => Ok(version),
            Ok(_) | Err(Error::NoVersion { .. }) => Err(no_version(name, &text())),
            Err(error) => Err(of(&error, name)),
        }
    }
}

/// A UUID as text.
pub(super) fn uuid_text(uuid: u128) -> String {
    let hex = format!("{uuid:032x}");
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-")
}

/// Times are texts in this service.
pub(super) fn time_text(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
