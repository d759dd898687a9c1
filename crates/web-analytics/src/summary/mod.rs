//! Summaries: additive cells by minute, folded into hours and days.

pub mod cell;
