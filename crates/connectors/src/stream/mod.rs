//! The embedded stream log as a source and a sink.
//!
//! **Source.** [`StreamSource`] replays from any position. Its rows have the columns of [`schema`] and the ingestion
//! time as their time; its watermark is the ingestion time up to which all of an instance's shards are complete, and
//! grows with the clock while they are idle. Shards are spread over the workers; the children of a split or merge are
//! read when all of their parents have been, by the worker that read the first parent.
//!
//! **Sink.** [`StreamSink`] appends, at least once: a checkpoint waits until all that was written is on disk, and after
//! a crash the rows since the last checkpoint are written again.

mod positions;
mod rows;
mod shard_plan;
mod sink;
mod source;

pub use rows::schema;
pub use sink::{StreamSink, StreamSinkConfig};
pub use source::{StartFrom, StreamSource, StreamSourceConfig};

#[cfg(test)]
mod tests;

use tidemill_engine::EngineError;

fn failed(stream: &str, error: &tidemill_streams::Error) -> EngineError {
    EngineError::operator(format!("stream {stream}"), error)
}
