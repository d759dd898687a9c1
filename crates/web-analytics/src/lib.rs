//! Web analytics: from beacons to sessions, summaries and answers.

pub mod error;
pub mod simulator;
pub mod summary;
