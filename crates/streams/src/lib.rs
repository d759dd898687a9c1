//! The embedded stream log: durable, sharded, ordered records, with the semantics of Amazon Kinesis.
//!
//! ```
//! use tidemill_streams::{Options, Position, Record, StreamConfig, Streams};
//!
//! # fn main() -> tidemill_streams::Result<()> {
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path();
//! let streams = Streams::open(dir, Options::default())?;
//! let stream = streams.create("clicks", StreamConfig { shards: 2, ..StreamConfig::default() })?;
//!
//! let acknowledgement = stream.append(Record { partition_key: b"visitor-7", data: b"hello", ..Record::default() });
//! let appended = acknowledgement.wait()?; // or `.await`: the record is on disk now
//!
//! let mut reader = stream.shard(appended.shard)?.reader(Position::Oldest)?;
//! let mut records = Vec::new();
//! reader.read(1 << 20, &mut records)?;
//! assert_eq!(&records[0].data[..], b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! What it promises:
//!
//! - **An acknowledgement means on disk.** It survives `kill -9` and power loss. Readers see a record only then.
//! - **Order.** A shard's records are read in the order of their sequence numbers; a partition key's records are in
//!   one shard, and after a split or merge in its children, whose numbers and stamps go on above their parents'.
//! - **Ingestion time.** Each record is stamped when it is written; stamps never go back in a shard.
//! - **A full disk loses nothing.** Appends fail with [`Error::DiskFull`], and work again when there is room.
//! - **Damage is told.** A torn tail that nobody was told about is cut off; any other damage is [`Error::Corrupt`]
//!   with the file and the byte.
//! - **Delivery is at least once.** An append that failed may still be stored if the process dies in that moment.
//!
//! Where to read on: [`Streams`] holds a folder of streams, [`Stream`] takes records, [`ShardReader`] gives them
//! back. Inside, `append` is the way to the disk, `log` what is on it.
//!
//! Limits: 1 MiB a record (up to 64), 1,024 bytes a partition key, 128 characters a name, and those of [`Options`].

mod append;
mod catalog;
mod error;
mod hash_key;
mod log;
mod options;
mod reader;
mod record;
mod retention;
mod shard;
mod stream;
mod streams;
mod time;
mod wait;

pub use append::{AppendFuture, BatchFuture};
pub use error::{Error, Result};
pub use hash_key::{HashRange, hash_key};
pub use options::{Options, PARTITION_KEY_BYTES_MAX, StreamConfig};
pub use reader::{Position, Read, ReadEnd, ShardReader};
pub use record::{Appended, ReadRecord, Record, RecordRef, Sequence, ShardId};
pub use shard::{DataWaker, ShardDescription};
pub use stream::{ShardHandle, Stream, StreamDescription};
pub use streams::Streams;
pub use time::{Clock, IngestionTime};
pub use wait::DataFuture;
