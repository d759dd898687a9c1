//! `/subjects`

use serde_json::json;
use tidemill_schemas::{SchemaName, Status, VersionInfo};

use super::answer::{Given, guid};
use super::subject::{parse, qualified};
use super::{Answer, Confluent, Fault, Query};

impl Confluent {
    pub(super) fn subjects(&self, query: &Query) -> Answer {
        let prefix = query.get("subjectPrefix").filter(|prefix| *prefix != ":*:").unwrap_or_default();
        let schemas = self.registries.schemas(None).map_err(|error| Fault::new(50001, error.to_string()))?;
        let names = schemas.into_iter().filter_map(|schema| {
            let subject = qualified(&schema.name);
            let versions = self.registries.versions(&schema.name).unwrap_or_default();
            let (there, gone): (Vec<_>, Vec<_>) = versions.iter().filter(is_available).partition(|v| !v.deleted);
            let asked = match (query.flag("deleted"), query.flag("deletedOnly")) {
                (_, true) => there.is_empty() && !gone.is_empty(),
                (true, _) => !there.is_empty() || !gone.is_empty(),
                _ => !there.is_empty(),
            };
            (asked && subject.starts_with(prefix)).then_some(subject)
        });
        Ok(json!(query.page(names)))
    }

    pub(super) fn versions(&self, subject: &str, query: &Query) -> Answer {
        let name = parse(subject)?;
        let versions = self.listed(&name)?;
        let asked = versions.iter().filter(|version| match (query.flag("deleted"), query.flag("deletedOnly")) {
            (_, true) => version.deleted,
            (deleted, _) => deleted || !version.deleted,
        });
        let numbers: Vec<u32> = query.page(asked.map(|version| version.number));
        if numbers.is_empty() && query.get("offset").is_none() {
            return Err(Fault::no_subject(&name));
        }
        Ok(json!(numbers))
    }

    pub(super) fn version(&self, subject: &str, version: &str, query: &Query) -> Answer {
        Ok(self.whole(&self.found(subject, version, query.flag("deleted"))?, query))
    }

    pub(super) fn version_text(&self, subject: &str, version: &str, query: &Query) -> Answer {
        let found = self.found(subject, version, query.flag("deleted"))?;
        Ok(raw(self.text(&found.content, query)))
    }

    pub(super) fn referrers(&self, subject: &str, version: &str) -> Answer {
        let found = self.found(subject, version, true)?;
        let referrers = self.registries.referrers(&found.name, found.number).map_err(|e| Fault::of(e, &found.name))?;
        let mut ids: Vec<u32> = referrers.iter().filter(|by| !by.deleted).map(|by| by.content.id).collect();
        ids.dedup();
        Ok(json!(ids))
    }

    /// The schema itself is not answered: clients would keep it in place of what they sent.
    pub(super) fn register(&self, subject: &str, body: &[u8]) -> Answer {
        let name = parse(subject)?;
        let new = Given::read(body)?.registration()?;
        let registered = self.registries.register(&name, new).map_err(|error| Fault::of(error, &name))?;
        let VersionInfo { number, content, .. } = registered.version;
        Ok(json!({"id": content.id, "version": number, "guid": guid(content.fingerprint())}))
    }

    pub(super) fn look_up(&self, subject: &str, query: &Query, body: &[u8]) -> Answer {
        let name = parse(subject)?;
        let new = Given::read(body)?.registration()?;
        if self.listed(&name)?.iter().all(|version| version.deleted) && !query.flag("deleted") {
            return Err(Fault::no_subject(&name));
        }
        let found = self.registries.find(&name, &new, query.flag("deleted"));
        let found = found.map_err(|error| Fault::of(error, &name))?;
        Ok(self.whole(&found, query))
    }

    pub(super) fn delete_version(&self, subject: &str, version: &str, query: &Query) -> Answer {
        let for_good = query.flag("permanent");
        let found = self.found(subject, version, true)?;
        if found.deleted && !for_good {
            let (subject, number) = (qualified(&found.name), found.number);
            let message = format!(
                "Subject '{subject}' Version {number} was soft deleted. Set permanent=true to delete permanently"
            );
            return Err(Fault::new(40406, message));
        }
        let deleted = self.registries.delete_versions(&found.name, Some(found.number), for_good);
        deleted.map_err(|error| Fault::of(error, &found.name))?;
        Ok(json!(found.number))
    }

    pub(super) fn delete_subject(&self, subject: &str, query: &Query) -> Answer {
        let (name, for_good) = (parse(subject)?, query.flag("permanent"));
        if self.listed(&name)?.iter().all(|version| version.deleted) && !for_good {
            let message = format!("Subject '{subject}' was soft deleted. Set permanent=true to delete permanently");
            return Err(Fault::new(40404, message));
        }
        let deleted = self.registries.delete_versions(&name, None, for_good).map_err(|e| Fault::of(e, &name))?;
        Ok(json!(deleted.iter().filter(is_available).map(|version| version.number).collect::<Vec<_>>()))
    }

    /// The versions of a subject that can be used, or could; there is at least one.
    pub(super) fn listed(&self, name: &SchemaName) -> Result<Vec<VersionInfo>, Fault> {
        let mut versions = self.registries.versions(name).map_err(|error| Fault::of(error, name))?;
        versions.retain(|version| version.status == Status::Available);
        match versions.is_empty() {
            true => Err(Fault::no_subject(name)),
            false => Ok(versions),
        }
    }

    /// The version that a path names: by its number, or the last one.
    pub(super) fn found(&self, subject: &str, version: &str, deleted: bool) -> Result<VersionInfo, Fault> {
        let name = parse(subject)?;
        let number = match version {
            "latest" | "-1" => None,
            text => Some(text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(|| {
                let message = format!(
                    "The specified version '{text}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
                );
                Fault::new(42202, message)
            })?),
        };
        let mut versions = self.listed(&name)?;
        if !deleted {
            versions.retain(|version| !version.deleted);
        }
        if versions.is_empty() {
            return Err(Fault::no_subject(&name));
        }
        let found = match number {
            None => versions.pop(),
            Some(number) => versions.into_iter().find(|version| version.number == number),
        };
        found.ok_or_else(|| Fault::no_version(version))
    }
}

fn is_available(version: &&VersionInfo) -> bool {
    version.status == Status::Available
}

/// A text that is JSON is answered as such.
pub(super) fn raw(text: serde_json::Value) -> serde_json::Value {
    match text.as_str().map(serde_json::from_str) {
        Some(Ok(parsed)) => parsed,
        _ => text,
    }
}
