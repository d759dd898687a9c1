//! UpdateShardCount: even ranges, by splits and merges that go on after a restart.

use tidemill_streams::{HashRange, ShardDescription, Stream};

use super::Outcome;
use super::streams::STREAM_SHARDS_MAX;
use crate::access::Caller;
use crate::gateway::Answer;
use crate::kinesis::name::{invalid, limit};
use crate::kinesis::{Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

/// How often in a day the number of shards may be changed.
const CHANGES_A_DAY: usize = 10;
const DAY_MS: i64 = 86_400_000;

impl Kinesis {
    pub(super) fn update_shard_count(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let stream = self.active(input)?;
        self.check_provisioned(&stream)?;
        let current = u32::try_from(open_shards(&stream).len()).unwrap_or(u32::MAX);
        let target = input.integer("TargetShardCount").and_then(|target| u32::try_from(target).ok());
        let target = target.unwrap_or(u32::MAX);
        self.check_target(current, target)?;
        let now = now_ms();
        self.notes.change(&stream, |notes| {
            notes.scaled_ms.retain(|then| now - then < DAY_MS);
            if self.limited() && notes.scaled_ms.len() >= CHANGES_A_DAY {
                return Err(limit(format!(
                    "Stream {} under account {} was scaled {CHANGES_A_DAY} times within 24 hours, which is the limit.",
                    stream.name(),
                    self.settings.account
                )));
            }
            notes.scaled_ms.push(now);
            notes.scaling_to = Some(target);
            Ok(())
        })?;
        self.start_scaling(&stream, target);
        Ok(Answer::Value(structure([
            ("StreamName", stream.name().to_owned().into()),
            ("CurrentShardCount", current.into()),
            ("TargetShardCount", target.into()),
            ("StreamARN", self.place(caller).stream(stream.name()).into()),
        ])))
    }

    fn check_target(&self, current: u32, target: u32) -> Result<(), Fault> {
        let counts = format!("Current open shard count: {current} Target shard count: {target}");
        if target > STREAM_SHARDS_MAX {
            return Err(limit(format!("A stream has at most {STREAM_SHARDS_MAX} shards. {counts}")));
        }
        if !self.limited() {
            return Ok(());
        }
        if target > current.saturating_mul(2) {
            return Err(invalid(format!(
                "UpdateShardCount cannot scale up over double your current open shard count. {counts}"
            )));
        }
        if u64::from(target) * 2 < u64::from(current) {
            return Err(invalid(format!(
                "UpdateShardCount cannot scale down below half your current open shard count. {counts}"
            )));
        }
        self.check_shard_quota(target.saturating_sub(current))
    }

    /// Takes up what was under way when the server stopped.
    pub(in crate::kinesis) fn go_on_scaling(&self) {
        for stream in self.streams.list() {
            if let Some(target) = self.notes.of(&stream).scaling_to {
                self.start_scaling(&stream, target);
            }
        }
    }

    pub(in crate::kinesis) fn start_scaling(&self, stream: &Stream, target: u32) {
        self.scaling.lock().insert(stream.name().to_owned(), stream.created().as_micros());
        let (kinesis, stream) = (self.clone(), stream.clone());
        tokio::task::spawn_blocking(move || {
            let scaled = scale(&stream, target);
            if let Err(error) = &scaled {
                tracing::error!(stream = stream.name(), target, %error, "the number of shards could not be reached");
            }
            let noted = kinesis.notes.change(&stream, |notes| {
                // After an error of the disk it goes on at the next start.
                if !matches!(scaled, Err(tidemill_streams::Error::Closed { .. })) {
                    notes.scaling_to = None;
                }
                Ok(())
            });
            if let Err(fault) = noted {
                tracing::error!(stream = stream.name(), error = ?fault.message, "the end of a change is not noted");
            }
            let mut scaling = kinesis.scaling.lock();
            if scaling.get(stream.name()) == Some(&stream.created().as_micros()) {
                scaling.remove(stream.name());
            }
        });
    }
}

fn open_shards(stream: &Stream) -> Vec<ShardDescription> {
    let mut open: Vec<_> = stream.describe().shards.into_iter().filter(|shard| !shard.closed).collect();
    open.sort_by_key(|shard| shard.range.start);
    open
}

/// Splits where the even ranges begin, then merges what lies within one; each step leads on from whatever is there.
fn scale(stream: &Stream, target: u32) -> tidemill_streams::Result<()> {
    for range in HashRange::even(target) {
        let open = open_shards(stream);
        let across = open.iter().find(|shard| shard.range.start < range.start && range.start <= shard.range.end);
        if let Some(shard) = across {
            stream.split(shard.id, range.start)?;
        }
    }
    for range in HashRange::even(target) {
        let mut within = open_shards(stream).into_iter().filter(|shard| range.contains(shard.range.start));
        let Some(first) = within.next() else { continue };
        within.try_fold(first.id, |merged, next| stream.merge(merged, next.id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tidemill_streams::{Options, StreamConfig, Streams};

    use super::*;

    #[test]
    fn any_number_of_shards_is_reached_with_even_ranges() {
        let dir = tempfile::tempdir().unwrap();
        let streams = Streams::open(dir.path(), Options::default()).unwrap();
        let stream = streams.create("s", StreamConfig { shards: 2, ..StreamConfig::default() }).unwrap();
        for target in [3, 4, 1, 7, 5, 5] {
            scale(&stream, target).unwrap();
            let ranges: Vec<_> = open_shards(&stream).iter().map(|shard| shard.range).collect();
            assert_eq!(ranges, HashRange::even(target));
        }
    }
}
