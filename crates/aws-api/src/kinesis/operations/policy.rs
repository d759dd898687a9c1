//! Resource policies: kept and given back, and not applied; who may call what is told by access keys.

use super::Outcome;
use crate::gateway::Answer;
use crate::kinesis::Kinesis;
use crate::kinesis::name::{Resource, invalid};
use crate::protocol::{Fault, Value, structure};

/// The most bytes of a policy.
const POLICY_BYTES_MAX: usize = 20 << 10;

impl Kinesis {
    pub(super) fn put_policy(&self, input: &Value<'_>) -> Outcome {
        let policy = input.text("Policy").unwrap_or_default();
        if policy.len() > POLICY_BYTES_MAX {
            return Err(invalid(format!("A policy has at most {POLICY_BYTES_MAX} bytes.")));
        }
        let parsed = serde_json::from_str::<serde_json::Value>(policy);
        if !parsed.is_ok_and(|policy| policy.get("Statement").is_some()) {
            return Err(invalid("Policy is not valid: it has to be a JSON object with a Statement.".into()));
        }
        self.change_policy(input, |kept| {
            *kept = Some(policy.to_owned());
            Ok(())
        })
    }

    pub(super) fn delete_policy(&self, input: &Value<'_>) -> Outcome {
        let arn = input.text("ResourceARN").unwrap_or_default();
        self.change_policy(input, |kept| kept.take().map(drop).ok_or_else(|| no_policy(arn)))
    }

    pub(super) fn get_policy(&self, input: &Value<'_>) -> Outcome {
        let arn = input.text("ResourceARN").unwrap_or_default();
        let policy = match self.resource(arn)? {
            Resource::Stream(name) => self.notes.of(&self.named(name)?).policy.clone(),
            Resource::Consumer(stream, name, created_s) => self.consumer(stream, name, Some(created_s))?.1.policy,
        };
        let policy = policy.ok_or_else(|| no_policy(arn))?;
        Ok(Answer::Value(structure([("Policy", policy.into())])))
    }

    fn change_policy(
        &self,
        input: &Value<'_>,
        change: impl FnOnce(&mut Option<String>) -> Result<(), Fault>,
    ) -> Outcome {
        match self.resource(input.text("ResourceARN").unwrap_or_default())? {
            Resource::Stream(name) => {
                let stream = self.named(name)?;
                self.notes.change(&stream, |notes| change(&mut notes.policy))?;
            }
            Resource::Consumer(stream, name, created_s) => {
                let stream = self.named(stream)?;
                self.notes.change(&stream, |notes| {
                    let consumer = notes.consumers.get_mut(name).filter(|found| found.created_s == created_s);
                    let consumer = consumer.ok_or_else(|| self.no_consumer(stream.name(), name))?;
                    change(&mut consumer.policy)
                })?;
            }
        }
        Ok(Answer::Done)
    }
}

fn no_policy(arn: &str) -> Fault {
    Fault::new("ResourceNotFoundException", format!("No resource policy found for resource ARN {arn}."))
}
