//! Connectors: one folder a system, each a source, a sink or a lookup.
//!
//! SQL makes them by the option `connector` of a table: [`catalog::source`], [`catalog::sink`] and [`catalog::lookup`] take a
//! [`TableDeclaration`](connector::TableDeclaration) and the [`Environment`], check every option against the connector's
//! [`ConnectorSpec`], and return what the planner puts into a job. `stream`, `table` and `file` are also used from Rust.

mod alarm;
mod aws;
mod blackhole;
pub mod catalog;
pub mod connector;
mod datagen;
mod environment;
mod error;
pub mod file;
mod filesystem;
mod generate;
mod http;
mod kinesis;
mod lookup;
mod nexmark;
mod partition_key;
mod payload;
mod print;
mod registry;
pub mod rejected;
mod runtime;
pub mod stream;
pub mod table;
#[cfg(test)]
mod testing;
pub mod value;

pub use catalog::{CONNECTORS, ConnectorSpec, lookup, sink, source};
pub use environment::{Environment, Printer};
pub use error::{Error, Result};
pub use registry::{RegistryAccess, registered_schema, registries_elsewhere};
