//! What the service answers to errors of the streams.

use tidemill_streams::{Error, Stream};

use super::Kinesis;
use super::name::{in_use, invalid, limit};
use crate::protocol::Fault;

impl Kinesis {
    /// An error of a stream as the service would tell it.
    pub(super) fn fault(&self, stream: &str, error: &Error) -> Fault {
        match error {
            Error::StreamNotFound { .. } | Error::StreamDeleted { .. } => self.no_stream(stream),
            Error::StreamExists { .. } => {
                in_use(format!("Stream {stream} under account {} already exists.", self.settings.account))
            }
            Error::ShardNotFound { shard, .. } => self.no_shard(stream, *shard),
            Error::InvalidReshard { reason, shard, .. } => {
                invalid(format!("Shard {shard} in stream {stream} under account {}: {reason}.", self.settings.account))
            }
            Error::LimitReached { .. } => limit(error.to_string()),
            Error::InvalidName { .. } | Error::InvalidSetting { .. } | Error::TooLarge { .. } => {
                invalid(error.to_string())
            }
            Error::SequenceAhead { .. } => invalid(error.to_string()),
            Error::QueueFull { .. } => Fault::new("ProvisionedThroughputExceededException", error.to_string()),
            error => Fault::internal(error),
        }
    }

    /// A shard's rate is exceeded.
    pub(super) fn rate_exceeded(&self, stream: &Stream, shard: u32) -> Fault {
        Fault::new("ProvisionedThroughputExceededException", self.rate_text(stream, shard))
    }

    pub(super) fn rate_text(&self, stream: &Stream, shard: u32) -> String {
        let shard = tidemill_streams::ShardId(shard);
        let (name, account) = (stream.name(), &self.settings.account);
        format!("Rate exceeded for shard {shard} in stream {name} under account {account}.")
    }
}
