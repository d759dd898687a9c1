//! Avro: schemas, their canonical form, and which of them read what others wrote.

mod compatible;
mod default;
mod normal;
mod parse;
mod schema;

pub use parse::Invalid;
pub use schema::{AvroSchema, Logical, Node, NodeId, RecordField, object};

pub(crate) use compatible::compare;
pub(crate) use normal::normal_form;
