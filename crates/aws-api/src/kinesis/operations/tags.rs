//! Tags of streams and consumers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::Outcome;
use crate::gateway::Answer;
use crate::kinesis::Kinesis;
use crate::kinesis::name::{Resource, invalid};
use crate::protocol::{Fault, Value, structure};

/// The most tags of a stream or consumer.
const TAGS_MAX: usize = 50;
const PAGE: usize = 50;

/// Characters of keys and values.
static ALLOWED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$").ok());

pub(super) type Tags = BTreeMap<String, String>;

pub(super) fn owned<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Tags {
    entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Whether these may be all of a resource's tags.
pub(super) fn check(tags: &Tags, doing: &str, account: &str) -> Result<(), Fault> {
    // A percent sign passes the service's first check, and then fails its second.
    let allowed = |text: &str| ALLOWED.as_ref().is_none_or(|allowed| allowed.is_match(&text.replace('%', "")));
    if tags.iter().any(|(key, value)| !allowed(key) || !allowed(value)) {
        return Err(invalid(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @."
                .into(),
        ));
    }
    if tags.iter().any(|(key, value)| key.contains('%') || value.contains('%')) {
        return Err(invalid(format!(
            "Failed to {doing} under account {account} because some tags contained illegal characters. The allowed characters \
             are Unicode letters, white-spaces, '_',',','/','=','+','-','@'."
        )));
    }
    if tags.keys().any(|key| key.starts_with("aws:")) {
        return Err(invalid(format!(
            "Failed to {doing} under account {account} because keys that begin with aws: are reserved."
        )));
    }
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!(
            "Failed to {doing} under account {account} because a given resource cannot have more than {TAGS_MAX} tags associated with it."
        )));
    }
    Ok(())
}

impl Kinesis {
    pub(super) fn add_tags(&self, input: &Value<'_>) -> Outcome {
        let account = self.settings.account.clone();
        self.change_tags(input, |tags, name| {
            tags.extend(owned(input.entries("Tags")));
            check(tags, &format!("add tags to {name}"), &account)
        })
    }

    pub(super) fn remove_tags(&self, input: &Value<'_>) -> Outcome {
        self.change_tags(input, |tags, _| {
            for key in input.texts("TagKeys") {
                tags.remove(key);
            }
            Ok(())
        })
    }

    /// Changes the tags of the stream or consumer that a request names in either way.
    fn change_tags(&self, input: &Value<'_>, change: impl FnOnce(&mut Tags, &str) -> Result<(), Fault>) -> Outcome {
        match input.text("ResourceARN").map(|arn| self.resource(arn)).transpose()? {
            Some(Resource::Consumer(stream, name, created_s)) => {
                let stream = self.named(stream)?;
                self.notes.change(&stream, |notes| {
                    let consumer = notes.consumers.get_mut(name).filter(|found| found.created_s == created_s);
                    let consumer = consumer.ok_or_else(|| self.no_consumer(stream.name(), name))?;
                    change(&mut consumer.tags, &format!("consumer {name}"))
                })?;
            }
            Some(Resource::Stream(name)) => {
                let stream = self.named(name)?;
                self.notes.change(&stream, |notes| change(&mut notes.tags, &format!("stream {name}")))?;
            }
            None => {
                let stream = self.stream(input)?;
                self.notes.change(&stream, |notes| change(&mut notes.tags, &format!("stream {}", stream.name())))?;
            }
        }
        Ok(Answer::Done)
    }

    pub(super) fn list_tags_of_stream(&self, input: &Value<'_>) -> Outcome {
        let stream = self.stream(input)?;
        let notes = self.notes.of(&stream);
        let after = input.text("ExclusiveStartTagKey");
        let page = input.integer("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let rest: Vec<_> =
            notes.tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)).collect();
        let shown = rest.get(..page).unwrap_or(&rest);
        Ok(Answer::Value(structure([
            ("Tags", shown.iter().map(|(key, value)| tag(key, value)).collect::<Vec<_>>().into()),
            ("HasMoreTags", (rest.len() > shown.len()).into()),
        ])))
    }

    pub(super) fn list_tags_of_resource(&self, input: &Value<'_>) -> Outcome {
        let tags = match self.resource(input.text("ResourceARN").unwrap_or_default())? {
            Resource::Stream(name) => self.notes.of(&self.named(name)?).tags.clone(),
            Resource::Consumer(stream, name, created_s) => self.consumer(stream, name, Some(created_s))?.1.tags,
        };
        let tags: Vec<_> = tags.iter().map(|(key, value)| tag(key, value)).collect();
        Ok(Answer::Value(structure([("Tags", tags.into())])))
    }
}

fn tag(key: &str, value: &str) -> Value<'static> {
    structure([("Key", key.to_owned().into()), ("Value", value.to_owned().into())])
}
