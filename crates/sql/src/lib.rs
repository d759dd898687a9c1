//! SQL on streams: text in, a dataflow of engine operators out.
//!
//! ```text
//!  text ──parse──► statements ──session──► tables, views, functions      (catalog, declare, settings)
//!                      │
//!                      └─ queries ──logical──► DataFusion's plan, resolved and optimised
//!                                                   │
//!                                                 plan ──► a Job of operators, and what EXPLAIN says of it
//! ```
//!
//! [`parse`](parse::parse) reads a text; a [`Session`] does its statements one after the other and makes a job of those that ask for rows.
//! DataFusion resolves names, agrees types, optimises and evaluates expressions; the stateful [`operators`] are ours.

pub mod aggregate;
mod catalog;
mod declare;
pub mod error;
pub mod explain;
mod functions;
mod hinted;
mod kinesis;
mod logical;
pub mod operators;
pub mod parse;
mod plan;
mod session;
pub mod settings;
pub mod types;

pub use error::{Result, SqlError};
pub use plan::{Node, NodeKind};
pub use session::{Outcome, Prepared, Rows, Session, Task};
