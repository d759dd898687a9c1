//! The stateful operators of SQL, one file each, on the kernel's [`Operator`](tidemill_engine::Operator).
//!
//! They know no SQL text and no plan: each is made from a plain configuration that names its input columns by position and its
//! output's schema. What all share:
//!
//! - **Keys.** Rows that need keyed state come with their key as the *last* column: `Binary`, never null, the
//!   [row encoding](rows::RowCodec) of the key's columns. It is the column by which the job routes them
//!   ([`Routing::Key`](tidemill_engine::Routing)), and what state tables are keyed by. No key columns give the empty key.
//! - **Rows in state** are bytes of a [`packed::PackedCodec`]: compact, comparable for equality, decoded many at once.
//! - **Time.** [`Batch::times`](tidemill_engine::Batch::times) is the row's event time, in microseconds. A row is late when its
//!   time, or the end of all of its windows, is behind the watermark; late rows are counted and, where the operator has a side
//!   output for them, emitted to output port 1 as they came.
//! - **Changes.** Rows have kinds. A result that is revised is emitted as update-before and update-after in one batch, the old
//!   content first; one that is gone as a delete. An operator that is told that its input is append-only may use it.
//! - **Batches** go out as large as they can: one for all that a call, or all timers of one watermark, have to say.
//! - **Determinism.** The same rows in the same order give the same output, whatever the batches and however often the job was
//!   restored in between; where order matters and is free, it is that of the keys.

#[cfg(test)]
mod aggregate_models;
pub mod assign_windows;
mod attached_windows;
pub mod calc;
mod columns;
pub mod deduplicate;
pub mod distinct;
mod expiry;
pub mod group_aggregate;
pub mod join;
pub mod normalize;
pub mod output;
pub mod over_aggregate;
pub(crate) mod packed;
mod progress;
mod ranked_rows;
mod rejects;
mod results;
pub mod retime;
mod revisions;
pub mod rows;
pub mod scan;
pub mod session_window_aggregate;
pub mod sort;
mod sort_order;
mod stored;
#[cfg(test)]
pub(crate) mod testing;
pub mod top_n;
mod unnest;
pub mod window_aggregate;
pub mod windows;
