//! Tables: a sink that upserts.

mod sink;
#[cfg(test)]
mod tests;

pub use sink::TableSink;
