//! What a [`WindowAggregate`](super::WindowAggregate) is told.

use arrow::datatypes::{DataType, SchemaRef};

use crate::{aggregate::AggregateCall, operators::windows::Windows};

/// Where the windows of rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowAssignment {
    /// A window table function over a time attribute.
    Assigned {
        /// The function.
        windows: Windows,
        /// Whose times.
        time: TimeAttribute,
    },
    /// Rows are of a window already: its start and end, as timestamps or microseconds, are columns.
    Attached {
        /// The start's column.
        start: usize,
        /// The end's column.
        end: usize,
    },
}

/// A time attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAttribute {
    /// The rows' own event times.
    Rows,
    /// Event time in a column: a timestamp, or microseconds.
    Column(usize),
    /// The wall clock when a row comes in.
    Processing,
}

/// What a [`WindowAggregate`](super::WindowAggregate) does.
#[derive(Clone, Debug)]
pub struct WindowAggregateConfig {
    /// The input's columns; the encoded key comes behind them.
    pub input: SchemaRef,
    /// The types of the columns that the key encodes.
    pub key: Vec<DataType>,
    /// What is computed for each key in each window; nothing gives the distinct keys.
    pub aggregates: Vec<AggregateCall>,
    /// Input rows may be updates and deletes.
    pub retracts: bool,
    /// The windows.
    pub windows: WindowAssignment,
    /// The key's columns, the aggregates' results, and the window's start, end and time, which are timestamps.
    pub output: SchemaRef,
}
