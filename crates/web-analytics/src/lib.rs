//! Web analytics: from beacons to sessions, summaries and answers.

pub mod summary;

pub mod simulator;
