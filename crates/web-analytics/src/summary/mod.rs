//! Summaries: additive cells by minute, folded into hours and days.

pub mod buffer;
pub mod cell;
pub mod codec;
pub mod dimension;
pub mod histogram;
pub mod metric;
pub mod sketch;
pub mod store;
pub(crate) mod varint;
