//! The way of a record from a producer to the disk.
//!
//! ```text
//!  producers ── append ──▶ queue: [group][group][split][group]… ──▶ writer thread, one a stream
//!      ▲                    one lock; records are encoded into           │ takes the oldest group,
//!      │                    their shard's frame in the last group        │ writes one frame a shard,
//!      └──────────────── the group's acknowledgement ◀───────────────────┘ syncs, publishes, acknowledges
//! ```
//!
//! A group is what waited while the one before it was written (*group commit*). All futures of a group share one
//! allocation, and the frames' buffers are used again, so that an append costs a hash, a lock and a copy.
//!
//! Locks are taken in the order queue, shard, segment, group; none is held during I/O.

mod ack;
mod queue;
mod reshard;
mod routing;
mod sweep;
mod writer;

pub use ack::{AppendFuture, BatchFuture};
pub(crate) use queue::{Control, Queue};
pub(crate) use reshard::create_shard;
pub(crate) use routing::Routing;
pub(crate) use writer::{Reply, Shards, Writer, WriterParts};
