//! Settings of the service and its limits.

use crate::{Error, Result};

/// How the service presents itself, and what it limits. Times and rates are those of the real service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The account in ARNs, 12 digits.
    pub account: String,
    /// The region in ARNs when a request names none.
    pub region: String,
    /// Whether rates and quotas are off. Sizes and formats are checked all the same.
    pub unlimited: bool,
    /// The most open shards of all provisioned streams together.
    pub shards_max: u32,
    /// The most on-demand streams.
    pub on_demand_streams_max: u32,
    /// The most consumers of a stream.
    pub consumers_max: usize,
    /// Records a second that a shard takes.
    pub shard_records_per_s: u32,
    /// Bytes a second that a shard takes.
    pub shard_bytes_per_s: u32,
    /// Bytes a second that a shard gives to all of its readers, and to each of its subscriptions.
    pub shard_read_bytes_per_s: u32,
    /// Calls of GetRecords a second on a shard.
    pub shard_reads_per_s: u32,
    /// Subscriptions open at once.
    pub subscriptions_max: usize,
    /// Streams that others write and rely on: they are listed and read, but not written or changed here.
    pub reserved: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: "000000000000".into(),
            region: "us-east-1".into(),
            unlimited: false,
            shards_max: 500,
            on_demand_streams_max: 50,
            consumers_max: 20,
            shard_records_per_s: 1_000,
            shard_bytes_per_s: 1 << 20,
            shard_read_bytes_per_s: 2 << 20,
            shard_reads_per_s: 5,
            subscriptions_max: 1_000,
            reserved: Vec::new(),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        let refuse =
            |setting, value: &dyn ToString, rule| Err(Error::Setting { setting, value: value.to_string(), rule });
        if self.account.len() != 12 || !self.account.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse("account", &self.account, "use 12 digits");
        }
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.region.is_empty() || !self.region.bytes().all(letter) {
            return refuse("region", &self.region, "use a name such as us-east-1");
        }
        for (setting, value) in [
            ("shard_records_per_s", self.shard_records_per_s),
            ("shard_bytes_per_s", self.shard_bytes_per_s),
            ("shard_read_bytes_per_s", self.shard_read_bytes_per_s),
            ("shard_reads_per_s", self.shard_reads_per_s),
        ] {
            if value == 0 {
                return refuse(setting, &value, "use at least 1, or switch limits off with unlimited");
            }
        }
        Ok(())
    }
}
