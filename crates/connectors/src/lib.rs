//! Connectors: one folder a system, each a source, a sink or a lookup.

pub mod stream;
