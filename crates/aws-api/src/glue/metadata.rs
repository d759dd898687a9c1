//! Metadata of versions.

use tidemill_schemas::{Error, MetadataValue, VersionInfo};

use super::Context;
use super::fault::{exists, not_found, plain};
use super::name::{time_text, uuid_text};
use crate::protocol::{Fault, Value, structure};

/// Keys in a page, when none is asked for.
const PAGE: usize = 50;

type Done = Result<Value<'static>, Fault>;

impl Context<'_> {
    pub(super) fn put_metadata(&self) -> Done {
        let (version, key, value) = self.pair()?;
        self.registries.put_metadata(version.uuid, &key, &value).map_err(|error| match error {
            Error::Metadata { .. } => exists(format!(
                "Resource already exist for schema version id: {}, metadata key: {key}, metadata value: {value}",
                uuid_text(version.uuid)
            )),
            error => plain(&error),
        })?;
        self.changed(&version, key, value)
    }

    pub(super) fn remove_metadata(&self) -> Done {
        let (version, key, value) = self.pair()?;
        self.registries.remove_metadata(version.uuid, &key, &value).map_err(|error| match error {
            Error::Metadata { .. } => not_found(format!(
                "Metadata is not found. SchemaVersionId: {}, metadata key: {key}, metadata value: {value}",
                uuid_text(version.uuid)
            )),
            error => plain(&error),
        })?;
        self.changed(&version, key, value)
    }

    fn pair(&self) -> Result<(VersionInfo, String, String), Fault> {
        let pair = self.input.get("MetadataKeyValue");
        let text = |member: &str| pair.and_then(|pair| pair.text(member)).unwrap_or_default().to_owned();
        Ok((self.version()?, text("MetadataKey"), text("MetadataValue")))
    }

    fn changed(&self, version: &VersionInfo, key: String, value: String) -> Done {
        let latest = self.registries.schema(&version.name).is_ok_and(|schema| schema.latest_version == version.number);
        Ok(structure([
            ("SchemaArn", self.place.schema(&version.name).into()),
            ("SchemaName", version.name.name.clone().into()),
            ("RegistryName", version.name.registry.clone().into()),
            ("LatestVersion", latest.into()),
            ("VersionNumber", version.number.into()),
            ("SchemaVersionId", uuid_text(version.uuid).into()),
            ("MetadataKey", key.into()),
            ("MetadataValue", value.into()),
        ]))
    }

    pub(super) fn query_metadata(&self) -> Done {
        let version = self.version()?;
        let asked = self.input.list("MetadataList");
        let is_asked = |metadata: &MetadataValue| {
            let same = |value: &str, asked: Option<&str>| asked.is_none_or(|asked| asked == value);
            let one = |pair: &Value<'_>| {
                same(&metadata.key, pair.text("MetadataKey")) && same(&metadata.value, pair.text("MetadataValue"))
            };
            asked.is_empty() || asked.iter().any(one)
        };
        let found: Vec<&MetadataValue> = version.metadata.iter().filter(|metadata| is_asked(metadata)).collect();
        let mut keys: Vec<&str> = found.iter().map(|metadata| metadata.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        let (keys, next) = self.page(keys, PAGE)?;
        let entries = keys.into_iter().filter_map(|key| {
            // The last value counts, those before it are its history.
            let mut values = found.iter().rev().filter(|metadata| metadata.key == key);
            let value = values.next()?;
            let others: Vec<Value<'static>> = values.map(|value| structure(members(value))).collect();
            let [one, two] = members(value);
            let others = if others.is_empty() { Value::Null } else { others.into() };
            Some((key.to_owned().into(), structure([one, two, ("OtherMetadataValueList", others)])))
        });
        Ok(structure([
            ("MetadataInfoMap", Value::Map(entries.collect())),
            ("SchemaVersionId", uuid_text(version.uuid).into()),
            ("NextToken", next),
        ]))
    }
}

fn members(metadata: &MetadataValue) -> [(&'static str, Value<'static>); 2] {
    [("MetadataValue", metadata.value.clone().into()), ("CreatedTime", time_text(metadata.created_ms).into())]
}
