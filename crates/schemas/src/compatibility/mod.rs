//! Whether records written with one schema can be read with another.
//!
//! A format's `compare` says what differs between a writer's and a reader's schema, each difference by the rule that it
//! falls under; a [`Mode`] says who has to read whom; a [`RuleSet`] says where Glue and Confluent disagree; a
//! [`Verdict`] is the answer with its reasons.

mod check;
mod difference;
mod mode;

pub use check::{Candidate, Clash, Verdict, check};
pub use difference::Difference;
pub(crate) use difference::quoted;
pub use mode::{Mode, RuleSet};
