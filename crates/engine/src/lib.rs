//! The dataflow kernel of Tidemill.
//!
//! A [`Job`] is a graph of sources, operators and sinks. Between them flow [`Batch`]es: Arrow record batches with a time
//! for each row and, where rows can be revised, a kind. Operators ([`Operator`]) are synchronous and know no runtime;
//! two runtimes drive them: [`LocalRuntime`](runtime::local::LocalRuntime), on one thread and deterministic, and
//! [`TimelyRuntime`](runtime::timely::TimelyRuntime), on worker threads under a supervisor.
//!
//! Words, as the field uses them: an *epoch* is a stretch of the run, a *checkpoint* an epoch that closed and is durable;
//! a *watermark* says up to which event time a sender is complete; a *key group* is the unit in which keyed state moves
//! between workers; a *savepoint* is a checkpoint with a name; a *generation* is one start of the job.
//!
//! Most applications are written with [`api`]: `source`, `map`, `filter`, `key_by`, `window`, `process`, `sink`.

pub mod api;
pub mod batch;
pub mod checkpoint;
pub mod error;
mod frame;
mod host;
pub mod job;
pub mod key;
pub mod metrics;
pub mod operator;
pub mod runtime;
pub mod sink;
pub mod source;
mod source_host;
pub mod state;
pub mod time;
pub mod timers;

pub use batch::{Batch, RowKind};
pub use checkpoint::CheckpointStore;
pub use error::{EngineError, Result};
pub use job::{Guarantee, Job, Port, Routing};
pub use operator::{Operator, OperatorContext, Output};
pub use sink::{Delivery, Mapped, Sink};
pub use source::{Found, Replay, Source, SourceOutput, SourceStatus, Splits, Waker};
pub use state::{SnapshotReader, SnapshotWriter, StateTable};
pub use time::{Epoch, EventTime};
