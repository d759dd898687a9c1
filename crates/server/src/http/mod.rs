//! The HTTP port: connections with limits in time, size and number, and who answers which path.
//!
//! ```text
//! connection ─ hyper ─┬─ /b/{key}  collector: no router, no extractors, no JSON (the hot path)
//!                     └─ the rest  axum router: tracker, API, console, metrics
//! ```

mod body;
mod listener;
mod router;
mod security;
mod timer;

pub(crate) use body::{BodyError, read_body};
pub(crate) use listener::{Answer, Handler, Listener, OpenConnections};
pub(crate) use router::Front;
