//! Demos: from nothing to a running server with something in it.

pub mod blocked_addresses;
pub mod order_enrichment;
pub mod web_analytics;
pub mod word_count;
