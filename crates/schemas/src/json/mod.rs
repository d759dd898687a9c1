//! JSON Schema, draft 4 to 2020-12: what a schema says, and which of them accept what others did.

mod accept;
mod array;
mod combined;
mod compare;
mod draft;
mod model;
mod object;
mod resolve;
mod rules;
mod simple;
mod valid;

pub use accept::{Acceptance, Violation};
pub(crate) use compare::compare;
pub(crate) use model::JsonSchema;

use crate::definition::Invalid;

/// Why a place of a schema is refused.
fn invalid(place: impl Into<String>, reason: impl Into<String>) -> Invalid {
    Invalid { place: place.into(), reason: reason.into() }
}
