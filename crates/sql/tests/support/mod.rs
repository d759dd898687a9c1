//! Cases as text, and the ways to run them.

pub(crate) mod case;
pub(crate) mod datafusion;
pub(crate) mod flink;
pub(crate) mod run;
