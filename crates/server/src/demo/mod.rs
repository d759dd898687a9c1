//! Demos: from nothing to a running server with something in it.

pub mod web_analytics;
