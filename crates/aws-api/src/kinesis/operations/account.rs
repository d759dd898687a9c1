//! DescribeLimits, DescribeAccountSettings, UpdateAccountSettings.

use super::Outcome;
use crate::gateway::Answer;
use crate::kinesis::notes::Account;
use crate::kinesis::{Inner, Kinesis, now_ms};
use crate::protocol::{Value, structure};

/// How long a commitment has to last.
const COMMITMENT_MS: i64 = 24 * 3_600_000;

impl Kinesis {
    pub(super) fn describe_limits(&self) -> Answer {
        Answer::Value(structure([
            ("ShardLimit", self.settings.shards_max.into()),
            ("OpenShardCount", self.provisioned_shards().into()),
            ("OnDemandStreamCount", self.on_demand_streams().into()),
            ("OnDemandStreamCountLimit", self.settings.on_demand_streams_max.into()),
            ("ChannelCount", 0u32.into()),
            ("ChannelCountLimit", 0u32.into()),
        ]))
    }

    pub(super) fn describe_account_settings(&self) -> Answer {
        show(&self.notes.account())
    }

    pub(super) fn update_account_settings(&self, input: &Value<'_>) -> Outcome {
        let commitment = input.get("MinimumThroughputBillingCommitment");
        let on = commitment.and_then(|commitment| commitment.text("Status")) == Some("ENABLED");
        let account = self.notes.change_account(|account| {
            let now = now_ms();
            if on {
                if account.committed_ms.is_none() || account.ended_ms.is_some() {
                    (account.committed_ms, account.ended_ms) = (Some(now), None);
                }
            } else if account.is_committed() {
                account.ended_ms = Some(now);
            }
        })?;
        Ok(show(&account))
    }
}

fn show(account: &Account) -> Answer {
    let earliest = account.committed_ms.map(|begun| begun + COMMITMENT_MS);
    let status = match (account.committed_ms, account.ended_ms) {
        (None, _) => "DISABLED",
        (Some(_), None) => "ENABLED",
        (Some(_), Some(_)) if earliest.is_some_and(|earliest| now_ms() < earliest) => {
            "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
        }
        _ => "DISABLED",
    };
    let time = |millis: Option<i64>| millis.map_or(Value::Null, Value::Time);
    Answer::Value(structure([(
        "MinimumThroughputBillingCommitment",
        structure([
            ("Status", status.into()),
            ("StartedAt", time(account.committed_ms)),
            ("EndedAt", time(account.ended_ms)),
            ("EarliestAllowedEndAt", time(earliest)),
        ]),
    )]))
}

impl Inner {
    /// Open shards of all provisioned streams.
    pub(super) fn provisioned_shards(&self) -> u32 {
        let provisioned = self.streams.list().into_iter().filter(|stream| !self.notes.of(stream).on_demand);
        let open: usize =
            provisioned.map(|stream| stream.describe().shards.iter().filter(|shard| !shard.closed).count()).sum();
        u32::try_from(open).unwrap_or(u32::MAX)
    }

    pub(super) fn on_demand_streams(&self) -> usize {
        self.streams.list().iter().filter(|stream| self.notes.of(stream).on_demand).count()
    }
}
