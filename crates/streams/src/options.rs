//! Settings and their limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Clock, Error, Result};

/// Settings of all streams in a folder.
#[derive(Clone, Debug)]
pub struct Options {
    /// Commits of a stream start at least this far apart, so that under load many records share one; a record that
    /// comes after a pause is written at once. Default 1 ms.
    pub commit_interval: Duration,
    /// The most bytes that may wait to be written, for each stream; above it [`crate::Stream::append`] fails at
    /// once with [`Error::QueueFull`]. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// A segment file that reaches this size is sealed and the next one begun. Default 64 MiB.
    pub segment_bytes: u64,
    /// How often expired segments are looked for. Default 5 s.
    pub retention_interval: Duration,
    /// The most streams. Default 1,000.
    pub streams_max: usize,
    /// The most shards of a stream, closed ones that still hold records included. Default 1,000.
    pub shards_max: usize,
    /// Where ingestion times come from.
    pub clock: Clock,
    #[cfg(test)]
    pub(crate) faults: crate::log::Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(1),
            queue_bytes_max: 64 << 20,
            segment_bytes: 64 << 20,
            retention_interval: Duration::from_secs(5),
            streams_max: 1_000,
            shards_max: 1_000,
            clock: Clock::system(),
            #[cfg(test)]
            faults: crate::log::Faults::default(),
        }
    }
}

/// Settings of one stream, kept on disk with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamConfig {
    /// Shards at its creation. Default 1.
    pub shards: u32,
    /// Records older than this may be removed; `None` keeps them for ever. Default 24, at most 87,600 (ten years).
    pub retention_hours: Option<u32>,
    /// When the stream's files grow above this, the oldest segments are removed; `None`, the default: no limit.
    pub retention_bytes: Option<u64>,
    /// The most bytes of a record's data. Default 1 MiB, at most 64 MiB.
    pub record_bytes_max: usize,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self { shards: 1, retention_hours: Some(24), retention_bytes: None, record_bytes_max: 1 << 20 }
    }
}

/// The most bytes of a partition key: 256 characters of up to four bytes.
pub const PARTITION_KEY_BYTES_MAX: usize = 1_024;
/// The most that `record_bytes_max` may be set to.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// The most that `retention_hours` may be set to.
const RETENTION_HOURS_MAX: u32 = 87_600;

impl StreamConfig {
    pub(crate) fn check(&self, options: &Options) -> Result<()> {
        let refuse = |setting, value: String, rule: String| Err(Error::InvalidSetting { setting, value, rule });
        if self.shards == 0 || self.shards as usize > options.shards_max {
            return refuse("shards", self.shards.to_string(), format!("use 1 to {}", options.shards_max));
        }
        if self.record_bytes_max == 0 || self.record_bytes_max > RECORD_BYTES_MAX {
            let rule = format!("use 1 to {RECORD_BYTES_MAX}");
            return refuse("record_bytes_max", self.record_bytes_max.to_string(), rule);
        }
        match self.retention_hours {
            Some(hours) if hours == 0 || hours > RETENTION_HOURS_MAX => {
                refuse("retention_hours", hours.to_string(), format!("use 1 to {RETENTION_HOURS_MAX}"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn retention_micros(&self) -> Option<i64> {
        self.retention_hours.map(|hours| i64::from(hours) * 3_600_000_000)
    }
}

/// Whether `name` may name a stream: 1 to 128 of `A-Z a-z 0-9 _ - .`, no dot first.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (1..=128).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::InvalidName { stream: name.chars().take(128).collect() })
}
