//! `/schemas` and `/contexts`

use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_schemas::{Content, Status, VersionInfo};

use super::answer::guid;
use super::subject::{context_of, parse, qualified, registry_of};
use super::subjects::raw;
use super::{Answer, Confluent, Fault, Query};

impl Confluent {
    pub(super) fn schemas(&self, query: &Query) -> Answer {
        let prefix = query.get("subjectPrefix").filter(|prefix| *prefix != ":*:").unwrap_or_default();
        let schemas = self.registries.schemas(None).map_err(|error| Fault::new(50001, error.to_string()))?;
        let mut found = Vec::new();
        for schema in schemas.iter().filter(|schema| qualified(&schema.name).starts_with(prefix)) {
            let mut versions = self.registries.versions(&schema.name).unwrap_or_default();
            versions
                .retain(|version| version.status == Status::Available && (query.flag("deleted") || !version.deleted));
            let latest = versions.len().saturating_sub(1);
            found.extend(versions.into_iter().skip(if query.flag("latestOnly") { latest } else { 0 }));
        }
        Ok(json!(query.page(found.iter().map(|version| self.whole(version, query)))))
    }

    pub(super) fn by_id(&self, id: &str, query: &Query) -> Answer {
        Ok(Value::Object(self.content(&*self.content_of(id, query)?, query)))
    }

    pub(super) fn text_by_id(&self, id: &str, query: &Query) -> Answer {
        Ok(raw(self.text(&*self.content_of(id, query)?, query)))
    }

    pub(super) fn subjects_by_id(&self, id: &str, query: &Query) -> Answer {
        let mut subjects: Vec<String> =
            self.versions_of(id, query)?.iter().map(|version| qualified(&version.name)).collect();
        subjects.dedup();
        Ok(json!(query.page(subjects.into_iter())))
    }

    pub(super) fn versions_by_id(&self, id: &str, query: &Query) -> Answer {
        let versions = self.versions_of(id, query)?;
        let versions = versions.iter().map(|one| json!({"subject": qualified(&one.name), "version": one.number}));
        Ok(json!(query.page(versions)))
    }

    pub(super) fn by_guid(&self, wanted: &str, query: &Query) -> Answer {
        let found = self.of_guid(wanted)?;
        let first = found.first().ok_or_else(|| Fault::no_schema(wanted))?;
        Ok(Value::Object(self.content(first, query)))
    }

    pub(super) fn ids_by_guid(&self, wanted: &str) -> Answer {
        let found = self.of_guid(wanted)?;
        let ids = found.iter().map(|content| json!({"context": context_of(&content.registry), "id": content.id}));
        Ok(ids.collect())
    }

    pub(super) fn contexts(&self) -> Value {
        let registries = self.registries.registries();
        let mut contexts: Vec<String> = registries.iter().map(|registry| context_of(&registry.name)).collect();
        contexts.push(".".into());
        contexts.sort();
        contexts.dedup();
        json!(contexts)
    }

    /// The content of an id, in the context of the subject that is asked for, or in that of ids without one.
    fn content_of(&self, id: &str, query: &Query) -> Result<Arc<Content>, Fault> {
        let number = id.parse::<u32>().map_err(|_| Fault::new(404, "HTTP 404 Not Found"))?;
        let registry = self.context(query)?;
        self.registries.content(&registry, number).ok_or_else(|| Fault::no_schema(id))
    }

    fn context(&self, query: &Query) -> Result<String, Fault> {
        Ok(match query.get("subject") {
            None => registry_of(".").to_owned(),
            Some(subject) if subject.ends_with(':') => registry_of(subject.trim_matches(':')).to_owned(),
            Some(subject) => parse(subject)?.registry,
        })
    }

    fn versions_of(&self, id: &str, query: &Query) -> Result<Vec<VersionInfo>, Fault> {
        let content = self.content_of(id, query)?;
        let versions = self.registries.versions_of(&content.registry, content.id);
        let mut versions = versions.map_err(|error| Fault::new(50001, error.to_string()))?;
        versions.retain(|version| version.status == Status::Available && (query.flag("deleted") || !version.deleted));
        Ok(versions)
    }

    fn of_guid(&self, wanted: &str) -> Result<Vec<Arc<Content>>, Fault> {
        let schemas = self.registries.schemas(None).map_err(|error| Fault::new(50001, error.to_string()))?;
        let versions = schemas.iter().flat_map(|schema| self.registries.versions(&schema.name).unwrap_or_default());
        let mut found: Vec<Arc<Content>> = versions
            .map(|version| version.content)
            .filter(|content| guid(content.fingerprint()).eq_ignore_ascii_case(wanted))
            .collect();
        found.dedup_by_key(|content| (content.registry.clone(), content.id));
        if found.is_empty() { Err(Fault::no_schema(wanted)) } else { Ok(found) }
    }
}
