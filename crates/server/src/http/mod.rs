//! The HTTP port: connections with limits in time, size and number, and who answers which path.
//!
//! ```text
//! connection ─ (TLS) ─ HTTP/1.1 or HTTP/2 ─┬─ /b/{key}  collector: no router, no extractors, no JSON (the hot path)
//!                                          ├─ POST /    the AWS protocols
//!                                          └─ the rest  axum router: tracker, API, console, metrics
//! ```

mod body;
mod listener;
mod router;
mod security;
mod timer;
mod tls;

pub(crate) use body::{BodyError, read_body};
pub(crate) use listener::{Answer, Handler, Listener, OpenConnections};
pub(crate) use router::Front;
pub(crate) use security::foreign_host;
pub(crate) use tls::Tls;
