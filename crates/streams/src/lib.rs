//! The embedded stream log: durable, sharded, ordered records.
