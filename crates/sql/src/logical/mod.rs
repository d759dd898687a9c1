//! Statements to logical plans: names are resolved, types agree, and what can be decided before a row is seen is decided.
//!
//! DataFusion's planner does most of it. What streams add comes in at three seams: [`names`] says what names mean,
//! [`relation`] plans window table functions and versioned tables as nodes of ours, and [`optimizer`] chooses the rules that
//! hold on streams. [`kinesis`] says queries of Kinesis Data Analytics in these words.

pub(crate) mod fields;
pub(crate) mod first_rows;
mod group_windows;
mod intervals;
pub(crate) mod kinesis;
pub(crate) mod late_data;
mod names;
pub(crate) mod numbers;
mod optimizer;
pub(crate) mod relation;
mod same_names;
mod set_operations;
pub(crate) mod similar;
mod spelling;
mod type_names;
pub(crate) mod unnest;
pub(crate) mod versioned;
pub(crate) mod versioned_join;
pub(crate) mod window;

pub(crate) use self::names::{Builtin, Names};
pub(crate) use self::optimizer::optimize;
pub(crate) use self::relation::micros_of;
