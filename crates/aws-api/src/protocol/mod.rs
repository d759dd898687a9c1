//! The AWS JSON 1.1 protocol: bodies, shapes and their constraints, errors, event streams.
//!
//! ```text
//! body ─ Encoding ─▶ Value ─ conform: types ─▶ Value ─ validate: constraints ─▶ the operation
//!        json, cbor            └── Model: shapes and operations, from a text ──┘
//! ```

mod cbor;
mod conform;
mod encoding;
mod event_stream;
mod fault;
mod json;
mod model;
mod validate;
mod value;

pub use encoding::Encoding;
pub use event_stream::Frame;
pub use fault::Fault;
pub use model::{Model, Operation};
pub use value::{Value, structure};
