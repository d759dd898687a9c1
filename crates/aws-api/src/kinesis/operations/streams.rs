//! CreateStream, DeleteStream, ListStreams.

use std::collections::BTreeMap;

use tidemill_streams::StreamConfig;

use super::{Outcome, tags};
use crate::access::Caller;
use crate::gateway::Answer;
use crate::kinesis::name::{in_use, invalid, limit};
use crate::kinesis::notes::Notes;
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

/// Shards that an on-demand stream begins with.
const ON_DEMAND_SHARDS: u32 = 4;
/// The most shards of a stream.
pub(super) const STREAM_SHARDS_MAX: u32 = 10_000;
const PAGE: usize = 100;

impl Kinesis {
    pub(super) fn create_stream(&self, input: &Value<'_>) -> Outcome {
        let name = input.text("StreamName").unwrap_or_default();
        let account = &self.settings.account;
        if self.streams.get(name).is_ok() {
            return Err(in_use(format!("Stream {name} under account {account} already exists.")));
        }
        let on_demand = is_on_demand(input);
        let shards = self.first_shards(input, on_demand)?;
        let spread = self.spread(input, on_demand)?;
        let warm_mibps = input.integer("WarmThroughputMiBps");
        if warm_mibps.is_some() {
            self.check_warm(on_demand)?;
        }
        let tags: BTreeMap<_, _> = tags::owned(input.entries("Tags"));
        tags::check(&tags, &format!("create stream {name}"), account)?;
        let kib = input.integer("MaxRecordSizeInKiB").unwrap_or(1_024);
        let config = StreamConfig { shards, record_bytes_max: kibibytes(kib), ..StreamConfig::default() };
        let stream = self.streams.create(name, config).map_err(|error| self.fault(name, &error))?;
        self.notes.change(&stream, |notes| {
            *notes = Notes { created_us: notes.created_us, on_demand, tags, warm_mibps, spread, ..Notes::default() };
            Ok(Answer::Done)
        })
    }

    /// The shards that a new stream begins with.
    fn first_shards(&self, input: &Value<'_>, on_demand: bool) -> Result<u32, Fault> {
        let asked = input.integer("ShardCount");
        if on_demand {
            if asked.is_some() {
                return Err(invalid("ShardCount can't be given for a stream in ON_DEMAND mode.".into()));
            }
            let (streams, max) = (self.on_demand_streams(), self.settings.on_demand_streams_max as usize);
            if self.limited() && streams >= max {
                return Err(limit(format!(
                    "This request would exceed the limit of {max} on-demand streams of the account {}.",
                    self.settings.account
                )));
            }
            return Ok(ON_DEMAND_SHARDS);
        }
        let Some(shards) = asked else {
            return Err(Fault::validation(
                "1 validation error detected: Value null at 'shardCount' failed to satisfy constraint: Member must not be null",
            ));
        };
        let shards = u32::try_from(shards).unwrap_or(u32::MAX);
        if shards > STREAM_SHARDS_MAX {
            return Err(limit(format!("A stream has at most {STREAM_SHARDS_MAX} shards; {shards} were asked for.")));
        }
        self.check_shard_quota(shards)?;
        Ok(shards)
    }

    /// Whether so many more shards stay within the account's.
    pub(super) fn check_shard_quota(&self, more: u32) -> Result<(), Fault> {
        if !self.limited() {
            return Ok(());
        }
        let (now, max) = (self.provisioned_shards(), self.settings.shards_max);
        if now.saturating_add(more) <= max {
            return Ok(());
        }
        Err(limit(format!(
            "This request would exceed the shard limit for the account {} in {}. Current shard count for the account: \
             {now}. Limit: {max}. Number of additional shards that would have resulted from this request: {more}. Refer to \
             the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current \
             limits and how to request higher limits.",
            self.settings.account, self.settings.region
        )))
    }

    pub(super) fn delete_stream(&self, input: &Value<'_>) -> Outcome {
        let stream = self.owned(input)?;
        let (name, account) = (stream.name(), &self.settings.account);
        if !self.notes.of(&stream).consumers.is_empty() && !input.flag("EnforceConsumerDeletion") {
            return Err(in_use(format!(
                "Stream {name} under account {account} has registered consumers; deregister them, or set EnforceConsumerDeletion."
            )));
        }
        self.streams.delete(name).map_err(|error| self.fault(name, &error))?;
        self.notes.forget(&stream);
        Ok(Answer::Done)
    }

    pub(super) fn list_streams(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let after = match input.text("NextToken") {
            Some(token) => Some(self.open_page::<String>("streams", token)?),
            None => input.text("ExclusiveStartStreamName").map(str::to_owned),
        };
        let page = input.integer("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
        let all = self.streams.list();
        let begin = after.map_or(0, |after| all.partition_point(|stream| stream.name() <= after.as_str()));
        let rest = all.get(begin..).unwrap_or_default();
        let shown = rest.get(..page).unwrap_or(rest);
        let more = rest.len() > shown.len();
        let next = shown.last().filter(|_| more).map(|last| self.seal.close("streams", &last.name(), now_ms()));
        let place = self.place(caller);
        let summary = |stream: &tidemill_streams::Stream| {
            structure([
                ("StreamName", stream.name().to_owned().into()),
                ("StreamARN", place.stream(stream.name()).into()),
                ("StreamStatus", self.status(stream).into()),
                ("StreamModeDetails", mode_details(self.notes.of(stream).on_demand)),
                ("StreamCreationTimestamp", Value::Time(stream.created().as_millis())),
            ])
        };
        let names: Vec<Value<'static>> = shown.iter().map(|stream| stream.name().to_owned().into()).collect();
        Ok(Answer::Value(structure([
            ("StreamNames", names.into()),
            ("HasMoreStreams", more.into()),
            ("NextToken", next.into()),
            ("StreamSummaries", shown.iter().map(summary).collect::<Vec<_>>().into()),
        ])))
    }

    /// What a paging token holds.
    pub(super) fn open_page<T: serde::de::DeserializeOwned>(&self, kind: &str, token: &str) -> Result<T, Fault> {
        let opened = self.seal.open::<T>(kind, token).ok_or_else(|| invalid("Invalid NextToken.".into()))?;
        if now_ms() - opened.issued_ms > crate::kinesis::token::TOKEN_MS {
            return Err(Fault::new(
                "ExpiredNextTokenException",
                "The NextToken has expired: it is good for 300 seconds. Begin again without it.",
            ));
        }
        Ok(opened.content)
    }

    /// `UPDATING` while the number of shards is changed, else `ACTIVE`: all other changes are done when they are answered.
    pub(super) fn status(&self, stream: &tidemill_streams::Stream) -> &'static str {
        if self.is_scaling(stream) { "UPDATING" } else { "ACTIVE" }
    }

    /// A stream that isn't being changed.
    pub(super) fn active(&self, input: &Value<'_>) -> Result<tidemill_streams::Stream, Fault> {
        let stream = self.owned(input)?;
        match self.status(&stream) {
            "ACTIVE" => Ok(stream),
            status => Err(in_use(format!(
                "Stream {} under account {} not ACTIVE, instead in state {status}",
                stream.name(),
                self.settings.account
            ))),
        }
    }
}

pub(super) fn is_on_demand(input: &Value<'_>) -> bool {
    input.get("StreamModeDetails").and_then(|details| details.text("StreamMode")) == Some("ON_DEMAND")
}

pub(super) fn mode_details(on_demand: bool) -> Value<'static> {
    structure([("StreamMode", if on_demand { "ON_DEMAND" } else { "PROVISIONED" }.into())])
}

pub(super) fn kibibytes(kib: i64) -> usize {
    usize::try_from(kib).unwrap_or(1_024) << 10
}
