//! ListShards, with its filters.

use serde::{Deserialize, Serialize};
use tidemill_streams::{IngestionTime, ShardDescription, ShardId, Stream};

use super::describe::Shards;
use super::{Outcome, settings};
use crate::gateway::Answer;
use crate::kinesis::name::invalid;
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

/// A page, and the most that one can be.
const PAGE: usize = 1_000;

/// Which shards are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Filter {
    All,
    Open,
    /// Open at this time, in microseconds.
    OpenAt(i64),
    /// Open at this time or later.
    OpenFrom(i64),
}

/// What the token of the next page holds.
#[derive(Serialize, Deserialize)]
struct Page {
    stream: String,
    created_us: i64,
    after: u32,
    filter: Filter,
}

impl Kinesis {
    pub(super) fn list_shards(&self, input: &Value<'_>) -> Outcome {
        let (stream, after, filter) = match input.text("NextToken") {
            Some(token) => self.next_page(input, token)?,
            None => self.first_page(input)?,
        };
        let page = input.integer("MaxResults").and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE).min(PAGE);
        let described = stream.describe();
        let shards = Shards::of(&described);
        let rest: Vec<_> = shards.after(after).filter(|shard| filter.wants(shard, shards.closed(shard))).collect();
        let shown = rest.get(..page).unwrap_or(&rest);
        let next = shown.last().filter(|_| rest.len() > shown.len()).map(|last| {
            let (stream, created_us) = (stream.name().to_owned(), stream.created().as_micros());
            self.seal.close("shards", &Page { stream, created_us, after: last.id.0, filter }, now_ms())
        });
        Ok(Answer::Value(structure([
            ("Shards", shown.iter().map(|shard| shards.show(shard)).collect::<Vec<_>>().into()),
            ("NextToken", next.into()),
        ])))
    }

    fn next_page(&self, input: &Value<'_>, token: &str) -> Result<(Stream, Option<ShardId>, Filter), Fault> {
        for other in ["StreamName", "StreamARN", "StreamCreationTimestamp", "ExclusiveStartShardId", "ShardFilter"] {
            if input.get(other).is_some() {
                return Err(invalid(format!("NextToken and {other} cannot be provided together.")));
            }
        }
        let page: Page = self.open_page("shards", token)?;
        let stream = self.named(&page.stream)?;
        if stream.created().as_micros() != page.created_us {
            return Err(self.no_stream(&page.stream));
        }
        Ok((stream, Some(ShardId(page.after)), page.filter))
    }

    fn first_page(&self, input: &Value<'_>) -> Result<(Stream, Option<ShardId>, Filter), Fault> {
        if input.get("StreamName").is_none() && input.get("StreamARN").is_none() {
            return Err(invalid("Either NextToken or StreamName should be provided.".into()));
        }
        let stream = self.stream(input)?;
        self.check_created(&stream, input)?;
        let mut after = self.shard_after(&stream, input.text("ExclusiveStartShardId"))?;
        let filter = match input.get("ShardFilter") {
            None => Filter::All,
            Some(_) if after.is_some() => {
                return Err(invalid("ExclusiveStartShardId and ShardFilter cannot be provided together.".into()));
            }
            Some(asked) => {
                let kind = asked.text("Type").unwrap_or_default();
                let id = asked.text("ShardId").filter(|_| kind == "AFTER_SHARD_ID");
                after = self.shard_after(&stream, id)?;
                filter(&stream, asked, kind)?
            }
        };
        Ok((stream, after, filter))
    }

    /// Whether the stream is the one that was made then, where a request says so; to the second.
    pub(super) fn check_created(&self, stream: &Stream, input: &Value<'_>) -> Result<(), Fault> {
        let asked = input.time("StreamCreationTimestamp").map(|millis| millis.div_euclid(1_000));
        match asked.is_none_or(|asked| asked == stream.created().as_millis().div_euclid(1_000)) {
            true => Ok(()),
            false => Err(self.no_stream(stream.name())),
        }
    }
}

fn filter(stream: &Stream, asked: &Value<'_>, kind: &str) -> Result<Filter, Fault> {
    let needed = |member: &str| invalid(format!("ShardFilter of type {kind} needs {member}."));
    let hours = settings::hours(&stream.config());
    let horizon = (now_ms() - i64::from(hours) * 3_600_000).saturating_mul(1_000).max(stream.created().as_micros());
    let time = || {
        let millis = asked.time("Timestamp").ok_or_else(|| needed("Timestamp"))?;
        match millis > now_ms() {
            true => Err(invalid("The Timestamp of ShardFilter can't be in the future.".into())),
            // Until the end of the millisecond.
            false => Ok(millis.saturating_mul(1_000).saturating_add(999)),
        }
    };
    Ok(match kind {
        "AFTER_SHARD_ID" if asked.text("ShardId").is_none() => return Err(needed("ShardId")),
        "AT_LATEST" => Filter::Open,
        "AT_TRIM_HORIZON" => Filter::OpenAt(horizon),
        "AT_TIMESTAMP" => Filter::OpenAt(time()?.max(horizon)),
        "FROM_TIMESTAMP" => Filter::OpenFrom(time()?.max(horizon)),
        _ => Filter::All,
    })
}

impl Filter {
    fn wants(self, shard: &ShardDescription, closed: Option<IngestionTime>) -> bool {
        let lasted = |micros: i64| closed.is_none_or(|closed| closed.as_micros() >= micros);
        match self {
            Self::All => true,
            Self::Open => closed.is_none(),
            Self::OpenAt(micros) => shard.created.as_micros() <= micros && lasted(micros),
            Self::OpenFrom(micros) => lasted(micros),
        }
    }
}
