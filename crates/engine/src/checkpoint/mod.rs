//! Checkpoints: epochs that close.
//!
//! ```text
//! source moves on from checkpoint epoch e ──► every operator, once its input has passed e, hands its changes to the writer
//!      the writer puts the changes of many operators into one object (group commit), fsynced ──► acknowledgement
//!      all acknowledgements of e are in ──► the publisher creates the manifest of e (create-if-absent) ──► commit(e)
//! ```
//!
//! A manifest lists, for each state table of each operator, the segments that make it up, oldest first. Segments are
//! incremental, so the list grows; [`compaction`] merges neighbours of like size in the background, as a log-structured
//! merge tree does. Everything streams: nothing holds a whole segment that is larger than a block.
//! A start of the job is a *generation*, claimed by create-if-absent; [`manifest::resolve`] decides, from the names of
//! what the store holds, where a new generation starts, so that a manifest which a fenced-out run published too late is
//! never restored.

mod compaction;
pub mod manifest;
mod object;
mod publisher;
mod store;
mod writer;

pub(crate) use publisher::Publisher;
pub use store::CheckpointStore;
pub(crate) use store::Restored;
pub(crate) use writer::{CheckpointWriter, Segments};
