//! State: what operators remember, and how it becomes bytes.
//!
//! An operator keeps its state in [`StateTable`]s (and timers, which are one more table). At a checkpoint it writes what
//! changed since the last one into a [`SnapshotWriter`], which gives it away in blocks; what came of a table is a
//! *segment*: sorted entries `key -> value or gone`. The segments of a table, oldest to newest, are all its state: for
//! each key the newest entry wins ([`merge`]), whichever worker wrote it. That is why state taken with `n` workers
//! restores with `m`: each new worker reads the segments and keeps the keys whose group it owns.
//!
//! State larger than memory goes behind the same seam: [`StateTable`]'s methods.

mod bytes;
pub(crate) mod merge;
mod numbered;
pub(crate) mod segment;
mod slots;
pub(crate) mod snapshot;
mod table;
mod value;

pub use bytes::SmallBytes;
pub use snapshot::{SnapshotReader, SnapshotWriter};
pub use table::StateTable;
pub use value::StateValue;
