//! The AWS wire protocols in front of our parts: official clients work when their endpoint points here.
//!
//! ```text
//! HTTP request ─ Gateway ─▶ access: key, signature, role
//!                   │      ▶ protocol: body → Value → types and constraints of the model
//!                   ├──────▶ a Service: kinesis (over streams), glue (over schemas)
//!                   └──────▶ sts: who calls
//! ```
//!
//! - [`Gateway`] and [`Service`]: how a request comes to its operation
//! - [`protocol`]: JSON 1.1 and CBOR, shapes, errors, event streams
//! - [`access`]: access keys, roles, signatures
//! - [`kinesis`]: Kinesis Data Streams
//! - [`Glue`] and [`Confluent`]: the protocols of two schema registries, over the same schemas
//!
//! `docs/compatibility.md` says for each operation what differs from the real service.

pub mod access;
pub mod confluent;
mod durable;
mod error;
mod gateway;
mod glue;
pub mod kinesis;
pub mod protocol;
mod sts;

pub use confluent::Confluent;
pub use error::{Error, Result};
pub use gateway::{Answer, Call, Gateway, Reply, Service, TARGET_HEADER};
pub use glue::Glue;
pub use protocol::Fault;
