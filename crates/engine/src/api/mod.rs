//! The typed API: dataflows over Rust structs.
