//! Connectors: one folder a system, each a source, a sink or a lookup.

pub mod connector;
pub mod file;
pub mod stream;
pub mod table;
