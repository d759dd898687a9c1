//! SQL on streams: text in, a dataflow of engine operators out.

pub mod operators;
