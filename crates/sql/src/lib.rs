//! SQL on streams: text in, a dataflow of engine operators out.

pub mod aggregate;
mod catalog;
pub mod error;
mod functions;
mod logical;
pub mod operators;
pub mod parse;
pub mod types;

pub use error::{Result, SqlError};
