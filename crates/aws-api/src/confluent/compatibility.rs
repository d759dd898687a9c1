//! `/compatibility`

use serde_json::{Value, json};
use tidemill_schemas::{Error, Verdict};

use super::answer::Given;
use super::subject::parse;
use super::{Answer, Confluent, Fault, Query};

impl Confluent {
    pub(super) fn compatible(&self, subject: &str, version: Option<&str>, query: &Query, body: &[u8]) -> Answer {
        let name = parse(subject)?;
        let new = Given::read(body)?.registration()?;
        // A subject that has no versions takes anything; one that is named must be there.
        let against = match version {
            Some(version) => Some(self.found(subject, version, false)?.number),
            None => None,
        };
        let verdict = match self.registries.check(&name, &new, against) {
            Ok(verdict) => verdict,
            Err(Error::Definition { format, invalid }) => {
                return Err(Fault::new(42201, format!("Invalid schema of type {format}, details: {invalid}")));
            }
            Err(error) => return Err(Fault::of(error, &name)),
        };
        Ok(match query.flag("verbose") {
            true => json!({"is_compatible": verdict.compatible, "messages": messages(&verdict)}),
            false => json!({"is_compatible": verdict.compatible}),
        })
    }
}

/// Why a version is refused, a text a difference.
pub(super) fn messages(verdict: &Verdict) -> Value {
    let mut messages = Vec::new();
    for clash in &verdict.clashes {
        for difference in &clash.differences {
            let described = format!(
                "{{errorType:'{}', description:'{} at path '{}' ({}); {}', additionalInfo:'reader: {}, writer: {}'}}",
                difference.rule,
                difference.reason,
                difference.path,
                if clash.reader == "new" { "the new schema reads" } else { "the old schema reads" },
                difference.remedy,
                difference.reader,
                difference.writer,
            );
            messages.push(json!(described));
        }
        messages.push(json!(format!("{{oldSchemaVersion: {}}}", clash.version)));
    }
    if !messages.is_empty() {
        messages.push(json!(format!("{{compatibility: '{}'}}", verdict.mode.confluent_name())));
    }
    Value::Array(messages)
}
