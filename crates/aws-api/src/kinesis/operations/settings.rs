//! Settings of a stream: retention, encryption, monitoring, mode, sizes.

use tidemill_streams::{Stream, StreamConfig};

use super::Outcome;
use super::streams::{is_on_demand, kibibytes};
use crate::access::Caller;
use crate::gateway::Answer;
use crate::kinesis::name::{in_use, invalid, limit};
use crate::kinesis::notes::Notes;
use crate::kinesis::{Inner, Kinesis, now_ms};
use crate::protocol::{Fault, Value, structure};

const HOURS_MIN: u32 = 24;
const HOURS_MAX: u32 = 8_760;
const DAY_MS: i64 = 86_400_000;
/// How often in a day encryption may be started, and the mode be switched.
const ENCRYPTIONS_A_DAY: usize = 25;
const SWITCHES_A_DAY: usize = 2;
/// What an on-demand stream takes that was not warmed up, in MiB a second.
const COLD_MIBPS: i64 = 4;
/// The most that a stream may be warmed up to, in MiB a second.
const WARM_MIBPS_MAX: i64 = 10_240;
/// All metrics of shards.
const METRICS: [&str; 7] = [
    "IncomingBytes",
    "IncomingRecords",
    "IteratorAgeMilliseconds",
    "OutgoingBytes",
    "OutgoingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
];

/// The retention as the service tells it; for ever is as long as it knows.
pub(super) fn hours(config: &StreamConfig) -> u32 {
    config.retention_hours.unwrap_or(HOURS_MAX)
}

/// The shard-level metrics that are on.
pub(super) fn metrics(notes: &Notes) -> Value<'static> {
    structure([("ShardLevelMetrics", metric_names(notes))])
}

fn metric_names(notes: &Notes) -> Value<'static> {
    notes.metrics.iter().map(|name| name.clone().into()).collect::<Vec<Value<'static>>>().into()
}

pub(super) fn warm_throughput(mibps: i64) -> Value<'static> {
    structure([("TargetMiBps", mibps.into()), ("CurrentMiBps", mibps.into())])
}

impl Kinesis {
    pub(super) fn increase_retention(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        let (asked, now) = (asked_hours(input)?, hours(&stream.config()));
        if asked < now {
            return Err(invalid(format!(
                "Requested retention period ({asked} hours) for stream {} can not be shorter than existing retention period \
                 ({now} hours). Use DecreaseRetentionPeriod API.",
                stream.name()
            )));
        }
        self.set_retention(&stream, asked)
    }

    pub(super) fn decrease_retention(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        let (asked, now) = (asked_hours(input)?, hours(&stream.config()));
        if asked > now {
            return Err(invalid(format!(
                "Requested retention period ({asked} hours) for stream {} can not be longer than existing retention period \
                 ({now} hours). Use IncreaseRetentionPeriod API.",
                stream.name()
            )));
        }
        self.set_retention(&stream, asked)
    }

    fn set_retention(&self, stream: &Stream, hours: u32) -> Outcome {
        let bytes = stream.config().retention_bytes;
        stream.set_retention(Some(hours), bytes).map_err(|error| self.fault(stream.name(), &error))?;
        Ok(Answer::Done)
    }

    pub(super) fn start_encryption(&self, input: &Value<'_>) -> Outcome {
        let stream = self.encryptable(input)?;
        let key = input.text("KeyId").unwrap_or_default().to_owned();
        let now = now_ms();
        self.notes.change(&stream, |notes| {
            notes.encrypted_ms.retain(|then| now - then < DAY_MS);
            if self.limited() && notes.encrypted_ms.len() >= ENCRYPTIONS_A_DAY {
                let said =
                    format!("Encryption was started {ENCRYPTIONS_A_DAY} times within 24 hours, which is the limit.");
                return Err(limit(said));
            }
            notes.encrypted_ms.push(now);
            notes.key_id = Some(key);
            Ok(Answer::Done)
        })
    }

    pub(super) fn stop_encryption(&self, input: &Value<'_>) -> Outcome {
        let stream = self.encryptable(input)?;
        let key = input.text("KeyId").unwrap_or_default();
        self.notes.change(&stream, |notes| {
            if notes.key_id.as_deref().is_some_and(|used| used != key) {
                let said = format!("Stream {} is encrypted with another key than {key}.", stream.name());
                return Err(invalid(said));
            }
            notes.key_id = None;
            Ok(Answer::Done)
        })
    }

    fn encryptable(&self, input: &Value<'_>) -> Result<Stream, Fault> {
        match input.text("EncryptionType") {
            Some("KMS") => self.active(input),
            _ => Err(invalid("EncryptionType must be KMS.".into())),
        }
    }

    pub(super) fn change_monitoring(&self, input: &Value<'_>, caller: &Caller, on: bool) -> Outcome {
        let stream = self.active(input)?;
        let asked: Vec<&str> = match input.texts("ShardLevelMetrics").any(|name| name == "ALL") {
            true => METRICS.to_vec(),
            false => input.texts("ShardLevelMetrics").collect(),
        };
        let (before, after) = self.notes.change(&stream, |notes| {
            let before = metric_names(notes);
            for name in asked {
                if on {
                    notes.metrics.insert(name.to_owned())
                } else {
                    notes.metrics.remove(name)
                };
            }
            Ok((before, metric_names(notes)))
        })?;
        Ok(Answer::Value(structure([
            ("StreamName", stream.name().to_owned().into()),
            ("CurrentShardLevelMetrics", before),
            ("DesiredShardLevelMetrics", after),
            ("StreamARN", self.place(caller).stream(stream.name()).into()),
        ])))
    }

    pub(super) fn update_stream_mode(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        let (on_demand, now) = (is_on_demand(input), now_ms());
        let warm = input.integer("WarmThroughputMiBps");
        if warm.is_some() {
            self.check_warm(on_demand)?;
        }
        let more = u32::try_from(stream.describe().shards.iter().filter(|shard| !shard.closed).count());
        let provisioned_again = !on_demand && self.notes.of(&stream).on_demand;
        if provisioned_again {
            self.check_shard_quota(more.unwrap_or(u32::MAX))?;
        }
        self.notes.change(&stream, |notes| {
            if notes.on_demand != on_demand {
                notes.switched_ms.retain(|then| now - then < DAY_MS);
                if self.limited() && notes.switched_ms.len() >= SWITCHES_A_DAY {
                    let said =
                        format!("The mode was switched {SWITCHES_A_DAY} times within 24 hours, which is the limit.");
                    return Err(limit(said));
                }
                notes.switched_ms.push(now);
                notes.on_demand = on_demand;
            }
            if !on_demand {
                (notes.warm_mibps, notes.spread) = (None, false);
            }
            notes.warm_mibps = warm.or(notes.warm_mibps);
            Ok(Answer::Done)
        })
    }

    pub(super) fn update_max_record_size(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        let bytes = kibibytes(input.integer("MaxRecordSizeInKiB").unwrap_or(1_024));
        stream.set_record_bytes_max(bytes).map_err(|error| self.fault(stream.name(), &error))?;
        Ok(Answer::Done)
    }

    pub(super) fn update_warm_throughput(&self, input: &Value<'_>, caller: &Caller) -> Outcome {
        let stream = self.active(input)?;
        self.check_warm(self.notes.of(&stream).on_demand)?;
        let asked = input.integer("WarmThroughputMiBps").unwrap_or_default();
        if asked > WARM_MIBPS_MAX {
            return Err(limit(format!("A stream can be warmed up to {WARM_MIBPS_MAX} MiBps; {asked} were asked for.")));
        }
        let before = self.notes.change(&stream, |notes| Ok(notes.warm_mibps.replace(asked)))?;
        let warm = [("TargetMiBps", asked.into()), ("CurrentMiBps", before.unwrap_or(COLD_MIBPS).into())];
        Ok(Answer::Value(structure([
            ("StreamARN", self.place(caller).stream(stream.name()).into()),
            ("StreamName", stream.name().to_owned().into()),
            ("WarmThroughput", structure(warm)),
        ])))
    }

    pub(super) fn update_distribution(&self, input: &Value<'_>) -> Outcome {
        let stream = self.active(input)?;
        let spread = self.spread(input, self.notes.of(&stream).on_demand)?;
        self.notes.change(&stream, |notes| {
            notes.spread = spread;
            Ok(Answer::Done)
        })
    }
}

impl Inner {
    /// Whether a request asks for records to be spread whatever their keys.
    pub(super) fn spread(&self, input: &Value<'_>, on_demand: bool) -> Result<bool, Fault> {
        match (input.text("RecordDistributionStrategy"), on_demand) {
            (Some(_), false) => {
                Err(invalid("RecordDistributionStrategy is only supported for streams in ON_DEMAND mode.".into()))
            }
            (asked, _) => Ok(asked == Some("AUTO")),
        }
    }

    /// Whether a stream can be warmed up.
    pub(super) fn check_warm(&self, on_demand: bool) -> Result<(), Fault> {
        if !on_demand {
            return Err(invalid("Warm throughput is only supported for streams in ON_DEMAND mode.".into()));
        }
        match self.notes.account().is_committed() {
            true => Ok(()),
            false => {
                let said =
                    "Warm throughput needs MinimumThroughputBillingCommitment; enable it with UpdateAccountSettings.";
                Err(Fault::validation(said))
            }
        }
    }
}

fn asked_hours(input: &Value<'_>) -> Result<u32, Fault> {
    let asked = input.integer("RetentionPeriodHours").unwrap_or_default();
    if asked < i64::from(HOURS_MIN) {
        return Err(invalid(format!(
            "Minimum allowed retention period is {HOURS_MIN} hours. Requested retention period ({asked} hours) is too short."
        )));
    }
    match u32::try_from(asked) {
        Ok(hours) if hours <= HOURS_MAX => Ok(hours),
        _ => Err(invalid(format!(
            "Maximum allowed retention period is {HOURS_MAX} hours. Requested retention period ({asked} hours) is too long."
        ))),
    }
}

/// A stream that is not what the request needs.
pub(super) fn consumer_exists(stream: &str, consumer: &str, account: &str) -> Fault {
    in_use(format!("Consumer {consumer} under stream {stream} in account {account} already exists."))
}
