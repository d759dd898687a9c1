//! Registered consumers of enhanced fan-out.

use tidemill_streams::Stream;

use super::settings::consumer_exists;
use super::{Outcome, tags};
use crate::access::Caller;
use crate::gateway::Answer;
use crate::kinesis::name::{Place, Resource, invalid, limit};
use crate::kinesis::notes::Consumer;
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

const PAGE: usize = 100;
/// The consumers of an on-demand stream in an account that commits to throughput, at least.
const COMMITTED_CONSUMERS_MAX: usize = 50;

impl Kinesis {
    pub(super) fn register_consumer(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let stream = self.stream(input)?;
        let name = input.text("ConsumerName").unwrap_or_default();
        let account = &self.settings.account;
        let tags = tags::owned(input.entries("Tags"));
        tags::check(&tags, &format!("register consumer {name}"), account)?;
        let consumer = Consumer { created_s: now_ms() / 1_000, tags, policy: None };
        let committed = self.notes.account().is_committed();
        self.notes.change(&stream, |notes| {
            if notes.consumers.contains_key(name) {
                return Err(consumer_exists(stream.name(), name, account));
            }
            let max = match committed && notes.on_demand {
                true => self.settings.consumers_max.max(COMMITTED_CONSUMERS_MAX),
                false => self.settings.consumers_max,
            };
            if self.limited() && notes.consumers.len() >= max {
                return Err(limit(format!(
                    "Stream {} under account {account} has {max} registered consumers, which is the limit.",
                    stream.name()
                )));
            }
            notes.consumers.insert(name.to_owned(), consumer.clone());
            Ok(())
        })?;
        // It is active at once; clients wait for that all the same.
        let shown = show(&self.place(caller), &stream, name, &consumer, "CREATING", false);
        Ok(Answer::Value(structure([("Consumer", shown)])))
    }

    pub(super) fn deregister_consumer(&self, input: &Value<'_>) -> Outcome {
        let (stream, name, consumer) = self.consumer_of(input)?;
        self.notes.change(&stream, |notes| match notes.consumers.remove(&name) {
            Some(removed) if removed == consumer => Ok(()),
            _ => Err(self.no_consumer(stream.name(), &name)),
        })?;
        self.subscriptions.end(&stream, &name);
        Ok(Answer::Done)
    }

    pub(super) fn describe_consumer(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let (stream, name, consumer) = self.consumer_of(input)?;
        let shown = show(&self.place(caller), &stream, &name, &consumer, "ACTIVE", true);
        Ok(Answer::Value(structure([("ConsumerDescription", shown)])))
    }

    pub(super) fn list_consumers(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let stream = self.stream(input)?;
        self.check_created(&stream, input)?;
        let after: Option<(i64, String)> =
            input.text("NextToken").map(|token| self.open_page("consumers", token)).transpose()?;
        let created_us = stream.created().as_micros();
        if after.as_ref().is_some_and(|(created, _)| *created != created_us) {
            return Err(invalid("NextToken is of another stream.".into()));
        }
        let page = input.integer("MaxResults").and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE);
        let notes = self.notes.of(&stream);
        let behind = |name: &String| after.as_ref().is_none_or(|(_, after)| name > after);
        let rest: Vec<_> = notes.consumers.iter().filter(|(name, _)| behind(name)).collect();
        let shown = rest.get(..page).unwrap_or(&rest);
        let next = shown.last().filter(|_| rest.len() > shown.len());
        let next = next.map(|(name, _)| self.seal.close("consumers", &(created_us, name), now_ms()));
        let place = self.place(caller);
        let shown: Vec<_> =
            shown.iter().map(|(name, consumer)| show(&place, &stream, name, consumer, "ACTIVE", false)).collect();
        Ok(Answer::Value(structure([("Consumers", shown.into()), ("NextToken", next.into())])))
    }

    /// The consumer that a request names: by its ARN, or by the stream's and its name.
    fn consumer_of(&self, input: &Value<'_>) -> Result<(Stream, String, Consumer), Fault> {
        if let Some(arn) = input.text("ConsumerARN") {
            return self.consumer_by_arn(arn);
        }
        let (Some(_), Some(name)) = (input.text("StreamARN"), input.text("ConsumerName")) else {
            return Err(invalid("Either ConsumerARN or both StreamARN and ConsumerName should be provided.".into()));
        };
        let stream = self.stream(input)?;
        let (stream, consumer) = self.consumer(stream.name(), name, None)?;
        Ok((stream, name.to_owned(), consumer))
    }

    pub(super) fn consumer_by_arn(&self, arn: &str) -> Result<(Stream, String, Consumer), Fault> {
        match self.resource(arn)? {
            Resource::Consumer(stream, name, created_s) => {
                let (stream, consumer) = self.consumer(stream, name, Some(created_s))?;
                Ok((stream, name.to_owned(), consumer))
            }
            Resource::Stream(_) => Err(invalid(format!("{arn} names no consumer."))),
        }
    }

    /// A consumer of a stream, made then where that is told.
    pub(super) fn consumer(
        &self,
        stream: &str,
        name: &str,
        created_s: Option<i64>,
    ) -> Result<(Stream, Consumer), Fault> {
        let stream = self.named(stream)?;
        let found = self.notes.of(&stream).consumers.get(name).cloned();
        let found = found.filter(|found| created_s.is_none_or(|created_s| found.created_s == created_s));
        let found = found.ok_or_else(|| self.no_consumer(stream.name(), name))?;
        Ok((stream, found))
    }

    pub(super) fn no_consumer(&self, stream: &str, name: &str) -> Fault {
        let account = &self.settings.account;
        let said = format!("Consumer {name} under stream {stream} in account {account} not found.");
        Fault::new("ResourceNotFoundException", said)
    }
}

fn show(
    place: &Place,
    stream: &Stream,
    name: &str,
    consumer: &Consumer,
    status: &'static str,
    with_stream: bool,
) -> Value<'static> {
    let stream_arn = with_stream.then(|| place.stream(stream.name()));
    structure([
        ("ConsumerName", name.to_owned().into()),
        ("ConsumerARN", place.consumer(stream.name(), name, consumer.created_s).into()),
        ("ConsumerStatus", status.into()),
        ("ConsumerCreationTimestamp", Value::Time(consumer.created_s * 1_000)),
        ("StreamARN", stream_arn.into()),
    ])
}
