//! Web analytics: from beacons to sessions, summaries and answers.
//!
//! ```text
//! collector ─▶ envelope ─▶ beacon ─▶ impression ─▶ session ─┬▶ summary ─▶ query
//!                             │          order ──────┘       └▶ lake
//!                             └▶ quarantine
//! ```
//!
//! Everything up to the summary store is pure and synchronous: what comes out depends on the beacons and their
//! ingestion times alone.

pub mod beacon;
pub mod envelope;
pub mod error;
pub mod lake;
pub mod message;
pub mod pipeline;
pub mod query;
pub mod simulator;
pub mod sites;
pub mod summary;
pub mod user_agent;
pub mod visits;

pub use error::{Error, Result};
