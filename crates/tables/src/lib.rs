//! The embedded tables: durable keyed rows with SQL over them.
