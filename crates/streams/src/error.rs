//! The one error type of this crate: what happened, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Sequence, ShardId};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with streams. Cloneable, since one failed commit fails every record that waited in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("TM-STREAM-0001: can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system answered.
        source: Arc<io::Error>,
    },
    /// The disk, the quota or the file-size limit is exhausted. What was acknowledged is safe; appends work again
    /// once there is room.
    #[error("TM-STREAM-0002: no room to {action} {}: {source}; free disk space or shorten the retention, then append again", path.display())]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system answered.
        source: Arc<io::Error>,
    },
    /// Bytes on disk are not what was written there.
    #[error("TM-STREAM-0003: {} is corrupt at byte {offset}: {reason}; restore the file from a copy", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where in it the damaged frame begins.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder was written by a newer Tidemill.
    #[error("TM-STREAM-0004: {} has format {found}, this program knows formats up to {known}; use a newer Tidemill", path.display())]
    NewerFormat {
        /// The file that states the format.
        path: PathBuf,
        /// The format stated.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// Another process (or another `Streams` of this one) has the folder open.
    #[error("TM-STREAM-0005: {} is in use by another process; stop it, or use another folder", path.display())]
    InUse {
        /// The folder's lock file.
        path: PathBuf,
    },
    /// No stream has this name.
    #[error("TM-STREAM-0006: there is no stream `{stream}`; create it first")]
    StreamNotFound {
        /// The name asked for.
        stream: String,
    },
    /// A stream of this name is there already.
    #[error("TM-STREAM-0007: stream `{stream}` exists already; choose another name, or delete it first")]
    StreamExists {
        /// The name asked for.
        stream: String,
    },
    /// The name breaks the rules for names.
    #[error("TM-STREAM-0008: `{stream}` can't name a stream: use 1 to 128 of A-Z a-z 0-9 _ - . and no dot first")]
    InvalidName {
        /// The name asked for.
        stream: String,
    },
    /// A setting is out of its range.
    #[error("TM-STREAM-0009: {setting} can't be {value}: {rule}")]
    InvalidSetting {
        /// The setting's name.
        setting: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        rule: String,
    },
    /// The record's data, or the batch, has more bytes than allowed.
    #[error(
        "TM-STREAM-0010: {what} of {bytes} bytes is above the limit of {limit_bytes}; split it, or raise {setting}"
    )]
    TooLarge {
        /// Record, partition key or batch.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The most allowed.
        limit_bytes: usize,
        /// The setting that gives the limit.
        setting: &'static str,
    },
    /// Too many bytes wait to be written: the disk is slower than the producers.
    #[error(
        "TM-STREAM-0011: {waiting_bytes} bytes wait to be written to stream `{stream}`; append again after some acknowledgements, or raise `queue_bytes_max`"
    )]
    QueueFull {
        /// The stream.
        stream: String,
        /// Bytes waiting.
        waiting_bytes: usize,
    },
    /// The stream has no such shard (or it has expired).
    #[error("TM-STREAM-0012: stream `{stream}` has no {shard}; list its shards")]
    ShardNotFound {
        /// The stream.
        stream: String,
        /// The shard asked for.
        shard: ShardId,
    },
    /// The shard can't be split or merged so.
    #[error("TM-STREAM-0013: can't reshard {shard} of stream `{stream}`: {reason}")]
    InvalidReshard {
        /// The stream.
        stream: String,
        /// The shard.
        shard: ShardId,
        /// Why not.
        reason: String,
    },
    /// There are as many shards or streams as allowed.
    #[error("TM-STREAM-0014: {what} would be above the limit of {limit}; merge or delete some, or raise {setting}")]
    LimitReached {
        /// Of what there would be too many.
        what: &'static str,
        /// The most allowed.
        limit: usize,
        /// The setting that gives the limit.
        setting: &'static str,
    },
    /// A reader asked for a sequence number that was not given out yet.
    #[error(
        "TM-STREAM-0015: {shard} has no sequence number {asked} yet, the next is {next}; was the stream deleted and made again?"
    )]
    SequenceAhead {
        /// The shard.
        shard: ShardId,
        /// The position asked for.
        asked: Sequence,
        /// The next number to be given out.
        next: Sequence,
    },
    /// The stream was deleted while it was in use.
    #[error("TM-STREAM-0016: stream `{stream}` was deleted")]
    StreamDeleted {
        /// The stream.
        stream: String,
    },
    /// The streams were closed; nothing more is accepted.
    #[error("TM-STREAM-0017: stream `{stream}` is closed; open the folder again")]
    Closed {
        /// The stream.
        stream: String,
    },
}

impl Error {
    /// An I/O error with what was tried; a lack of space becomes [`Error::DiskFull`].
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let (path, source) = (path.to_path_buf(), Arc::new(source));
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { action, path, source }
            }
            _ => Self::Io { action, path, source },
        }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_path_buf(), offset, reason: reason.into() }
    }

    /// Whether the same call may succeed later without any change: a full disk or a full queue.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::QueueFull { .. })
    }
}
